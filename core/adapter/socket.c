/* WebSockets: from the accepted upgrade to the last frame. */
#include "core/adapter/internal.h"
#include "core/adapter/observe.h"
#include "core/base/log.h"

static void on_message(struct websocket *ws, enum websocket_kind kind, struct dm_slice data);
static void on_closed(struct websocket *ws, const struct websocket_ending *ending);

static const struct websocket_handler socket_handler = {
    .message = on_message,
    .over = on_closed,
    .closed = on_closed,
};

void socket_continue(struct session *session) {
    struct host *host = session->instance->host;
    const struct dm_adapter *adapter = &session->instance->adapter;

    session->state = SESSION_UPGRADING;
    if (!adapter->upgrade) {
        socket_open(session);
        return;
    }
    request_fill(session);
    hook_enter(session->instance, session, HOOK_UPGRADE);
    adapter->upgrade(&session->pub, &session->request->pub);
    hook_leave(host, session);
}

static int accept_upgrade(struct session *session) {
    const struct instance *instance = session->instance;
    const int large = session->pub.user || (instance->adapter.flags & DM_ADAPTER_ANONYMOUS);
    const struct websocket_options options = {
        .handler = &socket_handler,
        .userdata = session,
        .protocol = dm_slice_str(session->request->subprotocol),
        .max_message = large ? instance->frame_max : instance->frame_max_unauthenticated,
        .ping_interval_ms = instance->ping_interval_ms,
    };

    return websocket_accept(session->request->exchange, &options, &session->ws);
}

void socket_open(struct session *session) {
    struct instance *instance = session->instance;
    struct host *host = instance->host;

    if (accept_upgrade(session) != 0) {
        session->ws = NULL;
        request_respond_plain(session, 500);
        return;
    }
    session->state = SESSION_OPEN;
    host->socket_count++;
    metrics_inc(instance->opened);
    session->request->status = 101;
    count_response(session);
    session_keep_base(session);
    session_opened(session);
    observe_other(host);
    if (instance->adapter.open) {
        request_fill(session);
        hook_enter(session->instance, session, HOOK_OPEN);
        instance->adapter.open(&session->pub, &session->request->pub);
        hook_leave(host, session);
    }
    if (host->phase != HOST_ACCEPTING)
        session_drain(session);
}

static void take_frame(struct session *session, const struct dm_frame *frame) {
    struct instance *instance = session->instance;
    struct host *host = instance->host;
    const char *type;

    observe_begin(host);
    hook_enter(session->instance, session, HOOK_FRAME);
    type = instance->adapter.frame(&session->pub, frame);
    hook_leave(host, session);
    metrics_inc(count_type(instance, DIRECTION_IN, type));
    observe_frame_in(session, type, frame);
}

/* Its own rate, and before authentication that of its address. */
static int may_send(struct session *session) {
    const struct instance *instance = session->instance;

    if (!token_bucket_take(&session->bucket, &instance->rate, loop_now(instance->host->loop)))
        return 0;
    return session->pub.user || (instance->adapter.flags & DM_ADAPTER_ANONYMOUS)
           || session_take_address(session, ADDRESS_LIMIT_ANONYMOUS);
}

void socket_take(struct session *session, const struct dm_frame *frame) {
    struct host *host = session->instance->host;

    if (session->state != SESSION_OPEN || (session->flags & SESSION_PAUSED_FINISH))
        return;
    if (!may_send(session))
        hook_notice(session, DM_NOTICE_RATE_LIMITED, frame);
    else if (engine_session_backlog(&session->engine) >= host->config.backlog_max)
        hook_notice(session, DM_NOTICE_BACKLOG, frame);
    else
        take_frame(session, frame);
    /* Also a frame that was dropped may wait for its turn to be answered. */
    if (engine_session_backlog(&session->engine) >= host->config.backlog_pause)
        session_pause(session, SESSION_PAUSED_BACKLOG);
}

static void on_message(struct websocket *ws, enum websocket_kind kind, struct dm_slice data) {
    const struct dm_frame frame = {
        .kind = kind == WEBSOCKET_BINARY ? DM_FRAME_BINARY : DM_FRAME_TEXT, .data = data,
    };

    socket_take(websocket_userdata(ws), &frame);
}

/* The session does not outlive the conversation: a peer may keep its connection for a while, but
 * it is not there any more, and nothing may count as shown to it. */
static void on_closed(struct websocket *ws, const struct websocket_ending *ending) {
    struct session *session = websocket_userdata(ws);

    if (!session)
        return;
    websocket_set_userdata(ws, NULL);
    session->instance->host->socket_count--;
    log_event(LOG_LEVEL_DEBUG, "session closed", LOG_STR("adapter", session->instance->name),
              LOG_UINT("session", session->serial), LOG_INT("code", ending->code),
              LOG_STR("end", stream_end_name(ending->end)));
    session->ws = NULL;
    session_end(session);
}
