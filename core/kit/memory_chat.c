/* Chats, and the gate before direct threads, in memory. */
#include "core/base/clock.h"
#include "core/kit/memory_internal.h"

static size_t count_members(const struct memory_thread *thread) {
    size_t count = 0;
    list_foreach(it, &thread->members)
        count++;
    return count;
}

static void show(struct memory *memory, struct store_call *call, struct memory_thread *thread) {
    call->thread_id = thread->id;
    memory_members(memory, call);
    call->result->thread = memory_show_thread(memory, call->arena, thread, call->actor_id);
}

static void changed(struct store_call *call, struct memory_thread *thread) {
    thread->updated_us = clock_real_us();
    thread->rev++;
    thread->member_rev++;
    call->result->flags = DM_RESULT_CHANGED;
}

static size_t without(int64_t *ids, size_t count, int64_t id) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (ids[i] != id)
            ids[kept++] = ids[i];
    return kept;
}

static enum dm_status create(struct memory *memory, struct store_call *call) {
    size_t count = 0;
    int64_t *ids = memory_named_users(memory, call, &count);
    if (!ids)
        return DM_NO_USER;
    count = without(ids, count, call->actor_id);
    if (count == 0)
        return DM_SELF;
    if (count + 1 > MEMORY_CHAT_MAX)
        return DM_TOO_LARGE;
    struct memory_thread *chat = memory_thread_new(memory, DM_THREAD_CHAT, &call->uuid,
                                                   call->actor_id);
    chat->rev = 1;
    chat->title = arena_slice(&memory->arena, call->command->title);
    memory_join(memory, chat, call->actor_id);
    for (size_t i = 0; i < count; i++)
        memory_join(memory, chat, ids[i]);
    call->result->flags = DM_RESULT_CREATED | DM_RESULT_CHANGED;
    show(memory, call, chat);
    return DM_OK;
}

static enum dm_status update(struct memory *memory, struct store_call *call,
                             struct memory_thread *chat) {
    if (chat->requested || chat->blocked_lo || chat->blocked_hi)
        return DM_BLOCKED;
    if (!dm_slice_eq(chat->title, call->command->title)) {
        chat->title = arena_slice(&memory->arena, call->command->title);
        changed(call, chat);
    }
    return DM_OK;
}

static const struct dm_user **users_new(struct store_call *call, size_t room) {
    const struct dm_user **users = arena_alloc(call->arena, (room + 1) * sizeof(*users));
    call->result->users = users;
    return users;
}

static enum dm_status add(struct memory *memory, struct store_call *call,
                          struct memory_thread *chat) {
    size_t count = 0, new_count = 0;
    int64_t *ids = memory_named_users(memory, call, &count);
    if (!ids)
        return DM_NO_USER;
    for (size_t i = 0; i < count; i++)
        if (!memory_member(chat, ids[i]))
            ids[new_count++] = ids[i];
    if (count_members(chat) + new_count > MEMORY_CHAT_MAX)
        return DM_TOO_LARGE;
    const struct dm_user **users = users_new(call, new_count);
    for (size_t i = 0; i < new_count; i++) {
        memory_join(memory, chat, ids[i]);
        users[call->result->user_count++] = memory_user_shown(memory, ids[i]);
    }
    if (new_count)
        changed(call, chat);
    return DM_OK;
}

static enum dm_status expel(struct memory *memory, struct store_call *call,
                            struct memory_thread *chat) {
    const struct dm_command *command = call->command;
    const struct dm_user **users = users_new(call, command->user_count);
    for (size_t i = 0; i < command->user_count; i++)
        if (!memory_user(memory, &command->users[i]))
            return DM_NO_USER;
    for (size_t i = 0; i < command->user_count; i++) {
        struct memory_user *user = memory_user(memory, &command->users[i]);
        struct memory_member *member = memory_member(chat, user->user.id);
        if (!member)
            continue;
        list_remove(&member->link);
        users[call->result->user_count++] = &user->user;
    }
    if (call->result->user_count)
        changed(call, chat);
    return DM_OK;
}

enum dm_status memory_do_chat(struct memory *memory, struct store_call *call) {
    struct memory_thread *chat;
    enum dm_status status;
    if (call->command->kind == DM_CMD_CHAT_CREATE)
        return create(memory, call);
    status = memory_placed(memory, call, &chat);
    if (status != DM_OK || !chat)
        return status == DM_OK ? DM_NO_THREAD : status;
    if (call->command->kind == DM_CMD_CHAT_UPDATE)
        status = update(memory, call, chat);
    else if (chat->kind != DM_THREAD_CHAT)
        status = DM_FORBIDDEN;
    else if (call->command->kind == DM_CMD_CHAT_REMOVE)
        status = expel(memory, call, chat);
    else
        status = add(memory, call, chat);
    if (status == DM_OK)
        show(memory, call, chat);
    return status;
}

/* ---- the gate ---- */

static int *blocked_by(struct memory_thread *thread, int64_t user_id) {
    return user_id == thread->lo_id ? &thread->blocked_lo : &thread->blocked_hi;
}

static enum dm_status gated(struct memory *memory, struct store_call *call,
                            struct memory_thread **ret_thread) {
    enum dm_status status = memory_placed(memory, call, ret_thread);
    if (status != DM_OK || !*ret_thread)
        return status == DM_OK ? DM_NO_THREAD : status;
    return (*ret_thread)->kind == DM_THREAD_CHAT ? DM_FORBIDDEN : DM_OK;
}

static void release(struct memory *memory, struct store_call *call,
                    struct memory_thread *thread) {
    const struct dm_message **released =
        arena_alloc(call->arena, (thread->seq + 1) * sizeof(*released));
    call->result->messages = released;
    thread->requested = 0;
    list_foreach(it, &thread->messages) {
        struct memory_message *message = container_of(it, struct memory_message, link);
        if (message->held != MEMORY_HELD || message->deleted)
            continue;
        message->held = MEMORY_FREE;
        thread->rev++;
        released[call->result->message_count++] =
            memory_show_message(memory, call->arena, message, call->actor_id);
    }
}

enum dm_status memory_do_approve(struct memory *memory, struct store_call *call) {
    struct memory_thread *thread;
    enum dm_status status = gated(memory, call, &thread);
    if (status == DM_OK && thread->requested && thread->opener_id == call->actor_id)
        status = DM_FORBIDDEN;
    if (status != DM_OK)
        return status;
    int *blocked = blocked_by(thread, call->actor_id);
    if (thread->requested || *blocked) {
        thread->rev++;
        *blocked = 0;
        call->result->flags = DM_RESULT_CHANGED;
        if (thread->requested)
            release(memory, call, thread);
    }
    call->result->thread = memory_show_thread(memory, call->arena, thread, call->actor_id);
    return DM_OK;
}

enum dm_status memory_do_block(struct memory *memory, struct store_call *call) {
    struct memory_thread *thread;
    enum dm_status status = gated(memory, call, &thread);
    if (status != DM_OK)
        return status;
    int *blocked = blocked_by(thread, call->actor_id);
    if (!*blocked) {
        *blocked = 1;
        thread->rev++;
        call->result->flags = DM_RESULT_CHANGED;
        list_foreach(it, &thread->messages) {
            struct memory_message *message = container_of(it, struct memory_message, link);
            if (message->held == MEMORY_HELD)
                message->held = MEMORY_BURIED;
        }
    }
    call->result->thread = memory_show_thread(memory, call->arena, thread, call->actor_id);
    return DM_OK;
}
