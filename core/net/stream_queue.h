/* The send queue of a stream: references to blobs, and chunks into which small writes are copied
 * one behind the other. Up to one piece it needs no memory of its own. Private to the files of the
 * stream. */
#ifndef DRAGOMAN_NET_STREAM_QUEUE_H
#define DRAGOMAN_NET_STREAM_QUEUE_H

#include <stddef.h>
#include <sys/uio.h>

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/net/stream.h"

/* What one reference is charged for, beside its bytes. */
#define STREAM_PIECE_CHARGE 32

void stream_queue_init(struct stream_queue *queue);

/* Drops everything. */
void stream_queue_clear(struct stream_queue *queue);

/* Appends copies of the parts, one behind the other. */
void stream_queue_copy(struct stream_queue *queue, const struct dm_slice *parts, size_t count);

/* Appends a further reference to the blob. */
void stream_queue_ref(struct stream_queue *queue, struct blob *blob);

/* 1 when len bytes would fit behind what was copied last, without a new chunk. */
int stream_queue_has_room(struct stream_queue *queue, size_t len);

/* Describes at most max pieces from the front; returns how many, and their bytes. */
int stream_queue_front(struct stream_queue *queue, struct iovec *ret_iov, int max,
                       size_t *ret_bytes);

/* The first len bytes have left. */
void stream_queue_consume(struct stream_queue *queue, size_t len);

static inline int stream_queue_is_empty(const struct stream_queue *queue) {
    return queue->count == 0;
}

#endif
