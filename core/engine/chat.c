/* CHAT_CREATE, CHAT_UPDATE, CHAT_ADD, CHAT_REMOVE. */
#include "core/base/random.h"
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/resolve.h"
#include "core/engine/view.h"

/* ---- events ---- */

/* The actor's other sessions, those who are added or removed, and those who stay. */
static void announce(struct operation *op, enum dm_event_kind kind) {
    const struct dm_result *result = &op->result;
    struct dm_event event = router_event(op->engine, kind, op->corr, op->actor->user);
    struct dm_thread others;
    view_turn(result->thread, op->actor->user, &others);
    if (kind != DM_EVENT_CHAT_CREATED) {
        event.users = result->users;
        event.user_count = result->user_count;
    }
    fanout_listed(op, &event, &others, operation_session(op));
}

static void announce_created(struct operation *op) {
    announce(op, DM_EVENT_CHAT_CREATED);
}

static void announce_updated(struct operation *op) {
    struct dm_event event;
    if (op->thread->kind == DM_THREAD_CHAT) {
        announce(op, DM_EVENT_CHAT_UPDATED);
        return;
    }
    event = router_event(op->engine, DM_EVENT_CHAT_UPDATED, op->corr, op->actor->user);
    fanout_result(op, &event);
}

static void announce_added(struct operation *op) {
    announce(op, DM_EVENT_MEMBERS_ADDED);
}

static void announce_removed(struct operation *op) {
    announce(op, DM_EVENT_MEMBERS_REMOVED);
}

/* ---- CHAT_UPDATE, CHAT_ADD, CHAT_REMOVE ---- */

static operation_fn announcer(const struct operation *op) {
    switch (op->command.kind) {
    case DM_CMD_CHAT_UPDATE:
        return announce_updated;
    case DM_CMD_CHAT_ADD:
        return op->result.user_count ? announce_added : NULL;
    case DM_CMD_CHAT_REMOVE:
        return op->result.user_count ? announce_removed : NULL;
    default:
        return NULL;
    }
}

static void learn(struct operation *op) {
    const struct store_thread *found = &op->at.call.ret_thread;
    if (found->kind == DM_THREAD_DIRECT) {
        thread_set_title(op->thread, found->title);
        return;
    }
    thread_set_members(op->engine, op->thread, found);
    op->told_rev = found->member_rev;
}

static void changed(struct operation *op, enum dm_status status) {
    thread_forget_members(op->thread);
    if (status == DM_OK && op->at.call.ret_thread.id)
        learn(op);
    if (status == DM_OK && op->result.thread)
        op->emit = announcer(op);
    operation_finish(op, status);
}

static void placed(struct operation *op, enum dm_status status) {
    struct store_call *call;
    if (status == DM_OK && op->thread->kind == DM_THREAD_DIRECT
        && op->command.kind != DM_CMD_CHAT_UPDATE)
        status = DM_FORBIDDEN;
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    call = operation_prepare(op, STORE_COMMAND);
    call->thread_id = op->thread->id;
    operation_call(op, (uint64_t)op->thread->id, changed);
}

void chat_change_begin(struct operation *op) {
    resolve_thread(op, placed);
}

/* ---- CHAT_CREATE ---- */

static void created(struct operation *op, enum dm_status status) {
    if (status == DM_OK && op->result.thread) {
        if (op->at.call.ret_thread.kind == DM_THREAD_CHAT) {
            struct thread *thread = thread_cache_put_chat(op->engine, &op->at.call.ret_thread);
            operation_set_thread(op, thread);
            thread_unref(op->engine, thread);
            op->told_rev = thread->member_rev;
        }
        op->emit = announce_created;
    }
    operation_finish(op, status);
}

static void create(struct operation *op) {
    struct store_call *call = operation_prepare(op, STORE_COMMAND);
    uuid_new_v7(&call->uuid);
    operation_call(op, (uint64_t)op->actor->id, created);
}

static void direct_opened(struct operation *op, enum dm_status status) {
    struct dm_thread *thread;
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    thread = arena_alloc(&op->arena, sizeof(*thread));
    view_thread(op->thread, op->actor->id,
                resolve_is_gated(op) ? DM_THREAD_REQUESTED : DM_THREAD_ALLOWED, thread);
    op->result.thread = thread;
    if (!(op->result.flags & DM_RESULT_CREATED)) {
        operation_finish(op, DM_EXISTS);
        return;
    }
    op->result.flags |= DM_RESULT_CHANGED;
    operation_finish(op, DM_OK);
}

static void only_other_known(struct operation *op, enum dm_status status) {
    if (status == DM_OK && op->other->id == op->actor->id) {
        operation_refuse(op, DM_INVALID, "users");
        return;
    }
    if (status != DM_OK)
        operation_finish(op, status);
    else
        resolve_open(op, direct_opened);
}

static int names_actor(const struct operation *op, const struct dm_ref *ref) {
    const struct dm_user *actor = op->actor->user;
    switch (ref->kind) {
    case DM_REF_ID:
        return ref->id == actor->id;
    case DM_REF_UUID:
        return dm_uuid_eq(&ref->uuid, &actor->uuid);
    case DM_REF_NAME:
        return dm_slice_eq(ref->name, actor->username) || dm_slice_eq(ref->name, actor->email);
    case DM_REF_NONE:
        break;
    }
    return 0;
}

static int same_ref(const struct dm_ref *a, const struct dm_ref *b) {
    if (a->kind != b->kind)
        return 0;
    switch (a->kind) {
    case DM_REF_ID:
        return a->id == b->id;
    case DM_REF_UUID:
        return dm_uuid_eq(&a->uuid, &b->uuid);
    case DM_REF_NAME:
        return dm_slice_eq(a->name, b->name);
    case DM_REF_NONE:
        break;
    }
    return 1;
}

/* The others that the command names: none, one (ret_one), or more. */
enum others { OTHERS_NONE, OTHERS_ONE, OTHERS_MANY };

static enum others count_others(const struct operation *op, const struct dm_ref **ret_one) {
    const struct dm_command *command = &op->command;
    const struct dm_ref *one = NULL;
    for (size_t i = 0; i < command->user_count; i++) {
        const struct dm_ref *ref = &command->users[i];
        if (names_actor(op, ref) || (one && same_ref(one, ref)))
            continue;
        if (one)
            return OTHERS_MANY;
        one = ref;
    }
    *ret_one = one;
    return one ? OTHERS_ONE : OTHERS_NONE;
}

void chat_create_begin(struct operation *op) {
    const struct dm_ref *one = NULL;
    switch (count_others(op, &one)) {
    case OTHERS_NONE:
        operation_refuse(op, DM_INVALID, "users");
        return;
    case OTHERS_ONE:
        if (!op->command.title.ptr) {
            resolve_user(op, one, only_other_known);
            return;
        }
        break;
    case OTHERS_MANY:
        break;
    }
    create(op);
}
