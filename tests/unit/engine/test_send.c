#include "tests/unit/engine/bench.h"

TestSuite(send, .init = bench_open, .fini = bench_close);

Test(send, first_message_opens_the_thread) {
    struct peer ann, ann2, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&ann2, "ann2", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "hi", "7");
    bench_expect_nothing();
    bench_run();
    bench_expect("ann2 ! thread_opened actor actor=ann peer=bob",
                 "bob ! thread_opened member actor=ann peer=ann",
                 "ann send ok seq=1 text=hi peer=bob created cookie=7",
                 "ann2 ! message actor actor=ann seq=1 text=hi peer=bob unread=1",
                 "bob ! message member actor=ann seq=1 text=hi peer=ann unread=1");
    peer_send(&bob, "ann", "ho", NULL);
    bench_run();
    bench_expect("bob send ok seq=2 text=ho peer=ann",
                 "ann ! message member actor=bob seq=2 text=ho peer=bob unread=2",
                 "ann2 ! message member actor=bob seq=2 text=ho peer=bob unread=2");
    peer_close(&ann);
    peer_close(&ann2);
    peer_close(&bob);
}

Test(send, refusals) {
    struct peer ann;
    struct dm_command command = bench_command(DM_CMD_SEND);
    struct dm_uuid nobody = { { 9 } };
    peer_join(&ann, "ann", "ann");
    fake_user_named(&bench.store, "cat")->user.flags = 0;
    peer_send(&ann, "ann", "hi", NULL);
    peer_send(&ann, "nobody", "hi", NULL);
    peer_send(&ann, "cat", "hi", NULL);
    peer_send(&ann, "bob", "", NULL);
    peer_send_thread(&ann, 99, "hi", NULL);
    command.text = DM_SLICE("hi");
    command.user = dm_ref_uuid(&nobody);
    command.flags = DM_CMD_USER_OR_CHAT;
    peer_submit(&ann, command, NULL);
    command.user = bench_name("bob");
    command.flags = DM_CMD_NEED_ONLINE;
    peer_submit(&ann, command, NULL);
    command.flags = DM_CMD_NEED_FRIEND;
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("ann send self", "ann send no_user", "ann send no_user",
                 "ann send invalid field=text", "ann send no_thread", "ann send no_user",
                 "ann send offline", "ann send not_friend");
    cr_assert(eq(sz, bench.store.thread_count, 0));
    peer_close(&ann);
}

Test(send, foreign_direct_thread_is_none) {
    struct peer ann, cat;
    peer_join(&ann, "ann", "ann");
    peer_join(&cat, "cat", "cat");
    peer_send(&ann, "bob", "hi", NULL);
    bench_run();
    bench_forget();
    peer_send_thread(&cat, bench.store.threads[0].id, "me too", NULL);
    peer_send_thread(&ann, bench.store.threads[0].id, "us", NULL);
    bench_run();
    bench_expect("cat send no_thread", "ann send ok seq=2 text=us peer=bob");
    engine_notice(bench.engine, &(struct bus_notice){ .kind = BUS_RESYNC });
    bench_run();
    peer_send_thread(&cat, bench.store.threads[0].id, "me too", NULL);
    bench_run();
    bench_expect("cat send no_thread");
    peer_close(&ann);
    peer_close(&cat);
}

Test(send, friends_are_asked_once) {
    struct peer ann;
    struct dm_command command = bench_command(DM_CMD_SEND);
    peer_join(&ann, "ann", "ann");
    bench.store.friends = 1;
    command.user = bench_name("bob");
    command.text = DM_SLICE("hi");
    command.flags = DM_CMD_NEED_FRIEND;
    peer_submit(&ann, command, NULL);
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("ann send ok seq=1 text=hi peer=bob created",
                 "ann send ok seq=2 text=hi peer=bob");
    cr_assert(eq(sz, bench.store.counts[STORE_FRIENDS_CHECK], 1));
    peer_close(&ann);
}

