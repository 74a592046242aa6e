/* What carries a socket's frames: a WebSocket, an Engine.IO session, or a namespace of a Socket.IO
 * connection. */
#include "core/adapter/internal.h"
#include "core/adapter/sio.h"
#include "core/adapter/socketio.h"

struct framing session_framing(const struct session *session) {
    return (struct framing){ session->pub.kind, session->seat ? session->seat->ns : NULL };
}

/* Two blobs in one. */
struct blob *carrier_join(struct blob *first, struct blob *second) {
    struct blob *both;

    if (!first)
        return second;
    both = blob_alloc(first->len + second->len);
    memcpy(both->data, first->data, first->len);
    memcpy(both->data + first->len, second->data, second->len);
    (void)blob_unref(first);
    (void)blob_unref(second);
    return both;
}

static struct blob *packet_blob(const struct out *out, const char *ns, struct dm_slice payload) {
    struct socketio_packet packet = {
        .type = out->flags & OUT_ACK ? SOCKETIO_ACK : SOCKETIO_EVENT,
        .flags = out->flags & OUT_ACK ? SOCKETIO_HAS_ID : 0,
        .attachments = out->attachment_count,
        .ns = dm_slice_str(ns),
        .id = out->ack,
        .data = payload,
    };
    struct buf text = BUF_INIT;
    struct blob *blob;
    size_t at = 0;

    if (packet.attachments)
        packet.type = out->flags & OUT_ACK ? SOCKETIO_BINARY_ACK : SOCKETIO_BINARY_EVENT;
    buf_append_char(&text, ENGINEIO_MESSAGE);
    socketio_encode(&packet, &text);
    blob = websocket_frame_blob(WEBSOCKET_TEXT, buf_slice(&text));
    buf_fini(&text);
    for (uint32_t i = 0; i < out->attachment_count; i++) {
        struct dm_slice bytes = { out->attached.data + at, out->attachment_len[i] };

        blob = carrier_join(blob, websocket_frame_blob(WEBSOCKET_BINARY, bytes));
        at += bytes.len;
    }
    return blob;
}

/* A text message of Engine.IO has its packet's type in front; a binary one stands for itself. */
static struct blob *message_blob(struct dm_slice payload) {
    struct buf text = BUF_INIT;
    struct blob *blob;

    buf_append_char(&text, ENGINEIO_MESSAGE);
    buf_append_slice(&text, payload);
    blob = websocket_frame_blob(WEBSOCKET_TEXT, buf_slice(&text));
    buf_fini(&text);
    return blob;
}

struct blob *carrier_frame(const struct out *out, const struct framing *framing,
                           enum dm_frame_kind kind, struct dm_slice payload) {
    if (framing->kind == DM_SESSION_SOCKETIO)
        return packet_blob(out, framing->ns, payload);
    if (framing->kind == DM_SESSION_ENGINEIO && kind == DM_FRAME_TEXT)
        return message_blob(payload);
    return websocket_frame_blob(kind == DM_FRAME_BINARY ? WEBSOCKET_BINARY : WEBSOCKET_TEXT,
                                payload);
}

const char *carrier_check(const struct out *out, const struct framing *framing,
                          enum dm_frame_kind kind) {
    int is_event = framing->kind == DM_SESSION_SOCKETIO;

    if (is_event && kind == DM_FRAME_BINARY)
        return "frame: a Socket.IO event is text";
    if (!is_event && (out->flags & OUT_ACK || out->attachment_count))
        return "frame: acknowledgements and attachments are Socket.IO's";
    return NULL;
}

int carrier_send(struct session *session, const struct out *out, enum dm_frame_kind kind,
                 struct dm_slice payload) {
    const struct framing framing = session_framing(session);
    struct blob *blob;
    int r;

    if (session->ws)
        return websocket_send(session->ws,
                              kind == DM_FRAME_BINARY ? WEBSOCKET_BINARY : WEBSOCKET_TEXT,
                              payload);
    blob = carrier_frame(out, &framing, kind, payload);
    r = carrier_send_blob(session, blob);
    (void)blob_unref(blob);
    return r;
}

int carrier_send_blob(struct session *session, struct blob *frames) {
    return session->ws ? websocket_send_blob(session->ws, frames)
                       : engineio_send_blob(session->seat->sio->eio, frames);
}

void carrier_set_max_message(struct session *session, uint32_t bytes) {
    if (session->ws)
        websocket_set_max_message(session->ws, bytes);
    else
        sio_update_limit(session->seat->sio);
}

void carrier_pause(struct session *session) {
    if (session->ws)
        websocket_pause(session->ws);
    else
        engineio_pause(session->seat->sio->eio);
}

void carrier_resume(struct session *session) {
    if (session->ws)
        websocket_resume(session->ws);
    else
        sio_update_pause(session->seat->sio);
}

void carrier_close(struct session *session, uint16_t code) {
    if (session->ws) {
        websocket_close(session->ws, code, DM_SLICE_NONE);
        /* The peer's Close must be read, however much came before it. */
        websocket_resume(session->ws);
    } else {
        sio_session_closing(session, code);
    }
}
