/* Streams over a socket pair, and over a layer that counts, holds back and lies in wait. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/stream.h"
#include "tests/unit/check.h"

struct fixture {
    struct stream stream;
    struct stream_layer layer;
    struct loop *loop;
    struct buf got;
    int peer;
    int eofs;
    int drains;
    int timeouts;
    int closes;
    enum stream_end end;
    int pause_on_data;
    /* the layer */
    int writes;
    int reads;
    int blocked;
    unsigned block_want;
    size_t write_max;
    int frees;
};

static struct fixture *of(struct stream *stream) {
    return container_of(stream, struct fixture, stream);
}

static void on_data(struct stream *stream, uint8_t *data, size_t len) {
    buf_append(&of(stream)->got, data, len);
    memset(data, 0, len);
    if (of(stream)->pause_on_data)
        stream_pause(stream);
}

static void on_eof(struct stream *stream) {
    of(stream)->eofs++;
}

static void on_drained(struct stream *stream) {
    of(stream)->drains++;
}

static void on_timeout(struct stream *stream) {
    of(stream)->timeouts++;
}

static void on_closed(struct stream *stream, enum stream_end why) {
    of(stream)->closes++;
    of(stream)->end = why;
}

static const struct stream_handler handler = {
    .data = on_data,
    .eof = on_eof,
    .drained = on_drained,
    .timeout = on_timeout,
    .closed = on_closed,
};

static const struct stream_handler bare_handler = { .data = on_data, .closed = on_closed };

static const struct stream_limits limits = { 1000, 10000, 50000 };

static void open_with(struct fixture *f, struct stream_layer *layer,
                      const struct stream_handler *with) {
    int pair[2];
    cr_assert(eq(int, loop_new(&f->loop), 0));
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0));
    f->peer = pair[1];
    cr_assert(eq(int, stream_init(&f->stream, f->loop, pair[0], layer, &limits, with), 0));
}

static void turn(struct fixture *f) {
    for (int i = 0; i < 5; i++)
        loop_run_once(f->loop);
}

static void finish(struct fixture *f) {
    stream_abort(&f->stream, STREAM_END_ABORTED);
    turn(f);
    cr_assert(eq(int, f->closes, 1));
    close(f->peer);
    loop_free(f->loop);
    buf_fini(&f->got);
    blob_pool_drain();
}

static size_t peer_read(struct fixture *f, char *data, size_t max) {
    ssize_t n = read(f->peer, data, max);
    return n > 0 ? (size_t)n : 0;
}

Test(stream, carries_bytes_both_ways) {
    struct fixture f = { 0 };
    char data[64];
    open_with(&f, NULL, &handler);
    check_true(write(f.peer, "hello", 5) == 5);
    turn(&f);
    check_slice(buf_slice(&f.got), DM_SLICE("hello"));
    stream_write(&f.stream, "one", 3);
    cr_assert(eq(sz, peer_read(&f, data, sizeof(data)), 0));
    turn(&f);
    cr_assert(eq(sz, peer_read(&f, data, sizeof(data)), 3));
    cr_assert(eq(sz, stream_queued(&f.stream), 0));
    finish(&f);
}

Test(stream, pause_holds_data_and_eof_back) {
    struct fixture f = { .pause_on_data = 1 };
    open_with(&f, NULL, &handler);
    check_true(write(f.peer, "a", 1) == 1);
    turn(&f);
    check_true(write(f.peer, "b", 1) == 1);
    shutdown(f.peer, SHUT_WR);
    turn(&f);
    check_slice(buf_slice(&f.got), DM_SLICE("a"));
    cr_assert(eq(int, f.eofs, 0));
    f.pause_on_data = 0;
    stream_resume(&f.stream);
    check_slice(buf_slice(&f.got), DM_SLICE("a"));
    turn(&f);
    check_slice(buf_slice(&f.got), DM_SLICE("ab"));
    cr_assert(eq(int, f.eofs, 1));
    cr_assert(eq(int, f.closes, 0));
    finish(&f);
}

