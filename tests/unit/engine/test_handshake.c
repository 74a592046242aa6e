#include <stdio.h>

#include "tests/unit/engine/bench.h"

TestSuite(handshake, .init = bench_open, .fini = bench_close);

static void authenticate(struct peer *peer, const char *token) {
    struct dm_command command = bench_command(DM_CMD_AUTHENTICATE);
    command.token = dm_slice_str(token);
    peer_submit(peer, command, NULL);
    bench_run();
}

static void login(struct peer *peer, const char *name, const char *secret,
                  enum dm_secret_kind kind) {
    struct dm_command command = bench_command(DM_CMD_LOGIN);
    command.name = dm_slice_str(name);
    command.secret = dm_slice_str(secret);
    command.secret_kind = kind;
    peer_submit(peer, command, NULL);
    bench_run();
}

static void set_password(const char *name, const char *hash) {
    fake_user_named(&bench.store, name)->password_hash = dm_slice_str(hash);
}

Test(handshake, tokens_are_checked) {
    struct peer peer;
    peer_open(&peer, "p", PEER_SOCKET);
    authenticate(&peer, "garbage");
    authenticate(&peer, "");
    authenticate(&peer, "expired:ann");
    authenticate(&peer, "refresh:ann");
    authenticate(&peer, "access:nobody");
    bench_expect("p authenticate unauthenticated",
                 "p authenticate unauthenticated field=token",
                 "p authenticate token_expired", "p authenticate unauthenticated",
                 "p authenticate unauthenticated");
    check_true(!engine_session_user(&peer.session));
    fake_user_named(&bench.store, "cat")->user.flags = 0;
    authenticate(&peer, "access:cat");
    bench_expect("p authenticate unauthenticated");
    authenticate(&peer, "access:ann");
    bench_expect("p authenticate ok user=ann+");
    cr_assert(eq(int, (int)peer.session.state, ENGINE_SESSION_KNOWN));
    peer_close(&peer);
}

Test(handshake, the_principal_is_set_once) {
    struct peer peer;
    struct dm_command command = bench_command(DM_CMD_REGISTER);
    peer_join(&peer, "p", "ann");
    authenticate(&peer, "access:bob");
    login(&peer, "bob", "x", DM_SECRET_PASSWORD);
    command.profile.username = DM_SLICE("new");
    command.secret = DM_SLICE("x");
    peer_submit(&peer, command, NULL);
    bench_run();
    bench_expect("p authenticate exists", "p login exists", "p register exists");
    check_slice(engine_session_user(&peer.session)->username, DM_SLICE("ann"));
    check_true(!fake_user_named(&bench.store, "new"));
    peer_close(&peer);
}

Test(handshake, two_at_once_set_it_once) {
    struct peer peer;
    struct dm_command command = bench_command(DM_CMD_AUTHENTICATE);
    peer_open(&peer, "p", PEER_SOCKET);
    command.token = DM_SLICE("access:ann");
    peer_submit(&peer, command, NULL);
    command.token = DM_SLICE("access:bob");
    peer_submit(&peer, command, NULL);
    bench_run();
    bench_expect("p authenticate ok user=ann+", "p authenticate exists");
    peer_close(&peer);
}

Test(handshake, nothing_goes_before_it) {
    static const enum dm_command_kind kinds[] = {
        DM_CMD_USER_GET, DM_CMD_USER_LIST, DM_CMD_THREAD_LIST, DM_CMD_UNDELIVERED,
        DM_CMD_FRIEND_LIST, DM_CMD_FRIEND_PENDING, DM_CMD_FILE_PUT,
    };
    struct peer peer, bare;
    struct dm_command command = bench_command(DM_CMD_USER_LOOKUP);
    peer_open(&peer, "p", PEER_SOCKET);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char expected[64];
        peer_submit(&peer, bench_command(kinds[i]), NULL);
        bench_run();
        snprintf(expected, sizeof(expected), "p %s unauthenticated", dm_command_name(kinds[i]));
        bench_expect(expected);
    }
    peer_send(&peer, "bob", "hi", NULL);
    command.user = bench_name("ann");
    peer_submit(&peer, command, NULL);
    bench_run();
    bench_expect("p send unauthenticated", "p user_lookup unauthenticated");
    peer_close(&peer);
    peer_open(&bare, "bare", ENGINE_SESSION_LOOKUP);
    login(&bare, "ann", "x", DM_SECRET_PASSWORD);
    peer_submit(&bare, command, NULL);
    bench_run();
    bench_expect("bare login unauthenticated", "bare user_lookup ok user=ann");
    peer_close(&bare);
}

