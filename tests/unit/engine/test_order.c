/* Answers have their place in a thread's order, in a node among others. */
#include "tests/unit/engine/other.h"

TestSuite(order, .init = other_open, .fini = other_close);

/* Bob is here, and another node is there. */
static void join(struct peer *bob) {
    other_open_thread();
    other_meet("S0 1 1 0 ");
    peer_join(bob, "bob", "bob");
}

/* Of ann's messages, which other nodes store, the latest is `seq`; bob sends the next one. */
static void send_own(struct peer *bob, uint64_t seq) {
    bench.store.threads[0].rev = bench.store.threads[0].seq = seq;
    peer_send_thread(bob, 501, "own", "c");
}

Test(order, an_answer_waits_for_what_comes_before_it) {
    struct peer bob;
    join(&bob);
    other_tell(other_message("ann", 1, 1, "one"));
    bench_forget();
    bench.store.threads[0].rev = bench.store.threads[0].seq = 2;
    peer_send_thread(&bob, 501, "three", "c");
    peer_send_thread(&bob, 501, "four", "d");
    bench_run();
    bench_expect_nothing();
    other_tell(other_message("ann", 2, 2, "two"));
    bench_expect("bob ! message member actor=ann seq=2 text=two peer=ann",
                 "bob send ok seq=3 text=three peer=ann cookie=c",
                 "bob send ok seq=4 text=four peer=ann cookie=d");
    peer_close(&bob);
}

Test(order, an_answer_does_not_pass_a_first_event_that_waits) {
    struct peer bob;
    join(&bob);
    other_tell(other_message("ann", 7, 7, "earlier"));
    send_own(&bob, 7);
    bench_run();
    bench_expect_nothing();
    bench_wait(60000);
    bench_expect("bob ! message member actor=ann seq=7 text=earlier peer=ann",
                 "bob send ok seq=8 text=own peer=ann cookie=c");
    peer_close(&bob);
}

Test(order, an_answer_in_a_thread_not_shown_yet_waits_for_what_may_be_on_its_way) {
    struct peer bob;
    join(&bob);
    send_own(&bob, 7);
    bench_run();
    bench_expect_nothing();
    other_tell(other_message("ann", 7, 7, "earlier"));
    bench_wait(60000);
    bench_expect("bob ! message member actor=ann seq=7 text=earlier peer=ann",
                 "bob send ok seq=8 text=own peer=ann cookie=c");
    peer_send_thread(&bob, 501, "again", "d");
    bench_run();
    bench_expect("bob send ok seq=9 text=again peer=ann cookie=d");
    peer_close(&bob);
}

Test(order, an_answer_waits_a_moment_only_when_nothing_comes) {
    struct peer bob;
    join(&bob);
    send_own(&bob, 7);
    bench_wait(40000);
    bench_expect_nothing();
    bench_wait(20000);
    bench_expect("bob send ok seq=8 text=own peer=ann cookie=c");
    peer_close(&bob);
}

/* Bob's message, the second of his thread with ann, was stored by another node. */
static enum dm_status one_message(struct fake_store *fake, struct store_call *call) {
    const struct store_event event = { .kind = DM_CMD_SEND, .actor_id = bench_id("bob"), .rev = 2,
                                       .span = 1, .message_count = 1 };
    other_stored_message(call, 2, "bob");
    return other_stored(call, &event, 1, 2);
}

/* Else two that wait for each other's thread wait for good. */
Test(order, a_command_that_waits_for_its_turn_keeps_back_nothing_that_was_missed) {
    struct peer bob;
    join(&bob);
    other_tell(other_message("ann", 1, 1, "one"));
    peer_send(&bob, "cat", "opens", NULL);
    bench_run();
    bench_forget();
    bench.store.events = one_message;
    bench.store.threads[0].rev = bench.store.threads[0].seq = 2;
    bench.store.held_kinds = 1u << STORE_APPEND;
    peer_send(&bob, "cat", "under way", NULL);
    peer_send_thread(&bob, 501, "waits", NULL);
    bench_run();
    other_resync();
    bench_run();
    bench_expect("bob ! message actor actor=bob seq=2 peer=ann");
    bench.store.held_kinds = 0;
    bench_run();
    bench_forget();
    peer_close(&bob);
}

/* Another node stored a message of ann's before bob's own. */
static enum dm_status one_and_own(struct fake_store *fake, struct store_call *call) {
    const struct store_event events[] = {
        { .kind = DM_CMD_SEND, .actor_id = bench_id("ann"), .rev = 7, .span = 1,
          .message_count = 1 },
        { .kind = DM_CMD_SEND, .actor_id = bench_id("bob"), .rev = 8, .span = 1 },
    };
    other_stored_message(call, 7, "ann");
    return other_stored(call, events, ARRAY_LEN(events), 8);
}

