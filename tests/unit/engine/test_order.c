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
