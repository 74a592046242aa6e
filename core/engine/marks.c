#include "core/engine/marks.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/core.h"

#define RANGES_KEPT 1024

/* How long those of a direct thread wait for a message there, with which they go for nothing. */
#define LINGER_US INT64_C(250000)
/* So many threads' ranges go at once, or this part of all that wait, and the next ones a little
 * later: a message that comes meanwhile does not wait long. */
#define THREADS_AT_ONCE 8
#define PART_AT_ONCE 64
#define THREADS_IN_HASTE 256
#define BREATH_US INT64_C(2000)

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
    marks->dirty_count = 0;
    marks->held_us = 0;
    marks->hasty_us = 0;
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

/* When the first of the dirty threads goes. */
static int64_t due_us(const struct marks *marks) {
    const struct list *link = list_front(&marks->dirty);
    int64_t due;
    if (!link)
        return ENGINE_NEVER;
    due = container_of(link, struct thread, mark_link)->mark_due_us;
    if (due <= marks->hasty_us)
        due = 0;
    return due > marks->held_us ? due : marks->held_us;
}

static void make_clean(struct engine *engine, struct thread *thread) {
    if (list_is_empty(&thread->mark_link))
        return;
    list_remove(&thread->mark_link);
    engine->marks.dirty_count--;
}

/* By time: a delay is usually as long as the others. */
static void make_dirty(struct engine *engine, struct thread *thread, int64_t delay_us) {
    struct marks *marks = &engine->marks;
    struct list *after;
    if (delay_us && !list_is_empty(&thread->mark_link))
        return;
    make_clean(engine, thread);
    after = marks->dirty.prev;
    thread->mark_due_us = engine_now_us(engine) + delay_us;
    while (after != &marks->dirty &&
           container_of(after, struct thread, mark_link)->mark_due_us > thread->mark_due_us)
        after = delay_us ? after->prev : &marks->dirty;
    list_insert_before(after->next, &thread->mark_link);
    marks->dirty_count++;
    engine_wake_at(engine, due_us(marks));
}

static struct thread_tail *find_tail(struct thread *thread, int64_t user_id) {
    return thread->tails[0].user_id == user_id   ? &thread->tails[0]
           : thread->tails[1].user_id == user_id ? &thread->tails[1]
                                                 : NULL;
}

/* Of members of a chat, the latest two are remembered. */
static struct thread_tail *tail_of(struct thread *thread, int64_t user_id) {
    struct thread_tail *tail = find_tail(thread, user_id);
    if (tail)
        return tail;
    thread->tails[1] = thread->tails[0];
    thread->tails[0] = (struct thread_tail){ .user_id = user_id };
    return &thread->tails[0];
}

int marks_wanted_soon(const struct engine *engine, int64_t user_id) {
    const struct engine_user *user = user_cache_find_id(&engine->users, user_id);
    return user && user->asks_missed;
}

void marks_delivered(struct engine *engine, struct thread *thread, int64_t user_id, uint64_t seq) {
    struct range *range = last_of(thread, user_id);
    struct thread_tail *tail = tail_of(thread, user_id);
    int follows = seq == tail->reach + 1;
    if (range && seq <= range->to)
        return;
    if (!range || range->state != RANGE_OPEN || !follows) {
        range = range_new(engine, thread, user_id);
        /* Own messages in between belong to the run. */
        range->from = follows ? tail->to + 1 : seq;
    }
    range->to = tail->to = tail->reach = seq;
    make_dirty(engine, thread, marks_wanted_soon(engine, user_id) ? 0 : LINGER_US);
}

void marks_range(struct engine *engine, struct thread *thread, int64_t user_id, uint64_t from,
                 uint64_t to) {
    struct range *range = range_new(engine, thread, user_id);
    range->from = from;
    range->to = to;
    make_dirty(engine, thread, 0);
}

void marks_own(struct thread *thread, int64_t user_id, uint64_t seq) {
    struct thread_tail *tail = find_tail(thread, user_id);
    if (tail && seq == tail->reach + 1)
        tail->reach = seq;
}

/* ---- at the store ---- */

static void range_done(struct store_request *request, enum dm_status status);

