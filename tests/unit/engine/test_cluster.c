/* An engine among others: what it tells them, and the order of what they tell. */
#include "core/engine/unit.h"
#include "tests/unit/engine/other.h"

TestSuite(cluster, .init = other_open, .fini = other_close);

/* The thread got a title. */
static struct buf retitled(const char *actor, uint64_t rev, const char *title) {
    struct fake_thread *thread = &bench.store.threads[0];
    struct dm_thread view = { .title = dm_slice_str(title) };
    struct dm_event event = { .kind = DM_EVENT_CHAT_UPDATED,
                              .actor = &fake_user_named(&bench.store, actor)->user };
    struct unit_head head = { .thread_id = thread->id, .pair = { thread->lo_id, thread->hi_id },
                              .rev = rev, .span = 1, .uuid = thread->uuid,
                              .title = dm_slice_str(title) };
    struct buf unit = BUF_INIT;
    unit_put_head(&unit, &head);
    wire_put_uint(&unit, 1);
    unit_put_event(&unit, UNIT_TO_THREAD, &event, &view, &view);
    return unit;
}

/* ---- what is said ---- */

Test(cluster, a_node_that_is_alone_says_nothing) {
    struct peer ann, bob;
    other_resync();
    other_nodes(1000000000, NULL, 0);
    check_true(engine_is_settled(bench.engine));
    other_forget();
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "hi", NULL);
    bench_run();
    peer_close(&ann);
    bench_run();
    cr_assert(eq(sz, other.count, 0));
    peer_close(&bob);
}

Test(cluster, a_message_is_told_whole_and_once) {
    struct peer ann;
    struct wire_reader reader;
    struct unit unit;
    struct arena arena;
    const char *frame;
    peer_join(&ann, "ann", "ann");
    other_meet("S0 1 1 0 ");
    peer_send(&ann, "bob", "hi there", NULL);
    bench_run();
    arena_init(&arena, 1024);
    cr_assert(eq(sz, other.count, 2)); /* the thread's opening and the message */
    frame = strchr(strchr(other.frames[1], ' ') + 1, ' ') + 1;
    cr_assert(eq(chr, *frame, 'E'));
    wire_reader_init(&reader, dm_slice_str(frame + 1));
    cr_assert(eq(int, unit_read_head(&reader, &unit.head), 0));
    cr_assert(eq(int, unit_read_events(&reader, &arena, &unit), 0));
    cr_assert(eq(u64, unit.head.rev, 1));
    cr_assert(eq(u64, unit.head.seq, 1));
    cr_assert(eq(i64, unit.head.pair[1], bench_id("bob")));
    cr_assert(eq(i64, unit.events[0].actor_id, bench_id("ann")));
    check_slice(unit.events[0].message->message.text, DM_SLICE("hi there"));
    arena_fini(&arena);
    peer_close(&ann);
}

