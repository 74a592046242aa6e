#include "core/net/stream.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/stream_internal.h"
#include "core/net/stream_queue.h"

/* Calls per turn, after which other streams get their turn. */
#define READ_CALLS 4

static void on_poll(uv_poll_t *poll, int status, int events);

const char *stream_end_name(enum stream_end end) {
    static const char *const names[] = {
        [STREAM_END_CLOSED] = "closed", [STREAM_END_PEER] = "peer",
        [STREAM_END_TIMEOUT] = "timeout", [STREAM_END_SLOW] = "slow",
        [STREAM_END_ABORTED] = "aborted", [STREAM_END_ERROR] = "error",
    };
    return (unsigned)end < sizeof(names) / sizeof(*names) ? names[end] : "unknown";
}

static int wants_read(const struct stream *stream) {
    if (stream->flags & STREAM_EOF)
        return 0;
    return stream->state != STREAM_OPEN || !(stream->flags & STREAM_PAUSED);
}

static uint8_t poll_events(unsigned want) {
    return (uint8_t)((want & STREAM_WANT_READ ? UV_READABLE : 0) |
                     (want & STREAM_WANT_WRITE ? UV_WRITABLE : 0));
}

void stream_poll_update(struct stream *stream) {
    uint8_t events = 0;
    if (wants_read(stream))
        events |= poll_events(stream->read_want);
    if (stream->flags & STREAM_BLOCKED)
        events |= poll_events(stream->write_want);
    if (events == stream->watched || stream->state == STREAM_GONE)
        return;
    stream->watched = events;
    if (events)
        uv_poll_start(&stream->poll, events, on_poll);
    else
        uv_poll_stop(&stream->poll);
}

static void on_closed(uv_handle_t *handle) {
    struct stream *stream = container_of((uv_poll_t *)handle, struct stream, poll);
    stream->layer->ops->free(stream->layer);
    close(stream->fd);
    stream->handler->closed(stream, (enum stream_end)stream->end);
}

void stream_finish(struct stream *stream, enum stream_end why) {
    if (stream->state == STREAM_GONE)
        return;
    stream->state = STREAM_GONE;
    stream->end = (uint8_t)why;
    uint32_t before = stream->queue.bytes;
    stream_queue_clear(&stream->queue);
    stream_account(stream, before);
    loop_hook_cancel(&stream->hook);
    loop_timer_cancel(stream->loop, &stream->timer);
    uv_close((uv_handle_t *)&stream->poll, on_closed);
}

void stream_fail(struct stream *stream, ssize_t error) {
    int is_peer = error == -ECONNRESET || error == -EPIPE || error == -ETIMEDOUT ||
                  error == -EHOSTUNREACH || error == -ENETUNREACH || error == -ENETDOWN;
    stream_finish(stream, is_peer ? STREAM_END_PEER : STREAM_END_ERROR);
}

/* ---- reading ---- */

static void got_eof(struct stream *stream) {
    stream->flags |= STREAM_EOF;
    if (stream->state == STREAM_LINGERING) {
        stream_finish(stream, STREAM_END_CLOSED);
        return;
    }
    stream_poll_update(stream);
    if (stream->state != STREAM_OPEN || (stream->flags & STREAM_EOF_TOLD))
        return;
    stream->flags |= STREAM_EOF_TOLD;
    if (stream->handler->eof)
        stream->handler->eof(stream);
    else
        stream_abort(stream, STREAM_END_PEER);
}

/* 1 when another read is worth while at once. */
static int read_once(struct stream *stream) {
    uint8_t *scratch = loop_scratch(stream->loop);
    unsigned want = 0;
    ssize_t n = stream->layer->ops->read(stream->layer, stream->fd, scratch,
                                         LOOP_SCRATCH_SIZE, &want);
    if (n == -EAGAIN) {
        stream->read_want = (uint8_t)want;
        stream_poll_update(stream);
        return 0;
    }
    stream->read_want = STREAM_WANT_READ;
    if (n < 0)
        stream_fail(stream, n);
    else if (n == 0)
        got_eof(stream);
    else if (stream->state == STREAM_OPEN)
        stream->handler->data(stream, scratch, (size_t)n);
    if (n <= 0 || stream->state == STREAM_GONE)
        return 0;
    return n == LOOP_SCRATCH_SIZE || stream->layer->ops->pending(stream->layer);
}

static void read_some(struct stream *stream) {
    int again = 1;
    for (int calls = 0; again && calls < READ_CALLS && wants_read(stream); calls++)
        again = read_once(stream);
    if (stream->state == STREAM_GONE)
        return;
    if (again && wants_read(stream) && stream->layer->ops->pending(stream->layer)) {
        stream->flags |= STREAM_READ_AGAIN;
        loop_hook_mark(stream->loop, &stream->hook, LOOP_FLUSH);
    }
    stream_poll_update(stream);
}

