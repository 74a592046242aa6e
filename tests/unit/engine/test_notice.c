#include <stdio.h>

#include "tests/unit/engine/bench.h"

TestSuite(notice, .init = bench_open, .fini = bench_close);

static void notify_user(enum bus_notice_kind kind, const char *name) {
    struct bus_notice notice = { .kind = kind, .id = bench_id(name) };
    engine_notice(bench.engine, &notice);
    bench_run();
}

static void revoke(const char *token) {
    struct bus_notice notice = { .kind = BUS_TOKEN_REVOKED };
    fake_fingerprint(token, notice.fingerprint);
    engine_notice(bench.engine, &notice);
}

static void authenticate(struct peer *peer, const char *token) {
    struct dm_command command = bench_command(DM_CMD_AUTHENTICATE);
    command.token = dm_slice_str(token);
    peer_submit(peer, command, NULL);
}

Test(notice, a_new_user_is_told_to_all_once) {
    struct peer ann, bob, request;
    struct dm_command command = bench_command(DM_CMD_REGISTER);
    peer_join(&ann, "ann", "ann");
    peer_open(&bob, "new", PEER_SOCKET);
    peer_open(&request, "request", 0);
    command.profile.username = DM_SLICE("zoe");
    command.secret = DM_SLICE("x");
    command.flags = DM_CMD_LOGIN_AFTER;
    peer_submit(&bob, command, NULL);
    bench_run();
    bench_expect("new register ok user=zoe+ created");
    notify_user(BUS_USER_CREATED, "zoe");
    bench_expect("ann ! user_created all actor=zoe");
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&request);
}

Test(notice, changed_data_are_taken_over) {
    struct peer ann, bob;
    struct fake_user *user = fake_user_named(&bench.store, "ann");
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    snprintf(user->texts[0], sizeof(user->texts[0]), "eve");
    notify_user(BUS_USER_CHANGED, "eve");
    bench_expect("ann changed eve", "bob ! user_updated all actor=eve");
    peer_send(&bob, "ann", "old name", NULL);
    peer_send(&bob, "eve", "new name", NULL);
    bench_run();
    bench_expect("bob send no_user",
                 "ann ! thread_opened member actor=bob peer=bob",
                 "bob send ok seq=1 text=new name peer=eve created",
                 "ann ! message member actor=bob seq=1 text=new name peer=bob unread=1");
    peer_close(&ann);
    peer_close(&bob);
}

Test(notice, a_deactivated_user_is_out) {
    struct peer ann, ann2, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&ann2, "ann2", "ann");
    peer_join(&bob, "bob", "bob");
    fake_user_named(&bench.store, "ann")->user.flags = 0;
    notify_user(BUS_USER_DEACTIVATED, "ann");
    bench_expect("ann revoked", "ann2 revoked", "bob ! user_deactivated all actor=ann");
    cr_assert(eq(int, (int)ann.session.state, ENGINE_SESSION_NEW));
    peer_send(&ann, "bob", "still here", NULL);
    peer_send(&bob, "ann", "hello?", NULL);
    authenticate(&ann, "access:ann");
    bench_run();
    bench_expect("ann send unauthenticated", "ann authenticate unauthenticated",
                 "bob send no_user");
    check_true(!engine_user_is_online(bench.engine, bench_id("ann")));
    peer_close(&ann);
    peer_close(&ann2);
    peer_close(&bob);
}

Test(notice, a_revoked_token_is_dead_at_once) {
    struct peer ann, same, other;
    peer_join(&ann, "ann", "ann");
    peer_open(&same, "same", PEER_SOCKET);
    peer_open(&other, "other", PEER_SOCKET);
    authenticate(&other, "access:ann:other");
    bench_run();
    bench_forget();
    revoke("access:ann");
    bench_expect("ann revoked");
    authenticate(&same, "access:ann");
    bench_run();
    bench_expect("same authenticate unauthenticated");
    check_true(engine_session_user(&other.session));
    peer_close(&ann);
    peer_close(&same);
    peer_close(&other);
}

Test(notice, revoked_between_check_and_answer) {
    struct peer ann;
    peer_open(&ann, "ann", PEER_SOCKET);
    authenticate(&ann, "access:ann");
    revoke("access:ann");
    bench_run();
    bench_expect("ann authenticate unauthenticated");
    peer_close(&ann);
}

Test(notice, commands_under_way_when_revoked_end_in_order) {
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    bench.store.held_kinds = 1u << STORE_APPEND;
    peer_send(&ann, "bob", "one", "a");
    bench_run();
    peer_send(&ann, "cat", "two", "b");
    bench_run();
    revoke("access:ann");
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("ann revoked", "ann send ok seq=1 text=one peer=bob created cookie=a",
                 "ann send ok seq=1 text=two peer=cat created cookie=b");
    peer_send(&ann, "cat", "three", "c");
    bench_run();
    bench_expect("ann send unauthenticated cookie=c");
    peer_close(&ann);
}

Test(notice, no_confirmation_waits_for_who_is_gone) {
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    peer_send(&ann, "tom", "one", "a");
    bench_run();
    bench_forget();
    bench.store.held_kinds = 1u << STORE_APPEND;
    peer_send(&ann, "tom", "two", "b");
    bench_run();
    revoke("access:ann");
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("ann revoked", "ann send held seq=2 text=two peer=tom requested cookie=b");
    check_true(!ann.session.kept);
    peer_close(&ann);
}

Test(notice, a_gap_in_the_notices_is_made_good) {
    struct peer ann, bob, cat;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    fake_user_named(&bench.store, "ann")->user.flags = 0;
    fake_user_named(&bench.store, "bob")->user.color = DM_SLICE("#ff0000");
    fake_fingerprint("access:cat", bench.store.revoked[0]);
    bench.store.revoked_count = 1;
    bench.store.fail[STORE_USERS_FIND] = DM_UNAVAILABLE;
    engine_notice(bench.engine, &(struct bus_notice){ .kind = BUS_RESYNC });
    bench_run();
    bench_expect("cat revoked");
    bench.store.fail[STORE_USERS_FIND] = DM_OK;
    bench_wait(1500000);
    cr_assert(eq(sz, bench.line_count, 2));
    check_true(!engine_session_user(&ann.session));
    check_slice(engine_session_user(&bob.session)->color, DM_SLICE("#ff0000"));
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
}
