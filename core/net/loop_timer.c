/* A binary heap of deadlines behind one libuv timer. A deadline that is only ever moved later (the
 * common case: an idle timeout pushed on by every message) stays where it is in the heap and is
 * put right when its old time comes. */
#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/net/loop_internal.h"

#define DUE_MAX ((UINT64_C(1) << LOOP_TIMER_DUE_BITS) - 1)
#define PLACE_MAX ((1u << LOOP_TIMER_PLACE_BITS) - 1)

static void slot_put(struct loop_timers *timers, uint32_t index, struct loop_timer_slot slot) {
    timers->slots[index] = slot;
    slot.timer->place = (index + 1) & PLACE_MAX;
}

static void sift_up(struct loop_timers *timers, uint32_t index) {
    struct loop_timer_slot slot = timers->slots[index];
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (timers->slots[parent].key <= slot.key)
            break;
        slot_put(timers, index, timers->slots[parent]);
        index = parent;
    }
    slot_put(timers, index, slot);
}

static void sift_down(struct loop_timers *timers, uint32_t index) {
    struct loop_timer_slot slot = timers->slots[index];
    for (;;) {
        uint32_t child = index * 2 + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && timers->slots[child + 1].key < timers->slots[child].key)
            child++;
        if (timers->slots[child].key >= slot.key)
            break;
        slot_put(timers, index, timers->slots[child]);
        index = child;
    }
    slot_put(timers, index, slot);
}

static void slot_remove(struct loop_timers *timers, uint32_t index) {
    timers->slots[index].timer->place = 0;
    struct loop_timer_slot last = timers->slots[--timers->count];
    if (index == timers->count)
        return;
    slot_put(timers, index, last);
    sift_up(timers, index);
    sift_down(timers, last.timer->place - 1);
}

static void on_timer(uv_timer_t *handle);

static void handle_set(struct loop *loop) {
    struct loop_timers *timers = &loop->timers;
    if (timers->count == 0) {
        uv_timer_stop(&timers->handle);
        return;
    }
    uint64_t now = loop_now(loop);
    uint64_t key = timers->slots[0].key;
    uv_timer_start(&timers->handle, on_timer, key > now ? key - now : 0, 0);
}

static void on_timer(uv_timer_t *handle) {
    struct loop *loop = handle->data;
    struct loop_timers *timers = &loop->timers;
    uint64_t now = loop_now(loop);
    while (timers->count > 0 && timers->slots[0].key <= now) {
        struct loop_timer *timer = timers->slots[0].timer;
        if (timer->due > timers->slots[0].key) {
            timers->slots[0].key = timer->due;
            sift_down(timers, 0);
            continue;
        }
        slot_remove(timers, 0);
        timer->fn(timer);
    }
    handle_set(loop);
}

int loop_timers_init(struct loop *loop) {
    int r = uv_timer_init(&loop->uv, &loop->timers.handle);
    loop->timers.handle.data = loop;
    return r;
}

void loop_timers_fini(struct loop *loop) {
    assert(loop->timers.count == 0);
    free(loop->timers.slots);
}

void loop_timer_init(struct loop_timer *timer, loop_timer_fn *fn) {
    timer->due = 0;
    timer->fn = fn;
    timer->place = 0;
}

static void timer_insert(struct loop_timers *timers, struct loop_timer *timer) {
    if (timers->count == timers->cap) {
        timers->cap = timers->cap ? timers->cap * 2 : 64;
        timers->slots = mem_realloc(timers->slots, timers->cap * sizeof(*timers->slots));
    }
    assert(timers->count < PLACE_MAX);
    uint32_t index = timers->count++;
    slot_put(timers, index, (struct loop_timer_slot){ timer->due, timer });
    sift_up(timers, index);
}

void loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t ms) {
    struct loop_timers *timers = &loop->timers;
    /* At least one: a timer armed by a timer must not run in the same turn again. */
    timer->due = (loop_now(loop) + (ms ? ms : 1)) & DUE_MAX;
    if (timer->place == 0) {
        timer_insert(timers, timer);
    } else {
        struct loop_timer_slot *slot = &timers->slots[timer->place - 1];
        if (timer->due >= slot->key)
            return;
        slot->key = timer->due;
        sift_up(timers, timer->place - 1);
    }
    if (timer->place == 1)
        handle_set(loop);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer) {
    if (timer->place == 0)
        return;
    slot_remove(&loop->timers, timer->place - 1);
    /* The handle may wake up early once; stopping it matters only when nothing is left, so that
     * the loop can end. */
    if (loop->timers.count == 0)
        uv_timer_stop(&loop->timers.handle);
}

int loop_timer_is_armed(const struct loop_timer *timer) {
    return timer->place != 0;
}
