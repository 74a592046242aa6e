/* Streams right on a socket. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/net/stream_check.h"

Test(stream, carries_bytes_both_ways) {
    struct fixture f = { 0 };
    char data[64];
    fixture_open(&f, NULL, &fixture_handler);
    check_true(write(f.peer, "hello", 5) == 5);
    fixture_turn(&f);
    check_slice(buf_slice(&f.got), DM_SLICE("hello"));
    stream_write(&f.stream, "one", 3);
    cr_assert(eq(sz, fixture_peer_read(&f, data, sizeof(data)), 0));
    fixture_turn(&f);
    cr_assert(eq(sz, fixture_peer_read(&f, data, sizeof(data)), 3));
    cr_assert(eq(sz, stream_queued(&f.stream), 0));
    fixture_close(&f);
}

Test(stream, pause_holds_data_and_eof_back) {
    struct fixture f = { .pause_on_data = 1 };
    fixture_open(&f, NULL, &fixture_handler);
    check_true(write(f.peer, "a", 1) == 1);
    fixture_turn(&f);
    check_true(write(f.peer, "b", 1) == 1);
    shutdown(f.peer, SHUT_WR);
    fixture_turn(&f);
    check_slice(buf_slice(&f.got), DM_SLICE("a"));
    cr_assert(eq(int, f.eofs, 0));
    f.pause_on_data = 0;
    stream_resume(&f.stream);
    check_slice(buf_slice(&f.got), DM_SLICE("a"));
    fixture_turn(&f);
    check_slice(buf_slice(&f.got), DM_SLICE("ab"));
    cr_assert(eq(int, f.eofs, 1));
    cr_assert(eq(int, f.closes, 0));
    fixture_close(&f);
}

Test(stream, eof_without_a_handler_ends_it) {
    struct fixture f = { 0 };
    fixture_open(&f, NULL, &fixture_bare_handler);
    shutdown(f.peer, SHUT_WR);
    fixture_turn(&f);
    cr_assert(eq(int, f.closes, 1));
    cr_assert(eq(int, f.end, STREAM_END_PEER));
    fixture_close(&f);
}

Test(stream, what_waits_is_summed_up_over_the_loop) {
    struct fixture a = { 0 };
    fixture_open(&a, NULL, &fixture_handler);
    cr_assert(eq(u64, stream_queued_total(a.stream.loop), 0));
    stream_write(&a.stream, "one", 3);
    struct blob *blob = blob_new("two", 3);
    stream_write_blob(&a.stream, blob);
    blob_unref(blob);
    cr_assert(eq(u64, stream_queued_total(a.stream.loop), stream_queued(&a.stream)));
    fixture_turn(&a);
    cr_assert(eq(u64, stream_queued_total(a.stream.loop), 0));
    stream_write(&a.stream, "lost", 4);
    struct loop *loop = a.stream.loop;
    stream_abort(&a.stream, STREAM_END_ABORTED);
    cr_assert(eq(u64, stream_queued_total(loop), 0));
    fixture_close(&a);
}

static size_t fill(struct fixture *f) {
    static const char block[1000];
    size_t written = 0;
    while (!stream_is_full(&f->stream)) {
        cr_assert(eq(int, stream_write(&f->stream, block, sizeof(block)), 0));
        written += sizeof(block);
        fixture_turn(f);
    }
    return written;
}

Test(stream, marks_are_kept) {
    struct fixture f = { 0 };
    char data[4096];
    fixture_open(&f, NULL, &fixture_handler);
    size_t written = fill(&f);
    cr_assert(eq(int, f.drains, 0));
    size_t got = 0;
    for (int i = 0; got < written && i < 100000; i++) {
        size_t n = fixture_peer_read(&f, data, sizeof(data));
        got += n;
        if (n == 0)
            fixture_turn(&f);
    }
    cr_assert(eq(sz, got, written));
    fixture_turn(&f);
    cr_assert(eq(int, f.drains, 1));
    fixture_close(&f);
}

Test(stream, hard_limit_aborts) {
    struct fixture f = { 0 };
    static const char block[30000];
    fixture_open(&f, NULL, &fixture_handler);
    fill(&f);
    cr_assert(eq(int, stream_write(&f.stream, block, sizeof(block)), 0));
    cr_assert(eq(int, stream_write(&f.stream, block, sizeof(block)), -ENOBUFS));
    cr_assert(eq(int, f.closes, 0));
    cr_assert(eq(int, stream_write(&f.stream, "x", 1), -EPIPE));
    fixture_turn(&f);
    cr_assert(eq(int, f.end, STREAM_END_SLOW));
    fixture_close(&f);
}

Test(stream, references_are_dropped_with_the_queue) {
    struct fixture f = { 0 };
    fixture_open(&f, NULL, &fixture_handler);
    struct blob *blob = blob_alloc(5000);
    memset(blob->data, 'x', blob->len);
    fill(&f);
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, stream_write_blob(&f.stream, blob), 0));
    cr_assert(eq(u32, blob->refs, 4));
    stream_abort(&f.stream, STREAM_END_ABORTED);
    cr_assert(eq(u32, blob->refs, 1));
    blob_unref(blob);
    fixture_close(&f);
}

Test(stream, empty_writes_are_nothing) {
    struct fixture f = { 0 };
    char data[8];
    fixture_open(&f, NULL, &fixture_handler);
    struct blob *blob = blob_new("", 0);
    cr_assert(eq(int, stream_write(&f.stream, "", 0), 0));
    cr_assert(eq(int, stream_write_parts(&f.stream, NULL, 0), 0));
    cr_assert(eq(int, stream_write_blob(&f.stream, blob), 0));
    cr_assert(eq(sz, stream_queued(&f.stream), 0));
    fixture_turn(&f);
    cr_assert(eq(sz, fixture_peer_read(&f, data, sizeof(data)), 0));
    blob_unref(blob);
    fixture_close(&f);
}

/* ---- closing ---- */

