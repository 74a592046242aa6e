#include "tests/unit/engine/bench.h"

TestSuite(catchup, .init = bench_open, .fini = bench_close);

/* The first two messages of the first thread. */
static enum dm_status answer(struct fake_store *fake, struct store_call *call) {
    const struct dm_message **messages = arena_alloc(call->arena, 2 * sizeof(*messages));
    struct fake_thread *thread = &fake->threads[0];
    messages[0] = fake_message(fake, call, thread, 1, thread->opener_id);
    messages[1] = fake_message(fake, call, thread, 2, thread->opener_id);
    call->result->messages = messages;
    call->result->message_count = 2;
    return DM_OK;
}

/* bob asks; the answer has the first two messages, and does not come while held_kinds says so. */
static void ask(struct peer *ann, struct peer *bob) {
    bench.store.command = answer;
    peer_join(ann, "ann", "ann");
    peer_send(ann, "bob", "one", NULL);
    bench_run();
    peer_join(bob, "bob", "bob");
    bench.store.held_kinds = 1u << STORE_COMMAND;
    peer_submit(bob, bench_command(DM_CMD_UNDELIVERED), NULL);
    bench_run();
}

Test(catchup, what_comes_meanwhile_follows_the_answer_once) {
    struct peer ann, bob;
    ask(&ann, &bob);
    peer_send(&ann, "bob", "two", NULL);
    peer_send(&ann, "bob", "three", NULL);
    peer_send(&ann, "bob", "four", NULL);
    bench_run();
    bench_expect("ann send ok seq=2 text=two peer=bob", "ann send ok seq=3 text=three peer=bob",
                 "ann send ok seq=4 text=four peer=bob");
    cr_assert(eq(sz, bench.store.mark_count, 0));
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("bob undelivered ok messages=1,2",
                 "bob ! message member actor=ann seq=3 text=three peer=ann unread=3",
                 "bob ! message member actor=ann seq=4 text=four peer=ann unread=4");
    bench_wait(250000);
    cr_assert(eq(sz, bench.store.mark_count, 1));
    cr_assert(eq(u64, bench.store.marks[0].from, 3));
    peer_send(&ann, "bob", "five", NULL);
    bench_run();
    bench_expect("ann send ok seq=5 text=five peer=bob",
                 "bob ! message member actor=ann seq=5 text=five peer=ann unread=5");
    peer_close(&ann);
    peer_close(&bob);
}

/* Only the newest one: the others have reached another session of bob's. */
static enum dm_status answer_newest(struct fake_store *fake, struct store_call *call) {
    const struct dm_message **messages = arena_alloc(call->arena, sizeof(*messages));
    struct fake_thread *thread = &fake->threads[0];
    messages[0] = fake_message(fake, call, thread, 3, thread->opener_id);
    call->result->messages = messages;
    call->result->message_count = 1;
    return DM_OK;
}

