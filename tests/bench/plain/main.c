#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/plain/plain.h"

/* The load generator always sends the key of RFC 6455, section 1.3. */
#define UPGRADED \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

struct peer *plain_peers;

static const struct plain_service *service;

struct late_write {
    uv_write_t request;
    char data[];
};

static void late_written(uv_write_t *request, int status) {
    free(request);
}

void plain_write(struct peer *peer, const void *data, size_t len) {
    uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
    int n = uv_try_write((uv_stream_t *)&peer->tcp, &buf, 1);
    size_t done = n > 0 ? (size_t)n : 0;
    if (done == len || uv_is_closing((uv_handle_t *)&peer->tcp))
        return;
    struct late_write *late = malloc(sizeof(*late) + len - done);
    memcpy(late->data, (const char *)data + done, len - done);
    buf = uv_buf_init(late->data, (unsigned)(len - done));
    uv_write(&late->request, (uv_stream_t *)&peer->tcp, &buf, 1, late_written);
}

static void closed(uv_handle_t *handle) {
    free(handle);
}

void plain_drop(struct peer *peer) {
    if (uv_is_closing((uv_handle_t *)&peer->tcp))
        return;
    if (peer->upgraded) {
        peer->service->close(peer);
        *peer->at = peer->next;
        if (peer->next)
            peer->next->at = peer->at;
    }
    uv_close((uv_handle_t *)&peer->tcp, closed);
}

static void upgrade(struct peer *peer) {
    peer->upgraded = 1;
    peer->next = plain_peers;
    peer->at = &plain_peers;
    if (plain_peers)
        plain_peers->at = &peer->next;
    plain_peers = peer;
    peer->service->open(peer);
    plain_write(peer, UPGRADED, sizeof(UPGRADED) - 1);
}

static void lend_buffer(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf) {
    static char shared[1 << 18];
    *ret_buf = uv_buf_init(shared, sizeof(shared));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    struct peer *peer = (struct peer *)stream;
    if (n < 0)
        plain_drop(peer);
    else if (n > 0 && peer->upgraded)
        peer->service->bytes(peer, (unsigned char *)buf->base, (size_t)n);
    else if (n > 4 && !memcmp(buf->base + n - 4, "\r\n\r\n", 4))
        upgrade(peer);
}

static void on_connection(uv_stream_t *listener, int status) {
    struct peer *peer = calloc(1, sizeof(*peer));
    peer->service = service;
    uv_tcp_init(listener->loop, &peer->tcp);
    uv_accept(listener, (uv_stream_t *)&peer->tcp);
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_read_start((uv_stream_t *)&peer->tcp, lend_buffer, on_read);
}

int main(int argc, char **argv) {
    uv_tcp_t listener;
    struct sockaddr_in address;
    int size = sizeof(address);
    uv_loop_t *loop = uv_default_loop();
    service = argc == 2 && !strcmp(argv[1], "fanout") ? &plain_fanout
              : argc == 2 && !strcmp(argv[1], "echo") ? &plain_echo : NULL;
    if (!service) {
        fprintf(stderr, "usage: plain fanout|echo\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &listener);
    if (uv_tcp_bind(&listener, (struct sockaddr *)&address, 0) ||
        uv_listen((uv_stream_t *)&listener, 1024, on_connection))
        return 1;
    uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size);
    printf("ready http://127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
