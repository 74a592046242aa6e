#include "core/engine/fanout.h"

#include "core/engine/catchup.h"
#include "core/engine/core.h"
#include "core/engine/order.h"
#include "core/engine/strand.h"
#include "core/engine/view.h"

static void load(struct engine *engine, struct thread *thread);

static int is_satisfied(const struct thread *thread, const struct operation *op) {
    return op->member_rev <= thread->member_rev;
}

struct operation *fanout_first(const struct thread *thread) {
    struct list *link = list_front(&thread->pending);
    return link ? container_of(link, struct operation, event_link) : NULL;
}

static int may_go(const struct thread *thread, const struct operation *op) {
    return is_satisfied(thread, op) && order_is_met(op);
}

enum wait { WAITED_NOT, WAITED };

static void go(struct operation *op, operation_fn emit, enum wait waited) {
    if (order_is_late(op))
        return;
    order_note(op);
    if (op->strand && waited == WAITED)
        strand_release(op->strand);
    emit(op);
}

/* By rev; what has none stays where it came. */
static void enqueue(struct thread *thread, struct operation *op) {
    struct list *after = thread->pending.prev;
    while (op->rev && after != &thread->pending
           && container_of(after, struct operation, event_link)->rev > op->rev)
        after = after->prev;
    list_insert_before(after->next, &op->event_link);
}

static void chase(struct engine *engine, struct thread *thread) {
    const struct operation *first = fanout_first(thread);
    if (!is_satisfied(thread, first))
        load(engine, thread);
    if (!order_is_met(first))
        order_wait(engine, thread);
}

void fanout_announce_now(struct operation *op, operation_fn emit) {
    cluster_publish(op, emit);
    if (op->thread)
        order_note(op);
    emit(op);
    op->rev = op->span = 0;
}

void fanout_announce(struct operation *op, operation_fn emit) {
    struct thread *thread = op->thread;
    cluster_publish(op, emit);
    if (!thread) {
        emit(op);
        return;
    }
    if (list_is_empty(&thread->pending) && may_go(thread, op)) {
        go(op, emit, WAITED_NOT);
        return;
    }
    op->emit = emit;
    operation_ref(op);
    enqueue(thread, op);
    fanout_drain(op->engine, thread);
}

void fanout_drain(struct engine *engine, struct thread *thread) {
    struct operation *op;
    while ((op = fanout_first(thread)) && may_go(thread, op)) {
        operation_fn emit = op->emit;
        op->emit = NULL;
        list_remove(&op->event_link);
        go(op, emit, WAITED);
        operation_unref(op);
    }
    if (op)
        chase(engine, thread);
}

/* Nobody is left to be told. */
static void give_up(struct thread *thread) {
    struct operation *op;
    while ((op = fanout_first(thread))) {
        list_remove(&op->event_link);
        op->emit = NULL;
        if (op->strand)
            strand_release(op->strand);
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
    struct operation *first = fanout_first(thread);
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
    fanout_drain(engine, thread);
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

static int is_new_message(const struct dm_event *event) {
    return event->kind == DM_EVENT_MESSAGE || event->kind == DM_EVENT_MESSAGE_RELEASED;
}

void fanout_thread(struct operation *op, struct dm_event *event, const struct dm_thread *own,
                   const struct dm_thread *others, const struct engine_session *except) {
    struct engine *engine = op->engine;
    struct thread *thread = op->thread;
    int64_t actor_id = event->actor->id;
    struct engine_user *other;
    if (cluster_is_casting(&engine->cluster)) {
        cluster_cast(engine, UNIT_TO_THREAD, event, own, others, 0);
        return;
    }
    if (thread->kind == DM_THREAD_CHAT) {
        event->thread = others;
        router_to_members(engine, thread, event, except);
        return;
    }
    event->thread = own;
    router_to_user(engine, actor_id, event, DM_AUDIENCE_ACTOR, except);
    other = thread_other(thread, actor_id);
    event->thread = others;
    if (other && router_to_user(engine, other->id, event, DM_AUDIENCE_MEMBER, except)
        && is_new_message(event))
        marks_delivered(engine, thread, other->id, event->message->seq);
}

void fanout_result(struct operation *op, struct dm_event *event) {
    struct dm_thread own, others;
    if (op->result.thread)
        own = *op->result.thread;
    else
        view_thread(op->thread, event->actor->id, DM_THREAD_ALLOWED, &own);
    view_turn(&own, event->actor, &others);
    fanout_thread(op, event, &own, &others, operation_session(op));
    event->thread = NULL;
}

static int is_among(const struct dm_user *const *users, size_t count, int64_t id) {
    for (size_t i = 0; i < count; i++) {
        if (users[i]->id == id)
            return 1;
    }
    return 0;
}

static void to_users(struct engine *engine, const struct dm_event *event,
                     const struct dm_user *const *users, size_t count,
                     enum dm_audience audience) {
    for (size_t i = 0; i < count; i++) {
        int64_t id = users[i]->id;
        int is_subject = is_among(event->users, event->user_count, id);
        if (id == event->actor->id || (audience == DM_AUDIENCE_MEMBER && is_subject))
            continue;
        router_to_user(engine, id, event, audience, NULL);
    }
}

void fanout_listed(struct operation *op, struct dm_event *event, const struct dm_thread *others,
                   const struct engine_session *except) {
    struct engine *engine = op->engine;
    event->thread = others;
    if (cluster_is_casting(&engine->cluster)) {
        cluster_cast(engine, UNIT_TO_LISTED, event, others, others, 0);
        return;
    }
    router_to_user(engine, event->actor->id, event, DM_AUDIENCE_ACTOR, except);
    to_users(engine, event, event->users, event->user_count, DM_AUDIENCE_SUBJECT);
    to_users(engine, event, others->members, others->member_count, DM_AUDIENCE_MEMBER);
}

void fanout_user(struct operation *op, struct dm_event *event, int64_t user_id) {
    struct engine *engine = op->engine;
    if (cluster_is_casting(&engine->cluster)) {
        cluster_cast(engine, UNIT_TO_USER, event, NULL, NULL, user_id);
        return;
    }
    catchup_hears(engine, event, user_id);
    router_to_user(engine, user_id, event, DM_AUDIENCE_SUBJECT, NULL);
}

void fanout_nothing(struct operation *op) {
}