Test(cluster, what_is_too_large_is_not_told_but_named) {
    struct peer ann;
    struct wire_reader reader;
    struct unit_head head;
    char text[5000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    other_open_thread();
    peer_join(&ann, "ann", "ann");
    other_meet("S0 1 1 0 ");
    peer_send(&ann, "bob", text, NULL);
    bench_run();
    cr_assert(eq(sz, other.count, 1));
    check_true(other_frame('E'));
    wire_reader_init(&reader, dm_slice_str(other_frame('E')));
    cr_assert(eq(int, unit_read_head(&reader, &head), 0));
    cr_assert(eq(u32, head.flags, UNIT_UNTOLD));
    cr_assert(eq(u64, head.rev, 1));
    peer_close(&ann);
}

/* ---- order ---- */

Test(cluster, messages_of_others_are_shown_in_order) {
    struct peer bob, ann;
    other_open_thread();
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    peer_join(&ann, "ann", "ann");
    other_tell(other_message("ann", 1, 1, "one"));
    bench_expect("ann ! message actor actor=ann seq=1 text=one peer=bob",
                 "bob ! message member actor=ann seq=1 text=one peer=ann");
    other_tell(other_message("ann", 3, 3, "three"));
    other_tell(other_message("ann", 4, 4, "four"));
    bench_expect_nothing();
    other_tell(other_message("ann", 2, 2, "two"));
    bench_expect("ann ! message actor actor=ann seq=2 text=two peer=bob",
                 "bob ! message member actor=ann seq=2 text=two peer=ann",
                 "ann ! message actor actor=ann seq=3 text=three peer=bob",
                 "bob ! message member actor=ann seq=3 text=three peer=ann",
                 "ann ! message actor actor=ann seq=4 text=four peer=bob",
                 "bob ! message member actor=ann seq=4 text=four peer=ann");
    other_tell(other_message("ann", 3, 3, "three"));
    bench_expect_nothing();
    peer_close(&bob);
    peer_close(&ann);
}

Test(cluster, the_first_of_a_thread_waits_a_moment_for_earlier_ones) {
    struct peer bob;
    other_open_thread();
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_tell(other_message("ann", 8, 8, "later"));
    other_tell(other_message("ann", 7, 7, "earlier"));
    bench_expect_nothing();
    bench_wait(60000);
    bench_expect("bob ! message member actor=ann seq=7 text=earlier peer=ann",
                 "bob ! message member actor=ann seq=8 text=later peer=ann");
    peer_close(&bob);
}

/* Tells of the one message that is asked for. */
static enum dm_status one_message(struct fake_store *fake, struct store_call *call) {
    const struct store_event event = { .kind = DM_CMD_SEND, .actor_id = bench_id("ann"), .rev = 2,
                                       .span = 1, .message_count = 1 };
    cr_assert(eq(i64, call->thread_id, fake->threads[0].id));
    cr_assert(eq(u64, call->events->after_rev, 1));
    cr_assert(eq(u64, call->events->before_rev, 3));
    other_stored_message(call, 2, "ann");
    return other_stored(call, &event, 1, 2);
}

Test(cluster, a_gap_that_stays_is_read_from_the_store) {
    struct peer bob;
    other_open_thread();
    bench.store.events = one_message;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_tell(other_message("ann", 1, 1, "one"));
    other_tell(other_message("ann", 3, 3, "three"));
    bench_expect("bob ! message member actor=ann seq=1 text=one peer=ann");
    bench_wait(150000);
    bench_expect_nothing();
    bench_wait(100000);
    bench_expect("bob ! message member actor=ann seq=2 peer=ann",
                 "bob ! message member actor=ann seq=3 text=three peer=ann");
    cr_assert(eq(sz, bench.store.counts[STORE_EVENTS], 1));
    other_tell(other_message("ann", 2, 2, "late"));
    bench_expect_nothing();
    peer_close(&bob);
}

static enum dm_status cannot_tell(struct fake_store *fake, struct store_call *call) {
    return DM_INTERNAL;
}

Test(cluster, a_gap_that_nobody_can_fill_keeps_nothing) {
    struct peer bob;
    other_open_thread();
    bench.store.events = cannot_tell;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_tell(other_message("ann", 1, 1, "one"));
    other_tell(other_message("ann", 3, 3, "three"));
    bench_forget();
    bench_wait(300000);
    bench_expect("bob ! message member actor=ann seq=3 text=three peer=ann");
    peer_close(&bob);
}

Test(cluster, nothing_waits_for_a_node_that_is_gone) {
    struct peer bob;
    other_open_thread();
    bench.store.events = cannot_tell;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_tell(other_message("ann", 1, 1, "one"));
    other_tell(other_message("ann", 3, 3, "three"));
    bench_forget();
    other_say("Q");
    bench_expect("bob ! message member actor=ann seq=3 text=three peer=ann");
    peer_close(&bob);
}

Test(cluster, what_concerns_nobody_here_costs_no_request) {
    struct peer cat;
    size_t before;
    other_open_thread();
    other_meet("S0 1 1 0 ");
    peer_join(&cat, "cat", "cat");
    before = bench.store.counts[STORE_USERS_FIND];
    other_tell(other_message("ann", 5, 5, "elsewhere"));
    cr_assert(eq(sz, bench.store.counts[STORE_USERS_FIND], before));
    bench_expect_nothing();
    peer_close(&cat);
}

/* Nobody here sees it change, but whoever comes sees what it is. */
Test(cluster, a_title_given_elsewhere_is_known_to_who_comes_later) {
    struct peer ann, cat;
    other_meet("S0 1 1 0 ");
    peer_join(&cat, "cat", "cat");
    peer_join(&ann, "ann", "ann");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    peer_close(&ann);
    bench_forget();
    other_tell(retitled("ann", 2, "us"));
    bench_expect_nothing();
    bench.store.threads[0].rev = 2;
    peer_join(&ann, "ann", "ann");
    peer_send(&ann, "bob", "two", NULL);
    bench_run();
    bench_expect("ann send ok seq=2 text=two peer=bob title=us");
    peer_close(&ann);
    peer_close(&cat);
}

Test(cluster, users_that_are_not_known_are_read_first) {
    struct peer bob;
    other_open_thread();
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    bench.store.held_kinds = 1u << STORE_USERS_FIND;
    other_tell(other_message("ann", 1, 1, "one"));
    other_tell(other_message("bob", 2, 2, "two"));
    bench_expect_nothing();
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("bob ! message member actor=ann seq=1 text=one peer=ann",
                 "bob ! message actor actor=bob seq=2 text=two peer=ann");
    peer_close(&bob);
}

/* ---- faults ---- */

Test(cluster, frames_that_come_twice_count_once) {
    struct peer bob;
    struct buf unit;
    other_open_thread();
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_tell(other_message("ann", 1, 1, "one"));
    bench_forget();
    unit = other_message("ann", 2, 2, "two");
    other_say_as(other.number, "E", 1);
    other_say_as(other.number - 1, "Q", 1);
    other_tell(unit);
    bench_expect("bob ! message member actor=ann seq=2 text=two peer=ann");
    peer_close(&bob);
}

Test(cluster, missing_frames_are_made_up_for) {
    struct peer bob;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_forget();
    other.number += 3;
    other_say("P0 0 ");
    check_true(other_frame('A'));
    cr_assert(eq(sz, bench.store.counts[STORE_THREADS_TOUCHED], 1));
    check_true(!engine_is_settled(bench.engine));
    other_say("S1 1 1 0 ");
    check_true(engine_is_settled(bench.engine));
    peer_close(&bob);
}

Test(cluster, one_that_was_taken_for_gone_is_told_so) {
    static const int64_t there[] = { OTHER };
    other_meet("S0 1 1 0 ");
    check_true(!other_frame('M')); /* both had just begun */
    other_nodes(1003000000, NULL, 0);
    other_forget();
    other_say("B");
    cr_assert(eq(str, (char *)other_frame('M'), "2 "));
    other_nodes(1006000000, NULL, 0);
    other_forget();
    other_nodes(1009000000, there, 1);
    cr_assert(eq(str, (char *)other_frame('M'), "2 "));
}

/* It may have read what was missed before the last of it was written. */
Test(cluster, what_was_told_to_nobody_is_read) {
    struct peer bob;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_say("M3 ");
    other_say("M");
    cr_assert(eq(sz, bench.store.counts[STORE_THREADS_TOUCHED], 0));
    other_say("M1 ");
    cr_assert(eq(sz, bench.store.counts[STORE_THREADS_TOUCHED], 1));
    peer_close(&bob);
}

static int64_t read_since_us;

static enum dm_status note_since(struct fake_store *fake, struct store_call *call) {
    (void)fake;
    read_since_us = call->since_us;
    return DM_OK;
}

/* To who came later, all that was said in their threads before would be news. */
Test(cluster, nothing_from_before_the_node_began_is_read) {
    struct peer bob;
    bench.store.events = note_since;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other.number += 3;
    other_say("P0 0 ");
    cr_assert(eq(i64, read_since_us, 995000000));
    peer_close(&bob);
}

Test(cluster, frames_that_are_none_are_survived) {
    static const char *const bad[] = { "", "E", "Ex", "E1 ", "S", "S0 1 1 9 1 ", "P99999 ", "Z",
                                       "A", "E-1 0 0 0 0 0 0 0 0 0 0 0 " };
    struct bus_notice notice = { .kind = BUS_FRAME };
    static const char *const whole[] = { "", "1", "12", "12 ", "12 x ", "1-5 1 A0 ", "22 1 A0 ",
                                         "11 1 Q", "1999 18446744073709551616 Q" };
    struct peer bob;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        other_say(bad[i]);
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        notice.frame = dm_slice_str(whole[i]);
        engine_notice(bench.engine, &notice);
        bench_run();
    }
    bench_expect_nothing();
    peer_close(&bob);
}

