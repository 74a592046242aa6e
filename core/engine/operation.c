#include "core/engine/operation.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/secret.h"
#include "core/engine/copy.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/strand.h"

/* More than that are given back to the heap. */
#define OPERATIONS_KEPT 4096
#define OPERATION_CHUNK 8192

void operation_pool_init(struct operation_pool *pool) {
    list_init(&pool->idle);
    list_init(&pool->live);
    pool->idle_count = 0;
    pool->live_count = 0;
    /* Distinct from run to run, and short enough for JSON numbers. */
    pool->corr = random_fast_u64() >> 16;
}

void operation_pool_fini(struct operation_pool *pool) {
    struct list *link;
    assert(pool->live_count == 0);
    while ((link = list_pop_front(&pool->idle)))
        free(container_of(link, struct operation, link));
    pool->idle_count = 0;
}

uint64_t operation_oldest(const struct operation_pool *pool) {
    struct list *link = list_front(&pool->live);
    return link ? container_of(link, struct operation, live_link)->corr : UINT64_MAX;
}

struct operation *operation_new(struct engine *engine, struct strand *strand) {
    struct operation_pool *pool = &engine->operations;
    struct list *link = list_pop_front(&pool->idle);
    struct operation *op = link ? container_of(link, struct operation, link)
                                : mem_alloc(sizeof(*op));
    if (link)
        pool->idle_count--;
    memset(op, 0, offsetof(struct operation, at));
    arena_init_with(&op->arena, op->memory, sizeof(op->memory), OPERATION_CHUNK);
    list_init(&op->link);
    list_init(&op->event_link);
    list_init(&op->delay_link);
    list_push_back(&pool->live, &op->live_link);
    pool->live_count++;
    op->engine = engine;
    op->corr = ++pool->corr;
    op->refs = 1;
    op->strand = strand;
    if (strand)
        strand_ref(strand);
    return op;
}

void operation_ref(struct operation *op) {
    op->refs++;
}

static void wipe(struct dm_slice secret) {
    if (secret.len)
        secret_wipe((char *)secret.ptr, secret.len);
}

void operation_unref(struct operation *op) {
    struct engine *engine = op->engine;
    struct operation_pool *pool = &engine->operations;
    struct strand *strand = op->strand;
    if (--op->refs)
        return;
    if (op->cleanup)
        op->cleanup(op);
    operation_set_actor(op, NULL);
    operation_set_other(op, NULL);
    operation_set_thread(op, NULL);
    wipe(op->command.secret);
    wipe(op->command.token);
    wipe(op->result.access_token);
    wipe(op->result.refresh_token);
    arena_fini(&op->arena);
    engine->files.upload_bytes -= op->upload_bytes;
    list_remove(&op->live_link);
    pool->live_count--;
    if (pool->idle_count < OPERATIONS_KEPT) {
        list_push_front(&pool->idle, &op->link);
        pool->idle_count++;
    } else {
        free(op);
    }
    if (strand)
        strand_unref(strand);
}

static void set_user(struct engine *engine, struct engine_user **slot, struct engine_user *user) {
    struct engine_user *old = *slot;
    if (user)
        engine_user_ref(user);
    *slot = user;
    if (old)
        engine_user_unref(engine, old);
}

void operation_set_actor(struct operation *op, struct engine_user *user) {
    set_user(op->engine, &op->actor, user);
}

void operation_set_other(struct operation *op, struct engine_user *user) {
    set_user(op->engine, &op->other, user);
}

void operation_set_thread(struct operation *op, struct thread *thread) {
    struct thread *old = op->thread;
    if (thread)
        thread_ref(thread);
    op->thread = thread;
    if (old)
        thread_unref(op->engine, old);
}

void operation_take_user(struct operation *op) {
    struct engine_user *user = user_cache_put(op->engine, op->result.user);
    operation_set_other(op, user);
    engine_user_unref(op->engine, user);
}

struct dm_command *operation_query(struct operation *op) {
    struct dm_command *query = arena_zalloc(&op->arena, sizeof(*query));
    query->size = sizeof(*query);
    return query;
}

struct store_call *operation_prepare(struct operation *op, enum store_kind kind) {
    struct store_call *call = &op->at.call;
    uint32_t flags = op->result.flags;
    memset(call, 0, sizeof(*call));
    memset(&op->result, 0, sizeof(op->result));
    op->result.kind = op->command.kind;
    op->result.flags = flags;
    list_init(&call->base.link);
    call->base.kind = kind;
    call->base.corr = op->corr;
    call->base.owner = op;
    call->arena = &op->arena;
    call->actor_id = op->actor ? op->actor->id : 0;
    call->command = &op->command;
    call->result = &op->result;
    return call;
}

