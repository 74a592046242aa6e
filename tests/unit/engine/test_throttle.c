#include <stdio.h>

#include "core/base/metrics.h"
#include "tests/unit/engine/bench.h"

TestSuite(throttle, .init = bench_open, .fini = bench_close);

static void submit_login(struct peer *peer, const char *name, const char *secret) {
    struct dm_command command = bench_command(DM_CMD_LOGIN);
    command.name = dm_slice_str(name);
    command.secret = dm_slice_str(secret);
    peer_submit(peer, command, NULL);
}

static void guess(struct peer *peer, const char *name, const char *secret) {
    submit_login(peer, name, secret);
    bench_run();
}

static void open_at(struct peer *peer, const char *name, const char *address) {
    peer_open(peer, name, PEER_SOCKET);
    peer->address = address;
}

Test(throttle, slow_from_the_third_then_refused_for_a_minute) {
    struct peer peer;
    fake_user_named(&bench.store, "ann")->password_hash = DM_SLICE("#right");
    open_at(&peer, "p", "192.0.2.7");
    guess(&peer, "ann", "1");
    guess(&peer, "ann", "2");
    bench_expect("p login unauthenticated", "p login unauthenticated");
    guess(&peer, "ann", "3");
    bench_wait(499000);
    bench_expect_nothing();
    bench_wait(1000);
    bench_expect("p login unauthenticated");
    guess(&peer, "ann", "4");
    bench_wait(999000);
    bench_expect_nothing();
    bench_wait(1000);
    bench_expect("p login unauthenticated");
    guess(&peer, "ann", "5");
    bench_wait(2000000);
    bench_expect("p login unauthenticated");
    guess(&peer, "ann", "right");
    bench_expect("p login limited retry=57");
    bench_wait(57000000);
    guess(&peer, "ann", "right");
    bench_expect("p login ok user=ann+");
    peer_close(&peer);
}

Test(throttle, one_name_from_many_addresses) {
    static const char *const addresses[] = { "a", "b", "c", "d", "e", "f" };
    struct peer peer;
    for (size_t i = 0; i < 5; i++) {
        open_at(&peer, "p", addresses[i]);
        guess(&peer, "ann", "x");
        bench_wait(3000000);
        peer_close(&peer);
    }
    bench_forget();
    open_at(&peer, "p", "f");
    guess(&peer, "ann", "x");
    bench_expect("p login limited retry=45");
    fake_user_named(&bench.store, "bob")->password_hash = DM_SLICE("#right");
    guess(&peer, "bob", "right");
    bench_expect("p login ok user=bob+");
    peer_close(&peer);
}

/* The letters of an e-mail have two cases each, and the store looks it up without regard to
 * them. */
Test(throttle, one_email_in_many_spellings) {
    static const char *const names[] = { "ann@x.org", "Ann@x.org", "aNn@X.org", "ANN@x.ORG",
                                         "anN@x.org" };
    struct peer peer;
    for (size_t i = 0; i < 5; i++) {
        open_at(&peer, "p", names[i]);
        guess(&peer, names[i], "x");
        bench_wait(3000000);
        peer_close(&peer);
    }
    bench_forget();
    open_at(&peer, "p", "f");
    guess(&peer, "ann@x.oRG", "x");
    bench_expect("p login limited retry=45");
    peer_close(&peer);
}

Test(throttle, many_names_from_one_address) {
    struct peer peer;
    char name[8];
    fake_user_named(&bench.store, "ann")->password_hash = DM_SLICE("#right");
    open_at(&peer, "p", "a");
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        guess(&peer, name, "x");
        if (i == 4) {
            bench_forget();
            bench_wait(999000);
            bench_expect_nothing();
            bench_wait(1000);
            bench_expect("p login unauthenticated");
        }
        bench_wait(2000000);
    }
    bench_forget();
    guess(&peer, "ann", "right");
    bench_expect("p login limited retry=19");
    peer_close(&peer);
    open_at(&peer, "q", "b");
    guess(&peer, "ann", "right");
    bench_expect("q login ok user=ann+");
    peer_close(&peer);
}

/* Who guesses with many sockets at once learns no more than who does it one by one. */
Test(throttle, guesses_under_way_together_are_all_counted) {
    struct peer peers[8];
    fake_user_named(&bench.store, "ann")->password_hash = DM_SLICE("#right");
    for (size_t i = 0; i < 8; i++) {
        open_at(&peers[i], "p", "a");
        submit_login(&peers[i], "ann", i == 7 ? "right" : "x");
    }
    bench_wait(5000000);
    bench_expect("p login unauthenticated", "p login unauthenticated",
                 "p login limited retry=60", "p login limited retry=60",
                 "p login limited retry=60", "p login unauthenticated",
                 "p login unauthenticated", "p login unauthenticated");
    for (size_t i = 0; i < 8; i++)
        peer_close(&peers[i]);
}

Test(throttle, a_closed_session_does_not_wait) {
    struct peer peer;
    open_at(&peer, "p", "a");
    for (size_t i = 0; i < 3; i++)
        guess(&peer, "ann", "x");
    bench_forget();
    cr_assert(eq(sz, engine_busy(bench.engine), 1));
    peer_close(&peer);
    bench_run();
    cr_assert(eq(sz, engine_busy(bench.engine), 0));
    bench_expect_nothing();
}

Test(throttle, failures_are_counted) {
    struct peer peer;
    struct metric_counter *counter;
    open_at(&peer, "p", "a");
    guess(&peer, "ann", "x");
    counter = metrics_counter(bench.metrics, "dragoman_auth_failures_total", "",
                              METRIC_LABELS("outcome", "unauthenticated"));
    cr_assert(eq(u64, counter->value, 1));
    counter = metrics_counter(bench.metrics, "dragoman_commands_total", "",
                              METRIC_LABELS("adapter", "test", "command", "login", "outcome",
                                            "unauthenticated"));
    cr_assert(eq(u64, counter->value, 1));
    peer_close(&peer);
}
