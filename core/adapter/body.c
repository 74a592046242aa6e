#include "core/adapter/body.h"
#include "core/adapter/observe.h"

static void begin_pieces(struct session *session, int64_t length) {
    if (length > (int64_t)session->instance->body_max) {
        request_fault(session, 413);
        return;
    }
    session->flags |= SESSION_BODY_OPEN;
    request_run(session, DM_SLICE_NONE);
}

void body_take(struct session *session) {
    struct request *request = session->request;
    int64_t length = http_request(request->exchange)->length;

    if (session->pub.user
        && (!user_bucket_take(session->instance->host, session->instance,
                              session->pub.user->id)
            || !request_count_in(session))) {
        request_fault(session, 429);
    } else if (request->match.route->flags & DM_ROUTE_PIECES) {
        begin_pieces(session, length);
    } else if (length == 0) {
        request_run(session, DM_SLICE_NONE);
    } else {
        session->state = SESSION_BODY;
        http_collect(request->exchange, session->instance->body_max);
    }
}

/* While a piece is owed, net watches how long the peer takes. */
void body_next(struct session *session) {
    loop_timer_cancel(session->instance->host->loop, &session->deadline);
    http_next(session->request->exchange, session->instance->body_max);
}

void body_complete(struct http_exchange *exchange, struct dm_slice body) {
    struct session *session = http_userdata(exchange);

    if (session->state == SESSION_BODY)
        request_run(session, body);
}

void body_piece(struct http_exchange *exchange, struct dm_slice piece) {
    struct session *session = http_userdata(exchange);
    struct host *host = session->instance->host;

    if (!piece.ptr)
        session->flags &= (uint16_t)~SESSION_BODY_OPEN;
    request_arm_deadline(session);
    observe_other(host);
    hook_enter(session->instance, session, HOOK_BODY);
    session->instance->adapter.body(&session->pub, piece);
    hook_leave(host, session);
    request_check_answered(session);
}

void body_too_large(struct http_exchange *exchange) {
    struct session *session = http_userdata(exchange);
    int is_open = session->state == SESSION_WAITING && (session->flags & SESSION_BODY_OPEN);

    session->flags &= (uint16_t)~SESSION_BODY_OPEN;
    if (session->state == SESSION_BODY || is_open)
        request_fault(session, 413);
}