Test(send, sends_of_one_lane_share_a_batch_and_keep_order) {
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    peer_send(&ann, "bob", "first", NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 1u << STORE_APPEND;
    for (int i = 0; i < 8; i++)
        peer_send(&ann, "bob", i % 2 ? "odd" : "even", NULL);
    peer_send(&ann, "cat", "other", NULL);
    bench_run();
    cr_assert(eq(sz, fake_waiting(&bench.store, STORE_APPEND), 8));
    cr_assert(eq(u32, engine_session_backlog(&ann.session), 9));
    bench_expect_nothing();
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("ann send ok seq=2 text=even peer=bob", "ann send ok seq=3 text=odd peer=bob",
                 "ann send ok seq=4 text=even peer=bob", "ann send ok seq=5 text=odd peer=bob",
                 "ann send ok seq=6 text=even peer=bob", "ann send ok seq=7 text=odd peer=bob",
                 "ann send ok seq=8 text=even peer=bob", "ann send ok seq=9 text=odd peer=bob",
                 "ann send ok seq=1 text=other peer=cat created");
    peer_close(&ann);
}

Test(send, a_refusal_in_between_is_answered_in_its_place) {
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    peer_send(&ann, "bob", "first", NULL);
    bench_run();
    bench_forget();
    bench.store.held_kinds = 1u << STORE_APPEND;
    peer_send(&ann, "bob", "one", NULL);
    peer_send(&ann, "ann", "me", NULL);
    peer_send(&ann, "bob", "two", NULL);
    bench_run();
    cr_assert(eq(sz, fake_waiting(&bench.store, STORE_APPEND), 2));
    bench_expect_nothing();
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("ann send ok seq=2 text=one peer=bob", "ann send self",
                 "ann send ok seq=3 text=two peer=bob");
    peer_close(&ann);
}

static enum dm_status empty_history(struct fake_store *fake, struct store_call *call) {
    call->result->count = fake->counts[STORE_APPEND];
    return DM_OK;
}

Test(send, reads_wait_for_writes_and_the_other_way_round) {
    struct peer ann;
    struct dm_command list = bench_command(DM_CMD_THREAD_LIST);
    peer_join(&ann, "ann", "ann");
    bench.store.command = empty_history;
    peer_send(&ann, "bob", "one", NULL);
    peer_submit(&ann, list, NULL);
    peer_send(&ann, "bob", "two", NULL);
    bench.store.held_kinds = 1u << STORE_APPEND;
    bench_run();
    cr_assert(eq(sz, fake_waiting(&bench.store, STORE_COMMAND), 0));
    bench.store.held_kinds = 1u << STORE_COMMAND;
    bench_run();
    cr_assert(eq(sz, fake_waiting(&bench.store, STORE_APPEND), 0));
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("ann send ok seq=1 text=one peer=bob created", "ann thread_list ok count=1",
                 "ann send ok seq=2 text=two peer=bob");
    peer_close(&ann);
}

Test(send, sessions_do_not_wait_for_each_other) {
    struct peer ann, cat;
    peer_join(&ann, "ann", "ann");
    peer_join(&cat, "cat", "cat");
    bench.store.command = empty_history;
    bench.store.held_kinds = 1u << STORE_APPEND;
    peer_send(&ann, "bob", "one", NULL);
    peer_submit(&cat, bench_command(DM_CMD_THREAD_LIST), NULL);
    bench_run();
    bench_expect("cat thread_list ok");
    peer_close(&ann);
    peer_close(&cat);
}

Test(send, a_closed_session_is_still_carried_out) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    peer_send(&ann, "bob", "two", NULL);
    peer_send(&ann, "cat", "three", NULL);
    peer_close(&ann);
    bench_run();
    bench_expect("bob ! thread_opened member actor=ann peer=ann",
                 "bob ! message member actor=ann seq=1 text=one peer=ann unread=1",
                 "bob ! message member actor=ann seq=2 text=two peer=ann unread=2");
    cr_assert(eq(u64, bench.store.threads[1].seq, 1));
    peer_close(&bob);
}

Test(send, unavailable_is_told_and_order_kept) {
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench_forget();
    bench.store.fail[STORE_APPEND] = DM_UNAVAILABLE;
    peer_send(&ann, "bob", "two", "a");
    peer_send(&ann, "bob", "three", "b");
    bench_run();
    bench_expect("ann send unavailable cookie=a", "ann send unavailable cookie=b");
    bench.store.fail[STORE_APPEND] = DM_OK;
    peer_send(&ann, "bob", "four", NULL);
    bench_run();
    bench_expect("ann send ok seq=2 text=four peer=bob");
    peer_close(&ann);
}

Test(send, urls_become_attachments) {
    struct peer ann, bob;
    struct dm_command command = bench_command(DM_CMD_SEND);
    struct dm_slice urls[] = { DM_SLICE("https://a.example/x/cat.png?s=1/2"), DM_SLICE("plain") };
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    command.user = bench_name("bob");
    command.urls = urls;
    command.url_count = 2;
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("bob ! thread_opened member actor=ann peer=ann",
                 "ann send ok seq=1 file=cat.png file=plain peer=bob created",
                 "bob ! message member actor=ann seq=1 file=cat.png file=plain peer=ann "
                 "unread=1");
    peer_close(&ann);
    peer_close(&bob);
}

static void close_it(struct peer *peer) {
    peer->on_line = NULL;
    peer_close(peer);
}

Test(send, sessions_may_close_inside_their_callbacks) {
    struct peer ann, bob[3];
    peer_join(&ann, "ann", "ann");
    for (int i = 0; i < 3; i++)
        peer_join(&bob[i], "bob", "bob");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench_forget();
    ann.on_line = close_it;
    bob[0].on_line = close_it;
    bob[1].on_line = close_it;
    peer_send(&ann, "bob", "two", NULL);
    peer_send(&ann, "bob", "three", NULL);
    bench_run();
    bench_expect("ann send ok seq=2 text=two peer=bob",
                 "bob ! message member actor=ann seq=2 text=two peer=ann unread=2",
                 "bob ! message member actor=ann seq=2 text=two peer=ann unread=2",
                 "bob ! message member actor=ann seq=2 text=two peer=ann unread=2",
                 "bob ! message member actor=ann seq=3 text=three peer=ann unread=3");
    peer_close(&bob[2]);
}

static struct peer *next_to_close;

static void close_the_next(struct peer *peer) {
    peer->on_line = NULL;
    peer_close(next_to_close);
}

Test(send, sessions_may_close_each_other_inside_callbacks) {
    struct peer ann, bob, bob2, bob3;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&bob2, "bob2", "bob");
    peer_join(&bob3, "bob3", "bob");
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench_forget();
    bob.on_line = close_the_next;
    next_to_close = &bob2;
    peer_send(&ann, "bob", "two", NULL);
    bench_run();
    bench_expect("ann send ok seq=2 text=two peer=bob",
                 "bob ! message member actor=ann seq=2 text=two peer=ann unread=2",
                 "bob3 ! message member actor=ann seq=2 text=two peer=ann unread=2");
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&bob3);
}

static void send_more(struct peer *peer) {
    peer->on_line = NULL;
    peer_send(peer, "bob", "again", NULL);
}

Test(send, a_result_may_submit_the_next_command) {
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    ann.on_line = send_more;
    peer_send(&ann, "bob", "one", NULL);
    bench_run();
    bench_expect("ann send ok seq=1 text=one peer=bob created",
                 "ann send ok seq=2 text=again peer=bob");
    peer_close(&ann);
}
