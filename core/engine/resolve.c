#include "core/engine/resolve.h"

#include "core/base/random.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/view.h"

/* Look-ups leave nothing in the result but its flags. */
static void forget_result(struct operation *op) {
    uint32_t flags = op->result.flags;
    memset(&op->result, 0, sizeof(op->result));
    op->result.kind = op->command.kind;
    op->result.flags = flags;
}

static void end(struct operation *op, enum dm_status status) {
    operation_step_fn then = op->then;
    op->then = NULL;
    forget_result(op);
    then(op, status);
}

/* ---- users ---- */

static void ask_user(struct operation *op, const struct dm_ref *ref, operation_step_fn next) {
    struct dm_command *query = operation_query(op);
    struct store_call *call = operation_prepare(op, STORE_USER_FIND);
    query->kind = DM_CMD_USER_GET;
    query->user = *ref;
    call->command = query;
    operation_call(op, 0, next);
}

/* Takes the answer of ask_user in: op->other, active or not. */
static enum dm_status take_user(struct operation *op, enum dm_status status) {
    if (status != DM_OK)
        return status;
    if (!op->result.user)
        return DM_NO_USER;
    operation_take_user(op);
    return DM_OK;
}

static enum dm_status only_active(const struct operation *op, enum dm_status status) {
    return status == DM_OK && !engine_user_active(op->other) ? DM_NO_USER : status;
}

static void user_found(struct operation *op, enum dm_status status) {
    status = take_user(op, status);
    end(op, only_active(op, status));
}

static void any_found(struct operation *op, enum dm_status status) {
    end(op, take_user(op, status));
}

static int names_nobody(const struct dm_ref *ref) {
    return ref->kind == DM_REF_NONE || (ref->kind == DM_REF_ID && ref->id <= 0)
           || (ref->kind == DM_REF_UUID && dm_uuid_is_nil(&ref->uuid));
}

/* `found` takes the store's answer; a user of the cache is op->other at once, active or not. */
static int find_user(struct operation *op, const struct dm_ref *ref, operation_step_fn then,
                     operation_step_fn found) {
    struct engine_user *user = user_cache_find(&op->engine->users, ref);
    op->then = then;
    if (user) {
        operation_set_other(op, user);
        return 1;
    }
    if (names_nobody(ref))
        end(op, DM_NO_USER);
    else
        ask_user(op, ref, found);
    return 0;
}

void resolve_user(struct operation *op, const struct dm_ref *ref, operation_step_fn then) {
    if (find_user(op, ref, then, user_found))
        end(op, only_active(op, DM_OK));
}

/* ---- threads ---- */

static void keep_thread(struct operation *op, struct thread *thread) {
    operation_set_thread(op, thread);
    thread_unref(op->engine, thread);
}

/* A thread that is known: direct ones only for their two. */
static enum dm_status enter_thread(struct operation *op, struct thread *thread) {
    struct engine_user *other = NULL;
    if (thread->kind == DM_THREAD_DIRECT) {
        other = thread_other(thread, op->actor->id);
        if (!other)
            return DM_NO_THREAD;
        operation_set_other(op, other);
    }
    operation_set_thread(op, thread);
    return DM_OK;
}

static void other_found(struct operation *op, enum dm_status status) {
    status = take_user(op, status);
    if (status == DM_OK)
        keep_thread(op, thread_cache_put_direct(op->engine, op->found, op->actor, op->other));
    end(op, status == DM_NO_USER ? DM_NO_THREAD : status);
}

static void direct_found(struct operation *op, const struct store_thread *found) {
    int64_t me = op->actor->id;
    int64_t other_id = found->lo_id == me ? found->hi_id : found->lo_id;
    struct dm_ref ref = dm_ref_id(other_id);
    struct engine_user *other;
    if (found->lo_id != me && found->hi_id != me) {
        end(op, DM_NO_THREAD);
        return;
    }
    op->found = arena_alloc(&op->arena, sizeof(*op->found));
    *op->found = *found;
    other = user_cache_find_id(&op->engine->users, other_id);
    if (!other) {
        ask_user(op, &ref, other_found);
        return;
    }
    operation_set_other(op, other);
    keep_thread(op, thread_cache_put_direct(op->engine, op->found, op->actor, other));
    end(op, DM_OK);
}

static void thread_found(struct operation *op, enum dm_status status) {
    const struct store_thread *found = &op->at.call.ret_thread;
    if (status == DM_OK && !found->id)
        status = DM_NO_THREAD;
    if (status != DM_OK) {
        end(op, status);
    } else if (found->kind == DM_THREAD_DIRECT) {
        direct_found(op, found);
    } else {
        keep_thread(op, thread_cache_put_chat(op->engine, found));
        end(op, DM_OK);
    }
}