Test(catchup, what_was_kept_goes_before_newer_ones_of_the_answer) {
    struct peer ann, bob;
    ask(&ann, &bob);
    bench.store.command = answer_newest;
    for (int i = 0; i < 3; i++)
        peer_send(&ann, "bob", "x", NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("bob undelivered ok messages=2,3",
                 "bob ! message member actor=ann seq=4 text=x peer=ann unread=4");
    peer_close(&ann);
    peer_close(&bob);
}

Test(catchup, an_event_behind_the_answer_is_not_shown_again) {
    struct peer ann, bob;
    ask(&ann, &bob);
    bench.store.held_kinds = 1u << STORE_APPEND;
    peer_send(&ann, "bob", "two", NULL);
    bench_run();
    bench_expect("bob undelivered ok messages=1,2");
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("ann send ok seq=2 text=two peer=bob");
    bench_wait(20000000);
    peer_send(&ann, "bob", "three", NULL);
    bench_run();
    bench_expect("ann send ok seq=3 text=three peer=bob",
                 "bob ! message member actor=ann seq=3 text=three peer=ann unread=3");
    peer_close(&ann);
    peer_close(&bob);
}

static enum dm_status answer_nothing(struct fake_store *fake, struct store_call *call) {
    (void)fake, (void)call;
    return DM_OK;
}

Test(catchup, who_missed_nothing_costs_nothing_afterwards) {
    struct peer bob;
    bench.store.command = answer_nothing;
    peer_join(&bob, "bob", "bob");
    peer_submit(&bob, bench_command(DM_CMD_UNDELIVERED), NULL);
    check_true(bob.session.catchup != NULL);
    bench_run();
    bench_expect("bob undelivered ok");
    check_true(bob.session.catchup == NULL);
    peer_close(&bob);
}

static int lines_left;

static void close_later(struct peer *peer) {
    if (--lines_left)
        return;
    peer->on_line = NULL;
    peer_close(peer);
}

Test(catchup, closing_while_kept_messages_are_shown) {
    struct peer ann, bob;
    ask(&ann, &bob);
    for (int i = 0; i < 4; i++)
        peer_send(&ann, "bob", "x", NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 0;
    bob.on_line = close_later;
    lines_left = 2;
    bench_run();
    bench_expect("bob undelivered ok messages=1,2",
                 "bob ! message member actor=ann seq=3 text=x peer=ann unread=3");
    peer_close(&ann);
}

static void ask_again(struct peer *peer) {
    peer->on_line = NULL;
    peer_submit(peer, bench_command(DM_CMD_UNDELIVERED), NULL);
}

Test(catchup, asking_again_keeps_the_rest_back) {
    struct peer ann, bob;
    ask(&ann, &bob);
    for (int i = 0; i < 3; i++)
        peer_send(&ann, "bob", "x", NULL);
    bench_run();
    bench_forget();
    bob.on_line = ask_again;
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("bob undelivered ok messages=1,2", "bob undelivered ok messages=1,2",
                 "bob ! message member actor=ann seq=3 text=x peer=ann unread=3",
                 "bob ! message member actor=ann seq=4 text=x peer=ann unread=4");
    peer_close(&ann);
    peer_close(&bob);
}

Test(catchup, a_failed_one_loses_nothing) {
    struct peer ann, bob;
    ask(&ann, &bob);
    peer_send(&ann, "bob", "two", NULL);
    bench_run();
    bench_forget();
    bench.store.fail[STORE_COMMAND] = DM_UNAVAILABLE;
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("bob undelivered unavailable",
                 "bob ! message member actor=ann seq=2 text=two peer=ann unread=2");
    peer_close(&ann);
    peer_close(&bob);
}

static enum dm_status no_threads(struct fake_store *fake, struct store_call *call) {
    return DM_OK;
}

Test(catchup, any_command_may_hold_messages_back_until_its_answer) {
    struct dm_command command = bench_command(DM_CMD_THREAD_LIST);
    struct peer ann, bob;
    command.flags = DM_CMD_HOLD_EVENTS;
    bench.store.command = no_threads;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.held_kinds = 1u << STORE_COMMAND;
    peer_submit(&bob, command, NULL);
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("bob thread_list ok",
                 "bob ! message member actor=ann seq=1 text=one peer=ann unread=1");
    peer_close(&ann);
    peer_close(&bob);
}

/* The first thread, with the second of its messages as the last. */
static enum dm_status list_up_to_two(struct fake_store *fake, struct store_call *call) {
    struct dm_thread *thread = arena_zalloc(call->arena, sizeof(*thread));
    const struct dm_thread **threads = arena_alloc(call->arena, sizeof(*threads));
    thread->id = fake->threads[0].id;
    thread->last_message = fake_message(fake, call, &fake->threads[0], 2,
                                        fake->threads[0].opener_id);
    threads[0] = thread;
    call->result->threads = threads;
    call->result->thread_count = 1;
    return DM_OK;
}

static void ask_for_a_list(struct peer *ann, struct peer *bob) {
    struct dm_command command = bench_command(DM_CMD_THREAD_LIST);
    command.flags = DM_CMD_HOLD_EVENTS;
    bench.store.command = list_up_to_two;
    peer_join(ann, "ann", "ann");
    peer_join(bob, "bob", "bob");
    bench.store.held_kinds = 1u << STORE_COMMAND;
    peer_submit(bob, command, NULL);
}

Test(catchup, a_list_is_followed_by_what_came_after_its_last_messages) {
    struct peer ann, bob;
    ask_for_a_list(&ann, &bob);
    peer_send(&ann, "bob", "one", NULL);
    peer_send(&ann, "bob", "two", NULL);
    peer_send(&ann, "bob", "three", NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("bob thread_list ok threads=501",
                 "bob ! message member actor=ann seq=3 text=three peer=ann unread=3");
    bench_wait(250000);
    cr_assert(eq(sz, bench.store.mark_count, 1));
    cr_assert(eq(u64, bench.store.marks[0].from, 3));
    peer_close(&ann);
    peer_close(&bob);
}

/* The store showed what it had committed before it told so. */
Test(catchup, an_event_behind_the_list_that_told_of_it) {
    struct peer ann, bob;
    ask_for_a_list(&ann, &bob);
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 1u << STORE_APPEND;
    peer_send(&ann, "bob", "two", NULL);
    peer_send(&ann, "bob", "three", NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("ann send ok seq=2 text=two peer=bob", "ann send ok seq=3 text=three peer=bob",
                 "bob ! message member actor=ann seq=3 text=three peer=ann unread=3");
    peer_close(&ann);
    peer_close(&bob);
}

/* One of ann's sessions asks for a list while tom lets her held message through. */
static void release_meanwhile(struct peer *asking, struct peer *tom) {
    struct dm_command list = bench_command(DM_CMD_THREAD_LIST);
    struct dm_command approve = bench_command(DM_CMD_APPROVE);
    list.flags = DM_CMD_HOLD_EVENTS;
    approve.thread = dm_ref_id(bench.store.threads[0].id);
    bench.store.held_kinds = 1u << STORE_COMMAND;
    peer_submit(asking, list, NULL);
    peer_submit(tom, approve, NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 0;
    bench_run();
}

Test(catchup, a_confirmation_waits_for_the_list_and_follows_it) {
    struct peer ann, ann2, tom;
    bench.store.command = list_up_to_two;
    peer_join(&ann, "ann", "ann");
    peer_join(&ann2, "ann2", "ann");
    peer_join(&tom, "tom", "tom");
    peer_send(&ann, "tom", "one", NULL);
    peer_send(&ann, "tom", "two", NULL);
    bench_run();
    release_meanwhile(&ann2, &tom);
    bench_expect("tom approve ok peer=ann",
                 "ann ! thread_state member actor=tom peer=tom",
                 "ann2 ! thread_state member actor=tom peer=tom",
                 "ann ! message_released actor actor=ann seq=2 text=two peer=tom unread=10",
                 "tom ! message_released member actor=ann seq=2 text=two peer=ann unread=10",
                 "ann2 thread_list ok threads=501",
                 "ann2 ! message_released actor actor=ann seq=2 text=two peer=tom unread=10");
    peer_close(&ann);
    peer_close(&ann2);
    peer_close(&tom);
}

/* The session that asks is the one that sent it, and gets its cookie back. */
Test(catchup, a_confirmation_that_waited_bears_its_cookie) {
    struct peer ann, tom;
    bench.store.command = list_up_to_two;
    peer_join(&ann, "ann", "ann");
    peer_join(&tom, "tom", "tom");
    peer_send(&ann, "tom", "one", "a");
    peer_send(&ann, "tom", "two", "b");
    bench_run();
    release_meanwhile(&ann, &tom);
    bench_expect("tom approve ok peer=ann",
                 "ann ! thread_state member actor=tom peer=tom",
                 "tom ! message_released member actor=ann seq=2 text=two peer=ann unread=10",
                 "ann thread_list ok threads=501",
                 "ann ! message_released actor actor=ann seq=2 text=two peer=tom unread=10 "
                 "cookie=b");
    peer_close(&ann);
    peer_close(&tom);
}
