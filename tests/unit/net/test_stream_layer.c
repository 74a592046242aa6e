/* Streams over a layer that counts, holds back and lies in wait: the place of TLS. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/net/stream_check.h"

static struct fixture *of_layer(const struct stream_layer *layer) {
    return container_of((struct stream_layer *)(uintptr_t)layer, struct fixture, layer);
}

static ssize_t layer_read(struct stream_layer *layer, int fd, void *data, size_t len,
                          unsigned *ret_want) {
    (void)layer;
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

Test(stream_layer, writes_of_one_turn_leave_in_one_call) {
    struct fixture f = { .layer.ops = &layer_ops };
    char data[4096];
    fixture_open(&f, &f.layer, &fixture_handler);
    struct blob *blob = blob_new("[blob]", 6);
    for (int i = 0; i < 20; i++) {
        stream_write(&f.stream, "[copy]", 6);
        stream_write_blob(&f.stream, blob);
    }
    fixture_turn(&f);
    cr_assert(eq(int, f.writes, 1));
    cr_assert(eq(sz, fixture_peer_read(&f, data, sizeof(data)), 240));
    for (int i = 0; i < 40; i++)
        check_true(memcmp(data + i * 6, i % 2 ? "[blob]" : "[copy]", 6) == 0);
    blob_unref(blob);
    fixture_close(&f);
    cr_assert(eq(int, f.frees, 1));
}

Test(stream_layer, short_writes_lose_nothing) {
    struct fixture f = { .layer.ops = &layer_ops, .write_max = 7 };
    struct buf sent = BUF_INIT;
    struct buf got = BUF_INIT;
    fixture_open(&f, &f.layer, &fixture_handler);
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
        got.len += fixture_peer_read(&f, buf_reserve(&got, 100), 100);
    }
    check_slice(buf_slice(&got), buf_slice(&sent));
    buf_fini(&sent);
    buf_fini(&got);
    fixture_close(&f);
}

Test(stream_layer, layer_may_wait_for_the_other_direction) {
    struct fixture f = { .layer.ops = &layer_ops, .blocked = 1, .block_want = STREAM_WANT_READ };
    char data[8];
    fixture_open(&f, &f.layer, &fixture_handler);
    stream_write(&f.stream, "x", 1);
    fixture_turn(&f);
    cr_assert(eq(int, f.writes, 1));
    f.blocked = 0;
    check_true(write(f.peer, "go", 2) == 2);
    fixture_turn(&f);
    cr_assert(eq(int, f.writes, 2));
    cr_assert(eq(sz, fixture_peer_read(&f, data, sizeof(data)), 1));
    check_slice(buf_slice(&f.got), DM_SLICE("go"));
    fixture_close(&f);
}

Test(stream_layer, what_a_layer_holds_back_is_read_without_an_event) {
    struct fixture f = { .layer.ops = &layer_ops };
    char many[100];
    memset(many, 'm', sizeof(many));
    fixture_open(&f, &f.layer, &fixture_handler);
    check_true(write(f.peer, many, sizeof(many)) == sizeof(many));
    for (int i = 0; i < 30; i++)
        fixture_turn(&f);
    cr_assert(eq(sz, f.got.len, sizeof(many)));
    fixture_close(&f);
}