/* A message bears the time at which its writing began, which may have taken long. */
Test(cluster, what_was_under_way_counts_as_missed) {
    static const int64_t there[] = { OTHER };
    struct peer bob;
    bench.store.events = note_since;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_nodes_while(1001000000, 1003000000, there, 1);
    other_nodes(1006000000, there, 1);
    other.number += 3;
    other_say("P0 0 ");
    cr_assert(eq(i64, read_since_us, 996000000));
    peer_close(&bob);
}

Test(cluster, the_last_writes_of_a_node_that_is_gone_may_end_later) {
    const size_t *readings = &bench.store.counts[STORE_THREADS_TOUCHED];
    struct peer bob;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    other_nodes_while(1001000000, 1006000000, NULL, 0);
    cr_assert(eq(sz, *readings, 1));
    other_nodes_while(1001000000, 1009000000, NULL, 0);
    cr_assert(eq(sz, *readings, 1));
    other_nodes(1012000000, NULL, 0);
    cr_assert(eq(sz, *readings, 2));
    other_nodes(1015000000, NULL, 0);
    cr_assert(eq(sz, *readings, 2));
    peer_close(&bob);
}

/* Another may have come, and spoken, while this one was deaf. */
Test(cluster, one_that_was_alone_reads_what_it_did_not_hear) {
    const struct bus_notice deaf = { .kind = BUS_DEAF };
    struct peer bob;
    other_resync();
    other_nodes(1000000000, NULL, 0);
    other_nodes(1003000000, NULL, 0);
    peer_join(&bob, "bob", "bob");
    cr_assert(eq(sz, bench.store.counts[STORE_THREADS_TOUCHED], 0));
    engine_notice(bench.engine, &deaf);
    other_resync();
    cr_assert(eq(sz, bench.store.counts[STORE_THREADS_TOUCHED], 1));
    peer_close(&bob);
}
