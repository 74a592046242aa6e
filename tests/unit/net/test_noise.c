/* Bytes that were good once: nothing may break, whatever is answered. */
#include "tests/unit/net/net_check.h"

static void answer(struct net *net, struct http_exchange *exchange) {
    if (http_request(exchange)->upgrade == HTTP_UPGRADE_WEBSOCKET) {
        net_accept(net, exchange);
        return;
    }
    net->echoes = 1;
    http_attach(exchange, &net_http_handler, net);
    http_collect(exchange, 1000);
}

static const char requests[] =
    "GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
    "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: t\r\n\r\n"
    "POST /d HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab"
    "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n";

static void mutate(struct buf *bytes, uint64_t *seed) {
    for (uint64_t left = 1 + sequence_next(seed) % 4; left > 0; left--) {
        size_t at = sequence_next(seed) % bytes->len;
        switch (sequence_next(seed) % 4) {
        case 0:
            bytes->data[at] = (char)sequence_next(seed);
            break;
        case 1:
            bytes->data[at] = "\r\n :%\0;,\x80\xff"[sequence_next(seed) % 10];
            break;
        case 2:
            memmove(bytes->data + at, bytes->data + at + 1, bytes->len - at - 1);
            bytes->len--;
            break;
        default:
            bytes->data[at] = (char)(bytes->data[at] ^ (1 << sequence_next(seed) % 8));
        }
    }
}

static void send_cut(struct net *net, struct dm_slice bytes, uint64_t *seed) {
    while (bytes.len) {
        size_t n = 1 + sequence_next(seed) % 100;
        n = n < bytes.len ? n : bytes.len;
        net_put(net, (struct dm_slice){ bytes.ptr, n });
        if (sequence_next(seed) % 2)
            loop_run_once(net->loop);
        bytes = (struct dm_slice){ bytes.ptr + n, bytes.len - n };
    }
    net_settle(net);
}

/* A connection that the same server opens afterwards works. */
static void check_alive(struct net *net) {
    net_reconnect(net);
    net_send_str(net, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    check_true(text_begins(net_take(net), "HTTP/1.1 200 "));
    net_reconnect(net);
}

Test(noise, requests) {
    struct net net = { 0 };
    uint64_t seed = 1;
    net_open(&net, answer);
    for (int i = 0; i < 2000; i++) {
        struct buf bytes = BUF_INIT;
        buf_append(&bytes, requests, sizeof(requests) - 1);
        mutate(&bytes, &seed);
        send_cut(&net, buf_slice(&bytes), &seed);
        buf_fini(&bytes);
        net_reconnect(&net);
    }
    check_alive(&net);
    net_close(&net);
}

static void add_frames(struct buf *bytes, uint64_t *seed) {
    static const uint8_t firsts[] = { 0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88 };
    char payload[300];
    for (int i = 0; i < 8; i++) {
        uint8_t first = firsts[sequence_next(seed) % ARRAY_LEN(firsts)];
        size_t len = sequence_next(seed) % (first & 8 ? 126 : sizeof(payload));
        memset(payload, (int)sequence_next(seed) & 0x7f, len);
        frame_append(bytes, first, FRAME_MASKED, (struct dm_slice){ payload, len });
    }
}

Test(noise, frames) {
    struct net net = { 0 };
    uint64_t seed = 2;
    net_open(&net, answer);
    for (int i = 0; i < 2000; i++) {
        struct buf bytes = BUF_INIT;
        net_send_str(&net, net_handshake);
        add_frames(&bytes, &seed);
        mutate(&bytes, &seed);
        send_cut(&net, buf_slice(&bytes), &seed);
        buf_fini(&bytes);
        net_reconnect(&net);
    }
    check_alive(&net);
    net_close(&net);
}
