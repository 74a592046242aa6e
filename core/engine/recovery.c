#include "core/engine/recovery.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/remote.h"

/* Users asked about at once, and threads read at once. */
#define USERS_MAX 500
#define READS_MAX 16

/* One thread being read. */
struct reading {
    int64_t thread_id;
    struct store_events events;
    int part; /* of a recovery of the node */
};

static void read_on(struct engine *engine);
static void read_thread(struct engine *engine, const struct reading *asked);

void recovery_init(struct recovery *recovery) {
    memset(recovery, 0, sizeof(*recovery));
    recovery->again_us = INT64_MAX;
    recovery->due_us = ENGINE_NEVER;
}

void recovery_fini(struct recovery *recovery) {
    free(recovery->threads);
}

int recovery_is_on(const struct engine *engine) {
    return engine->recovery.state != RECOVERY_OFF;
}

static void try_later(struct engine *engine) {
    engine->recovery.due_us = engine_now_us(engine) + ENGINE_RETRY_US;
    engine_wake_at(engine, engine->recovery.due_us);
}

/* ---- one thread ---- */

/* Whether a command of this node, not yet announced, may have done that. */
static int is_own(const struct operation *op, const struct store_event *event,
                  const struct dm_message *message) {
    if (op->origin == OPERATION_REMOTE || !op->actor || op->actor->id != event->actor_id)
        return 0;
    if (op->state == OPERATION_DONE && !op->emit)
        return 0;
    /* What waits for its turn has written nothing, and may wait for what is read here. */
    if (op->strand && op->state < OPERATION_RUNNING)
        return 0;
    /* What is not told by messages bears its own rev. */
    if (op->command.kind != DM_CMD_SEND && op->rev)
        return op->rev == event->rev;
    if (event->kind != DM_CMD_SEND && event->kind != DM_CMD_NONE)
        return op->command.kind != DM_CMD_SEND || event->kind == DM_CMD_APPROVE;
    return op->command.kind == DM_CMD_SEND
           && (op->at.append.base.kind != STORE_APPEND || !message
               || dm_uuid_eq(&op->at.append.uuid, &message->uuid));
}

static const struct dm_message *message_of(const struct store_call *call,
                                           const struct store_event *event) {
    return event->message_count ? call->result->messages[event->first_message] : NULL;
}

static int is_under_way(const struct engine *engine, const struct store_call *call,
                        const struct store_event *event) {
    const struct dm_message *message = message_of(call, event);
    list_foreach(it, &engine->operations.live) {
        const struct operation *op = container_of(it, struct operation, live_link);
        if (op->thread && op->thread->id == call->thread_id && is_own(op, event, message))
            return 1;
    }
    return 0;
}

/* Whether a command of this node that makes the thread is under way: it will announce that. */
static int is_made_here(const struct engine *engine, const struct store_call *call,
                        const struct store_event *event) {
    if (event->kind != DM_CMD_THREAD_GET && event->kind != DM_CMD_CHAT_CREATE)
        return 0;
    list_foreach(it, &engine->operations.live) {
        const struct operation *op = container_of(it, struct operation, live_link);
        if (!op->thread && op->at.append.base.kind != STORE_APPEND
            && dm_uuid_eq(&op->at.call.uuid, &call->ret_thread.uuid))
            return 1;
    }
    return 0;
}

/* Shows what was read; returns the rev up to which that is all, 0 when some of it waits. What this
 * node has done itself and is about to announce ends it: that has its place in the order. known:
 * the thread, when it was known here before; then its opening was shown. */
static uint64_t show(struct engine *engine, const struct store_call *call,
                     const struct thread *known) {
    const struct store_events *events = call->events;
    struct buf unit = BUF_INIT;
    uint64_t upto = events->ret_rev;
    for (size_t i = 0; i < events->ret_count; i++) {
        const struct store_event *event = &events->ret_list[i];
        if ((event->kind == DM_CMD_THREAD_GET && known) || is_made_here(engine, call, event))
            continue;
        if (is_under_way(engine, call, event)) {
            upto = upto ? event->rev - event->span : 0;
            break;
        }
        buf_reset(&unit);
        recovery_put_unit(&unit, call, i);
        if (!remote_give(engine, buf_slice(&unit)))
            upto = 0;
    }
    buf_fini(&unit);
    return upto;
}

