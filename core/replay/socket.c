#include "core/replay/socket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <wslay/wslay.h>

#include "core/base/mem.h"

#define MESSAGE_MAX ((uint64_t)256 << 20)

struct socket {
    const struct socket_hooks *hooks;
    void *owner;
    wslay_event_context_ptr receiver;
    wslay_frame_context_ptr sender;
    struct dm_slice input; /* not yet read by wslay */
    struct buf output;
};

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *data, size_t len, int flags,
                       void *user) {
    struct socket *socket = user;
    size_t count = socket->input.len < len ? socket->input.len : len;
    if (count == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(data, socket->input.ptr, count);
    socket->input.ptr += count;
    socket->input.len -= count;
    return (ssize_t)count;
}

static ssize_t on_frame_output(const uint8_t *data, size_t len, int flags, void *user) {
    struct socket *socket = user;
    buf_append(&socket->output, data, len);
    return (ssize_t)len;
}

static ssize_t on_event_output(wslay_event_context_ptr ctx, const uint8_t *data, size_t len,
                               int flags, void *user) {
    return on_frame_output(data, len, flags, user);
}

static int on_frame_mask(uint8_t *data, size_t len, void *user) {
    return getrandom(data, len, 0) == (ssize_t)len ? 0 : -1;
}

static int on_event_mask(wslay_event_context_ptr ctx, uint8_t *data, size_t len, void *user) {
    return on_frame_mask(data, len, user);
}

static void on_message(wslay_event_context_ptr ctx,
                       const struct wslay_event_on_msg_recv_arg *arg, void *user) {
    struct socket *socket = user;
    struct dm_slice bytes = { arg->msg ? (const char *)arg->msg : "", arg->msg_length };
    if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
        size_t head = bytes.len < 2 ? bytes.len : 2;
        socket->hooks->closing(socket->owner, arg->status_code ? arg->status_code : 1005,
                               (struct dm_slice){ bytes.ptr + head, bytes.len - head });
    } else if (arg->opcode == WSLAY_TEXT_FRAME) {
        socket->hooks->frame(socket->owner, FRAME_TEXT, bytes);
    } else if (arg->opcode == WSLAY_BINARY_FRAME) {
        socket->hooks->frame(socket->owner, FRAME_BINARY, bytes);
    } else if (arg->opcode == WSLAY_PONG) {
        socket->hooks->frame(socket->owner, FRAME_PONG, bytes);
    }
}

struct socket *socket_new(const struct socket_hooks *hooks, void *owner) {
    static const struct wslay_event_callbacks events = {
        .recv_callback = on_recv,
        .send_callback = on_event_output,
        .genmask_callback = on_event_mask,
        .on_msg_recv_callback = on_message,
    };
    static const struct wslay_frame_callbacks frames = {
        .send_callback = on_frame_output,
        .genmask_callback = on_frame_mask,
    };
    struct socket *socket = mem_zalloc(sizeof(*socket));
    socket->hooks = hooks;
    socket->owner = owner;
    if (wslay_event_context_client_init(&socket->receiver, &events, socket) != 0 ||
        wslay_frame_context_init(&socket->sender, &frames, socket) != 0)
        abort();
    wslay_event_config_set_max_recv_msg_length(socket->receiver, MESSAGE_MAX);
    return socket;
}

void socket_free(struct socket *socket) {
    if (!socket)
        return;
    wslay_event_context_free(socket->receiver);
    wslay_frame_context_free(socket->sender);
    buf_fini(&socket->output);
    free(socket);
}

static void flush(struct socket *socket) {
    if (socket->output.len)
        socket->hooks->output(socket->owner, buf_slice(&socket->output));
    buf_reset(&socket->output);
}

int socket_feed(struct socket *socket, struct dm_slice bytes) {
    socket->input = bytes;
    int result = wslay_event_recv(socket->receiver);
    int broken = result != 0 || (!wslay_event_get_read_enabled(socket->receiver) &&
                                 !wslay_event_get_close_received(socket->receiver));
    socket->input = DM_SLICE_NONE;
    if (wslay_event_want_write(socket->receiver))
        wslay_event_send(socket->receiver);
    flush(socket);
    return broken ? -1 : 0;
}

enum frame_place { FRAME_MORE, FRAME_LAST };

static void send_frame(struct socket *socket, uint8_t opcode, struct dm_slice bytes,
                       enum frame_place place) {
    struct wslay_frame_iocb frame = {
        .fin = place == FRAME_LAST, .opcode = opcode, .mask = 1, .payload_length = bytes.len,
        .data = (const uint8_t *)bytes.ptr, .data_length = bytes.len,
    };
    for (;;) {
        ssize_t sent = wslay_frame_send(socket->sender, &frame);
        assert(sent >= 0);
        if (sent < 0 || (size_t)sent >= frame.data_length)
            return;
        frame.data += sent;
        frame.data_length -= (size_t)sent;
    }
}

static uint8_t opcode_of(enum frame_kind kind) {
    static const uint8_t opcodes[] = {
        [FRAME_TEXT] = WSLAY_TEXT_FRAME, [FRAME_BINARY] = WSLAY_BINARY_FRAME,
        [FRAME_PING] = WSLAY_PING, [FRAME_PONG] = WSLAY_PONG,
    };
    return opcodes[kind];
}

/* Sends the first bytes of what is left as a frame of its own. */
static void send_piece(struct socket *socket, uint8_t *opcode, struct dm_slice *bytes,
                       size_t len) {
    len = len < bytes->len ? len : bytes->len;
    send_frame(socket, *opcode, (struct dm_slice){ bytes->ptr, len }, FRAME_MORE);
    bytes->ptr += len;
    bytes->len -= len;
    *opcode = WSLAY_CONTINUATION_FRAME;
}

void socket_send(struct socket *socket, enum frame_kind kind, struct dm_slice bytes,
                 const struct cuts *cuts) {
    uint8_t opcode = opcode_of(kind);
    for (size_t i = 0; i < cuts->count; i++)
        send_piece(socket, &opcode, &bytes, cuts->lengths[i]);
    send_frame(socket, opcode, bytes, FRAME_LAST);
    flush(socket);
}

void socket_send_pieces(struct socket *socket, enum frame_kind kind, struct dm_slice bytes,
                        size_t piece) {
    uint8_t opcode = opcode_of(kind);
    while (bytes.len > piece)
        send_piece(socket, &opcode, &bytes, piece);
    send_frame(socket, opcode, bytes, FRAME_LAST);
    flush(socket);
}

void socket_close(struct socket *socket, unsigned code, struct dm_slice reason) {
    wslay_event_queue_close(socket->receiver, (uint16_t)code, (const uint8_t *)reason.ptr,
                            reason.len);
    wslay_event_send(socket->receiver);
    flush(socket);
}
