#include "tests/unit/engine/bench.h"

TestSuite(thread_list, .init = bench_open, .fini = bench_close);

/* Ids of threads, the first in the list first, and of the last messages of those listed. */
static struct {
    int64_t ids[8];
    size_t count;
    int64_t last[8];
    int gone; /* the thread that none of the actor's messages is left of */
    int64_t listed[8];
    size_t listed_count;
    uint32_t behind_max;
} place;

static void show(struct store_call *call, const int64_t *ids, size_t count) {
    const struct dm_thread **threads = arena_alloc(call->arena, count * sizeof(*threads));
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        struct dm_thread *thread = arena_zalloc(call->arena, sizeof(*thread));
        struct dm_message *message = arena_zalloc(call->arena, sizeof(*message));
        thread->id = ids[i];
        message->id = place.last[ids[i]];
        message->seq = 1;
        thread->last_message = message;
        if (ids[i] != place.gone)
            threads[shown++] = thread;
    }
    call->result->threads = threads;
    call->result->thread_count = shown;
}

/* A list of threads 1 to place.count, the newest first. */
static enum dm_status list(struct fake_store *fake, struct store_call *call) {
    size_t first = 0, left;
    place.behind_max = call->behind_max;
    place.listed_count = call->listed_count;
    for (size_t i = 0; i < call->listed_count; i++)
        place.listed[i] = call->listed[i];
    if (call->listed) {
        show(call, call->listed, call->listed_count);
        return DM_OK;
    }
    while (call->command->cursor && first < place.count
           && place.last[place.ids[first]] >= (int64_t)call->command->cursor)
        first++;
    left = place.count - first;
    call->result->count = 7;
    if (left > call->command->limit) {
        call->ret_threads = place.ids + first + call->command->limit;
        call->ret_thread_count = call->behind_max ? left - call->command->limit : 0;
        left = call->command->limit;
        call->result->next_cursor = (uint64_t)place.last[place.ids[first + left - 1]];
    }
    show(call, place.ids + first, left);
    return DM_OK;
}

static void set(size_t count) {
    memset(&place, 0, sizeof(place));
    bench.store.command = list;
    place.count = count;
    for (size_t i = 0; i < count; i++) {
        place.ids[i] = (int64_t)i + 1;
        place.last[i + 1] = 90 - 10 * (int64_t)i;
    }
}

static void ask(struct peer *peer, uint64_t cursor, uint32_t flags) {
    struct dm_command command = bench_command(DM_CMD_THREAD_LIST);
    command.limit = 2;
    command.cursor = cursor;
    command.flags = flags;
    peer_submit(peer, command, NULL);
    bench_run();
}

Test(thread_list, later_pages_are_of_the_threads_there_were_at_the_first) {
    struct peer ann;
    set(5);
    peer_join(&ann, "ann", "ann");
    ask(&ann, 0, 0);
    bench_expect("ann thread_list ok count=7 threads=1,2 next=80");
    cr_assert(eq(u32, place.behind_max, 100000));
    place.last[4] = 95; /* would have been at the top */
    place.last[1] = 55; /* would come again */
    ask(&ann, 80, 0);
    bench_expect("ann thread_list ok count=7 threads=3,4 next=80");
    ask(&ann, 80, 0);
    bench_expect("ann thread_list ok count=7 threads=5");
    cr_assert(eq(sz, place.listed_count, 1));
    ask(&ann, 80, 0); /* nothing is kept any more */
    cr_assert(eq(sz, place.listed_count, 0));
    peer_close(&ann);
}

Test(thread_list, a_page_of_which_nothing_is_left_does_not_end_it) {
    struct peer ann;
    set(5);
    peer_join(&ann, "ann", "ann");
    ask(&ann, 0, 0);
    place.gone = 4;
    ask(&ann, 80, 0);
    bench_expect("ann thread_list ok count=7 threads=1,2 next=80",
                 "ann thread_list ok count=7 threads=3 next=70");
    ask(&ann, 70, 0);
    bench_expect("ann thread_list ok count=7 threads=5");
    peer_close(&ann);
}

Test(thread_list, another_cursor_or_session_asks_anew) {
    struct peer ann, also;
    set(5);
    peer_join(&ann, "ann", "ann");
    peer_join(&also, "also", "ann");
    ask(&ann, 0, 0);
    ask(&also, 80, 0);
    cr_assert(eq(sz, place.listed_count, 0));
    bench_expect("ann thread_list ok count=7 threads=1,2 next=80",
                 "also thread_list ok count=7 threads=3,4 next=60");
    ask(&ann, 70, 0);
    cr_assert(eq(sz, place.listed_count, 0));
    bench_expect("ann thread_list ok count=7 threads=4,5");
    ask(&ann, 80, DM_CMD_DIRECT_ONLY);
    cr_assert(eq(sz, place.listed_count, 0));
    peer_close(&ann);
    peer_close(&also);
}

/* What moves is told by its events. */
Test(thread_list, one_that_is_followed_by_events_keeps_nothing) {
    struct peer ann;
    set(5);
    peer_join(&ann, "ann", "ann");
    ask(&ann, 0, DM_CMD_HOLD_EVENTS);
    cr_assert(eq(u32, place.behind_max, 0));
    ask(&ann, 80, DM_CMD_HOLD_EVENTS);
    cr_assert(eq(sz, place.listed_count, 0));
    bench_expect("ann thread_list ok count=7 threads=1,2 next=80",
                 "ann thread_list ok count=7 threads=3,4 next=60");
    peer_close(&ann);
}

Test(thread_list, a_page_that_failed_can_be_asked_for_again) {
    struct peer ann;
    set(5);
    peer_join(&ann, "ann", "ann");
    ask(&ann, 0, 0);
    bench_forget();
    bench.store.fail[STORE_COMMAND] = DM_UNAVAILABLE;
    ask(&ann, 80, 0);
    bench.store.fail[STORE_COMMAND] = DM_OK;
    bench_forget();
    ask(&ann, 80, 0);
    bench_expect("ann thread_list ok count=7 threads=3,4 next=60");
    peer_close(&ann);
}
