#include "core/engine/marks.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/core.h"

#define RANGES_KEPT 1024

/* How long the ranges of a chat grow. */
#define RIPE_US INT64_C(10000000)

/* Consecutive messages pushed to one member of one thread. */
struct range {
    struct list link;       /* thread's, by time; or the pool's */
    struct list all_link;
    struct engine *engine;
    struct thread *thread;  /* counted */
    int64_t user_id;
    uint64_t number;        /* grows with time */
    uint64_t from;
    uint64_t to;
    uint64_t reach;         /* `to`, and own messages right behind it */
    enum { RANGE_OPEN = 0, RANGE_STORING } state;
    struct store_mark request;
};

void marks_init(struct marks *marks) {
    list_init(&marks->all);
    list_init(&marks->chats);
    list_init(&marks->waiters);
    list_init(&marks->dirty);
    list_init(&marks->idle);
    marks->idle_count = 0;
    marks->pending = 0;
    marks->number = 0;
    marks->retry_us = 0;
    marks->failures = MARKS_KEEP;
}

void marks_fini(struct marks *marks) {
    struct list *link;
    assert(marks->pending == 0);
    while ((link = list_pop_front(&marks->idle)))
        free(container_of(link, struct range, link));
}

static struct range *last_of(const struct thread *thread, int64_t user_id) {
    for (struct list *it = thread->marks.prev; it != &thread->marks; it = it->prev) {
        struct range *range = container_of(it, struct range, link);
        if (range->user_id == user_id)
            return range;
    }
    return NULL;
}

static struct range *range_new(struct engine *engine, struct thread *thread, int64_t user_id) {
    struct marks *marks = &engine->marks;
    struct list *link = list_pop_front(&marks->idle);
    struct range *range = link ? container_of(link, struct range, link)
                               : mem_alloc(sizeof(*range));
    if (link)
        marks->idle_count--;
    memset(range, 0, sizeof(*range));
    range->engine = engine;
    range->thread = thread;
    range->user_id = user_id;
    range->number = ++marks->number;
    thread_ref(thread);
    list_push_back(&thread->marks, &range->link);
    list_push_back(&marks->all, &range->all_link);
    marks->pending++;
    return range;
}

static void range_free(struct range *range) {
    struct engine *engine = range->engine;
    struct marks *marks = &engine->marks;
    struct thread *thread = range->thread;
    list_remove(&range->link);
    list_remove(&range->all_link);
    marks->pending--;
    if (marks->idle_count < RANGES_KEPT) {
        list_push_front(&marks->idle, &range->link);
        marks->idle_count++;
    } else {
        free(range);
    }
    thread_unref(engine, thread);
}

static void make_dirty(struct engine *engine, struct thread *thread) {
    if (!list_is_empty(&thread->mark_link))
        return;
    list_push_back(&engine->marks.dirty, &thread->mark_link);
    engine_wake_at(engine, engine->marks.retry_us);
}

void marks_delivered(struct engine *engine, struct thread *thread, int64_t user_id, uint64_t seq) {
    struct range *range = last_of(thread, user_id);
    if (range && seq <= range->to)
        return;
    if (!range || range->state != RANGE_OPEN || seq != range->reach + 1) {
        range = range_new(engine, thread, user_id);
        range->from = seq;
    }
    range->to = seq;
    range->reach = seq;
    make_dirty(engine, thread);
}

void marks_own(struct thread *thread, int64_t user_id, uint64_t seq) {
    struct range *last = last_of(thread, user_id);
    if (last && seq == last->reach + 1)
        last->reach = seq;
}

/* ---- those who wait ---- */

/* 1 when a range of the user is pending that is not younger than the number. */
static int has_ranges(const struct engine *engine, int64_t user_id, uint64_t number) {
    list_foreach(it, &engine->marks.all) {
        const struct range *range = container_of(it, struct range, all_link);
        if (range->number > number)
            break;
        if (range->user_id == user_id)
            return 1;
    }
    return 0;
}

static int waits(const struct engine *engine, const struct operation *op, int64_t user_id,
                 enum dm_status status) {
    const uint64_t *number = op->extra;
    if (op->actor->id != user_id)
        return 1;
    return status == DM_OK && has_ranges(engine, user_id, *number);
}

/* A range of the user is stored, or was not: nobody waits for a second try. */
static void resume_waiters(struct engine *engine, int64_t user_id, enum dm_status status) {
    struct list ready;
    struct list *link;
    if (list_is_empty(&engine->marks.waiters))
        return;
    list_init(&ready);
    list_foreach_safe(it, &engine->marks.waiters) {
        struct operation *op = container_of(it, struct operation, delay_link);
        if (!waits(engine, op, user_id, status)) {
            list_remove(it);
            list_push_back(&ready, it);
        }
    }
    while ((link = list_pop_front(&ready))) {
        struct operation *op = container_of(link, struct operation, delay_link);
        op->then(op, DM_OK);
        operation_settle(op);
        operation_unref(op);
    }
}

/* ---- at the store ---- */

static void range_done(struct store_request *request, enum dm_status status) {
    struct range *range = request->owner;
    struct engine *engine = range->engine;
    struct thread *thread = range->thread;
    int64_t user_id = range->user_id;
    thread_ref(thread);
    if (status == DM_UNAVAILABLE && engine->marks.failures == MARKS_KEEP) {
        range->state = RANGE_OPEN;
        engine->marks.retry_us = engine_now_us(engine) + ENGINE_RETRY_US;
    } else {
        range_free(range);
    }
    if (!list_is_empty(&thread->marks))
        make_dirty(engine, thread);
    thread_unref(engine, thread);
    resume_waiters(engine, user_id, status);
}

