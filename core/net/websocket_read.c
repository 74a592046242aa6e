/* From bytes to messages (RFC 6455, sections 5 and 7.1). A frame that lies whole in what was read
 * is unmasked where it is and handed on without a copy; one that comes in pieces goes through
 * wslay. */
#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/net/conn_internal.h"
#include "core/net/websocket_wslay.h"

#define KIND_CONTINUATION 0
#define KIND_IS_CONTROL 8

static void fail(struct websocket *ws, uint16_t code, struct dm_slice reason) {
    if (!(ws->flags & WEBSOCKET_CLOSE_SENT))
        websocket_send_close(ws, code, reason);
    websocket_hang_up(ws);
}

static void fail_protocol(struct websocket *ws, struct dm_slice reason) {
    fail(ws, WEBSOCKET_CODE_PROTOCOL, reason);
}

/* ---- memory ---- */

static struct websocket_partial *partial_get(struct websocket *ws) {
    if (!ws->partial)
        ws->partial = mem_zalloc(sizeof(*ws->partial));
    return ws->partial;
}

static void partial_drop_if_idle(struct websocket *ws) {
    struct websocket_partial *partial = ws->partial;
    if (!partial || partial->reader || partial->kind)
        return;
    buf_fini(&partial->message);
    free(partial);
    ws->partial = NULL;
}

/* ---- judging a header ---- */

static int kind_is_known(uint8_t kind) {
    return kind <= WEBSOCKET_BINARY || (kind >= WEBSOCKET_CLOSE && kind <= WEBSOCKET_PONG);
}

static int length_is_minimal(const struct websocket_header *header) {
    size_t extended = header->size - 2u - (header->is_masked ? 4u : 0u);
    if (extended == 0)
        return 1;
    if (extended == 2)
        return header->length >= 126;
    return header->length > 0xffff && header->length <= INT64_MAX;
}

static const char *violation(const struct websocket *ws, const struct websocket_header *header) {
    uint8_t under_way = ws->partial ? ws->partial->kind : 0;
    if (header->reserved)
        return "reserved bit";
    if (!kind_is_known(header->kind))
        return "reserved kind of frame";
    if (!header->is_masked)
        return "frame without mask";
    if (!length_is_minimal(header))
        return "length not minimal";
    if (header->kind & KIND_IS_CONTROL) {
        if (!header->fin)
            return "fragmented control frame";
        return header->length > WEBSOCKET_CONTROL_MAX ? "control frame too long" : NULL;
    }
    if (header->kind == KIND_CONTINUATION && !under_way)
        return "nothing to continue";
    if (header->kind != KIND_CONTINUATION && under_way)
        return "message in a message";
    return NULL;
}

static int is_too_big(const struct websocket *ws, const struct websocket_header *header) {
    if (header->kind & KIND_IS_CONTROL || ws->flags & WEBSOCKET_CLOSE_SENT)
        return 0;
    size_t before = ws->partial ? ws->partial->message.len : 0;
    return header->length > ws->max_message || before > ws->max_message - header->length;
}

/* The peer is still sending it. Some, proxies among them, would not get to see the Close if the
 * connection ended under what they send, so the rest is read and thrown away for a while. */
static void refuse_size(struct websocket *ws) {
    struct conn *conn = websocket_conn(ws);
    websocket_close(ws, WEBSOCKET_CODE_TOO_BIG, DM_SLICE("message too big"));
    ws->flags |= WEBSOCKET_OVERSIZE;
    stream_set_deadline(&conn->stream, conn->server->config.linger_ms);
    websocket_over(ws);
}

/* 1 when the payload may come. */
static int header_ok(struct websocket *ws, const struct websocket_header *header) {
    const char *what = violation(ws, header);
    if (what)
        fail_protocol(ws, dm_slice_str(what));
    else if (is_too_big(ws, header))
        refuse_size(ws);
    return !what;
}

/* ---- what whole frames mean ---- */

static void got_close(struct websocket *ws, struct dm_slice payload) {
    uint16_t code = 0;
    if (payload.len == 1) {
        fail_protocol(ws, DM_SLICE("close code cut off"));
        return;
    }
    if (payload.len) {
        code = (uint16_t)((uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]);
        payload = (struct dm_slice){ payload.ptr + 2, payload.len - 2 };
        if (!websocket_code_is_sendable(code)) {
            fail_protocol(ws, DM_SLICE("bad close code"));
            return;
        }
    }
    if (!utf8_valid(payload)) {
        fail(ws, WEBSOCKET_CODE_INVALID_DATA, DM_SLICE("close reason is no UTF-8"));
        return;
    }
    if (payload.len && !ws->reason)
        ws->reason = blob_new(payload.ptr, payload.len);
    if (!(ws->flags & WEBSOCKET_CLOSE_SENT))
        websocket_send_close(ws, code, DM_SLICE(""));
    websocket_hang_up(ws);
}

static void got_control(struct websocket *ws, uint8_t kind, struct dm_slice payload) {
    if (kind == WEBSOCKET_CLOSE)
        got_close(ws, payload);
    else if (kind == WEBSOCKET_PING && !websocket_is_full(ws))
        websocket_send(ws, WEBSOCKET_PONG, payload);
}

static void fail_text(struct websocket *ws) {
    fail(ws, WEBSOCKET_CODE_INVALID_DATA, DM_SLICE("text is no UTF-8"));
}

/* Whole, in one place. */
static void got_message(struct websocket *ws, uint8_t kind, struct dm_slice data) {
    if (ws->flags & WEBSOCKET_CLOSE_SENT)
        return;
    if (kind == WEBSOCKET_TEXT && !utf8_valid(data))
        fail_text(ws);
    else
        ws->handler->message(ws, (enum websocket_kind)kind, data);
}

