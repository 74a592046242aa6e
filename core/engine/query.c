/* Commands that only look, and WATCH and UNWATCH. */
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/presence.h"
#include "core/engine/resolve.h"
#include "core/engine/session.h"
#include "core/engine/thread_list.h"

/* ---- users ---- */

static void user_shown(struct operation *op, enum dm_status status) {
    if (status == DM_OK)
        op->result.user = operation_user(op, op->other->user);
    operation_finish(op, status);
}

void user_get_begin(struct operation *op) {
    if (op->command.user.kind == DM_REF_NONE) {
        op->result.user = operation_user(op, op->actor->user);
        operation_finish(op, DM_OK);
        return;
    }
    resolve_user(op, &op->command.user, user_shown);
}

/* What may be told to somebody who is not authenticated. */
static void user_looked_up(struct operation *op, enum dm_status status) {
    if (status == DM_OK) {
        const struct dm_user *full = op->other->user;
        struct dm_user public = {
            .id = full->id, .uuid = full->uuid, .username = dm_user_name(full),
            .first_name = full->first_name, .last_name = full->last_name,
            .flags = full->flags & DM_USER_ACTIVE,
        };
        struct dm_user *shown = (struct dm_user *)operation_user(op, &public);
        shown->flags = public.flags;
        op->result.user = shown;
    }
    operation_finish(op, status);
}

void user_lookup_begin(struct operation *op) {
    resolve_user(op, &op->command.user, user_looked_up);
}

/* The store knows nothing of presence: users are shown as copies that tell it. */
static void fill_presence(struct operation *op) {
    struct dm_result *result = &op->result;
    const struct dm_user **users;
    if (!result->user_count)
        return;
    users = arena_alloc(&op->arena, result->user_count * sizeof(*users));
    for (size_t i = 0; i < result->user_count; i++)
        users[i] = operation_user(op, result->users[i]);
    result->users = users;
}

static void users_listed(struct operation *op, enum dm_status status) {
    if (status == DM_OK)
        fill_presence(op);
    operation_finish(op, status);
}

static void ask_users(struct operation *op) {
    operation_prepare(op, STORE_COMMAND);
    operation_call(op, (uint64_t)op->actor->id, users_listed);
}

void user_list_begin(struct operation *op) {
    ask_users(op);
}

void friend_list_begin(struct operation *op) {
    ask_users(op);
}

/* ---- presence ---- */

/* Begins with the answer, so that no event comes before it. */
static void watch_now(struct operation *op, struct engine_session *session) {
    if (op->result.status != DM_OK)
        return;
    op->result.user = operation_user(op, op->other->user);
    if (session->user)
        op->result.status = presence_watch(session, op->other);
    if (op->result.status != DM_OK)
        op->result.user = NULL;
}

void watch_begin(struct operation *op) {
    op->deliver = watch_now;
    resolve_user(op, &op->command.user, user_shown);
}

static void unwatch_now(struct operation *op, enum dm_status status) {
    struct engine_session *session = operation_session(op);
    if (op->other && session)
        presence_unwatch(session, op->other->id);
    operation_finish(op, status);
}

void unwatch_begin(struct operation *op) {
    resolve_user(op, &op->command.user, unwatch_now);
}

/* ---- threads ---- */

static void answered(struct operation *op, enum dm_status status) {
    if (status == DM_OK && op->command.kind == DM_CMD_THREAD_LIST)
        thread_list_answered(op);
    operation_finish(op, status);
}

static void ask(struct operation *op, enum dm_status status) {
    struct store_call *call;
    if (status == DM_OK && op->thread && op->thread->kind == DM_THREAD_CHAT
        && (op->command.flags & DM_CMD_DIRECT_ONLY))
        status = DM_NO_THREAD;
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    call = operation_prepare(op, STORE_COMMAND);
    if (op->thread)
        call->thread_id = op->thread->id;
    if (op->command.kind == DM_CMD_THREAD_LIST)
        thread_list_ask(op, call);
    operation_call(op, (uint64_t)op->actor->id, answered);
}

static void thread_known(struct operation *op, enum dm_status status) {
    if (status == DM_OK)
        marks_wait(op, ask);
    else
        operation_finish(op, status);
}

void query_begin(struct operation *op) {
    if (op->command.thread.kind != DM_REF_NONE)
        resolve_thread(op, thread_known);
    else if (op->command.kind == DM_CMD_UNREAD_COUNT)
        ask(op, DM_OK);
    else
        marks_wait(op, ask);
}