Test(stream, eof_without_a_handler_ends_it) {
    struct fixture f = { 0 };
    open_with(&f, NULL, &bare_handler);
    shutdown(f.peer, SHUT_WR);
    turn(&f);
    cr_assert(eq(int, f.closes, 1));
    cr_assert(eq(int, f.end, STREAM_END_PEER));
    finish(&f);
}

static size_t fill(struct fixture *f) {
    static const char block[1000];
    size_t written = 0;
    while (!stream_is_full(&f->stream)) {
        cr_assert(eq(int, stream_write(&f->stream, block, sizeof(block)), 0));
        written += sizeof(block);
        turn(f);
    }
    return written;
}

Test(stream, marks_are_kept) {
    struct fixture f = { 0 };
    char data[4096];
    open_with(&f, NULL, &handler);
    size_t written = fill(&f);
    cr_assert(eq(int, f.drains, 0));
    size_t got = 0;
    for (int i = 0; got < written && i < 100000; i++) {
        size_t n = peer_read(&f, data, sizeof(data));
        got += n;
        if (n == 0)
            turn(&f);
    }
    cr_assert(eq(sz, got, written));
    turn(&f);
    cr_assert(eq(int, f.drains, 1));
    finish(&f);
}

Test(stream, hard_limit_aborts) {
    struct fixture f = { 0 };
    static const char block[30000];
    open_with(&f, NULL, &handler);
    fill(&f);
    cr_assert(eq(int, stream_write(&f.stream, block, sizeof(block)), 0));
    cr_assert(eq(int, stream_write(&f.stream, block, sizeof(block)), -ENOBUFS));
    cr_assert(eq(int, f.closes, 0));
    cr_assert(eq(int, stream_write(&f.stream, "x", 1), -EPIPE));
    turn(&f);
    cr_assert(eq(int, f.end, STREAM_END_SLOW));
    finish(&f);
}

Test(stream, references_are_dropped_with_the_queue) {
    struct fixture f = { 0 };
    open_with(&f, NULL, &handler);
    struct blob *blob = blob_alloc(5000);
    memset(blob->data, 'x', blob->len);
    fill(&f);
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, stream_write_blob(&f.stream, blob), 0));
    cr_assert(eq(u32, blob->refs, 4));
    stream_abort(&f.stream, STREAM_END_ABORTED);
    cr_assert(eq(u32, blob->refs, 1));
    blob_unref(blob);
    finish(&f);
}

Test(stream, empty_writes_are_nothing) {
    struct fixture f = { 0 };
    char data[8];
    open_with(&f, NULL, &handler);
    struct blob *blob = blob_new("", 0);
    cr_assert(eq(int, stream_write(&f.stream, "", 0), 0));
    cr_assert(eq(int, stream_write_parts(&f.stream, NULL, 0), 0));
    cr_assert(eq(int, stream_write_blob(&f.stream, blob), 0));
    cr_assert(eq(sz, stream_queued(&f.stream), 0));
    turn(&f);
    cr_assert(eq(sz, peer_read(&f, data, sizeof(data)), 0));
    blob_unref(blob);
    finish(&f);
}

/* ---- closing ---- */

Test(stream, close_flushes_and_waits_for_the_peer) {
    struct fixture f = { 0 };
    char data[64];
    open_with(&f, NULL, &handler);
    stream_write(&f.stream, "bye", 3);
    stream_close(&f.stream, 60000);
    cr_assert(eq(int, stream_write(&f.stream, "late", 4), -EPIPE));
    turn(&f);
    cr_assert(eq(sz, peer_read(&f, data, sizeof(data)), 3));
    cr_assert(eq(i64, read(f.peer, data, sizeof(data)), 0));
    check_true(write(f.peer, "ignored", 7) == 7);
    turn(&f);
    cr_assert(eq(int, f.closes, 0));
    cr_assert(eq(sz, f.got.len, 0));
    shutdown(f.peer, SHUT_WR);
    turn(&f);
    cr_assert(eq(int, f.closes, 1));
    cr_assert(eq(int, f.end, STREAM_END_CLOSED));
    finish(&f);
}

