/* What is inside a loop. Private to core/net. */
#ifndef DRAGOMAN_NET_LOOP_INTERNAL_H
#define DRAGOMAN_NET_LOOP_INTERNAL_H

#include "core/net/loop.h"

/* A place in the heap. key is when the timer was due as it took this place; the timer itself may
 * have been moved later since. */
struct loop_timer_slot {
    uint64_t key;
    struct loop_timer *timer;
};

struct loop_timers {
    uv_timer_t handle;
    struct loop_timer_slot *slots;
    uint32_t count;
    uint32_t cap;
};

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    struct loop_timers timers;
    struct list hooks[LOOP_FLUSH + 1];
    uint8_t *scratch;
    uint64_t queued; /* bytes in the send queues of its streams */
};

int loop_timers_init(struct loop *loop);

/* Frees the heap; the handle must be closed before. */
void loop_timers_fini(struct loop *loop);

#endif
