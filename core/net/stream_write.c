/* The writing half of a stream: what goes into its queue, how it leaves, and the end behind it. */
#include <errno.h>

#include "core/net/stream_internal.h"
#include "core/net/stream_queue.h"

/* Pieces per system call, and calls per turn, after which other streams get their turn. */
#define FLUSH_PIECES 64
#define FLUSH_CALLS 16
#define COPY_MAX 512

/* ---- into the queue ---- */

static int queue_check(struct stream *stream, size_t len) {
    if (stream->state != STREAM_OPEN || stream->flags & STREAM_ENDS)
        return -EPIPE;
    size_t before = stream->queue.bytes;
    if (before < stream->limits->high || before + len + STREAM_PIECE_CHARGE <= stream->limits->max)
        return 0;
    stream_finish(stream, STREAM_END_SLOW);
    return -ENOBUFS;
}

/* So many bytes were in the queue before something was put into it. */
static void queued(struct stream *stream, uint32_t before) {
    stream_account(stream, before);
    if (stream->queue.bytes >= stream->limits->high)
        stream->flags |= STREAM_WAS_FULL;
    loop_hook_mark(stream->loop, &stream->hook, LOOP_FLUSH);
}

int stream_write_parts(struct stream *stream, const struct dm_slice *parts, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].len;
    int r = queue_check(stream, total);
    if (r < 0)
        return r;
    uint32_t before = stream->queue.bytes;
    stream_queue_copy(&stream->queue, parts, count);
    queued(stream, before);
    return 0;
}

int stream_write(struct stream *stream, const void *data, size_t len) {
    struct dm_slice part = { data, len };
    return stream_write_parts(stream, &part, 1);
}

int stream_write_blob(struct stream *stream, struct blob *blob) {
    /* A copy behind others costs less than a further piece of the system call. */
    if (blob->len <= COPY_MAX && stream_queue_has_room(&stream->queue, blob->len))
        return stream_write(stream, blob->data, blob->len);
    int r = queue_check(stream, blob->len);
    if (r < 0)
        return r;
    uint32_t before = stream->queue.bytes;
    stream_queue_ref(&stream->queue, blob);
    queued(stream, before);
    return 0;
}

size_t stream_queued(const struct stream *stream) {
    return stream->queue.bytes;
}

uint64_t stream_queued_total(const struct loop *loop) {
    return loop->queued;
}

int stream_is_full(const struct stream *stream) {
    return stream->queue.bytes >= stream->limits->high;
}

void stream_set_limits(struct stream *stream, const struct stream_limits *limits) {
    stream_total_add(stream->limits->total, 0 - (uint64_t)stream->queue.bytes);
    stream->limits = limits;
    stream_total_add(limits->total, stream->queue.bytes);
}

void stream_end_writing(struct stream *stream) {
    if (stream->state != STREAM_OPEN)
        return;
    stream->flags |= STREAM_ENDS;
    loop_hook_mark(stream->loop, &stream->hook, LOOP_FLUSH);
}

/* ---- out of it ---- */

/* Our direction. Returns 1 when it is shut down. */
static int end_direction(struct stream *stream) {
    unsigned want = 0;
    if (stream->flags & STREAM_SHUT)
        return 1;
    int r = stream->layer->ops->shutdown(stream->layer, stream->fd, &want);
    if (r == -EAGAIN) {
        stream->flags |= STREAM_BLOCKED;
        stream->write_want = (uint8_t)want;
        return 0;
    }
    if (r < 0) {
        stream_fail(stream, r == -ENOTCONN ? -EPIPE : r);
        return 0;
    }
    stream->flags |= STREAM_SHUT;
    return 1;
}

static void linger(struct stream *stream) {
    stream->state = STREAM_LINGERING;
    loop_timer_arm(stream->loop, &stream->timer, stream->linger_ms);
    if (stream->flags & STREAM_EOF)
        stream_finish(stream, STREAM_END_CLOSED);
}

/* Nothing is queued any more. */
static void end_if_asked(struct stream *stream) {
    if (stream->state == STREAM_FLUSHING && end_direction(stream))
        linger(stream);
    else if (stream->state == STREAM_OPEN && stream->flags & STREAM_ENDS)
        end_direction(stream);
}

static void tell_drained(struct stream *stream) {
    if (!(stream->flags & STREAM_WAS_FULL) || stream->queue.bytes > stream->limits->low)
        return;
    stream->flags &= (uint16_t)~STREAM_WAS_FULL;
    if (stream->state == STREAM_OPEN && stream->handler->drained)
        stream->handler->drained(stream);
}

static void consume(struct stream *stream, size_t len) {
    uint32_t before = stream->queue.bytes;
    stream_queue_consume(&stream->queue, len);
    stream_account(stream, before);
}

/* One system call; 1 when there is more to do at once, 0 when not, negative errno on failure. */
static ssize_t flush_once(struct stream *stream) {
    struct iovec iov[FLUSH_PIECES];
    size_t bytes;
    int count = stream_queue_front(&stream->queue, iov, FLUSH_PIECES, &bytes);
    unsigned want = 0;
    ssize_t n = stream->layer->ops->write(stream->layer, stream->fd, iov, count, &want);
    if (n < 0 && n != -EAGAIN)
        return n;
    if (n > 0)
        consume(stream, (size_t)n);
    if (n > 0 && stream->state == STREAM_FLUSHING)
        loop_timer_arm(stream->loop, &stream->timer, stream->flush_ms);
    if (n == (ssize_t)bytes)
        return !stream_queue_is_empty(&stream->queue);
    stream->flags |= STREAM_BLOCKED;
    stream->write_want = (uint8_t)(n < 0 ? want : STREAM_WANT_WRITE);
    return 0;
}

void stream_flush(struct stream *stream) {
    ssize_t r = !stream_queue_is_empty(&stream->queue);
    for (int calls = 0; r > 0 && calls < FLUSH_CALLS; calls++)
        r = flush_once(stream);
    if (r < 0) {
        stream_fail(stream, r);
        return;
    }
    if (r > 0) {
        stream->flags |= STREAM_BLOCKED;
        stream->write_want = STREAM_WANT_WRITE;
    }
    if (stream_queue_is_empty(&stream->queue))
        end_if_asked(stream);
    stream_poll_update(stream);
    tell_drained(stream);
}
