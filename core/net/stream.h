/* An accepted byte stream: reads without a buffer of its own, queues what is written and sends it
 * once per turn, and ends in exactly one `closed`.
 *
 *     OPEN --stream_close--> FLUSHING --queue empty--> LINGERING --peer's end, timeout--> GONE
 *       \______________________\_____ stream_abort, error, timeout, limit _________________/
 *
 * OPEN: data and eof are delivered. FLUSHING: what is queued still leaves; nothing is delivered.
 * LINGERING: our direction is shut down, what the peer sends is thrown away (closing with unread
 * bytes would reset the connection and could destroy what it has not read yet). GONE: `closed` is
 * due. No callback ever runs inside a call of this header. */
#ifndef DRAGOMAN_NET_STREAM_H
#define DRAGOMAN_NET_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/net/loop.h"

struct stream;

enum stream_state {
    STREAM_OPEN,
    STREAM_FLUSHING,
    STREAM_LINGERING,
    STREAM_GONE,
};

/* Why a stream ended. */
enum stream_end {
    STREAM_END_CLOSED,  /* stream_close ran to its end */
    STREAM_END_PEER,    /* the peer reset it, or was found dead by the kernel */
    STREAM_END_TIMEOUT, /* a deadline passed: the owner's, or stream_close's with bytes queued */
    STREAM_END_SLOW,    /* more was queued than the hard limit allows */
    STREAM_END_ABORTED, /* the owner gave it up */
    STREAM_END_ERROR,   /* another system error */
};

/* A word for logs and labels: "closed", "peer", "timeout", "slow", "aborted", "error". */
const char *stream_end_name(enum stream_end end);

struct stream_handler {
    /* Bytes came. They lie in the loop's scratch buffer: writable, and gone after the call. Not
     * called while reading is paused. Required. */
    void (*data)(struct stream *stream, uint8_t *data, size_t len);
    /* The peer will send nothing more (it may still read). Once, and never before data that came
     * earlier. NULL: the stream is closed. */
    void (*eof)(struct stream *stream);
    /* The queue has fallen to the low mark after it had reached the high one. May be NULL. */
    void (*drained)(struct stream *stream);
    /* The deadline of stream_set_deadline has passed. NULL: aborted with STREAM_END_TIMEOUT. */
    void (*timeout)(struct stream *stream);
    /* The last callback, exactly once. The descriptor is closed. The owner may free the memory. */
    void (*closed)(struct stream *stream, enum stream_end why);
};

/* What is queued in several streams together, kept up to date by them. */
struct stream_total {
    uint64_t bytes;
    struct stream_total *whole; /* what it is a part of; NULL: of nothing */
};

/* Bytes queued and not yet taken by the kernel. Shared by many streams; must outlive them. */
struct stream_limits {
    uint32_t low;  /* `drained` at or below */
    uint32_t high; /* stream_is_full at or above */
    uint32_t max;  /* above it the stream is aborted with STREAM_END_SLOW; one write may pass it
                      while the queue is below `high`: that peer is not slow */
    struct stream_total *total; /* of all streams with these limits; NULL: nobody asks */
};

/* What lies between a stream and its descriptor, e.g. TLS. The plain socket is the default. All
 * calls are non-blocking and on the loop's thread. */
enum stream_want {
    STREAM_WANT_READ = 1,
    STREAM_WANT_WRITE = 2,
};

struct stream_layer;

struct stream_layer_ops {
    /* As recv(2) and sendmsg(2): the count, 0 at the peer's orderly end (read only), or a negative
     * errno. With -EAGAIN they set ret_want to what the descriptor must become ready for. Without
     * -EAGAIN ret_want is not touched. */
    ssize_t (*read)(struct stream_layer *layer, int fd, void *data, size_t len,
                    unsigned *ret_want);
    ssize_t (*write)(struct stream_layer *layer, int fd, const struct iovec *iov, int count,
                     unsigned *ret_want);
    /* Ends our direction. 0, or as above; called again after -EAGAIN. */
    int (*shutdown)(struct stream_layer *layer, int fd, unsigned *ret_want);
    /* 1 when a read would succeed without the descriptor becoming ready. */
    int (*pending)(const struct stream_layer *layer);
    void (*free)(struct stream_layer *layer);
};