/* The message in pieces is whole. */
static void message_end(struct websocket *ws) {
    struct websocket_partial *partial = ws->partial;
    uint8_t kind = partial->kind;
    struct dm_slice data = buf_slice(&partial->message);
    if (!(ws->flags & WEBSOCKET_CLOSE_SENT)) {
        if (kind == WEBSOCKET_TEXT && partial->checked < data.len)
            fail_text(ws);
        else
            ws->handler->message(ws, (enum websocket_kind)kind, data);
    }
    partial->kind = 0;
    partial->checked = 0;
    buf_fini(&partial->message);
}

/* Text that cannot become valid any more is not read to its end (section 8.1). */
static void check_text(struct websocket *ws) {
    struct websocket_partial *partial = ws->partial;
    struct dm_slice fresh = { partial->message.data + partial->checked,
                              partial->message.len - partial->checked };
    size_t len;
    if (!utf8_valid_so_far(fresh, &len))
        fail_text(ws);
    partial->checked += len;
}

/* A piece of a frame's payload, of a message that comes in several. */
static void append(struct websocket *ws, const struct websocket_header *header,
                   struct dm_slice data) {
    struct websocket_partial *partial = partial_get(ws);
    if (header->kind != KIND_CONTINUATION)
        partial->kind = header->kind;
    if (ws->flags & WEBSOCKET_CLOSE_SENT)
        return;
    buf_append_slice(&partial->message, data);
    if (partial->kind == WEBSOCKET_TEXT && data.len)
        check_text(ws);
}

/* A frame whose payload lies in one place. */
static void got_frame(struct websocket *ws, const struct websocket_header *header,
                      struct dm_slice payload) {
    if (header->kind & KIND_IS_CONTROL) {
        got_control(ws, header->kind, payload);
    } else if (header->fin && header->kind != KIND_CONTINUATION) {
        got_message(ws, header->kind, payload);
    } else {
        append(ws, header, payload);
        if (header->fin)
            message_end(ws);
    }
}

/* ---- frames in pieces ---- */

static void control_append(struct websocket_partial *partial, struct dm_slice piece) {
    memcpy(partial->control + partial->control_len, piece.ptr, piece.len);
    partial->control_len = (uint8_t)(partial->control_len + piece.len);
}

static void last_piece(struct websocket *ws, struct dm_slice piece) {
    struct websocket_partial *partial = ws->partial;
    struct websocket_header header = *frame_reader_header(partial->reader);
    struct frame_reader *reader = partial->reader;
    partial->reader = NULL;
    if (piece.len == header.length) {
        got_frame(ws, &header, piece);
    } else if (header.kind & KIND_IS_CONTROL) {
        control_append(partial, piece);
        got_control(ws, header.kind,
                    (struct dm_slice){ (const char *)partial->control, partial->control_len });
    } else {
        append(ws, &header, piece);
        if (header.fin)
            message_end(ws);
    }
    partial->control_len = 0;
    frame_reader_put(reader);
    partial_drop_if_idle(ws);
    if (ws->flags & WEBSOCKET_OVERSIZE)
        websocket_hang_up(ws);
}

static void got_piece(struct websocket *ws, struct dm_slice piece) {
    struct websocket_partial *partial = ws->partial;
    const struct websocket_header *header = frame_reader_header(partial->reader);
    if (frame_reader_is_done(partial->reader))
        last_piece(ws, piece);
    else if (header->kind & KIND_IS_CONTROL)
        control_append(partial, piece);
    else
        append(ws, header, piece);
}

static size_t feed_reader(struct websocket *ws, const uint8_t *data, size_t len) {
    struct frame_reader *reader = ws->partial->reader;
    struct dm_slice piece;
    size_t used;
    switch (frame_reader_feed(reader, data, len, &used, &piece)) {
    case FRAME_MORE:
        assert(used == len);
        break;
    case FRAME_HEADER:
        if (header_ok(ws, frame_reader_header(reader)) && frame_reader_header(reader)->length == 0)
            return used + feed_reader(ws, data + used, len - used);
        break;
    case FRAME_PIECE:
        got_piece(ws, piece);
        break;
    case FRAME_BAD:
        fail_protocol(ws, DM_SLICE("bad frame"));
        break;
    }
    return used;
}

/* ---- feeding ---- */

static size_t feed_frame(struct websocket *ws, uint8_t *data, size_t len) {
    struct websocket_header header;
    if (ws->partial && ws->partial->reader)
        return feed_reader(ws, data, len);
    if (websocket_header_read(data, len, &header) == 0) {
        if (!header_ok(ws, &header))
            return len;
        if (header.length <= len - header.size) {
            uint8_t *payload = data + header.size;
            websocket_unmask(payload, (size_t)header.length, header.mask);
            got_frame(ws, &header,
                      (struct dm_slice){ (const char *)payload, (size_t)header.length });
            partial_drop_if_idle(ws);
            if (ws->flags & WEBSOCKET_OVERSIZE)
                websocket_hang_up(ws);
            return header.size + (size_t)header.length;
        }
    }
    partial_get(ws)->reader = frame_reader_get();
    return feed_reader(ws, data, len);
}

size_t websocket_feed(struct websocket *ws, uint8_t *data, size_t len) {
    struct conn *conn = websocket_conn(ws);
    size_t used = 0;
    websocket_heard(ws);
    while (used < len && !(ws->flags & WEBSOCKET_DEAF) && conn_is_open(conn)) {
        if (websocket_is_full(ws) && !(ws->flags & WEBSOCKET_CLOSE_SENT))
            ws->flags |= WEBSOCKET_FULL;
        if (websocket_is_blocked(ws))
            return used;
        used += feed_frame(ws, data + used, len - used);
    }
    return len;
}