/* ---- events ---- */

/* libuv reports EPOLLERR as a status and stops the poll. What came before the error is still to
 * be read; the read then meets the error itself. */
static void on_poll_error(struct stream *stream) {
    stream->watched = 0;
    if (stream->state == STREAM_OPEN && wants_read(stream))
        read_some(stream);
    if (stream->state == STREAM_GONE)
        return;
    int error = 0;
    socklen_t len = sizeof(error);
    getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    stream_fail(stream, error ? -error : -EPIPE);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct stream *stream = container_of(poll, struct stream, poll);
    if (status < 0) {
        on_poll_error(stream);
        return;
    }
    if ((stream->flags & STREAM_BLOCKED) && (events & poll_events(stream->write_want))) {
        stream->flags &= (uint16_t)~STREAM_BLOCKED;
        stream_flush(stream);
    }
    if (stream->state != STREAM_GONE && wants_read(stream) &&
        (events & poll_events(stream->read_want)))
        read_some(stream);
}

static void on_turn_end(struct loop_hook *hook) {
    struct stream *stream = container_of(hook, struct stream, hook);
    if (!(stream->flags & STREAM_BLOCKED))
        stream_flush(stream);
    if (stream->state == STREAM_GONE || !(stream->flags & STREAM_READ_AGAIN))
        return;
    stream->flags &= (uint16_t)~STREAM_READ_AGAIN;
    if (wants_read(stream))
        read_some(stream);
}

static void on_deadline(struct loop_timer *timer) {
    struct stream *stream = container_of(timer, struct stream, timer);
    if (stream->state == STREAM_LINGERING)
        stream_finish(stream, STREAM_END_CLOSED);
    else if (stream->state == STREAM_OPEN && stream->handler->timeout)
        stream->handler->timeout(stream);
    else
        stream_finish(stream, STREAM_END_TIMEOUT);
}

/* ---- the owner's calls ---- */

int stream_init(struct stream *stream, struct loop *loop, int fd, struct stream_layer *layer,
                const struct stream_limits *limits, const struct stream_handler *handler) {
    int r = uv_poll_init(loop_uv(loop), &stream->poll, fd);
    if (r < 0)
        return r;
    stream->fd = fd;
    stream->loop = loop;
    stream->handler = handler;
    stream->limits = limits;
    stream->layer = layer ? layer : &stream_socket_layer;
    stream_queue_init(&stream->queue);
    loop_hook_init(&stream->hook, on_turn_end);
    loop_timer_init(&stream->timer, on_deadline);
    stream->flags = 0;
    stream->state = STREAM_OPEN;
    stream->end = STREAM_END_CLOSED;
    stream->watched = 0;
    stream->read_want = STREAM_WANT_READ;
    stream->write_want = STREAM_WANT_WRITE;
    stream_poll_update(stream);
    return 0;
}

void stream_pause(struct stream *stream) {
    if (stream->state != STREAM_OPEN)
        return;
    stream->flags |= STREAM_PAUSED;
    stream_poll_update(stream);
}

void stream_resume(struct stream *stream) {
    if (stream->state != STREAM_OPEN || !(stream->flags & STREAM_PAUSED))
        return;
    stream->flags &= (uint16_t)~STREAM_PAUSED;
    if (stream->layer->ops->pending(stream->layer)) {
        stream->flags |= STREAM_READ_AGAIN;
        loop_hook_mark(stream->loop, &stream->hook, LOOP_FLUSH);
    }
    stream_poll_update(stream);
}

void stream_set_deadline(struct stream *stream, uint64_t ms) {
    if (stream->state != STREAM_OPEN)
        return;
    if (ms)
        loop_timer_arm(stream->loop, &stream->timer, ms);
    else
        loop_timer_cancel(stream->loop, &stream->timer);
}

void stream_close(struct stream *stream, uint32_t flush_ms, uint32_t linger_ms) {
    assert(flush_ms > 0 && linger_ms > 0);
    if (stream->state != STREAM_OPEN)
        return;
    stream->state = STREAM_FLUSHING;
    stream->flush_ms = flush_ms;
    stream->linger_ms = linger_ms;
    loop_timer_arm(stream->loop, &stream->timer, flush_ms);
    loop_hook_mark(stream->loop, &stream->hook, LOOP_FLUSH);
    stream_poll_update(stream);
}

void stream_abort(struct stream *stream, enum stream_end why) {
    stream_finish(stream, why);
}
