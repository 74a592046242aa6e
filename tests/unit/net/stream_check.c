#include "tests/unit/net/stream_check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

const struct stream_handler fixture_handler = {
    .data = on_data,
    .eof = on_eof,
    .drained = on_drained,
    .timeout = on_timeout,
    .closed = on_closed,
};

const struct stream_handler fixture_bare_handler = { .data = on_data, .closed = on_closed };

const struct stream_limits fixture_limits = { 1000, 10000, 50000, NULL };

void fixture_open(struct fixture *f, struct stream_layer *layer,
                  const struct stream_handler *handler) {
    int pair[2];
    cr_assert(eq(int, loop_new(&f->loop), 0));
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0));
    f->peer = pair[1];
    int r = stream_init(&f->stream, f->loop, pair[0], layer, &fixture_limits, handler);
    cr_assert(eq(int, r, 0));
}

void fixture_turn(struct fixture *f) {
    for (int i = 0; i < 5; i++)
        loop_run_once(f->loop);
}

void fixture_close(struct fixture *f) {
    stream_abort(&f->stream, STREAM_END_ABORTED);
    fixture_turn(f);
    cr_assert(eq(int, f->closes, 1));
    close(f->peer);
    loop_free(f->loop);
    buf_fini(&f->got);
    blob_pool_drain();
}

size_t fixture_peer_read(struct fixture *f, char *data, size_t max) {
    ssize_t n = read(f->peer, data, max);
    return n > 0 ? (size_t)n : 0;
}

void fixture_run_until_closed(struct fixture *f) {
    while (!f->closes)
        loop_nap(f->loop);
}