/* What is left out by revs that nothing accounts for does not keep the rest; and where a thread not
 * shown yet was read as a part of the node's, nothing comes before what was read. */
static void settle(struct engine *engine, struct thread *thread, const struct reading *reading,
                   uint64_t upto) {
    const struct operation *first = fanout_first(thread);
    if (upto > thread->rev && (!first || !first->rev || first->rev > upto))
        thread->rev = upto;
    else if (!thread->rev && upto && reading->part)
        thread->rev = first->rev - first->span;
    fanout_drain(engine, thread);
}

/* What the store cannot tell is not waited for. */
static uint64_t given_up(const struct reading *reading, enum dm_status status) {
    if (status == DM_OK || status == DM_UNAVAILABLE || !reading->events.before_rev)
        return 0;
    return reading->events.before_rev - 1;
}

static void begin_again(struct engine *engine, int64_t since_us) {
    if (since_us < engine->recovery.again_us)
        engine->recovery.again_us = since_us;
}

/* rest: 1 when something was left for later. */
static void end_part(struct engine *engine, const struct reading *reading, int rest) {
    if (!reading->part)
        return;
    engine->recovery.under_way--;
    if (rest)
        begin_again(engine, reading->events.since_us);
    read_on(engine);
}

/* 1 when there is more than one answer holds, and what it held is shown. */
static int goes_on(const struct reading *reading, const struct thread *thread) {
    return reading->events.ret_more && thread && thread->rev >= reading->events.ret_rev;
}

static void thread_read(struct operation *op, enum dm_status status) {
    struct engine *engine = op->engine;
    struct reading *reading = op->extra;
    struct thread *thread;
    uint64_t upto = given_up(reading, status);
    if (status == DM_OK)
        upto = show(engine, &op->at.call, op->thread);
    if (op->thread)
        op->thread->readings--;
    thread = thread_cache_find_id(&engine->threads, reading->thread_id);
    if (thread)
        settle(engine, thread, reading, upto);
    operation_finish(op, status);
    if (status == DM_OK && goes_on(reading, thread)) {
        reading->events.ret_more = 0;
        read_thread(engine, reading);
        return;
    }
    end_part(engine, reading, status == DM_UNAVAILABLE
                                  || (upto && upto < reading->events.ret_rev));
}

static void read_thread(struct engine *engine, const struct reading *asked) {
    struct operation *op = operation_new(engine, NULL);
    struct reading *reading = arena_alloc(&op->arena, sizeof(*reading));
    struct thread *thread = thread_cache_find_id(&engine->threads, asked->thread_id);
    struct store_call *call;
    *reading = *asked;
    op->extra = reading;
    if (thread && thread->rev) {
        reading->events.after_rev = thread->rev;
        reading->events.after_seq = thread->seq;
    }
    if (thread) {
        operation_set_thread(op, thread);
        thread->readings++;
    }
    op->origin = OPERATION_REMOTE;
    engine->cluster.stats.readings++;
    call = operation_prepare(op, STORE_EVENTS);
    call->thread_id = reading->thread_id;
    call->events = &reading->events;
    operation_call(op, 0, thread_read);
}

void recovery_fill(struct engine *engine, struct thread *thread, uint64_t before_rev) {
    struct reading reading = { .thread_id = thread->id };
    reading.events.before_rev = before_rev;
    read_thread(engine, &reading);
}

void recovery_untold(struct engine *engine, const struct unit_head *head) {
    struct reading reading = { .thread_id = head->thread_id };
    reading.events.after_rev = head->rev - head->span;
    reading.events.before_rev = head->rev + 1;
    reading.events.since_us = 1; /* where it is the first of all */
    read_thread(engine, &reading);
}

/* ---- the node ---- */

static void end(struct engine *engine) {
    struct recovery *recovery = &engine->recovery;
    int64_t again_us = recovery->again_us;
    recovery->state = RECOVERY_OFF;
    recovery->again_us = INT64_MAX;
    if (again_us == INT64_MAX)
        return;
    recovery->since_us = again_us;
    try_later(engine);
    recovery->state = RECOVERY_ASKS;
}

