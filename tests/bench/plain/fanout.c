#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/plain/plain.h"

/* A frame that was cut off by the end of a read. */
struct rest {
    size_t len;
    unsigned char data[1 << 16];
};

static void fanout_open(struct peer *peer) {
}

static void fanout_close(struct peer *peer) {
    free(peer->state);
}

/* Makes of a client's frame, in place, the server's (RFC 6455, section 5.2); returns its start. */
static unsigned char *unmask(unsigned char *frame, size_t head, size_t len) {
    unsigned char *mask = frame + head, *payload = mask + 4;
    size_t new_head = len < 126 ? 2 : 4;
    for (size_t i = 0; i < len; i++)
        payload[i] ^= mask[i % 4];
    unsigned char *out = payload - new_head;
    out[0] = 0x81;
    out[1] = len < 126 ? (unsigned char)len : 126;
    if (new_head == 4) {
        out[2] = (unsigned char)(len >> 8);
        out[3] = (unsigned char)len;
    }
    return out;
}

static void to_others(const struct peer *sender, const unsigned char *frame, size_t len) {
    for (struct peer *peer = plain_peers, *next; peer; peer = next) {
        next = peer->next;
        if (peer != sender)
            plain_write(peer, frame, len);
    }
}

/* Returns how many bytes were taken. */
static size_t take_frames(struct peer *peer, unsigned char *data, size_t len) {
    size_t taken = 0;
    for (;;) {
        unsigned char *frame = data + taken;
        size_t left = len - taken;
        size_t head = left < 2 ? 2 : (frame[1] & 127) == 126 ? 4 : 2;
        if (left < head + 4)
            return taken;
        size_t payload = head == 2 ? frame[1] & 127u : (size_t)frame[2] << 8 | frame[3];
        if (left < head + 4 + payload)
            return taken;
        int text = (frame[0] & 15) == 1;
        unsigned char *out = unmask(frame, head, payload);
        if (text)
            to_others(peer, out, (size_t)(frame + head + 4 + payload - out));
        taken += head + 4 + payload;
    }
}

static void fanout_bytes(struct peer *peer, unsigned char *data, size_t len) {
    static unsigned char joined[(1 << 16) + (1 << 18)];
    struct rest *rest = peer->state;
    if (rest && rest->len) {
        memcpy(joined, rest->data, rest->len);
        memcpy(joined + rest->len, data, len);
        data = joined;
        len += rest->len;
        rest->len = 0;
    }
    size_t taken = take_frames(peer, data, len);
    if (taken == len)
        return;
    if (!rest)
        peer->state = rest = malloc(sizeof(*rest));
    rest->len = len - taken;
    if (rest->len > sizeof(rest->data))
        abort();
    memcpy(rest->data, data + taken, rest->len);
}

const struct plain_service plain_fanout = {
    .name = "fanout", .open = fanout_open, .bytes = fanout_bytes, .close = fanout_close,
};
