#include "core/engine/fanout.h"

#include "core/engine/core.h"
#include "core/engine/view.h"

static void load(struct engine *engine, struct thread *thread);

static int is_satisfied(const struct thread *thread, const struct operation *op) {
    return op->member_rev <= thread->member_rev;
}

static struct operation *first_pending(const struct thread *thread) {
    struct list *link = list_front(&thread->pending);
    return link ? container_of(link, struct operation, event_link) : NULL;
}

void fanout_in_order(struct operation *op, operation_fn emit) {
    struct thread *thread = op->thread;
    if (!thread || (list_is_empty(&thread->pending) && is_satisfied(thread, op))) {
        emit(op);
        return;
    }
    op->emit = emit;
    operation_ref(op);
    list_push_back(&thread->pending, &op->event_link);
    load(op->engine, thread);
}

static void drain(struct engine *engine, struct thread *thread) {
    struct operation *op;
    while ((op = first_pending(thread)) && is_satisfied(thread, op)) {
        operation_fn emit = op->emit;
        op->emit = NULL;
        list_remove(&op->event_link);
        emit(op);
        operation_unref(op);
    }
    if (op)
        load(engine, thread);
}

/* Nobody is left to be told. */
static void give_up(struct thread *thread) {
    struct operation *op;
    while ((op = first_pending(thread))) {
        list_remove(&op->event_link);
        operation_unref(op);
    }
}

static void put_off(struct engine *engine, struct thread *thread) {
    if (list_is_empty(&engine->sessions)) {
        give_up(thread);
        return;
    }
    if (list_is_empty(&thread->reload_link))
        list_push_back(&engine->reloads, &thread->reload_link);
    engine->reload_due_us = engine_now_us(engine) + ENGINE_RETRY_US;
    engine_wake_at(engine, engine->reload_due_us);
}

static void loaded(struct operation *op, enum dm_status status) {
    struct engine *engine = op->engine;
    struct thread *thread = op->thread;
    struct operation *first = first_pending(thread);
    struct store_thread nobody = { 0 };
    int stale = !!(thread->flags & THREAD_STALE);
    thread->flags &= ~(uint32_t)(THREAD_LOADING | THREAD_STALE);
    operation_finish(op, status);
    if (stale) {
        load(engine, thread);
        return;
    }
    if (status == DM_UNAVAILABLE) {
        put_off(engine, thread);
        return;
    }
    thread_set_members(engine, thread, status == DM_OK ? &op->at.call.ret_thread : &nobody);
    /* What was read after the event was committed is new enough, whatever its number. */
    if (first && thread->member_rev < first->member_rev)
        thread->member_rev = first->member_rev;
    drain(engine, thread);
}

static void load(struct engine *engine, struct thread *thread) {
    struct operation *op;
    struct store_call *call;
    if ((thread->flags & THREAD_LOADING) || !list_is_empty(&thread->reload_link))
        return;
    thread->flags |= THREAD_LOADING;
    op = operation_new(engine, NULL);
    operation_set_thread(op, thread);
    call = operation_prepare(op, STORE_MEMBERS);
    call->thread_id = thread->id;
    operation_call(op, (uint64_t)thread->id, loaded);
}

int64_t fanout_run(struct engine *engine) {
    struct list batch;
    struct list *link;
    if (engine->reload_due_us > engine_now_us(engine))
        return engine->reload_due_us;
    engine->reload_due_us = ENGINE_NEVER;
    list_init(&batch);
    list_splice_back(&batch, &engine->reloads);
    while ((link = list_pop_front(&batch)))
        load(engine, container_of(link, struct thread, reload_link));
    return engine->reload_due_us;
}

size_t fanout_thread(struct operation *op, struct dm_event *event, const struct dm_thread *own,
                     const struct dm_thread *others, const struct engine_session *except) {
    struct engine *engine = op->engine;
    struct thread *thread = op->thread;
    int64_t actor_id = event->actor->id;
    struct engine_user *other;
    if (thread->kind == DM_THREAD_CHAT) {
        event->thread = others;
        router_to_members(engine, thread, event, except);
        return 0;
    }
    event->thread = own;
    router_to_user(engine, actor_id, event, DM_AUDIENCE_ACTOR, except);
    other = thread_other(thread, actor_id);
    event->thread = others;
    return other ? router_to_user(engine, other->id, event, DM_AUDIENCE_MEMBER, except) : 0;
}

size_t fanout_result(struct operation *op, struct dm_event *event) {
    struct dm_thread own, others;
    if (op->result.thread)
        own = *op->result.thread;
    else
        view_thread(op->thread, event->actor->id, DM_THREAD_ALLOWED, &own);
    view_turn(&own, event->actor, &others);
    return fanout_thread(op, event, &own, &others, operation_session(op));
}
