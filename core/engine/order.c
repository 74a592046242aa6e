#include "core/engine/order.h"

#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/recovery.h"

/* For what is on its way over the bus. */
#define GAP_US INT64_C(200000)

/* For what may be, when nothing of the thread was shown yet. */
#define FIRST_US INT64_C(50000)

/* When a write of this node, or a reading, is under way: to look again. */
#define AGAIN_US INT64_C(50000)

int order_is_met(const struct operation *op) {
    const struct thread *thread = op->thread;
    const struct engine *engine = op->engine;
    if (!op->rev || op->rev == op->span || !engine->cluster.bus
        || list_is_empty(&engine->sessions))
        return 1;
    if (!thread->rev)
        return !cluster_has_peers(&engine->cluster);
    return op->rev - op->span <= thread->rev;
}

int order_is_late(const struct operation *op) {
    return op->origin == OPERATION_REMOTE && op->rev && op->rev <= op->thread->rev;
}

int order_holds(const struct operation *op) {
    return op->emit && op->rev && op->thread && !order_is_met(op);
}

void order_note(const struct operation *op) {
    struct thread *thread = op->thread;
    if (op->rev > thread->rev)
        thread->rev = op->rev;
    if (op->seq > thread->seq)
        thread->seq = op->seq;
}

void order_pass(struct thread *thread, uint64_t rev, uint64_t span, uint64_t seq) {
    if (!rev || rev <= thread->rev)
        return;
    /* What lies between was for nobody here either, or will come late: then as if it were new. */
    thread->rev = thread->rev && rev - span > thread->rev ? 0 : rev;
    if (seq > thread->seq)
        thread->seq = seq;
}

void order_wait(struct engine *engine, struct thread *thread) {
    if (!list_is_empty(&thread->order_link))
        return;
    thread->order_due_us = engine_now_us(engine);
    if (cluster_has_peers(&engine->cluster))
        thread->order_due_us += thread->rev ? GAP_US : FIRST_US;
    list_push_back(&engine->out_of_order, &thread->order_link);
    engine_wake_at(engine, thread->order_due_us);
}

/* 1 when the wait goes on. */
static int look_after(struct engine *engine, struct thread *thread, const struct operation *first) {
    if (order_is_met(first))
        return 0;
    if (thread->readings)
        return 1;
    if (!thread->rev) {
        if (recovery_is_on(engine))
            return 1;
        thread->rev = first->rev - first->span;
        return 0;
    }
    recovery_fill(engine, thread, first->rev - first->span + 1);
    return 1;
}

int64_t order_run(struct engine *engine) {
    int64_t now_us = engine_now_us(engine);
    int64_t due_us = ENGINE_NEVER;
    struct list batch;
    struct list *link;
    list_init(&batch);
    list_splice_back(&batch, &engine->out_of_order);
    while ((link = list_pop_front(&batch))) {
        struct thread *thread = container_of(link, struct thread, order_link);
        const struct operation *first = fanout_first(thread);
        if (!first)
            continue;
        if (cluster_has_peers(&engine->cluster)
            && !list_is_empty(&engine->sessions) && thread->order_due_us > now_us) {
            list_push_back(&engine->out_of_order, link);
        } else if (look_after(engine, thread, first)) {
            thread->order_due_us = now_us + AGAIN_US;
            list_push_back(&engine->out_of_order, link);
        } else {
            fanout_drain(engine, thread);
            continue;
        }
        if (thread->order_due_us < due_us)
            due_us = thread->order_due_us;
    }
    return due_us;
}
