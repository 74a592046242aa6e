#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "tests/bench/plain/plain.h"

/* Bytes to be read and to be written, while wslay is at work. */
static const unsigned char *input;
static size_t input_len;
static unsigned char output[1 << 20];
static size_t output_len;

static ssize_t feed(wslay_event_context_ptr context, uint8_t *buf, size_t len, int flags,
                    void *user) {
    size_t n = len < input_len ? len : input_len;
    if (!n) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buf, input, n);
    input += n;
    input_len -= n;
    return (ssize_t)n;
}

static ssize_t collect(wslay_event_context_ptr context, const uint8_t *data, size_t len, int flags,
                       void *user) {
    size_t n = sizeof(output) - output_len;
    if (!n) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    n = len < n ? len : n;
    memcpy(output + output_len, data, n);
    output_len += n;
    return (ssize_t)n;
}

static void got(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message,
                void *user) {
    const struct wslay_event_msg reply = { message->opcode, message->msg, message->msg_length };
    if (!wslay_is_ctrl_frame(message->opcode))
        wslay_event_queue_msg(context, &reply);
}

static void echo_open(struct peer *peer) {
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = feed, .send_callback = collect, .on_msg_recv_callback = got,
    };
    wslay_event_context_ptr context = NULL;
    if (wslay_event_context_server_init(&context, &callbacks, peer))
        abort();
    peer->state = context;
}

/* One write for all that one read brought. */
static void echo_bytes(struct peer *peer, unsigned char *data, size_t len) {
    wslay_event_context_ptr context = peer->state;
    input = data;
    input_len = len;
    if (wslay_event_recv(context)) {
        plain_drop(peer);
        return;
    }
    do {
        output_len = 0;
        if (wslay_event_send(context)) {
            plain_drop(peer);
            return;
        }
        if (output_len)
            plain_write(peer, output, output_len);
    } while (output_len == sizeof(output));
}

static void echo_close(struct peer *peer) {
    wslay_event_context_free(peer->state);
}

const struct plain_service plain_echo = {
    .name = "echo", .open = echo_open, .bytes = echo_bytes, .close = echo_close,
};
