/* Openings of direct threads, which have no place in a thread's order, in a node among others that
 * reads what it missed. */
#include "core/engine/unit.h"
#include "tests/unit/engine/other.h"

TestSuite(opening, .init = other_open, .fini = other_close);

/* Ann opens the thread. */
static struct buf opening(void) {
    struct fake_thread *thread = &bench.store.threads[0];
    struct dm_thread view = { .id = thread->id };
    struct dm_event event = { .kind = DM_EVENT_THREAD_OPENED,
                              .actor = &fake_user_named(&bench.store, "ann")->user };
    struct unit_head head = { .thread_id = thread->id, .pair = { thread->lo_id, thread->hi_id },
                              .uuid = thread->uuid };
    struct buf unit = BUF_INIT;
    unit_put_head(&unit, &head);
    wire_put_uint(&unit, 1);
    unit_put_event(&unit, UNIT_TO_THREAD, &event, &view, &view);
    return unit;
}

/* Knows of one thread, and of its opening alone. */
static enum dm_status one_opening(struct fake_store *fake, struct store_call *call) {
    const struct store_event event = { .kind = DM_CMD_THREAD_GET, .actor_id = bench_id("ann") };
    return other_stored(call, &event, 1, 0);
}

Test(opening, an_opening_that_was_missed_is_shown_once) {
    struct peer bob;
    other_open_thread();
    bench.store.events = one_opening;
    other_meet("S0 1 1 0 ");
    peer_join(&bob, "bob", "bob");
    bench_forget();
    other_resync();
    bench_expect("bob ! thread_opened member actor=ann peer=ann");
    other_tell(opening());
    other_resync();
    bench_expect_nothing();
    peer_close(&bob);
}

/* The store has committed it, and the answer is still on its way. */
Test(opening, an_opening_of_this_node_is_not_read_meanwhile) {
    const struct store_call *waiting;
    struct peer ann, bob;
    other_open_thread();
    bench.store.events = one_opening;
    other_meet("S0 1 1 0 ");
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.held_kinds = 1u << STORE_DIRECT_OPEN;
    peer_send(&ann, "bob", "hi", NULL);
    bench_run();
    bench_forget();
    waiting = container_of(list_front(&bench.store.pending), struct store_call, base.link);
    cr_assert(eq(int, waiting->base.kind, STORE_DIRECT_OPEN));
    bench.store.threads[0].uuid = waiting->uuid;
    other_resync();
    cr_assert(eq(sz, bench.store.counts[STORE_EVENTS], 1));
    bench_expect_nothing();
    bench.store.held_kinds = 0;
    bench_run();
    bench_forget();
    peer_close(&ann);
    peer_close(&bob);
}
