#include "core/net/engineio.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/base64.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/utf8.h"
#include "core/net/engineio_internal.h"
#include "core/net/handoff.h"

#define LINGER_MS 2000
#define QUEUE_CHARGE 64

const char *engineio_end_name(enum engineio_end end) {
    static const char *const names[] = { "peer", "timeout", "invalid", "closed", "full",
                                         "aborted" };
    return (unsigned)end < sizeof(names) / sizeof(*names) ? names[end] : "unknown";
}

/* ---- the server ---- */

struct engineio *engineio_new(struct loop *loop, const struct engineio_config *config,
                              const struct engineio_handler *handler, void *userdata) {
    struct engineio *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    server->config = *config;
    server->handler = handler;
    server->userdata = userdata;
    map_bytes_init(&server->sessions);
    list_init(&server->all);
    return server;
}

void engineio_configure(struct engineio *server, const struct engineio_config *config) {
    server->config = *config;
}

void engineio_free(struct engineio *server) {
    if (!server)
        return;
    assert(server->sessions.count == 0);
    map_bytes_fini(&server->sessions);
    buf_fini(&server->scratch);
    free(server);
}

void *engineio_server_userdata(const struct engineio *server) {
    return server->userdata;
}

uint32_t engineio_count(const struct engineio *server) {
    return (uint32_t)server->sessions.count;
}

void engineio_abort_all(struct engineio *server) {
    struct list *link;
    while ((link = list_front(&server->all)))
        engineio_drop(container_of(link, struct engineio_session, link), ENGINEIO_END_ABORTED);
}

/* ---- life of a session ---- */

static void on_timer(struct loop_timer *timer);
static void on_turn(struct loop_hook *hook);

struct engineio_session *engineio_session_new(struct engineio *server) {
    struct engineio_session *session = mem_zalloc(sizeof(*session));
    uint8_t random[16];
    struct dm_slice prefix = DM_SLICE("");
    if (server->config.handoff)
        prefix = handoff_prefix(server->config.handoff);
    memcpy(session->sid, prefix.ptr, prefix.len);
    random_bytes(random, sizeof(random));
    base64_encode(BASE64_URL, random, sizeof(random), session->sid + prefix.len);
    session->server = server;
    session->max_message = server->config.max_message;
    loop_timer_init(&session->timer, on_timer);
    loop_hook_init(&session->hook, on_turn);
    map_bytes_put(&server->sessions, dm_slice_str(session->sid), session);
    list_push_back(&server->all, &session->link);
    return session;
}

void engineio_queue_clear(struct engineio_session *session) {
    for (uint32_t i = 0; i < session->queue_count; i++)
        blob_unref(session->queue[i]);
    free(session->queue);
    session->queue = NULL;
    session->queue_count = session->queue_cap = session->queued = 0;
}

void engineio_session_free(struct engineio_session *session) {
    struct engineio *server = session->server;
    loop_timer_cancel(server->loop, &session->timer);
    loop_hook_cancel(&session->hook);
    map_bytes_remove(&server->sessions, dm_slice_str(session->sid));
    list_remove(&session->link);
    engineio_queue_clear(session);
    free(session);
}

static void end_websocket(struct engineio_session *session, enum engineio_end end) {
    struct websocket *ws = session->ws;
    session->ws = NULL;
    if (!ws)
        return;
    websocket_set_userdata(ws, NULL);
    if (end == ENGINEIO_END_TIMEOUT || end == ENGINEIO_END_ABORTED)
        websocket_abort(ws);
    else
        websocket_close(ws, end == ENGINEIO_END_INVALID ? WEBSOCKET_CODE_PROTOCOL
                                                        : WEBSOCKET_CODE_EMPTY, DM_SLICE_NONE);
}

void engineio_drop(struct engineio_session *session, enum engineio_end end) {
    engineio_poll_answer(session, end == ENGINEIO_END_PEER ? DM_SLICE("6") : DM_SLICE("1"));
    engineio_post_end(session, end == ENGINEIO_END_INVALID ? 400 : 200);
    engineio_probe_drop(session);
    end_websocket(session, end);
    session->server->handler->closed(session, end);
    engineio_session_free(session);
}

void engineio_mark(struct engineio_session *session) {
    loop_hook_mark(session->server->loop, &session->hook, LOOP_DEFER);
}

