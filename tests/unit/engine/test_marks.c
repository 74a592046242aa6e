#include "tests/unit/engine/bench.h"

TestSuite(marks, .init = bench_open, .fini = bench_close);

/* As long as ranges wait for others. */
static void linger(void) {
    bench_wait(250000);
}

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
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    check_mark(0, "bob", 1, 1);
    bob.mute = 1;
    peer_send(&ann, "bob", "two", NULL);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    peer_close(&bob);
    peer_send(&ann, "bob", "three", NULL);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "four", NULL);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 2));
    check_mark(1, "bob", 4, 4);
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, a_message_of_the_thread_takes_them_along) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 0));
    peer_send(&bob, "ann", "two", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    check_mark(0, "bob", 1, 1);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 2));
    check_mark(1, "ann", 2, 2);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 2));
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, one_for_a_run_of_messages) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    linger();
    for (int i = 0; i < 8; i++)
        peer_send(&ann, "bob", "more", NULL);
    peer_send(&bob, "ann", "own", NULL);
    peer_send(&ann, "bob", "last", NULL);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 3));
    check_mark(1, "bob", 2, 11);
    check_mark(2, "ann", 10, 10);
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, one_at_a_time_of_a_member) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.held_kinds = 1u << STORE_MARK_DELIVERED;
    for (int i = 0; i < 4; i++) {
        peer_send(&ann, "bob", "x", NULL);
        linger();
        cr_assert(eq(sz, fake_waiting(&bench.store, STORE_MARK_DELIVERED), 1));
    }
    bench.store.held_kinds = 0;
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 2));
    check_mark(0, "bob", 1, 1);
    check_mark(1, "bob", 2, 4);
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, own_messages_do_not_break_a_run) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    linger();
    for (int i = 0; i < 70; i++)
        peer_send(&bob, "ann", "own", NULL);
    linger();
    bench.store.mark_count = 0;
    peer_send(&ann, "bob", "two", NULL);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    check_mark(0, "bob", 2, 72);
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, who_leaves_hastens_them) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 0));
    peer_close(&bob);
    bench_run();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    check_mark(0, "bob", 1, 1);
    peer_close(&ann);
}

/* Tells how many marks it knows of. */
static enum dm_status marks_known(struct fake_store *fake, struct store_call *call) {
    call->result->count = fake->mark_count;
    return DM_OK;
}

Test(marks, who_looks_at_the_thread_waits_for_them) {
    struct peer ann, bob;
    struct dm_command history = bench_command(DM_CMD_HISTORY);
    bench.store.command = marks_known;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench_forget();
    history.thread = dm_ref_id(bench.store.threads[0].id);
    peer_submit(&ann, history, NULL);
    peer_submit(&ann, bench_command(DM_CMD_THREAD_LIST), NULL);
    bench_run();
    bench_expect("ann history ok count=1", "ann thread_list ok count=1");
    peer_close(&ann);
    peer_close(&bob);
}

Test(marks, joined_while_one_is_under_way) {
    struct peer ann, bob;
    uint64_t lane;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    linger();
    bench.store.mark_count = 0;
    peer_send(&ann, "bob", "two", NULL);
    peer_send(&bob, "ann", "three", NULL);
    peer_send(&ann, "bob", "four", NULL);
    lane = (uint64_t)bench.store.threads[0].id;
    cr_assert(eq(sz, fake_waiting(&bench.store, STORE_APPEND), 3));
    linger();
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
    linger();
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

Test(marks, chats_mark_the_first_soon_and_the_others_lazily) {
    struct peer ann, bob, cat;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    for (int i = 0; i < 3; i++) {
        peer_send_thread(&ann, chat->id, "x", NULL);
        linger();
    }
    cr_assert(eq(sz, bench.store.mark_count, 3));
    check_mark(0, "bob", 1, 1);
    check_mark(2, "bob", 3, 3);
    bench_wait(8800000);
    cr_assert(eq(sz, bench.store.mark_count, 3));
    bench_wait(1200000);
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
    linger();
    chat->member_count = 2;
    chat->member_rev++;
    peer_send_thread(&ann, chat->id, "y", NULL);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 3));
    check_mark(1, "cat", 1, 1);
    check_mark(2, "bob", 2, 2);
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
}

Test(marks, who_asks_for_what_was_missed_waits_for_them) {
    struct peer ann, bob, cat, cat2;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    bench.store.command = marks_known;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    peer_join(&cat2, "cat2", "cat");
    peer_send_thread(&ann, chat->id, "x", NULL);
    linger();
    cr_assert(eq(sz, bench.store.mark_count, 1));
    bench_forget();
    bench.store.held_kinds = 1u << STORE_MARK_DELIVERED;
    peer_submit(&cat, bench_command(DM_CMD_UNDELIVERED), NULL);
    peer_submit(&cat2, bench_command(DM_CMD_UNDELIVERED), NULL);
    bench_run();
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("cat undelivered ok count=2", "cat2 undelivered ok count=2");
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
    peer_close(&cat2);
}

/* They would get again, after a crash, what is not marked. */
Test(marks, who_asked_for_what_was_missed_is_marked_soon) {
    struct peer ann, bob, cat;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    peer_send(&ann, "cat", "a thread that waits already", NULL);
    bench_run();
    peer_submit(&cat, bench_command(DM_CMD_UNDELIVERED), NULL);
    bench_run();
    size_t before = bench.store.mark_count;
    peer_send(&ann, "cat", "direct", NULL);
    bench_wait(3000);
    cr_assert(eq(sz, bench.store.mark_count, before + 1));
    check_mark(before, "cat", 2, 2);
    peer_send_thread(&ann, chat->id, "to all", NULL);
    bench_wait(3000);
    cr_assert(eq(sz, bench.store.mark_count, before + 3));
    check_mark(before + 1, "bob", 1, 1);
    check_mark(before + 2, "cat", 1, 1);
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
}

Test(marks, a_wait_ends_where_marks_cannot_be_stored) {
    struct peer ann, bob;
    bench.store.command = marks_known;
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