static void range_store(struct range *range) {
    struct store_mark *mark = &range->request;
    memset(mark, 0, sizeof(*mark));
    list_init(&mark->base.link);
    mark->base.kind = STORE_MARK_DELIVERED;
    mark->base.lane = (uint64_t)range->thread->id;
    mark->base.done = range_done;
    mark->base.owner = range;
    mark->thread_id = range->thread->id;
    mark->user_id = range->user_id;
    mark->from = range->from;
    mark->to = range->to;
    range->state = RANGE_STORING;
    store_submit(range->engine->store, &mark->base);
}

static void store_all_ranges(struct thread *thread) {
    list_foreach(it, &thread->marks) {
        struct range *range = container_of(it, struct range, link);
        if (range->state == RANGE_OPEN)
            range_store(range);
    }
}

/* The first range of each member, unless that one is at the store already. */
static void store_first_ranges(struct thread *thread) {
    int64_t seen[2] = { 0, 0 };
    if (thread->kind == DM_THREAD_CHAT) {
        store_all_ranges(thread);
        return;
    }
    list_foreach(it, &thread->marks) {
        struct range *range = container_of(it, struct range, link);
        if (range->user_id == seen[0] || range->user_id == seen[1])
            continue;
        seen[seen[0] ? 1 : 0] = range->user_id;
        if (range->state == RANGE_OPEN)
            range_store(range);
    }
}

void marks_follow(struct engine *engine, struct thread *thread) {
    if (list_is_empty(&thread->marks) || engine->marks.retry_us)
        return;
    store_first_ranges(thread);
}

void marks_settle(struct engine *engine, struct thread *thread) {
    if (!thread->appends && !list_is_empty(&thread->marks))
        make_dirty(engine, thread);
}

/* ---- chats ---- */

static void ripen_one(struct engine *engine, struct thread *thread, size_t place) {
    struct thread_pushed *pushed = &thread->pushed[place];
    struct range *range;
    if (!pushed->to)
        return;
    range = range_new(engine, thread, thread->members[place]);
    range->from = pushed->from;
    range->to = range->reach = pushed->to;
    pushed->to = 0;
    make_dirty(engine, thread);
}

void marks_ripen(struct engine *engine, struct thread *thread) {
    if (!thread->pushed)
        return;
    for (size_t i = 0; i < thread->member_count; i++)
        ripen_one(engine, thread, i);
    free(thread->pushed);
    thread->pushed = NULL;
    list_remove(&thread->chat_link);
    thread_unref(engine, thread);
}

void marks_grow(struct engine *engine, struct thread *thread, size_t place, uint64_t seq) {
    struct thread_pushed *pushed;
    if (!thread->pushed) {
        thread->pushed = mem_calloc(thread->member_count, sizeof(*thread->pushed));
        thread->ripe_us = engine_now_us(engine) + RIPE_US;
        thread_ref(thread);
        list_push_back(&engine->marks.chats, &thread->chat_link);
        engine_wake_at(engine, thread->ripe_us);
    }
    pushed = &thread->pushed[place];
    if (pushed->to && seq != pushed->to + 1)
        ripen_one(engine, thread, place);
    if (!pushed->to)
        pushed->from = seq;
    pushed->to = seq;
}

/* Returns when the next ones are ripe. */
static int64_t ripen(struct engine *engine, enum marks_urgency urgency) {
    struct list *link;
    while ((link = list_front(&engine->marks.chats))) {
        struct thread *thread = container_of(link, struct thread, chat_link);
        if (urgency == MARKS_LAZY && thread->ripe_us > engine_now_us(engine))
            return thread->ripe_us;
        marks_ripen(engine, thread);
    }
    return ENGINE_NEVER;
}

void marks_wait(struct operation *op, operation_step_fn then) {
    struct engine *engine = op->engine;
    int64_t user_id = op->actor->id;
    uint64_t *number;
    list_foreach(it, &engine->marks.chats) {
        struct thread *thread = container_of(it, struct thread, chat_link);
        for (size_t i = 0; i < thread->member_count; i++) {
            if (thread->members[i] == user_id)
                ripen_one(engine, thread, i);
        }
    }
    if (!has_ranges(engine, user_id, UINT64_MAX)) {
        then(op, DM_OK);
        return;
    }
    op->then = then;
    number = arena_alloc(&op->arena, sizeof(*number));
    *number = engine->marks.number;
    op->extra = number;
    operation_ref(op);
    list_push_back(&engine->marks.waiters, &op->delay_link);
}

int64_t marks_run(struct engine *engine, enum marks_urgency urgency) {
    struct marks *marks = &engine->marks;
    int64_t due_us = ripen(engine, urgency);
    struct list batch;
    struct list *link;
    if (urgency == MARKS_NOW) {
        marks->failures = MARKS_DROP;
        marks->retry_us = 0;
    }
    if (marks->retry_us) {
        if (engine_now_us(engine) < marks->retry_us)
            return marks->retry_us < due_us ? marks->retry_us : due_us;
        marks->retry_us = 0;
    }
    list_init(&batch);
    list_splice_back(&batch, &marks->dirty);
    while ((link = list_pop_front(&batch))) {
        struct thread *thread = container_of(link, struct thread, mark_link);
        if (urgency == MARKS_NOW || !thread->appends)
            store_first_ranges(thread);
    }
    return due_us;
}
