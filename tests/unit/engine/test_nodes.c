/* Who is online over several nodes. */
#include <stdio.h>

#include "tests/unit/engine/other.h"

TestSuite(nodes, .init = other_open, .fini = other_close);

static void watch(struct peer *peer, const char *name) {
    struct dm_command command = bench_command(DM_CMD_WATCH);
    command.user = bench_name(name);
    peer_submit(peer, command, NULL);
    bench_run();
    bench_forget();
}

static void say_users(const char *format, const char *name) {
    char text[64];
    snprintf(text, sizeof(text), format, (int)bench_id(name));
    other_say(text);
}

Test(nodes, sessions_elsewhere_make_online) {
    static const int64_t there[] = { OTHER };
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    other_meet("S0 1 1 0 ");
    watch(&ann, "bob");
    say_users("P1 %d 0 ", "bob");
    bench_expect("ann ! user_online subject actor=bob");
    peer_join(&bob, "bob", "bob");
    say_users("P0 1 %d ", "bob");
    bench_expect_nothing();
    peer_close(&bob);
    bench_run();
    bench_expect("ann ! user_offline subject actor=bob");
    say_users("S1 1 0 1 %d ", "bob");
    bench_expect_nothing();
    say_users("S1 0 1 1 %d ", "cat");
    bench_expect("ann ! user_online subject actor=bob");
    other_nodes(1003000000, there, 1);
    bench_expect_nothing();
    other_nodes(1006000000, NULL, 0);
    bench_expect("ann ! user_offline subject actor=bob");
    peer_close(&ann);
}

Test(nodes, a_silence_of_the_database_ends_nobodys_presence) {
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    other_meet("S0 1 1 0 ");
    watch(&ann, "bob");
    say_users("P1 %d 0 ", "bob");
    bench_forget();
    other_nodes(1060000000, NULL, 0);
    bench_expect_nothing();
    /* But it may have ended ours, and nobody has told us anything. */
    cr_assert(eq(sz, bench.store.counts[STORE_THREADS_TOUCHED], 1));
    check_true(other_frame('B'));
    other_nodes(1063000000, NULL, 0);
    bench_expect("ann ! user_offline subject actor=bob");
    peer_close(&ann);
}

Test(nodes, comings_and_goings_here_are_told) {
    struct peer ann, second;
    char expected[64];
    other_meet("S0 1 1 0 ");
    peer_join(&ann, "ann", "ann");
    snprintf(expected, sizeof(expected), "1 %d 0 ", (int)bench_id("ann"));
    check_slice(dm_slice_str(other_frame('P')), dm_slice_str(expected));
    other_forget();
    peer_join(&second, "ann2", "ann");
    peer_close(&second);
    bench_run();
    cr_assert(eq(sz, other.count, 0));
    other_say("A0 ");
    snprintf(expected, sizeof(expected), "2 1 1 1 %d ", (int)bench_id("ann"));
    check_slice(dm_slice_str(other_frame('S')), dm_slice_str(expected));
    other_forget();
    peer_close(&ann);
    bench_run();
    snprintf(expected, sizeof(expected), "0 1 %d ", (int)bench_id("ann"));
    check_slice(dm_slice_str(other_frame('P')), dm_slice_str(expected));
}
