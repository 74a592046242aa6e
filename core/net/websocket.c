#include "core/net/websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/net/conn_internal.h"
#include "core/net/websocket_wslay.h"

#define PONG_TIMEOUT_DEFAULT 20000

static struct conn *conn_of(const struct websocket *ws) {
    return container_of((struct websocket *)(uintptr_t)ws, struct conn, ws);
}

void *websocket_userdata(const struct websocket *ws) {
    return ws->userdata;
}

void websocket_set_userdata(struct websocket *ws, void *userdata) {
    ws->userdata = userdata;
}

struct conn *websocket_conn(const struct websocket *ws) {
    return conn_of(ws);
}

/* ---- sending ---- */

static int check_open(const struct websocket *ws) {
    if ((ws->flags & (WEBSOCKET_CLOSE_SENT | WEBSOCKET_DEAF)) || !conn_is_open(conn_of(ws)))
        return -EPIPE;
    return 0;
}

static int send_frame(struct websocket *ws, uint8_t kind, struct dm_slice payload) {
    uint8_t header[WEBSOCKET_HEADER_MAX];
    size_t len = websocket_header_write(kind, payload.len, header);
    struct dm_slice parts[] = { { (const char *)header, len }, payload };
    return stream_write_parts(&conn_of(ws)->stream, parts, 2);
}

int websocket_send(struct websocket *ws, enum websocket_kind kind, struct dm_slice payload) {
    int r = check_open(ws);
    return r < 0 ? r : send_frame(ws, (uint8_t)kind, payload);
}

struct blob *websocket_frame_blob(enum websocket_kind kind, struct dm_slice payload) {
    uint8_t header[WEBSOCKET_HEADER_MAX];
    size_t len = websocket_header_write((uint8_t)kind, payload.len, header);
    struct blob *blob = blob_alloc(len + payload.len);
    memcpy(blob->data, header, len);
    if (payload.len)
        memcpy(blob->data + len, payload.ptr, payload.len);
    return blob;
}

int websocket_send_blob(struct websocket *ws, struct blob *frame) {
    int r = check_open(ws);
    return r < 0 ? r : stream_write_blob(&conn_of(ws)->stream, frame);
}

int websocket_is_full(const struct websocket *ws) {
    return stream_is_full(&conn_of(ws)->stream);
}

size_t websocket_queued(const struct websocket *ws) {
    return stream_queued(&conn_of(ws)->stream);
}

/* ---- receiving ---- */

void websocket_set_max_message(struct websocket *ws, uint32_t bytes) {
    ws->max_message = bytes;
}

int websocket_is_blocked(const struct websocket *ws) {
    return !(ws->flags & WEBSOCKET_DEAF) && (ws->flags & (WEBSOCKET_PAUSED | WEBSOCKET_FULL));
}

void websocket_pause(struct websocket *ws) {
    if (check_open(ws) < 0)
        return;
    ws->flags |= WEBSOCKET_PAUSED;
    conn_mark(conn_of(ws));
}

void websocket_resume(struct websocket *ws) {
    if (!(ws->flags & WEBSOCKET_PAUSED))
        return;
    ws->flags &= (uint8_t)~WEBSOCKET_PAUSED;
    conn_mark(conn_of(ws));
}

/* ---- life signs ---- */

static uint32_t now_of(const struct websocket *ws) {
    return (uint32_t)loop_now(conn_of(ws)->server->loop);
}

void websocket_heard(struct websocket *ws) {
    ws->heard = now_of(ws);
    if (!(ws->flags & WEBSOCKET_PINGED))
        return;
    ws->flags &= (uint8_t)~WEBSOCKET_PINGED;
    if (!(ws->flags & WEBSOCKET_CLOSE_SENT))
        stream_set_deadline(&conn_of(ws)->stream, ws->ping_interval);
}

void websocket_set_keepalive(struct websocket *ws, uint32_t ping_interval_ms,
                             uint32_t pong_timeout_ms) {
    ws->ping_interval = ping_interval_ms;
    ws->pong_timeout = pong_timeout_ms ? pong_timeout_ms : PONG_TIMEOUT_DEFAULT;
    ws->heard = now_of(ws);
    ws->flags &= (uint8_t)~WEBSOCKET_PINGED;
    if (!(ws->flags & WEBSOCKET_CLOSE_SENT))
        stream_set_deadline(&conn_of(ws)->stream, ping_interval_ms);
}

/* Deadlines are not moved by every byte; when one comes, it looks how long ago the last one was.
 * A peer that takes nothing while the send queue is full counts as silent. */
