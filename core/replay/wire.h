/* A TCP connection of a replay. */
#ifndef DRAGOMAN_REPLAY_WIRE_H
#define DRAGOMAN_REPLAY_WIRE_H

#include <uv.h>

#include "core/base/slice.h"

struct wire;

/* Run from the loop. Neither runs after wire_close; either may call it. */
struct wire_hooks {
    void (*data)(void *owner, struct dm_slice bytes); /* bytes are valid during the call */
    void (*ended)(void *owner, int status); /* once; 0: the peer closed, else libuv's error */
};

/* Begins to connect; what is written meanwhile waits. cut: write in pieces of this many bytes, 0
 * as it comes. */
struct wire *wire_open(uv_loop_t *loop, const struct sockaddr *address, size_t cut,
                       const struct wire_hooks *hooks, void *owner);

/* Sends a copy of the bytes. */
void wire_write(struct wire *wire, struct dm_slice bytes);

enum wire_end {
    WIRE_CLOSE, /* what was written is still sent by the kernel */
    WIRE_RESET, /* the peer sees a reset */
};

/* Ends the connection and frees it; NULL does nothing. */
void wire_close(struct wire *wire, enum wire_end how);

#endif
