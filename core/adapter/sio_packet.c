/* Packets of Socket.IO connections: which are sound, and where they go. */
#include <stdlib.h>

#include "core/adapter/sio.h"
#include "core/adapter/socketio.h"
#include "core/base/mem.h"

/* A packet that waits for its attachments. */
struct sio_binary {
    struct buf text;
    struct buf bytes;
    uint32_t wanted, count;
    size_t len[SOCKETIO_ATTACHMENTS_MAX];
};

void sio_binary_free(struct sio *sio) {
    if (!sio->binary)
        return;
    buf_fini(&sio->binary->text);
    buf_fini(&sio->binary->bytes);
    free(sio->binary);
    sio->binary = NULL;
}

/* Names that the client library keeps to itself; an event of that name is no valid packet. */
static int is_reserved(struct dm_slice name) {
    static const char *const names[] = { "connect", "connect_error", "disconnect",
                                         "disconnecting", "newListener", "removeListener" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (dm_slice_eq(name, dm_slice_str(names[i])))
            return 1;
    return 0;
}

static int is_event(struct host *host, struct dm_slice data) {
    const struct dm_json *array, *name;

    json_reader_reset(&host->reader);
    array = json_reader_parse(&host->reader, data);
    name = json_value_type(array) == DM_JSON_ARRAY ? json_value_next(array, NULL) : NULL;
    return json_value_type(name) == DM_JSON_INT
           || (json_value_type(name) == DM_JSON_STRING && !is_reserved(json_value_string(name)));
}

static int is_array(struct host *host, struct dm_slice data) {
    json_reader_reset(&host->reader);
    return json_value_type(json_reader_parse(&host->reader, data)) == DM_JSON_ARRAY;
}

static void deliver(struct session *session, const struct socketio_packet *packet,
                    const struct dm_slice *attachments) {
    const struct dm_frame frame = {
        .kind = DM_FRAME_TEXT, .data = packet->data,
        .flags = packet->flags & SOCKETIO_HAS_ID ? DM_FRAME_WANTS_ACK : 0,
        .ack = packet->id,
        .attachments = attachments, .attachment_count = packet->attachments,
    };

    socket_take(session, &frame);
}

/* A packet that is complete. */
static void dispatch(struct sio *sio, const struct socketio_packet *packet,
                     const struct dm_slice *attachments) {
    struct host *host = sio->instance->host;
    struct session *session = sio_find_session(sio, packet->ns);

    if (packet->type == SOCKETIO_CONNECT) {
        sio_connect(sio, packet);
    } else if (!session) {
        sio_fail(sio);
    } else if (session->state != SESSION_OPEN) {
        return;
    } else if (packet->type == SOCKETIO_DISCONNECT && !packet->data.ptr) {
        sio_leave(session);
    } else if ((packet->type == SOCKETIO_EVENT || packet->type == SOCKETIO_BINARY_EVENT)
               && is_event(host, packet->data)) {
        deliver(session, packet, attachments);
    } else if ((packet->type != SOCKETIO_ACK && packet->type != SOCKETIO_BINARY_ACK)
               || !(packet->flags & SOCKETIO_HAS_ID) || !is_array(host, packet->data)) {
        sio_fail(sio);
    }
}

static void begin_binary(struct sio *sio, struct dm_slice text,
                         const struct socketio_packet *packet) {
    sio->binary = mem_zalloc(sizeof(*sio->binary));
    buf_append_slice(&sio->binary->text, text);
    sio->binary->wanted = packet->attachments;
}

void sio_take_text(struct sio *sio, struct dm_slice text) {
    struct socketio_packet packet;

    if (sio->binary || socketio_decode(text, &packet) != 0)
        sio_fail(sio);
    else if (packet.attachments)
        begin_binary(sio, text, &packet);
    else
        dispatch(sio, &packet, NULL);
}

static void end_binary(struct sio *sio) {
    struct sio_binary *binary = sio->binary;
    struct dm_slice attachments[SOCKETIO_ATTACHMENTS_MAX];
    struct socketio_packet packet;
    size_t at = 0;

    for (uint32_t i = 0; i < binary->count; i++) {
        attachments[i] = (struct dm_slice){ buf_slice(&binary->bytes).ptr + at, binary->len[i] };
        at += binary->len[i];
    }
    (void)socketio_decode(buf_slice(&binary->text), &packet);
    dispatch(sio, &packet, attachments);
    sio_binary_free(sio);
}

void sio_take_attachment(struct sio *sio, struct dm_slice data) {
    struct sio_binary *binary = sio->binary;

    if (!binary) {
        sio_fail(sio);
    } else if (binary->bytes.len + data.len > sio->instance->payload_max) {
        engineio_close(sio->eio, WEBSOCKET_CODE_TOO_BIG);
    } else {
        buf_append_slice(&binary->bytes, data);
        binary->len[binary->count++] = data.len;
        if (binary->count == binary->wanted)
            end_binary(sio);
    }
}