static void run_until_closed(struct fixture *f) {
    while (!f->closes)
        uv_run(loop_uv(f->loop), UV_RUN_ONCE);
}

Test(stream, close_does_not_linger_for_ever) {
    struct fixture f = { 0 };
    open_with(&f, NULL, &handler);
    stream_close(&f.stream, 10);
    run_until_closed(&f);
    cr_assert(eq(int, f.end, STREAM_END_CLOSED));
    finish(&f);
}

Test(stream, close_does_not_flush_for_ever) {
    struct fixture f = { 0 };
    open_with(&f, NULL, &handler);
    fill(&f);
    stream_close(&f.stream, 10);
    run_until_closed(&f);
    cr_assert(eq(int, f.end, STREAM_END_TIMEOUT));
    finish(&f);
}

Test(stream, peer_gone_is_noticed_by_reading_and_by_writing) {
    struct fixture f = { 0 };
    open_with(&f, NULL, &handler);
    close(f.peer);
    stream_pause(&f.stream);
    stream_write(&f.stream, "x", 1);
    turn(&f);
    cr_assert(eq(int, f.closes, 1));
    cr_assert(eq(int, f.end, STREAM_END_PEER));
    finish(&f);
}

Test(stream, deadline_is_the_owners) {
    struct fixture f = { 0 };
    open_with(&f, NULL, &handler);
    stream_set_deadline(&f.stream, 3600000);
    stream_set_deadline(&f.stream, 0);
    stream_set_deadline(&f.stream, 5);
    while (!f.timeouts)
        uv_run(loop_uv(f.loop), UV_RUN_ONCE);
    cr_assert(eq(int, f.closes, 0));
    finish(&f);
}

Test(stream, deadline_without_a_handler_ends_it) {
    struct fixture f = { 0 };
    open_with(&f, NULL, &bare_handler);
    stream_set_deadline(&f.stream, 5);
    run_until_closed(&f);
    cr_assert(eq(int, f.end, STREAM_END_TIMEOUT));
    finish(&f);
}

/* ---- a layer ---- */

static struct fixture *of_layer(const struct stream_layer *layer) {
    return container_of((struct stream_layer *)(uintptr_t)layer, struct fixture, layer);
}

static ssize_t layer_read(struct stream_layer *layer, int fd, void *data, size_t len,
                          unsigned *ret_want) {
    of_layer(layer)->reads++;
    ssize_t n = recv(fd, data, len < 4 ? len : 4, 0);
    if (n < 0)
        *ret_want = STREAM_WANT_READ;
    return n < 0 ? -errno : n;
}

static ssize_t layer_write(struct stream_layer *layer, int fd, const struct iovec *iov, int count,
                           unsigned *ret_want) {
    struct fixture *f = of_layer(layer);
    f->writes++;
    if (f->blocked) {
        *ret_want = f->block_want;
        return -EAGAIN;
    }
    if (f->write_max && iov->iov_len > f->write_max)
        return write(fd, iov->iov_base, f->write_max);
    return writev(fd, iov, count);
}