Test(handshake, a_command_sent_along_with_it_is_carried_out_after_it) {
    struct peer peer;
    struct dm_command command = bench_command(DM_CMD_AUTHENTICATE);
    peer_open(&peer, "p", PEER_SOCKET);
    command.token = DM_SLICE("access:ann");
    peer_submit(&peer, command, NULL);
    peer_send(&peer, "bob", "hi", NULL);
    bench_run();
    bench_expect("p authenticate ok user=ann+", "p send ok seq=1 text=hi peer=bob created");
    peer_close(&peer);
}

Test(handshake, unknown_users_are_provisioned_where_the_issuer_says_so) {
    struct peer peer, other;
    peer_open(&peer, "p", PEER_SOCKET);
    authenticate(&peer, "access:zoe:provision");
    bench_expect("p authenticate ok user=zoe+");
    peer_open(&other, "o", PEER_SOCKET);
    authenticate(&other, "access:zoe:provision");
    bench_expect("o authenticate ok user=zoe+");
    cr_assert(eq(sz, bench.store.counts[STORE_USER_CREATE], 1));
    peer_close(&peer);
    peer_close(&other);
}

Test(handshake, unavailable_until_the_revoked_are_known) {
    struct peer peer;
    engine_notice(bench.engine, &(struct bus_notice){ .kind = BUS_RESYNC });
    bench_run();
    bench_close();
    bench_open();
    peer_open(&peer, "p", PEER_SOCKET);
    authenticate(&peer, "access:ann");
    bench_expect("p authenticate ok user=ann+");
    peer_close(&peer);
}

Test(handshake, a_start_without_database_is_retried) {
    struct peer peer;
    struct engine *engine;
    bench.store.fail[STORE_REVOKED_LIST] = DM_UNAVAILABLE;
    engine = bench.engine;
    bench.engine = engine_new(&bench.config, &bench.store.store, &bench.auth.auth, &bench.client,
                              NULL);
    bench_run();
    peer_open(&peer, "p", PEER_SOCKET);
    authenticate(&peer, "access:ann");
    bench_expect("p authenticate unavailable");
    bench.store.fail[STORE_REVOKED_LIST] = DM_OK;
    bench_wait(2000000);
    authenticate(&peer, "access:ann");
    bench_expect("p authenticate ok user=ann+");
    peer_close(&peer);
    bench_run();
    engine_free(bench.engine);
    bench.engine = engine;
}

Test(handshake, login_by_password_and_pin) {
    struct peer peer;
    set_password("ann", "#secret");
    fake_user_named(&bench.store, "bob")->pin_hash = DM_SLICE("#1234");
    peer_open(&peer, "p", PEER_SOCKET);
    login(&peer, "ann", "wrong", DM_SECRET_PASSWORD);
    login(&peer, "bob", "1234", DM_SECRET_PASSWORD);
    bench_expect("p login unauthenticated", "p login unauthenticated");
    cr_assert(eq(sz, bench.auth.checks_of_nothing, 1));
    login(&peer, "bob", "1234", DM_SECRET_PIN);
    bench_expect("p login ok user=bob+");
    peer_close(&peer);
    peer_open(&peer, "p", PEER_SOCKET);
    login(&peer, "ann", "secret", DM_SECRET_PASSWORD);
    bench_expect("p login ok user=ann+");
    peer_close(&peer);
}

Test(handshake, login_of_nobody_costs_the_same) {
    struct peer peer;
    set_password("cat", "#x");
    fake_user_named(&bench.store, "cat")->user.flags = 0;
    peer_open(&peer, "p", PEER_SOCKET);
    login(&peer, "nobody", "x", DM_SECRET_PASSWORD);
    login(&peer, "cat", "x", DM_SECRET_PASSWORD);
    bench_expect("p login unauthenticated", "p login unauthenticated");
    cr_assert(eq(sz, bench.auth.checks_of_nothing, 2));
    bench.auth.busy = 1;
    login(&peer, "ann", "x", DM_SECRET_PASSWORD);
    bench_expect("p login unavailable");
    bench.auth.busy = 0;
    peer_close(&peer);
}

