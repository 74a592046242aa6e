/* Shared by the files of stream.h only. */
#ifndef DRAGOMAN_NET_STREAM_INTERNAL_H
#define DRAGOMAN_NET_STREAM_INTERNAL_H

#include "core/net/loop_internal.h"
#include "core/net/stream.h"

extern struct stream_layer stream_socket_layer;

enum stream_flag {
    STREAM_PAUSED = 1,     /* the owner wants no data */
    STREAM_EOF = 2,        /* the peer has ended its direction */
    STREAM_EOF_TOLD = 4,   /* ... and the owner knows */
    STREAM_BLOCKED = 8,    /* the kernel takes no more for now */
    STREAM_WAS_FULL = 16,  /* `drained` is owed */
    STREAM_SHUT = 32,      /* our direction is shut down */
    STREAM_READ_AGAIN = 64, /* the layer has bytes that readiness will not announce */
    STREAM_ENDS = 128      /* our direction is shut down as soon as the queue is empty */
};

/* `more` may be what wraps around to less. */
static inline void stream_total_add(struct stream_total *total, uint64_t more) {
    for (; total; total = total->whole)
        total->bytes += more;
}

/* The queue held `before` bytes when it was last counted. */
static inline void stream_account(const struct stream *stream, uint32_t before) {
    uint64_t more = (uint64_t)stream->queue.bytes - before;
    stream->loop->queued += more;
    stream_total_add(stream->limits->total, more);
}

/* ---- stream.c ---- */

/* Asks libuv for what the stream waits for now. */
void stream_poll_update(struct stream *stream);

/* GONE; `closed` follows. Does nothing when it is. */
void stream_finish(struct stream *stream, enum stream_end why);

/* The same for a negative errno of the layer's. */
void stream_fail(struct stream *stream, ssize_t error);

/* ---- stream_write.c ---- */

/* Sends what the kernel takes, and ends what was to end behind it. */
void stream_flush(struct stream *stream);

#endif
