/* Long-polling: a GET that is answered when there is something to say, POSTs that bring packets. */

#include "core/base/base64.h"
#include "core/base/utf8.h"
#include "core/net/engineio_internal.h"

#define POLL_TYPE "text/plain; charset=UTF-8"
#define SCRATCH_KEPT 65536

/* ---- GET ---- */

/* An open poll whose connection breaks may have taken packets with it: the session is over. */
static void poll_lost(struct http_exchange *exchange) {
    struct engineio_session *session = http_userdata(exchange);
    session->poll = NULL;
    engineio_let_go(exchange);
    http_close_after(exchange);
    (void)http_respond_status(exchange, 400);
    engineio_drop(session, ENGINEIO_END_PEER);
}

static void poll_end(struct http_exchange *exchange, enum http_end how) {
    struct engineio_session *session = http_userdata(exchange);
    (void)how;
    session->poll = NULL;
    engineio_drop(session, ENGINEIO_END_PEER);
}

static const struct http_handler poll_handler = { .gone = poll_lost, .end = poll_end };

void engineio_poll_answer(struct engineio_session *session, struct dm_slice payload) {
    struct http_exchange *exchange = session->poll;
    if (!exchange)
        return;
    session->poll = NULL;
    engineio_let_go(exchange);
    (void)engineio_respond(session->server, exchange, 200, POLL_TYPE, payload);
}

/* Appends the packet that a WebSocket frame holds; returns the frame's length. */
static size_t put_frame(struct dm_slice bytes, struct buf *payload) {
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t head = 2, len = p[1];
    struct dm_slice content;
    if (len >= 126) {
        size_t more = len == 126 ? 2 : 8;
        len = 0;
        for (size_t i = 0; i < more; i++)
            len = len << 8 | p[2 + i];
        head += more;
    }
    content = (struct dm_slice){ bytes.ptr + head, len };
    if (payload->len)
        buf_append_char(payload, ENGINEIO_SEPARATOR);
    if ((p[0] & 15) == WEBSOCKET_BINARY) {
        size_t encoded = base64_encoded_len(BASE64_STD, len);
        buf_append_char(payload, PACKET_BINARY);
        base64_encode(BASE64_STD, content.ptr, len, buf_reserve(payload, encoded));
        payload->len += encoded;
    } else {
        buf_append_slice(payload, content);
    }
    return head + len;
}

static void put_frames(const struct blob *blob, struct buf *payload) {
    struct dm_slice rest = blob_slice(blob);
    while (rest.len) {
        size_t used = put_frame(rest, payload);
        rest.ptr += used;
        rest.len -= used;
    }
}

void engineio_poll_flush(struct engineio_session *session) {
    struct buf *payload = &session->server->scratch;
    buf_reset(payload);
    for (uint32_t i = 0; i < session->queue_count; i++)
        put_frames(session->queue[i], payload);
    engineio_queue_clear(session);
    engineio_poll_answer(session, buf_slice(payload));
    buf_trim(payload, SCRATCH_KEPT);
}

void engineio_poll(struct engineio_session *session, struct http_exchange *exchange) {
    if (session->poll) {
        engineio_refuse(session->server, exchange, ENGINEIO_BAD_REQUEST);
        engineio_drop(session, ENGINEIO_END_INVALID);
        return;
    }
    session->poll = exchange;
    http_attach(exchange, &poll_handler, session);
    engineio_mark(session);
    engineio_probe_polled(session);
}

/* ---- POST ---- */

static void forget_post(struct engineio_session *session) {
    session->post = NULL;
    session->post_rest = DM_SLICE_NONE;
    session->flags &= (uint8_t)~(ENGINEIO_POSTED | ENGINEIO_COLLECTING);
}

static void post_complete(struct http_exchange *exchange, struct dm_slice body) {
    struct engineio_session *session = http_userdata(exchange);
    session->post_rest = body;
    session->flags |= ENGINEIO_POSTED;
    (void)engineio_post_run(session);
}

static void post_too_large(struct http_exchange *exchange) {
    struct engineio_session *session = http_userdata(exchange);
    forget_post(session);
    engineio_let_go(exchange);
    (void)engineio_respond(session->server, exchange, 413, NULL, DM_SLICE_NONE);
}

static void post_end(struct http_exchange *exchange, enum http_end how) {
    struct engineio_session *session = http_userdata(exchange);
    (void)how;
    forget_post(session);
}

static const struct http_handler post_handler = {
    .complete = post_complete,
    .too_large = post_too_large,
    .end = post_end,
};

void engineio_post_end(struct engineio_session *session, unsigned status) {
    struct http_exchange *exchange = session->post;
    if (!exchange)
        return;
    forget_post(session);
    engineio_let_go(exchange);
    if (status == 200)
        (void)engineio_respond(session->server, exchange, 200, "text/html", DM_SLICE("ok"));
    else
        engineio_refuse(session->server, exchange, ENGINEIO_BAD_REQUEST);
}

static enum engineio_taken take_next(struct engineio_session *session) {
    struct dm_slice rest = session->post_rest, packet = rest;
    const char *cut = rest.len ? memchr(rest.ptr, ENGINEIO_SEPARATOR, rest.len) : NULL;
    if (cut) {
        packet.len = (size_t)(cut - rest.ptr);
        session->post_rest = (struct dm_slice){ cut + 1, rest.len - packet.len - 1 };
    } else {
        session->post_rest = DM_SLICE_NONE;
    }
    return utf8_valid(packet) ? engineio_take(session, packet) : ENGINEIO_TAKEN_BAD;
}

/* Not while paused: what the pause is for may raise the limit. */
static void collect(struct engineio_session *session) {
    if (session->flags & (ENGINEIO_PAUSED | ENGINEIO_COLLECTING))
        return;
    session->flags |= ENGINEIO_COLLECTING;
    http_collect(session->post, session->max_message);
}

int engineio_post_run(struct engineio_session *session) {
    if (!(session->flags & ENGINEIO_POSTED)) {
        collect(session);
        return 0;
    }
    while (session->post_rest.ptr) {
        enum engineio_taken taken;
        if (session->state != ENGINEIO_OPEN)
            break;
        if (session->flags & ENGINEIO_PAUSED)
            return 0;
        taken = take_next(session);
        if (taken == ENGINEIO_TAKEN)
            continue;
        engineio_drop(session, taken == ENGINEIO_TAKEN_BAD ? ENGINEIO_END_INVALID
                                                           : ENGINEIO_END_PEER);
        return -1;
    }
    engineio_post_end(session, 200);
    return 0;
}

void engineio_post(struct engineio_session *session, struct http_exchange *exchange) {
    if (session->post) {
        engineio_refuse(session->server, exchange, ENGINEIO_BAD_REQUEST);
        engineio_drop(session, ENGINEIO_END_INVALID);
        return;
    }
    session->post = exchange;
    http_attach(exchange, &post_handler, session);
    collect(session);
}
