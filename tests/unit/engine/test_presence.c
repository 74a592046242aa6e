#include "tests/unit/engine/bench.h"

TestSuite(presence, .init = bench_open, .fini = bench_close);

static void watch(struct peer *peer, enum dm_command_kind kind, const char *name) {
    struct dm_command command = bench_command(kind);
    command.user = bench_name(name);
    peer_submit(peer, command, NULL);
    bench_run();
}

static void join(struct peer *peer, const char *username, uint32_t flags) {
    struct dm_command command = bench_command(DM_CMD_AUTHENTICATE);
    peer_open(peer, "x", flags);
    command.token = strcmp(username, "bob") == 0 ? DM_SLICE("access:bob")
                                                 : DM_SLICE("access:cat");
    peer_submit(peer, command, NULL);
    bench_run();
}

Test(presence, watchers_hear_of_the_first_and_the_last_session) {
    struct peer ann, bob[2];
    peer_join(&ann, "ann", "ann");
    watch(&ann, DM_CMD_WATCH, "bob");
    bench_expect("ann watch ok user=bob");
    join(&bob[0], "bob", PEER_SOCKET);
    join(&bob[1], "bob", PEER_SOCKET);
    bench_expect("x authenticate ok user=bob+", "ann ! user_online subject actor=bob",
                 "x authenticate ok user=bob+");
    check_true(engine_user_is_online(bench.engine, bench_id("bob")));
    peer_close(&bob[0]);
    bench_run();
    bench_expect_nothing();
    peer_close(&bob[1]);
    bench_expect_nothing();
    bench_run();
    bench_expect("ann ! user_offline subject actor=bob");
    watch(&ann, DM_CMD_UNWATCH, "bob");
    join(&bob[0], "bob", PEER_SOCKET);
    bench_expect("ann unwatch ok", "x authenticate ok user=bob+");
    watch(&ann, DM_CMD_WATCH, "bob");
    bench_expect("ann watch ok user=bob+");
    peer_close(&ann);
    peer_close(&bob[0]);
    bench_run();
}

Test(presence, requests_do_not_count) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    watch(&ann, DM_CMD_WATCH, "bob");
    bench_forget();
    join(&bob, "bob", ENGINE_SESSION_HANDSHAKE);
    bench_expect("x authenticate ok user=bob");
    check_true(!engine_user_is_online(bench.engine, bench_id("bob")));
    peer_send(&ann, "bob", "hi", NULL);
    bench_run();
    bench_expect("ann send ok seq=1 text=hi peer=bob created");
    peer_close(&ann);
    peer_close(&bob);
}

Test(presence, a_change_within_a_turn_shows_nowhere) {
    struct peer ann, bob, again;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    watch(&ann, DM_CMD_WATCH, "bob");
    join(&again, "bob", PEER_SOCKET);
    peer_close(&again);
    bench_forget();
    peer_close(&bob);
    join(&bob, "bob", PEER_SOCKET);
    bench_expect("x authenticate ok user=bob+");
    peer_close(&ann);
    peer_close(&bob);
}

Test(presence, watches_are_bounded_and_refused) {
    struct peer ann;
    struct engine_config config = bench.config;
    config.watch_max = 1;
    engine_reload(bench.engine, &config);
    peer_join(&ann, "ann", "ann");
    watch(&ann, DM_CMD_WATCH, "bob");
    watch(&ann, DM_CMD_WATCH, "bob");
    watch(&ann, DM_CMD_WATCH, "cat");
    watch(&ann, DM_CMD_WATCH, "nobody");
    watch(&ann, DM_CMD_UNWATCH, "cat");
    bench_expect("ann watch ok user=bob", "ann watch ok user=bob", "ann watch limited",
                 "ann watch no_user", "ann unwatch ok");
    peer_close(&ann);
}

static void close_it(struct peer *peer) {
    peer->on_line = NULL;
    peer_close(peer);
}

Test(presence, a_watcher_may_leave_when_told) {
    struct peer ann, cat, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&cat, "cat", "cat");
    watch(&ann, DM_CMD_WATCH, "bob");
    watch(&cat, DM_CMD_WATCH, "bob");
    bench_forget();
    ann.on_line = close_it;
    cat.on_line = close_it;
    join(&bob, "bob", PEER_SOCKET);
    bench_expect("x authenticate ok user=bob+", "ann ! user_online subject actor=bob",
                 "cat ! user_online subject actor=bob");
    peer_close(&bob);
    bench_run();
}

static enum dm_status list_all(struct fake_store *fake, struct store_call *call) {
    const struct dm_user **users = arena_alloc(call->arena, 2 * sizeof(*users));
    users[0] = &fake->users[1].user;
    users[1] = &fake->users[2].user;
    call->result->users = users;
    call->result->user_count = 2;
    return DM_OK;
}

Test(presence, lists_show_who_is_online) {
    struct peer ann, cat;
    bench.store.command = list_all;
    peer_join(&ann, "ann", "ann");
    peer_join(&cat, "cat", "cat");
    peer_submit(&ann, bench_command(DM_CMD_USER_LIST), NULL);
    peer_submit(&ann, bench_command(DM_CMD_FRIEND_LIST), NULL);
    peer_submit(&ann, bench_command(DM_CMD_USER_GET), NULL);
    bench_run();
    bench_expect("ann user_list ok users=bob,cat+", "ann friend_list ok users=bob,cat+",
                 "ann user_get ok user=ann+");
    peer_close(&ann);
    peer_close(&cat);
}