Test(stream, close_flushes_and_waits_for_the_peer) {
    struct fixture f = { 0 };
    char data[64];
    fixture_open(&f, NULL, &fixture_handler);
    stream_write(&f.stream, "bye", 3);
    stream_close(&f.stream, 60000, 60000);
    cr_assert(eq(int, stream_write(&f.stream, "late", 4), -EPIPE));
    fixture_turn(&f);
    cr_assert(eq(sz, fixture_peer_read(&f, data, sizeof(data)), 3));
    cr_assert(eq(i64, read(f.peer, data, sizeof(data)), 0));
    check_true(write(f.peer, "ignored", 7) == 7);
    fixture_turn(&f);
    cr_assert(eq(int, f.closes, 0));
    cr_assert(eq(sz, f.got.len, 0));
    shutdown(f.peer, SHUT_WR);
    fixture_turn(&f);
    cr_assert(eq(int, f.closes, 1));
    cr_assert(eq(int, f.end, STREAM_END_CLOSED));
    fixture_close(&f);
}

Test(stream, close_does_not_linger_for_ever) {
    struct fixture f = { 0 };
    fixture_open(&f, NULL, &fixture_handler);
    stream_close(&f.stream, 60000, 10);
    fixture_run_until_closed(&f);
    cr_assert(eq(int, f.end, STREAM_END_CLOSED));
    fixture_close(&f);
}

Test(stream, close_does_not_flush_for_ever) {
    struct fixture f = { 0 };
    fixture_open(&f, NULL, &fixture_handler);
    fill(&f);
    stream_close(&f.stream, 10, 60000);
    fixture_run_until_closed(&f);
    cr_assert(eq(int, f.end, STREAM_END_TIMEOUT));
    fixture_close(&f);
}

Test(stream, peer_gone_is_noticed_by_reading_and_by_writing) {
    struct fixture f = { 0 };
    fixture_open(&f, NULL, &fixture_handler);
    close(f.peer);
    stream_pause(&f.stream);
    stream_write(&f.stream, "x", 1);
    fixture_turn(&f);
    cr_assert(eq(int, f.closes, 1));
    cr_assert(eq(int, f.end, STREAM_END_PEER));
    fixture_close(&f);
}

Test(stream, deadline_is_the_owners) {
    struct fixture f = { 0 };
    fixture_open(&f, NULL, &fixture_handler);
    stream_set_deadline(&f.stream, 3600000);
    stream_set_deadline(&f.stream, 0);
    stream_set_deadline(&f.stream, 5);
    while (!f.timeouts)
        loop_nap(f.loop);
    cr_assert(eq(int, f.closes, 0));
    fixture_close(&f);
}

Test(stream, deadline_without_a_handler_ends_it) {
    struct fixture f = { 0 };
    fixture_open(&f, NULL, &fixture_bare_handler);
    stream_set_deadline(&f.stream, 5);
    fixture_run_until_closed(&f);
    cr_assert(eq(int, f.end, STREAM_END_TIMEOUT));
    fixture_close(&f);
}

Test(stream, bad_descriptor_is_refused) {
    struct fixture f = { 0 };
    cr_assert(eq(int, loop_new(&f.loop), 0));
    int r = stream_init(&f.stream, f.loop, -1, NULL, &fixture_limits, &fixture_handler);
    cr_assert(lt(int, r, 0));
    loop_free(f.loop);
}

Test(stream, ends_have_names) {
    cr_assert(eq(str, (char *)stream_end_name(STREAM_END_SLOW), "slow"));
    cr_assert(eq(str, (char *)stream_end_name((enum stream_end)99), "unknown"));
}