static int layer_shutdown(struct stream_layer *layer, int fd, unsigned *ret_want) {
    (void)layer, (void)ret_want;
    return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

static int layer_pending(const struct stream_layer *layer) {
    char c;
    return recv(of_layer(layer)->stream.fd, &c, 1, MSG_PEEK) > 0;
}

static void layer_free(struct stream_layer *layer) {
    of_layer(layer)->frees++;
}

static const struct stream_layer_ops layer_ops = {
    .read = layer_read,
    .write = layer_write,
    .shutdown = layer_shutdown,
    .pending = layer_pending,
    .free = layer_free,
};

Test(stream, writes_of_one_turn_leave_in_one_call) {
    struct fixture f = { .layer.ops = &layer_ops };
    char data[4096];
    open_with(&f, &f.layer, &handler);
    struct blob *blob = blob_new("[blob]", 6);
    for (int i = 0; i < 20; i++) {
        stream_write(&f.stream, "[copy]", 6);
        stream_write_blob(&f.stream, blob);
    }
    turn(&f);
    cr_assert(eq(int, f.writes, 1));
    cr_assert(eq(sz, peer_read(&f, data, sizeof(data)), 240));
    for (int i = 0; i < 40; i++)
        check_true(memcmp(data + i * 6, i % 2 ? "[blob]" : "[copy]", 6) == 0);
    blob_unref(blob);
    finish(&f);
    cr_assert(eq(int, f.frees, 1));
}

Test(stream, short_writes_lose_nothing) {
    struct fixture f = { .layer.ops = &layer_ops, .write_max = 7 };
    struct buf sent = BUF_INIT;
    struct buf got = BUF_INIT;
    open_with(&f, &f.layer, &handler);
    for (int i = 0; i < 200; i++) {
        char text[8];
        int len = snprintf(text, sizeof(text), "%d,", i);
        struct blob *blob = blob_new(text, (size_t)len);
        stream_write_blob(&f.stream, blob);
        stream_write(&f.stream, text, (size_t)len);
        blob_unref(blob);
        buf_append(&sent, text, (size_t)len);
        buf_append(&sent, text, (size_t)len);
    }
    for (int i = 0; i < 1000 && got.len < sent.len; i++) {
        loop_run_once(f.loop);
        got.len += peer_read(&f, buf_reserve(&got, 100), 100);
    }
    check_slice(buf_slice(&got), buf_slice(&sent));
    buf_fini(&sent);
    buf_fini(&got);
    finish(&f);
}

Test(stream, layer_may_wait_for_the_other_direction) {
    struct fixture f = { .layer.ops = &layer_ops, .blocked = 1, .block_want = STREAM_WANT_READ };
    char data[8];
    open_with(&f, &f.layer, &handler);
    stream_write(&f.stream, "x", 1);
    turn(&f);
    cr_assert(eq(int, f.writes, 1));
    f.blocked = 0;
    check_true(write(f.peer, "go", 2) == 2);
    turn(&f);
    cr_assert(eq(int, f.writes, 2));
    cr_assert(eq(sz, peer_read(&f, data, sizeof(data)), 1));
    check_slice(buf_slice(&f.got), DM_SLICE("go"));
    finish(&f);
}

Test(stream, what_a_layer_holds_back_is_read_without_an_event) {
    struct fixture f = { .layer.ops = &layer_ops };
    char many[100];
    memset(many, 'm', sizeof(many));
    open_with(&f, &f.layer, &handler);
    check_true(write(f.peer, many, sizeof(many)) == sizeof(many));
    for (int i = 0; i < 30; i++)
        turn(&f);
    cr_assert(eq(sz, f.got.len, sizeof(many)));
    finish(&f);
}

Test(stream, descriptor_that_cannot_be_polled_stays_the_callers) {
    struct fixture f = { 0 };
    cr_assert(eq(int, loop_new(&f.loop), 0));
    int fd = open("/dev/null", O_RDONLY);
    cr_assert(lt(int, stream_init(&f.stream, f.loop, -1, NULL, &limits, &handler), 0));
    cr_assert(eq(int, close(fd), 0));
    loop_free(f.loop);
}

Test(stream, ends_have_names) {
    cr_assert(eq(str, (char *)stream_end_name(STREAM_END_SLOW), "slow"));
    cr_assert(eq(str, (char *)stream_end_name((enum stream_end)99), "unknown"));
}