static void read_on(struct engine *engine) {
    struct recovery *recovery = &engine->recovery;
    while (recovery->next < recovery->thread_count && recovery->under_way < READS_MAX) {
        struct reading reading = { .thread_id = recovery->threads[recovery->next++], .part = 1 };
        reading.events.since_us = recovery->since_us;
        recovery->under_way++;
        read_thread(engine, &reading);
    }
    if (!recovery->under_way)
        end(engine);
}

struct asking {
    size_t count;
    size_t done;
    int64_t *ids;
    struct dm_ref refs[USERS_MAX];
};

static void ask_on(struct operation *op);

static void keep_threads(struct recovery *recovery, const struct store_call *call) {
    size_t count = recovery->thread_count + call->ret_thread_count;
    recovery->threads = mem_realloc(recovery->threads, (count + 1) * sizeof(int64_t));
    if (call->ret_thread_count)
        memcpy(recovery->threads + recovery->thread_count, call->ret_threads,
               call->ret_thread_count * sizeof(int64_t));
    recovery->thread_count = count;
}

static void touched(struct operation *op, enum dm_status status) {
    struct engine *engine = op->engine;
    if (status != DM_OK) {
        operation_finish(op, status);
        try_later(engine);
        return;
    }
    keep_threads(&engine->recovery, &op->at.call);
    ask_on(op);
}

static void ask_on(struct operation *op) {
    struct engine *engine = op->engine;
    struct asking *asking = op->extra;
    size_t left = asking->count - asking->done;
    size_t count = left < USERS_MAX ? left : USERS_MAX;
    if (!count) {
        operation_finish(op, DM_OK);
        engine->recovery.state = RECOVERY_READS;
        read_on(engine);
        return;
    }
    for (size_t i = 0; i < count; i++)
        asking->refs[i] = dm_ref_id(asking->ids[asking->done + i]);
    asking->done += count;
    op->command.users = asking->refs;
    op->command.user_count = count;
    operation_prepare(op, STORE_THREADS_TOUCHED)->since_us = engine->recovery.since_us;
    operation_call(op, 0, touched);
}

/* What happened in threads that are shown to nobody here is not read: whoever comes later begins
 * with what there is then. */
static void forget_places(struct engine *engine) {
    struct map_iter iter = { 0 };
    void *value;
    while (map_u64_next(&engine->threads.by_id, &iter, NULL, &value)) {
        struct thread *thread = value;
        if (list_is_empty(&thread->pending) && !remote_concerns(engine, thread))
            thread->rev = 0;
    }
}

static void ask(struct engine *engine) {
    struct recovery *recovery = &engine->recovery;
    struct operation *op = operation_new(engine, NULL);
    struct asking *asking = arena_zalloc(&op->arena, sizeof(*asking));
    recovery->due_us = ENGINE_NEVER;
    recovery->thread_count = recovery->next = 0;
    /* Who is here came after the node's first beat, and missed nothing of what was before it. */
    if (recovery->since_us < engine->cluster.born_us)
        recovery->since_us = engine->cluster.born_us;
    forget_places(engine);
    asking->ids = user_cache_present(&engine->users, &op->arena, &asking->count);
    op->extra = asking;
    ask_on(op);
    if (op->state == OPERATION_DONE)
        operation_settle(op);
}

void recovery_begin(struct engine *engine, int64_t since_us) {
    struct recovery *recovery = &engine->recovery;
    if (since_us < 1)
        since_us = 1;
    if (recovery->state != RECOVERY_OFF) {
        begin_again(engine, since_us);
        return;
    }
    log_event(LOG_LEVEL_INFO, "what was missed is read from the store");
    recovery->state = RECOVERY_ASKS;
    recovery->since_us = since_us;
    recovery->due_us = 0;
    engine_wake_at(engine, 0);
}

int64_t recovery_run(struct engine *engine) {
    struct recovery *recovery = &engine->recovery;
    if (recovery->state == RECOVERY_ASKS && recovery->due_us <= engine_now_us(engine))
        ask(engine);
    return recovery->due_us;
}