static void keepalive(struct websocket *ws) {
    struct stream *stream = &conn_of(ws)->stream;
    uint32_t silence = now_of(ws) - ws->heard;
    if (ws->flags & WEBSOCKET_PAUSED) {
        ws->heard = now_of(ws);
        ws->flags &= (uint8_t)~WEBSOCKET_PINGED;
        stream_set_deadline(stream, ws->ping_interval);
    } else if (silence < ws->ping_interval) {
        stream_set_deadline(stream, ws->ping_interval - silence);
    } else if (ws->flags & WEBSOCKET_PINGED) {
        stream_abort(stream, STREAM_END_TIMEOUT);
    } else {
        ws->flags |= WEBSOCKET_PINGED;
        stream_set_deadline(stream, ws->pong_timeout);
        if (!stream_is_full(stream))
            send_frame(ws, WEBSOCKET_PING, DM_SLICE(""));
    }
}

void websocket_timeout(struct websocket *ws) {
    if (ws->flags & WEBSOCKET_CLOSE_SENT)
        websocket_hang_up(ws);
    else
        keepalive(ws);
}

void websocket_drained(struct websocket *ws) {
    websocket_heard(ws);
    if (ws->flags & WEBSOCKET_FULL) {
        ws->flags &= (uint8_t)~WEBSOCKET_FULL;
        conn_mark(conn_of(ws));
    }
    if (!(ws->flags & WEBSOCKET_CLOSE_SENT) && ws->handler->drained)
        ws->handler->drained(ws);
}

/* ---- ending ---- */

static struct websocket_ending ending_of(const struct websocket *ws, enum stream_end end) {
    struct websocket_ending ending = {
        .code = WEBSOCKET_CODE_ABNORMAL,
        .reason = ws->reason ? blob_slice(ws->reason) : DM_SLICE(""),
        .end = end,
    };
    if (ws->flags & WEBSOCKET_HAS_CODE)
        ending.code = ws->code ? ws->code : WEBSOCKET_CODE_NONE;
    return ending;
}

void websocket_over(struct websocket *ws) {
    struct websocket_ending ending = ending_of(ws, STREAM_END_CLOSED);
    if (ws->flags & WEBSOCKET_OVER)
        return;
    ws->flags |= WEBSOCKET_OVER;
    if (ws->handler->over)
        ws->handler->over(ws, &ending);
}

void websocket_hang_up(struct websocket *ws) {
    ws->flags |= WEBSOCKET_DEAF;
    stream_close(&conn_of(ws)->stream, ws->close_timeout, conn_of(ws)->server->config.linger_ms);
    websocket_over(ws);
}

static void record_code(struct websocket *ws, uint16_t code) {
    if (ws->flags & WEBSOCKET_HAS_CODE)
        return;
    ws->flags |= WEBSOCKET_HAS_CODE;
    ws->code = code;
}

void websocket_send_close(struct websocket *ws, uint16_t code, struct dm_slice reason) {
    char payload[WEBSOCKET_CONTROL_MAX];
    size_t len = 0;
    if (code) {
        payload[0] = (char)(code >> 8);
        payload[1] = (char)code;
        reason = utf8_prefix(reason, sizeof(payload) - 2);
        if (reason.len)
            memcpy(payload + 2, reason.ptr, reason.len);
        len = 2 + reason.len;
    }
    record_code(ws, code);
    ws->flags |= WEBSOCKET_CLOSE_SENT;
    send_frame(ws, WEBSOCKET_CLOSE, (struct dm_slice){ payload, len });
}

void websocket_close(struct websocket *ws, uint16_t code, struct dm_slice reason) {
    if (check_open(ws) < 0)
        return;
    if (code != WEBSOCKET_CODE_EMPTY && !websocket_code_is_sendable(code))
        code = WEBSOCKET_CODE_INTERNAL;
    websocket_send_close(ws, code, reason);
    /* Nothing is delivered any more, but the peer's Close must be found. */
    ws->flags &= (uint8_t)~(WEBSOCKET_PAUSED | WEBSOCKET_FULL);
    stream_set_deadline(&conn_of(ws)->stream, ws->close_timeout);
    conn_mark(conn_of(ws));
}

void websocket_abort(struct websocket *ws) {
    ws->flags |= WEBSOCKET_DEAF;
    stream_abort(&conn_of(ws)->stream, STREAM_END_ABORTED);
}

void websocket_eof(struct websocket *ws) {
    websocket_hang_up(ws);
}

static void partial_free(struct websocket *ws) {
    if (!ws->partial)
        return;
    frame_reader_put(ws->partial->reader);
    buf_fini(&ws->partial->message);
    free(ws->partial);
    ws->partial = NULL;
}

void websocket_end(struct websocket *ws, enum stream_end end) {
    struct websocket_ending ending = ending_of(ws, end);
    partial_free(ws);
    ws->handler->closed(ws, &ending);
    ws->reason = blob_unref(ws->reason);
}