Test(handshake, tokens_come_with_it_when_asked_for) {
    struct peer peer;
    struct dm_command command = bench_command(DM_CMD_LOGIN);
    set_password("ann", "#secret");
    peer_open(&peer, "p", PEER_SOCKET);
    command.name = DM_SLICE("ann");
    command.secret = DM_SLICE("secret");
    command.flags = DM_CMD_WITH_TOKENS;
    peer_submit(&peer, command, NULL);
    bench_run();
    bench_expect("p login ok user=ann+ access:ann refresh:ann for=900");
    command = bench_command(DM_CMD_REFRESH);
    command.token = DM_SLICE("refresh:ann");
    peer_submit(&peer, command, NULL);
    command.token = DM_SLICE("access:ann");
    peer_submit(&peer, command, NULL);
    bench_run();
    bench_expect("p refresh ok user=ann+ access:ann refresh:ann for=900",
                 "p refresh unauthenticated");
    peer_close(&peer);
}

Test(handshake, registration) {
    struct peer peer;
    struct dm_command command = bench_command(DM_CMD_REGISTER);
    peer_open(&peer, "p", PEER_SOCKET);
    command.profile.username = DM_SLICE("zoe");
    command.secret = DM_SLICE("pw");
    peer_submit(&peer, command, NULL);
    bench_run();
    bench_expect("p register ok user=zoe created");
    check_true(!engine_session_user(&peer.session));
    check_slice(fake_user_named(&bench.store, "zoe")->password_hash, DM_SLICE("#pw"));
    command.flags = DM_CMD_LOGIN_AFTER;
    peer_submit(&peer, command, NULL);
    command.profile.username = DM_SLICE("zac");
    command.secret_kind = DM_SECRET_PIN;
    peer_submit(&peer, command, NULL);
    bench_run();
    bench_expect("p register exists", "p register ok user=zac+ created");
    check_slice(fake_user_named(&bench.store, "zac")->pin_hash, DM_SLICE("#pw"));
    check_slice(engine_session_user(&peer.session)->username, DM_SLICE("zac"));
    peer_close(&peer);
}

Test(handshake, registration_is_checked) {
    struct peer peer;
    struct dm_command command = bench_command(DM_CMD_REGISTER);
    peer_open(&peer, "p", PEER_SOCKET);
    command.secret = DM_SLICE("pw");
    peer_submit(&peer, command, NULL);
    command.profile.username = DM_SLICE("a\nb");
    peer_submit(&peer, command, NULL);
    command.profile.username = DM_SLICE("\xff");
    peer_submit(&peer, command, NULL);
    command.profile.username = DM_SLICE("zoe");
    command.profile.email = DM_SLICE("no mail");
    peer_submit(&peer, command, NULL);
    command.profile.email = DM_SLICE("a@b@c");
    peer_submit(&peer, command, NULL);
    command.profile.email = DM_SLICE("@b");
    peer_submit(&peer, command, NULL);
    command.profile.email = DM_SLICE_NONE;
    command.secret = DM_SLICE("");
    peer_submit(&peer, command, NULL);
    bench_run();
    bench_expect("p register invalid field=profile.username",
                 "p register invalid field=profile.username",
                 "p register invalid field=profile.username",
                 "p register invalid field=profile.email",
                 "p register invalid field=profile.email",
                 "p register invalid field=profile.email", "p register invalid field=secret");
    peer_close(&peer);
}

Test(handshake, closing_while_it_runs) {
    struct peer peer;
    struct dm_command command = bench_command(DM_CMD_LOGIN);
    set_password("ann", "#secret");
    for (int i = 0; i < 3; i++) {
        peer_open(&peer, "p", PEER_SOCKET);
        command.name = DM_SLICE("ann");
        command.secret = i ? DM_SLICE("secret") : DM_SLICE("wrong");
        peer_submit(&peer, command, NULL);
        if (i == 2)
            fake_store_run(&bench.store);
        peer_close(&peer);
        bench_run();
    }
    bench_expect_nothing();
    check_true(!engine_user_is_online(bench.engine, bench_id("ann")));
}