/* What was put off to the end of the turn: one poll takes all that was sent in it. */
static void on_turn(struct loop_hook *hook) {
    struct engineio_session *session = container_of(hook, struct engineio_session, hook);
    if (session->flags & ENGINEIO_FULL) {
        engineio_drop(session, ENGINEIO_END_FULL);
        return;
    }
    if (session->post && engineio_post_run(session) != 0)
        return;
    if (session->ws)
        return;
    /* The close packet comes alone: clients act on it before the packets it came with. */
    if (session->poll && session->queue_count)
        engineio_poll_flush(session);
    else if (session->poll && session->state == ENGINEIO_CLOSING)
        engineio_drop(session, ENGINEIO_END_CLOSED);
}

/* ---- heartbeat ---- */

void engineio_begin_heartbeat(struct engineio_session *session) {
    const struct engineio_config *config = &session->server->config;
    session->flags &= (uint8_t)~ENGINEIO_PINGED;
    session->deadline = loop_now(session->server->loop) + config->ping_interval_ms
                        + config->ping_timeout_ms;
    loop_timer_arm(session->server->loop, &session->timer, config->ping_interval_ms);
}

/* A deadline is kept to the millisecond, not only as well as timers are. */
int engineio_is_overdue(const struct engineio_session *session) {
    return session->state == ENGINEIO_OPEN
           && (session->flags & (ENGINEIO_PINGED | ENGINEIO_PAUSED)) == ENGINEIO_PINGED
           && loop_now(session->server->loop) >= session->deadline;
}

static void wait_at_least(struct engineio_session *session, uint32_t ms) {
    uint64_t least = loop_now(session->server->loop) + ms;
    if (session->deadline < least)
        session->deadline = least;
}

/* Waits for the pong until the deadline, but, should the ping itself be late, for half of its time
 * at least. */
static void await_pong(struct engineio_session *session) {
    struct loop *loop = session->server->loop;
    wait_at_least(session, (session->server->config.ping_timeout_ms + 1) / 2);
    loop_timer_arm(loop, &session->timer, (uint32_t)(session->deadline - loop_now(loop)));
}

void engineio_opened(struct engineio_session *session) {
    const struct engineio_handler *handler = session->server->handler;
    if (handler->opened)
        handler->opened(session);
}

static int send_packet(struct engineio_session *session, struct dm_slice packet) {
    struct blob *blob = websocket_frame_blob(WEBSOCKET_TEXT, packet);
    int r = engineio_send_blob(session, blob);
    blob_unref(blob);
    return r;
}

static void on_timer(struct loop_timer *timer) {
    struct engineio_session *session = container_of(timer, struct engineio_session, timer);
    if (session->state == ENGINEIO_CLOSING) {
        engineio_drop(session, ENGINEIO_END_CLOSED);
    } else if (engineio_is_overdue(session)) {
        engineio_drop(session, ENGINEIO_END_TIMEOUT);
    } else if (session->flags & (ENGINEIO_PAUSED | ENGINEIO_PINGED)) {
        await_pong(session);
    } else {
        session->flags |= ENGINEIO_PINGED;
        await_pong(session);
        send_packet(session, DM_SLICE("2"));
    }
}

/* ---- packets that came ---- */

static enum engineio_taken take_binary(struct engineio_session *session, struct dm_slice text) {
    size_t max = base64_decoded_max(text.len), len = 0;
    char *data = mem_alloc(max);
    enum engineio_taken taken = ENGINEIO_TAKEN_BAD;
    if (base64_decode(BASE64_STD, text, data, max, &len) == 0) {
        session->server->handler->message(session, WEBSOCKET_BINARY,
                                          (struct dm_slice){ data, len });
        taken = ENGINEIO_TAKEN;
    }
    free(data);
    return taken;
}

