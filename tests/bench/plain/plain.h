/* What the kernel and libuv take without a gateway: WebSocket servers that do one thing. */
#ifndef DRAGOMAN_BENCH_PLAIN_H
#define DRAGOMAN_BENCH_PLAIN_H

#include <stddef.h>
#include <uv.h>

struct peer;

/* What a server does with bytes behind the handshake, and when a socket is gone. */
struct plain_service {
    const char *name;
    void (*open)(struct peer *peer);
    void (*bytes)(struct peer *peer, unsigned char *data, size_t len);
    void (*close)(struct peer *peer);
};

struct peer {
    uv_tcp_t tcp; /* first */
    const struct plain_service *service;
    struct peer *next, **at; /* among all */
    int upgraded;
    void *state; /* of the service */
};

/* All sockets that are upgraded. */
extern struct peer *plain_peers;

/* Writes at once, or as soon as the kernel takes it; what is left is copied. */
void plain_write(struct peer *peer, const void *data, size_t len);

void plain_drop(struct peer *peer);

extern const struct plain_service plain_fanout; /* each frame to all others */
extern const struct plain_service plain_echo;   /* each message back, by wslay */

#endif