static void range_store(struct range *range) {
    struct store_mark *mark = &range->request;
    memset(mark, 0, sizeof(*mark));
    list_init(&mark->base.link);
    mark->base.kind = STORE_MARK_DELIVERED;
    mark->base.lane = (uint64_t)range->thread->id;
    mark->base.done = range_done;
    mark->base.owner = range;
    mark->thread_id = range->thread->id;
    mark->lo_id = range->thread->pair[0];
    mark->hi_id = range->thread->pair[1];
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

static void store_thread(struct engine *engine, struct thread *thread) {
    make_clean(engine, thread);
    store_first_ranges(thread);
}

/* Those that are due at that time. */
static void store_dirty(struct engine *engine, int64_t until_us, size_t most) {
    struct list *link;
    while (most-- && (link = list_front(&engine->marks.dirty))) {
        struct thread *thread = container_of(link, struct thread, mark_link);
        if (thread->mark_due_us > until_us)
            return;
        store_thread(engine, thread);
    }
}

void marks_join(struct engine *engine, struct thread *thread) {
    if (thread->kind == DM_THREAD_DIRECT && !list_is_empty(&thread->mark_link))
        store_thread(engine, thread);
}

/* ---- those who wait ---- */

/* 1 while ranges are pending that were there when the operation asked: of its thread, or any. */
static int waits(const struct engine *engine, const struct operation *op) {
    const uint64_t *number = op->extra;
    const struct list *oldest = op->thread ? list_front(&op->thread->marks)
                                           : list_front(&engine->marks.all);
    if (!oldest)
        return 0;
    return (op->thread ? container_of(oldest, struct range, link)
                       : container_of(oldest, struct range, all_link))->number <= *number;
}

/* A range is stored, or was not: nobody waits for a second try. */
static void resume_waiters(struct engine *engine, enum dm_status status) {
    struct list ready;
    struct list *link;
    if (list_is_empty(&engine->marks.waiters))
        return;
    list_init(&ready);
    list_foreach_safe(it, &engine->marks.waiters) {
        struct operation *op = container_of(it, struct operation, delay_link);
        if (status != DM_OK || !waits(engine, op)) {
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

/* How long what is left of a thread's ranges may linger: more than one of each member means that
 * they come in pieces. */
static int64_t patience(const struct engine *engine, const struct thread *thread) {
    size_t count = 0;
    list_foreach(it, &thread->marks)
        count++;
    return count > 2 || !list_is_empty(&engine->marks.waiters) ? 0 : LINGER_US;
}

static void range_done(struct store_request *request, enum dm_status status) {
    struct range *range = request->owner;
    struct engine *engine = range->engine;
    struct thread *thread = range->thread;
    int64_t delay_us;
    thread_ref(thread);
    if (status == DM_UNAVAILABLE && engine->marks.failures == MARKS_KEEP) {
        range->state = RANGE_OPEN;
        delay_us = LINGER_US;
        /* The others would fail as well. */
        engine->marks.held_us = engine_now_us(engine) + ENGINE_RETRY_US;
    } else {
        range_free(range);
        delay_us = patience(engine, thread);
    }
    if (list_is_empty(&thread->marks))
        make_clean(engine, thread);
    else
        make_dirty(engine, thread, delay_us);
    thread_unref(engine, thread);
    resume_waiters(engine, status);
}

/* ---- the interface ---- */

void marks_wait(struct operation *op, operation_step_fn then) {
    struct engine *engine = op->engine;
    uint64_t *number;
    if (op->command.kind == DM_CMD_UNDELIVERED) {
        op->actor->asks_missed = 1;
        marks_ripen_user(engine, op->actor->id);
    }
    number = arena_alloc(&op->arena, sizeof(*number));
    *number = engine->marks.number;
    op->extra = number;
    if (!waits(engine, op)) {
        op->extra = NULL;
        then(op, DM_OK);
        return;
    }
    op->then = then;
    operation_ref(op);
    list_push_back(&engine->marks.waiters, &op->delay_link);
    if (op->thread)
        store_thread(engine, op->thread);
    else
        store_dirty(engine, ENGINE_NEVER, SIZE_MAX);
}

void marks_hasten(struct engine *engine) {
    struct marks *marks = &engine->marks;
    if (list_is_empty(&marks->dirty))
        return;
    marks->hasty_us = container_of(marks->dirty.prev, struct thread, mark_link)->mark_due_us;
    engine_wake_at(engine, 0);
}

/* Returns when to call again for the dirty ones. */
static int64_t run_dirty(struct engine *engine) {
    struct marks *marks = &engine->marks;
    int64_t now = engine_now_us(engine);
    int64_t until = marks->hasty_us > now ? marks->hasty_us : now;
    size_t most = until > now ? THREADS_IN_HASTE
                              : THREADS_AT_ONCE + marks->dirty_count / PART_AT_ONCE;
    if (due_us(marks) <= now) {
        store_dirty(engine, until, most);
        marks->held_us = now + BREATH_US;
    }
    return due_us(marks);
}

int64_t marks_run(struct engine *engine, enum marks_urgency urgency) {
    struct marks *marks = &engine->marks;
    int64_t ripe_us = marks_ripen_due(engine, urgency), dirty_us;
    if (urgency == MARKS_NOW) {
        marks->failures = MARKS_DROP;
        store_dirty(engine, ENGINE_NEVER, SIZE_MAX);
    }
    dirty_us = run_dirty(engine);
    return dirty_us < ripe_us ? dirty_us : ripe_us;
}