enum engineio_taken engineio_take(struct engineio_session *session, struct dm_slice packet) {
    if (packet.len == 0)
        return ENGINEIO_TAKEN_BAD;
    switch (packet.ptr[0]) {
    case PACKET_MESSAGE:
        session->server->handler->message(session, WEBSOCKET_TEXT,
                                          (struct dm_slice){ packet.ptr + 1, packet.len - 1 });
        return ENGINEIO_TAKEN;
    case PACKET_BINARY:
        return take_binary(session, (struct dm_slice){ packet.ptr + 1, packet.len - 1 });
    case PACKET_PONG:
        if (session->flags & ENGINEIO_PINGED)
            engineio_begin_heartbeat(session);
        return ENGINEIO_TAKEN;
    case PACKET_CLOSE:
        return ENGINEIO_TAKEN_CLOSE;
    case PACKET_NOOP:
    case PACKET_UPGRADE:
        return ENGINEIO_TAKEN;
    default:
        return ENGINEIO_TAKEN_BAD;
    }
}

/* ---- the caller's side ---- */

void *engineio_userdata(const struct engineio_session *session) {
    return session->userdata;
}

void engineio_set_userdata(struct engineio_session *session, void *userdata) {
    session->userdata = userdata;
}

void engineio_put_open(const struct engineio_session *session, const char *upgrades,
                       struct buf *ret_text) {
    const struct engineio_config *config = &session->server->config;
    buf_printf(ret_text,
               "0{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%u,\"pingTimeout\":%u,"
               "\"maxPayload\":%u}",
               session->sid, upgrades, config->ping_interval_ms, config->ping_timeout_ms,
               config->max_payload);
}

/* One answer may be larger than all that may wait: a client that is up to date is not slow. */
static int has_room(const struct engineio_session *session, size_t len) {
    uint32_t max = session->server->config.queue_max;
    return session->queued < max / 2 || session->queued + len + QUEUE_CHARGE <= max;
}

static int enqueue(struct engineio_session *session, struct blob *frames) {
    if (!has_room(session, frames->len)) {
        session->flags |= ENGINEIO_FULL;
        engineio_mark(session);
        return -ENOBUFS;
    }
    if (session->queue_count == session->queue_cap) {
        session->queue_cap = session->queue_cap ? 2 * session->queue_cap : 4;
        session->queue = mem_realloc(session->queue, session->queue_cap * sizeof(struct blob *));
    }
    session->queue[session->queue_count++] = blob_ref(frames);
    session->queued += (uint32_t)frames->len + QUEUE_CHARGE;
    engineio_mark(session);
    return 0;
}

int engineio_send_blob(struct engineio_session *session, struct blob *frames) {
    if (session->state != ENGINEIO_OPEN || (session->flags & ENGINEIO_FULL))
        return -EPIPE;
    return session->ws ? websocket_send_blob(session->ws, frames) : enqueue(session, frames);
}

uint64_t engineio_queued(const struct engineio_session *session) {
    return session->queued + (session->ws ? websocket_queued(session->ws) : 0);
}

int engineio_send(struct engineio_session *session, struct dm_slice text) {
    struct buf *scratch = &session->server->scratch;
    buf_reset(scratch);
    buf_append_char(scratch, PACKET_MESSAGE);
    buf_append_slice(scratch, text);
    return send_packet(session, buf_slice(scratch));
}

void engineio_set_max_message(struct engineio_session *session, uint32_t bytes) {
    session->max_message = bytes;
    if (session->ws)
        websocket_set_max_message(session->ws, bytes < UINT32_MAX ? bytes + 1 : bytes);
}

void engineio_pause(struct engineio_session *session) {
    session->flags |= ENGINEIO_PAUSED;
    if (session->ws)
        websocket_pause(session->ws);
}

void engineio_resume(struct engineio_session *session) {
    if (!(session->flags & ENGINEIO_PAUSED))
        return;
    session->flags &= (uint8_t)~ENGINEIO_PAUSED;
    wait_at_least(session, session->server->config.ping_timeout_ms);
    if (session->post)
        engineio_mark(session);
    if (session->ws)
        websocket_resume(session->ws);
}

void engineio_close(struct engineio_session *session, uint16_t code) {
    if (session->state != ENGINEIO_OPEN)
        return;
    if (session->ws) {
        session->state = ENGINEIO_CLOSING;
        loop_timer_cancel(session->server->loop, &session->timer);
        websocket_close(session->ws, code, DM_SLICE_NONE);
        websocket_resume(session->ws);
        return;
    }
    session->state = ENGINEIO_CLOSING;
    engineio_probe_drop(session);
    loop_timer_arm(session->server->loop, &session->timer, LINGER_MS);
    engineio_mark(session);
}