static void call_done(struct store_request *request, enum dm_status status) {
    struct operation *op = request->owner;
    operation_ref(op);
    if (op->at.call.ret_rev) {
        op->rev = op->at.call.ret_rev;
        op->span = 1;
    }
    op->next(op, status);
    operation_settle(op);
    operation_unref(op);
}

void operation_call(struct operation *op, uint64_t lane, operation_step_fn next) {
    struct store_request *request = &op->at.call.base;
    op->next = next;
    request->lane = lane;
    request->done = call_done;
    store_submit(op->engine->store, request);
}

/* A failure shows nothing but itself: look-ups may have left their findings in the result. */
static void clear_result(struct dm_result *result) {
    struct dm_result bare = { .field = result->field, .retry_after = result->retry_after };
    *result = bare;
}

void operation_finish(struct operation *op, enum dm_status status) {
    if (status != DM_OK && status != DM_HELD && status != DM_EXISTS)
        clear_result(&op->result);
    op->result.kind = op->command.kind;
    op->result.status = status;
    op->state = OPERATION_DONE;
    if (op->rev && !op->emit)
        op->emit = fanout_nothing;
}

void operation_refuse(struct operation *op, enum dm_status status, const char *field) {
    op->result.field = field;
    operation_finish(op, status);
}

/* Nobody waits for the answer once the session is closed. */
static int is_due(const struct operation *op, int64_t now_us) {
    return op->due_us <= now_us || (op->strand && !op->strand->session);
}

static void delay(struct operation *op, int64_t delay_us) {
    struct engine *engine = op->engine;
    op->due_us = engine_now_us(engine) + delay_us;
    operation_ref(op);
    list_push_back(&engine->delayed, &op->delay_link);
    engine_wake_at(engine, op->due_us);
}

void operation_wait(struct operation *op, int64_t delay_us, operation_step_fn then) {
    op->then = then;
    delay(op, delay_us);
}

void operation_finish_later(struct operation *op, enum dm_status status, int64_t delay_us) {
    if (delay_us <= 0) {
        operation_finish(op, status);
        operation_settle(op);
        return;
    }
    op->result.status = status;
    op->then = NULL;
    delay(op, delay_us);
}

static void delay_over(struct operation *op) {
    operation_step_fn then = op->then;
    op->then = NULL;
    if (then)
        then(op, DM_OK);
    else
        operation_finish(op, op->result.status);
    operation_settle(op);
    operation_unref(op);
}

int64_t operation_run_delayed(struct engine *engine) {
    int64_t due_us = ENGINE_NEVER;
    int64_t now_us;
    struct list due;
    struct list *link;
    if (list_is_empty(&engine->delayed))
        return due_us;
    list_init(&due);
    now_us = engine_now_us(engine);
    list_foreach_safe(it, &engine->delayed) {
        struct operation *op = container_of(it, struct operation, delay_link);
        if (is_due(op, now_us)) {
            list_remove(it);
            list_push_back(&due, it);
        } else if (op->due_us < due_us) {
            due_us = op->due_us;
        }
    }
    while ((link = list_pop_front(&due)))
        delay_over(container_of(link, struct operation, delay_link));
    return due_us;
}

void operation_settle(struct operation *op) {
    struct strand *strand = op->strand;
    if (strand)
        strand_deliver(strand);
    if (op->state == OPERATION_DONE && op->answer) {
        operation_fn tell = op->answer;
        op->answer = NULL;
        tell(op);
    }
    if (op->state == OPERATION_DONE && op->emit) {
        operation_fn emit = op->emit;
        op->emit = NULL;
        fanout_announce(op, emit);
    }
    if (strand)
        strand_advance(strand);
    else if (op->state == OPERATION_DONE)
        operation_unref(op);
}

struct engine_session *operation_session(const struct operation *op) {
    return op->strand ? op->strand->session : NULL;
}

const struct dm_user *operation_user(struct operation *op, const struct dm_user *user) {
    struct dm_user *copy = copy_user(&op->arena, user);
    copy->flags &= ~(uint32_t)DM_USER_ONLINE;
    if (presence_is_online(op->engine, user->id))
        copy->flags |= DM_USER_ONLINE;
    return copy;
}
