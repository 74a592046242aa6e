#include "tests/unit/engine/bench.h"

TestSuite(marks, .init = bench_open, .fini = bench_close);

static void check_mark(size_t at, const char *user, uint64_t from, uint64_t to) {
    cr_assert(lt(sz, at, bench.store.mark_count));
    cr_assert(eq(i64, bench.store.marks[at].user_id, bench_id(user)));
    cr_assert(eq(u64, bench.store.marks[at].from, from));
    cr_assert(eq(u64, bench.store.marks[at].to, to));
}

Test(marks, what_was_pushed_is_stored) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    check_mark(0, "bob", 1, 1);
    bob.mute = 1;
    peer_send(&ann, "bob", "two", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    peer_close(&bob);
    peer_send(&ann, "bob", "three", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "four", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 2));
    check_mark(1, "bob", 4, 4);
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, one_for_a_run_of_messages) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    for (int i = 0; i < 8; i++)
        peer_send(&ann, "bob", "more", NULL);
    peer_send(&bob, "ann", "own", NULL);
    peer_send(&ann, "bob", "last", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 3));
    check_mark(1, "bob", 2, 11);
    check_mark(2, "ann", 10, 10);
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, one_at_a_time_and_the_rest_with_the_next_append) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.held_kinds = 1u << STORE_MARK_DELIVERED;
    for (int i = 0; i < 4; i++) {
        peer_send(&ann, "bob", "x", NULL);
        bench_run();
        cr_assert(eq(sz, fake_waiting(&bench.store, STORE_MARK_DELIVERED), 1));
        bench.store.held_kinds = i == 2 ? 0 : 1u << STORE_MARK_DELIVERED;
        bench_run();
        bench.store.held_kinds = 0;
        bench_run();
        bench.store.held_kinds = 1u << STORE_MARK_DELIVERED;
    }
    cr_assert(eq(sz, bench.store.mark_count, 4));
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, joined_while_one_is_under_way) {
    struct peer ann, bob;
    uint64_t lane;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench.store.mark_count = 0;
    /* An append and a mark of one lane: the test's store answers both appends before a turn of
     * the engine, and the marks of both become one. */
    peer_send(&ann, "bob", "two", NULL);
    peer_send(&bob, "ann", "three", NULL);
    peer_send(&ann, "bob", "four", NULL);
    lane = (uint64_t)bench.store.threads[0].id;
    cr_assert(eq(sz, fake_waiting(&bench.store, STORE_APPEND), 3));
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 2));
    check_mark(0, "bob", 2, 4);
    check_mark(1, "ann", 3, 3);
    cr_assert(eq(i64, bench.store.marks[0].thread_id, (int64_t)lane));
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, failures_are_repeated) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.fail[STORE_MARK_DELIVERED] = DM_UNAVAILABLE;
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 0));
    cr_assert(eq(sz, engine_busy(bench.engine), 1));
    bench.store.fail[STORE_MARK_DELIVERED] = DM_OK;
    bench_wait(1500000);
    cr_assert(eq(sz, bench.store.mark_count, 1));
    check_mark(0, "bob", 1, 1);
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, no_retry_at_the_end) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.fail[STORE_MARK_DELIVERED] = DM_UNAVAILABLE;
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    peer_close(&ann);
    peer_close(&bob);
    engine_flush(bench.engine);
    bench_run();
    cr_assert(eq(sz, engine_busy(bench.engine), 0));
}

Test(marks, flushed_at_the_end) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.fail[STORE_MARK_DELIVERED] = DM_UNAVAILABLE;
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench.store.fail[STORE_MARK_DELIVERED] = DM_OK;
    peer_close(&ann);
    peer_close(&bob);
    engine_flush(bench.engine);
    bench_run();
    check_mark(0, "bob", 1, 1);
    cr_assert(eq(sz, engine_busy(bench.engine), 0));
}

/* ---- chats ---- */

static const char *const three[] = { "ann", "bob", "cat", NULL };

Test(marks, chats_mark_the_first_at_once_and_the_others_lazily) {
    struct peer ann, bob, cat;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    for (int i = 0; i < 3; i++) {
        peer_send_thread(&ann, chat->id, "x", NULL);
        bench_run();
    }
    cr_assert(eq(sz, bench.store.mark_count, 3));
    check_mark(0, "bob", 1, 1);
    check_mark(2, "bob", 3, 3);
    bench_wait(9000000);
    cr_assert(eq(sz, bench.store.mark_count, 3));
    bench_wait(1100000);
    cr_assert(eq(sz, bench.store.mark_count, 4));
    check_mark(3, "cat", 1, 3);
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
}

Test(marks, growing_ones_are_sent_before_the_members_change) {
    struct peer ann, bob, cat;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    peer_send_thread(&ann, chat->id, "x", NULL);
    bench_run();
    chat->member_count = 2;
    chat->member_rev++;
    peer_send_thread(&ann, chat->id, "y", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 3));
    check_mark(1, "cat", 1, 1);
    check_mark(2, "bob", 2, 2);
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
}

static enum dm_status nothing_missed(struct fake_store *fake, struct store_call *call) {
    call->result->count = fake->mark_count;
    return DM_OK;
}

Test(marks, who_asks_for_what_was_missed_waits_for_them) {
    struct peer ann, bob, cat, cat2;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    bench.store.command = nothing_missed;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    peer_join(&cat2, "cat2", "cat");
    peer_send_thread(&ann, chat->id, "x", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    bench_forget();
    bench.store.held_kinds = 1u << STORE_MARK_DELIVERED;
    peer_submit(&cat, bench_command(DM_CMD_UNDELIVERED), NULL);
    peer_submit(&cat2, bench_command(DM_CMD_UNDELIVERED), NULL);
    peer_submit(&ann, bench_command(DM_CMD_UNDELIVERED), NULL);
    bench_run();
    bench_expect("ann undelivered ok count=1");
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("cat undelivered ok count=2", "cat2 undelivered ok count=2");
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
    peer_close(&cat2);
}

Test(marks, a_wait_ends_where_marks_cannot_be_stored) {
    struct peer ann, bob;
    bench.store.command = nothing_missed;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.fail[STORE_MARK_DELIVERED] = DM_UNAVAILABLE;
    peer_send(&ann, "bob", "x", NULL);
    fake_store_run(&bench.store);
    peer_submit(&bob, bench_command(DM_CMD_UNDELIVERED), NULL);
    bench.quiet = 1;
    bench_run();
    cr_assert(eq(u32, engine_session_backlog(&bob.session), 0));
    peer_close(&ann);
    peer_close(&bob);
}
