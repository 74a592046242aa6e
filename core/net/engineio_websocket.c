/* WebSockets: from the start, or taking over from polling after a probe. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/net/engineio_internal.h"

#define PROBE_TIMEOUT_MS 10000
#define PROBE_STEP_MS 100

static int accept_ws(struct engineio *server, struct http_exchange *exchange,
                     const struct websocket_handler *handler, uint32_t max_message,
                     void *userdata, struct websocket **ret_ws) {
    const struct websocket_options options = {
        .handler = handler,
        .userdata = userdata,
        .max_message = max_message < UINT32_MAX ? max_message + 1 : max_message,
    };
    return websocket_accept(exchange, &options, ret_ws);
}

/* ---- the session's own ---- */

static void on_message(struct websocket *ws, enum websocket_kind kind, struct dm_slice data) {
    struct engineio_session *session = websocket_userdata(ws);
    enum engineio_taken taken = ENGINEIO_TAKEN;
    if (!session || session->state != ENGINEIO_OPEN)
        return;
    if (kind == WEBSOCKET_BINARY)
        session->server->handler->message(session, kind, data);
    else
        taken = engineio_take(session, data);
    if (taken != ENGINEIO_TAKEN)
        engineio_drop(session, taken == ENGINEIO_TAKEN_BAD ? ENGINEIO_END_INVALID
                                                           : ENGINEIO_END_PEER);
}

static void on_closed(struct websocket *ws, const struct websocket_ending *ending) {
    struct engineio_session *session = websocket_userdata(ws);
    (void)ending;
    if (!session)
        return;
    session->ws = NULL;
    websocket_set_userdata(ws, NULL);
    engineio_drop(session, session->state == ENGINEIO_CLOSING ? ENGINEIO_END_CLOSED
                                                              : ENGINEIO_END_PEER);
}

static const struct websocket_handler handler = {
    .message = on_message,
    .over = on_closed,
    .closed = on_closed,
};

void engineio_websocket(struct engineio *server, struct http_exchange *exchange) {
    struct engineio_session *session = engineio_session_new(server);
    int status = server->handler->open(server, session, http_request(exchange));
    struct buf *text = &server->scratch;
    if (status) {
        engineio_session_free(session);
        (void)http_respond_status(exchange, (unsigned)status);
        return;
    }
    if (accept_ws(server, exchange, &handler, session->max_message, session, &session->ws) != 0) {
        session->ws = NULL;
        engineio_refuse(server, exchange, ENGINEIO_BAD_REQUEST);
        engineio_drop(session, ENGINEIO_END_PEER);
        return;
    }
    engineio_begin_heartbeat(session);
    buf_reset(text);
    engineio_put_open(session, "", text);
    (void)websocket_send(session->ws, WEBSOCKET_TEXT, buf_slice(text));
    engineio_opened(session);
}

/* ---- the probe ---- */

static void probe_free(struct engineio_probe *probe) {
    loop_timer_cancel(probe->session->server->loop, &probe->timer);
    probe->session->probe = NULL;
    free(probe);
}

void engineio_probe_drop(struct engineio_session *session) {
    struct engineio_probe *probe = session->probe;
    if (!probe)
        return;
    websocket_set_userdata(probe->ws, NULL);
    websocket_close(probe->ws, WEBSOCKET_CODE_EMPTY, DM_SLICE_NONE);
    probe_free(probe);
}

/* While a WebSocket is about to take over, an open poll is ended again and again, so that the peer
 * can stop polling. */
static void probe_timer(struct loop_timer *timer) {
    struct engineio_probe *probe = container_of(timer, struct engineio_probe, timer);
    struct engineio_session *session = probe->session;
    probe->waited_ms += PROBE_STEP_MS;
    if (probe->waited_ms >= PROBE_TIMEOUT_MS) {
        engineio_probe_drop(session);
        return;
    }
    if (probe->state == PROBE_ANSWERED && !session->queue_count)
        engineio_poll_answer(session, DM_SLICE("6"));
    loop_timer_arm(session->server->loop, timer, PROBE_STEP_MS);
}

void engineio_probe_polled(struct engineio_session *session) {
    struct engineio_probe *probe = session->probe;
    if (probe && probe->state == PROBE_ANSWERED)
        loop_timer_arm(session->server->loop, &probe->timer, PROBE_STEP_MS);
}

/* What waited for a poll goes to the WebSocket, in order. */
static void take_over(struct engineio_probe *probe) {
    struct engineio_session *session = probe->session;
    struct websocket *ws = probe->ws;
    engineio_poll_answer(session, DM_SLICE("6"));
    session->ws = ws;
    websocket_set_userdata(ws, session);
    websocket_set_max_message(ws, session->max_message < UINT32_MAX ? session->max_message + 1
                                                                     : UINT32_MAX);
    if (session->flags & ENGINEIO_PAUSED)
        websocket_pause(ws);
    for (uint32_t i = 0; i < session->queue_count; i++)
        (void)websocket_send_blob(ws, session->queue[i]);
    engineio_queue_clear(session);
    probe_free(probe);
}

static void probe_answer(struct engineio_probe *probe) {
    probe->state = PROBE_ANSWERED;
    (void)websocket_send(probe->ws, WEBSOCKET_TEXT, DM_SLICE("3probe"));
    if (!probe->session->queue_count)
        engineio_poll_answer(probe->session, DM_SLICE("6"));
}

static void upgraded_message(struct websocket *ws, enum websocket_kind kind,
                             struct dm_slice data) {
    struct engineio_session *session = websocket_userdata(ws);
    if (!session || session->ws == ws) {
        on_message(ws, kind, data);
        return;
    }
    if (kind == WEBSOCKET_TEXT && dm_slice_eq(data, DM_SLICE("2probe")))
        probe_answer(session->probe);
    else if (kind == WEBSOCKET_TEXT && session->probe->state == PROBE_ANSWERED
             && dm_slice_eq(data, DM_SLICE("5")))
        take_over(session->probe);
    else
        engineio_probe_drop(session);
}

static void upgraded_closed(struct websocket *ws, const struct websocket_ending *ending) {
    struct engineio_session *session = websocket_userdata(ws);
    if (session && session->ws != ws) {
        websocket_set_userdata(ws, NULL);
        probe_free(session->probe);
    } else {
        on_closed(ws, ending);
    }
}

static const struct websocket_handler upgraded_handler = {
    .message = upgraded_message,
    .over = upgraded_closed,
    .closed = upgraded_closed,
};

static int is_taken(const struct engineio_session *session) {
    return session->ws || session->probe || session->state != ENGINEIO_OPEN;
}

/* A WebSocket that comes too late is let in and closed at once, as the protocol's own server does:
 * clients take a refused upgrade for a server that is out of order. */
void engineio_upgrade(struct engineio_session *session, struct http_exchange *exchange) {
    int late = is_taken(session);
    struct engineio_probe *probe;
    struct websocket *ws;
    if (accept_ws(session->server, exchange, &upgraded_handler, session->max_message,
                  late ? NULL : session, &ws) != 0) {
        engineio_refuse(session->server, exchange, ENGINEIO_BAD_REQUEST);
        return;
    }
    if (late) {
        websocket_close(ws, WEBSOCKET_CODE_EMPTY, DM_SLICE_NONE);
        return;
    }
    probe = mem_zalloc(sizeof(*probe));
    probe->session = session;
    probe->ws = ws;
    session->probe = probe;
    loop_timer_init(&probe->timer, probe_timer);
    loop_timer_arm(session->server->loop, &probe->timer, PROBE_STEP_MS);
}