/* Else the answer waits for what is read, and that for the reading's end, which waits for it. */
Test(order, an_answer_in_a_thread_not_shown_yet_comes_after_what_was_missed) {
    struct peer bob;
    join(&bob);
    bench.store.events = one_and_own;
    send_own(&bob, 7);
    bench_run();
    bench_expect_nothing();
    other_resync();
    bench_run();
    bench_expect("bob ! message member actor=ann seq=7 peer=ann",
                 "bob send ok seq=8 text=own peer=ann cookie=c");
    bench_wait(10000000);
    bench_expect_nothing();
    peer_close(&bob);
}

static const char *next_text;

/* Ann has deleted her request elsewhere, and the next took its place. */
static enum dm_status a_deletion(struct fake_store *fake, struct store_call *call) {
    const struct store_event event = { .kind = DM_CMD_DELETE, .actor_id = bench_id("ann"),
                                       .rev = 2, .span = 1, .message_count = 2 };
    struct fake_thread *thread = &fake->threads[0];
    const struct dm_message **messages = arena_alloc(call->arena, 2 * sizeof(*messages));
    struct dm_message *next = fake_message(fake, call, thread, 2, bench_id("ann"));
    next->text = dm_slice_str(next_text);
    next->flags = DM_MESSAGE_FIRST;
    messages[0] = fake_message(fake, call, thread, 1, bench_id("ann"));
    messages[1] = next;
    call->result->messages = messages;
    call->result->message_count = 2;
    return other_stored(call, &event, 1, 2);
}

static void miss_deletion(struct peer *bob) {
    join(bob);
    other_tell(other_message("ann", 1, 1, "one"));
    bench_forget();
    bench.store.events = a_deletion;
    other_resync();
    bench_run();
    peer_close(bob);
}

Test(order, a_deletion_that_was_missed_tells_the_request_in_its_place) {
    struct peer bob;
    next_text = "two";
    miss_deletion(&bob);
    bench_expect("bob ! message_deleted member actor=ann seq=1 peer=ann",
                 "bob ! message_released member actor=ann seq=2 text=two first peer=ann requested "
                 "unread=1");
}

Test(order, a_request_that_is_deleted_by_now_is_not_told) {
    struct peer bob;
    next_text = "";
    miss_deletion(&bob);
    bench_expect("bob ! message_deleted member actor=ann seq=1 peer=ann");
}

static enum dm_status read_as_third(struct fake_store *fake, struct store_call *call) {
    call->result->thread = fake_view(fake, call, &fake->threads[0]);
    other_stored_message(call, 1, "ann");
    call->result->flags |= DM_RESULT_CHANGED;
    call->ret_rev = 3;
    return DM_OK;
}

/* Bob has read the same elsewhere, and then here. */
static enum dm_status two_reads(struct fake_store *fake, struct store_call *call) {
    const int64_t bob = bench_id("bob");
    const struct store_event events[] = {
        { .kind = DM_CMD_READ, .actor_id = bob, .rev = 2, .span = 1, .message_count = 1 },
        { .kind = DM_CMD_READ, .actor_id = bob, .rev = 3, .span = 1, .message_count = 1 },
    };
    cr_assert(call->events != NULL);
    other_stored_message(call, 1, "ann");
    return other_stored(call, events, call->events->before_rev == 3 ? 1 : 2,
                        call->events->before_rev - 1);
}

/* Else it waits for itself, and with it the thread for good. */
Test(order, what_a_user_did_here_keeps_back_nothing_of_what_he_did_elsewhere) {
    struct dm_command read = bench_command(DM_CMD_READ);
    struct peer bob;
    join(&bob);
    other_tell(other_message("ann", 1, 1, "one"));
    bench_forget();
    bench.store.command = read_as_third;
    bench.store.events = two_reads;
    read.thread = dm_ref_id(501);
    peer_submit(&bob, read, "c");
    bench_run();
    bench_expect_nothing();
    bench_wait(210000);
    bench_expect("bob ! read actor actor=bob messages=1 peer=ann",
                 "bob read ok peer=ann messages=1 cookie=c");
    peer_close(&bob);
}

/* One that was frozen stores a message before it is heard again. */
Test(order, a_node_that_believes_to_be_alone_passes_nothing_over) {
    struct peer bob;
    join(&bob);
    other_tell(other_message("ann", 1, 1, "one"));
    other_nodes(1003000000, NULL, 0);
    bench_forget();
    bench.store.held_kinds = 1u << STORE_EVENTS;
    send_own(&bob, 2);
    bench_run();
    bench_expect_nothing();
    other_tell(other_message("ann", 2, 2, "two"));
    bench_expect("bob ! message member actor=ann seq=2 text=two peer=ann",
                 "bob send ok seq=3 text=own peer=ann cookie=c");
    bench.store.held_kinds = 0;
    peer_close(&bob);
}