/* The first member of a layer's own struct. */
struct stream_layer {
    const struct stream_layer_ops *ops;
};

/* Bytes [at, at + len) of blob. */
struct stream_piece {
    struct blob *blob;
    uint32_t at;
    uint32_t len;
};

/* Visible only to be embedded; fields are the stream's. bytes includes the charges. */
struct stream_queue {
    struct stream_piece only; /* the piece while there is no store: most queues never hold two */
    struct blob *store;       /* cap pieces, count of them used from head on; or NULL */
    uint32_t head;
    uint32_t count;
    uint32_t cap;
    uint32_t bytes;
};

/* Visible only so that an owner can embed it; fields are the stream's. */
struct stream {
    uv_poll_t poll;
    struct loop *loop;
    const struct stream_handler *handler;
    const struct stream_limits *limits;
    struct stream_layer *layer;
    struct stream_queue queue;
    struct loop_hook hook;
    struct loop_timer timer;
    int fd;
    uint32_t flush_ms;
    uint32_t linger_ms;
    uint16_t flags;
    uint8_t state;
    uint8_t end;
    uint8_t watched;    /* UV_READABLE and so on that poll waits for now */
    uint8_t read_want;  /* STREAM_WANT_ of the layer, for its next read and write */
    uint8_t write_want;
};

/* Starts reading fd (a connected non-blocking stream socket) in the next turn. layer may be NULL
 * (plain). Returns 0; fd and layer are the stream's from then on. On a negative errno they are
 * still the caller's, and no callback follows. */
int stream_init(struct stream *stream, struct loop *loop, int fd, struct stream_layer *layer,
                const struct stream_limits *limits, const struct stream_handler *handler);

/* Queues a copy of the bytes. Everything queued in a turn leaves in one system call at its end.
 * Returns 0; -EPIPE when the stream is no longer open (nothing queued); -ENOBUFS when the hard
 * limit is passed: the stream is then aborted. */
int stream_write(struct stream *stream, const void *data, size_t len);

/* The same for several parts, one behind the other, all or none. */
int stream_write_parts(struct stream *stream, const struct dm_slice *parts, size_t count);

/* The same with a further reference to the blob; the caller's own reference stays its own. Small
 * blobs may be copied instead. */
int stream_write_blob(struct stream *stream, struct blob *blob);

/* Bytes that the kernel has not taken yet, with a small charge for each reference. */
size_t stream_queued(const struct stream *stream);

/* The same of all streams of a loop. */
uint64_t stream_queued_total(const struct loop *loop);

/* 1 at or above the high mark: who produces should wait for `drained`. Else 0. */
int stream_is_full(const struct stream *stream);

/* No `data` and no `eof` until resumed; then the kernel's buffers push back on the peer. A stream
 * that neither reads nor writes does not notice that its peer is gone. Idempotent. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Other limits from now on. */
void stream_set_limits(struct stream *stream, const struct stream_limits *limits);

/* One deadline per open stream, in milliseconds from now; 0 takes it away. */
void stream_set_deadline(struct stream *stream, uint64_t ms);

/* Ends our direction behind what is queued; the stream stays open for reading. Writes are -EPIPE
 * from then on. */
void stream_end_writing(struct stream *stream);

/* Graceful: flush, shut down our direction, wait for the peer's end, close. flush_ms (> 0) is the
 * most that may pass in which the peer takes nothing of what is queued, linger_ms (> 0) the most
 * that its end is waited for. Does nothing unless OPEN. */
void stream_close(struct stream *stream, uint32_t flush_ms, uint32_t linger_ms);

/* Immediate: what is queued is dropped. Does nothing when GONE. */
void stream_abort(struct stream *stream, enum stream_end why);

static inline enum stream_state stream_get_state(const struct stream *stream) {
    return (enum stream_state)stream->state;
}

/* Borrowed; for getsockopt and handing over. */
static inline int stream_fd(const struct stream *stream) {
    return stream->fd;
}

#endif