static void ask_thread(struct operation *op, const struct dm_command *query, int64_t other_id) {
    struct store_call *call = operation_prepare(op, STORE_THREAD_FIND);
    call->command = query;
    call->other_id = other_id;
    operation_call(op, 0, thread_found);
}

void resolve_thread(struct operation *op, operation_step_fn then) {
    const struct dm_ref *ref = &op->command.thread;
    struct thread_cache *threads = &op->engine->threads;
    struct thread *thread = ref->kind == DM_REF_ID ? thread_cache_find_id(threads, ref->id)
                                                  : thread_cache_find_uuid(threads, &ref->uuid);
    struct dm_command *query;
    op->then = then;
    if (thread) {
        end(op, enter_thread(op, thread));
        return;
    }
    query = operation_query(op);
    query->thread = *ref;
    ask_thread(op, query, 0);
}

/* The direct thread of op->actor and op->other → op->thread; NO_THREAD when there is none yet. */
static void resolve_direct(struct operation *op, operation_step_fn then) {
    struct thread *thread = thread_cache_find_direct(&op->engine->threads, op->actor->id,
                                                     op->other->id);
    op->then = then;
    if (thread) {
        operation_set_thread(op, thread);
        end(op, DM_OK);
        return;
    }
    ask_thread(op, operation_query(op), op->other->id);
}

static void message_placed(struct operation *op, enum dm_status status) {
    op->then = op->after;
    end(op, status == DM_NO_THREAD ? DM_NO_MESSAGE : status);
}

void resolve_message(struct operation *op, operation_step_fn then) {
    struct dm_command *query = operation_query(op);
    query->message = op->command.message;
    op->after = then;
    op->then = message_placed;
    ask_thread(op, query, 0);
}

/* What was said with somebody who is gone is still there; where nothing was, there is nobody. */
static void direct_placed(struct operation *op, enum dm_status status) {
    if (status == DM_NO_THREAD && !engine_user_active(op->other))
        status = DM_NO_USER;
    op->after(op, status);
}

static void place_user(struct operation *op, enum dm_status status) {
    if (status == DM_OK)
        resolve_direct(op, direct_placed);
    else
        op->after(op, status);
}

void resolve_place(struct operation *op, operation_step_fn then) {
    if (op->command.thread.kind != DM_REF_NONE) {
        resolve_thread(op, then);
        return;
    }
    op->after = then;
    if (find_user(op, &op->command.user, place_user, any_found))
        end(op, DM_OK);
}

/* ---- opening ---- */

int resolve_is_gated(const struct operation *op) {
    struct dm_slice gate = op->engine->gate_role;
    return gate.len && dm_user_has_role(op->other->user, gate)
           && !dm_user_has_role(op->actor->user, gate);
}

static void announce_opened(struct operation *op) {
    struct dm_event event = router_event(op->engine, DM_EVENT_THREAD_OPENED, op->corr,
                                         op->actor->user);
    struct dm_thread own = *op->result.thread;
    struct dm_thread others;
    own.peer = op->other->user;
    view_turn(&own, op->actor->user, &others);
    op->thread->flags |= THREAD_OPENED;
    fanout_thread(op, &event, &own, &others, operation_session(op));
}

static void opened(struct operation *op, enum dm_status status) {
    const struct dm_thread *thread = op->result.thread;
    struct store_thread found;
    if (status == DM_OK && !thread)
        status = DM_INTERNAL;
    if (status != DM_OK) {
        end(op, status);
        return;
    }
    found = (struct store_thread){
        .id = thread->id, .uuid = thread->uuid, .kind = DM_THREAD_DIRECT,
        .opener_id = thread->opener_id, .created_us = thread->created_us,
    };
    keep_thread(op, thread_cache_put_direct(op->engine, &found, op->actor, op->other));
    if (op->result.flags & DM_RESULT_CREATED)
        fanout_announce_now(op, announce_opened);
    end(op, DM_OK);
}

void resolve_open(struct operation *op, operation_step_fn then) {
    struct thread *thread = thread_cache_find_direct(&op->engine->threads, op->actor->id,
                                                     op->other->id);
    struct store_call *call;
    op->then = then;
    if (thread) {
        operation_set_thread(op, thread);
        end(op, DM_OK);
        return;
    }
    call = operation_prepare(op, STORE_DIRECT_OPEN);
    call->other_id = op->other->id;
    call->gate = resolve_is_gated(op) ? STORE_GATED : STORE_NOT_GATED;
    uuid_new_v7(&call->uuid);
    operation_call(op, (uint64_t)op->actor->id, opened);
}
