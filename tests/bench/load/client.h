/* One WebSocket, client side, non-blocking: just enough of RFC 6455 for a server under load.
 *
 *     CONNECTING --101--> OPEN --error, Close--> CLOSED
 *
 * A failure closes the socket and is told by client_state; nothing is tried again. */
#ifndef DRAGOMAN_BENCH_CLIENT_H
#define DRAGOMAN_BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load/options.h"

enum client_state {
    CLIENT_CONNECTING,
    CLIENT_OPEN,
    CLIENT_CLOSED,
};

struct client {
    int fd;
    enum client_state state;
    const char *why;         /* it was closed */
    unsigned close_code;     /* of the server's Close; 0 without one */
    char *rest;              /* a frame's first bytes, until the others come */
    size_t rest_len;
    char *out;               /* waits to be written */
    size_t out_len, out_size, out_from;
    void *owner;
};

/* A whole message of the server. */
typedef void (*client_message_fn)(struct client *client, const char *data, size_t len);

/* Begins to connect and queues the handshake. Returns 0 or a negative errno. */
int client_connect(struct client *client, const struct options *options, const struct user *user,
                   void *owner);

/* Queues a text frame, masked (section 5.3). */
void client_queue(struct client *client, const char *text, size_t len);

/* Writes what is queued, as far as it goes. Returns 1 when something is left. */
int client_flush(struct client *client);

/* Reads once and calls message() for each whole message. */
void client_read(struct client *client, client_message_fn message);

/* Closes and frees what it holds. Idempotent. */
void client_close(struct client *client, const char *why);

#endif
