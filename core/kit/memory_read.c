/* Reading in memory: pages, lists, and what becomes read. */
#include <stdlib.h>

#include "core/kit/memory_internal.h"

enum dm_status memory_placed(struct memory *memory, struct store_call *call,
                             struct memory_thread **ret_thread) {
    struct memory_thread *thread = memory_thread(memory, call->thread_id);
    *ret_thread = NULL;
    if (!call->thread_id) {
        const struct memory_user *other = memory_user(memory, &call->command->user);
        if (!other)
            return DM_NO_USER;
        thread = memory_direct(memory, call->actor_id, other->user.id);
        if (!thread)
            return other->user.flags & DM_USER_ACTIVE ? DM_OK : DM_NO_USER;
    }
    if (!thread || !memory_member(thread, call->actor_id) ||
        (thread->kind == DM_THREAD_CHAT && call->command->flags & DM_CMD_DIRECT_ONLY))
        return DM_NO_THREAD;
    *ret_thread = thread;
    return DM_OK;
}

static void show_thread(struct memory *memory, struct store_call *call,
                        const struct memory_thread *thread) {
    call->result->thread = memory_show_thread(memory, call->arena, thread, call->actor_id);
}

/* Messages of the result, to which list_add adds. */
static const struct dm_message **list_new(struct store_call *call, size_t room) {
    const struct dm_message **list = arena_alloc(call->arena, (room + 1) * sizeof(*list));
    call->result->messages = list;
    call->result->message_count = 0;
    return list;
}

static void turn_round(const struct dm_message **list, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        const struct dm_message *swap = list[i];
        list[i] = list[count - 1 - i];
        list[count - 1 - i] = swap;
    }
}

static size_t limit_of(const struct store_call *call) {
    return call->command->limit ? call->command->limit : MEMORY_PAGE;
}

/* ---- history ---- */

static void page_down(struct memory *memory, struct store_call *call,
                      const struct memory_thread *thread) {
    const struct dm_command *command = call->command;
    const struct dm_message **list = list_new(call, thread->seq);
    uint64_t skip = command->offset;
    size_t *count = &call->result->message_count;
    for (struct list *it = thread->messages.prev; it != &thread->messages; it = it->prev) {
        const struct memory_message *message = container_of(it, struct memory_message, link);
        if (!memory_visible(message, call->actor_id) ||
            (command->before && message->seq >= command->before) ||
            (command->before_id > 0 && message->id >= command->before_id))
            continue;
        if (skip) {
            skip--;
            continue;
        }
        if (*count == limit_of(call))
            break;
        list[(*count)++] = memory_show_message(memory, call->arena, message, call->actor_id);
    }
}

static void page_up(struct memory *memory, struct store_call *call,
                    const struct memory_thread *thread) {
    const struct dm_message **list = list_new(call, thread->seq);
    size_t *count = &call->result->message_count;
    list_foreach(it, &thread->messages) {
        const struct memory_message *message = container_of(it, struct memory_message, link);
        if (message->seq <= call->command->cursor || !memory_visible(message, call->actor_id))
            continue;
        list[(*count)++] = memory_show_message(memory, call->arena, message, call->actor_id);
        if (*count == limit_of(call)) {
            call->result->next_cursor = message->seq;
            break;
        }
    }
}

static enum dm_status history(struct memory *memory, struct store_call *call) {
    struct memory_thread *thread;
    enum dm_status status = memory_placed(memory, call, &thread);
    uint32_t flags = call->command->flags;
    if (status != DM_OK || !thread)
        return status;
    show_thread(memory, call, thread);
    if (flags & DM_CMD_WITHOUT_BODIES)
        return DM_OK;
    if (flags & DM_CMD_ASCENDING)
        page_up(memory, call, thread);
    else
        page_down(memory, call, thread);
    if (flags & DM_CMD_OLDEST_FIRST)
        turn_round((const struct dm_message **)call->result->messages,
                   call->result->message_count);
    return DM_OK;
}

/* ---- threads ---- */

static enum dm_status get_thread(struct memory *memory, struct store_call *call) {
    struct memory_thread *thread;
    enum dm_status status = memory_placed(memory, call, &thread);
    if (status == DM_OK && !thread)
        return DM_NO_THREAD;
    if (status == DM_OK)
        show_thread(memory, call, thread);
    return status;
}

static int newest_first(const void *left, const void *right) {
    const struct dm_thread *const *a = left, *const *b = right;
    return (*a)->last_message->id < (*b)->last_message->id ? 1 : -1;
}

/* Threads of a list that was begun before. */
static enum dm_status list_on(struct memory *memory, struct store_call *call) {
    struct dm_result *result = call->result;
    const struct dm_thread **threads =
        arena_alloc(call->arena, call->listed_count * sizeof(*threads));
    for (size_t i = 0; i < call->listed_count; i++) {
        const struct memory_thread *thread = memory_thread(memory, call->listed[i]);
        const struct dm_thread *shown =
            memory_member(thread, call->actor_id)
                ? memory_show_thread(memory, call->arena, thread, call->actor_id) : NULL;
        if (shown && shown->last_message)
            threads[result->thread_count++] = shown;
    }
    result->threads = threads;
    return DM_OK;
}

static void keep_behind(struct store_call *call, const struct dm_thread *const *threads,
                        size_t count) {
    size_t kept = count < call->behind_max ? count : call->behind_max;
    int64_t *ids = arena_alloc(call->arena, kept * sizeof(*ids));
    for (size_t i = 0; i < kept; i++)
        ids[i] = threads[i]->id;
    call->ret_threads = ids;
    call->ret_thread_count = kept;
}

static enum dm_status list_threads(struct memory *memory, struct store_call *call) {
    const struct dm_command *command = call->command;
    int64_t before = command->cursor ? (int64_t)command->cursor : INT64_MAX;
    size_t count = 0;
    if (command->before_id > 0 && command->before_id < before)
        before = command->before_id;
    list_foreach(it, &memory->threads)
        count++;
    const struct dm_thread **threads = arena_alloc(call->arena, (count + 1) * sizeof(*threads));
    count = 0;
    list_foreach(it, &memory->threads) {
        struct memory_thread *thread = container_of(it, struct memory_thread, link);
        if (!memory_member(thread, call->actor_id) ||
            (thread->kind == DM_THREAD_CHAT && command->flags & DM_CMD_DIRECT_ONLY))
            continue;
        struct dm_thread *shown = memory_show_thread(memory, call->arena, thread,
                                                     call->actor_id);
        call->result->count += shown->unread > 0;
        if (shown->last_message && shown->last_message->id < before)
            threads[count++] = shown;
    }
    qsort(threads, count, sizeof(*threads), newest_first);
    if (count > limit_of(call)) {
        keep_behind(call, threads + limit_of(call), count - limit_of(call));
        count = limit_of(call);
        call->result->next_cursor = (uint64_t)threads[count - 1]->last_message->id;
    }
    call->result->threads = threads;
    call->result->thread_count = count;
    return DM_OK;
}

static enum dm_status count_unread(struct memory *memory, struct store_call *call) {
    struct memory_thread *thread;
    enum dm_status status = memory_placed(memory, call, &thread);
    if (status == DM_OK && thread)
        list_foreach(it, &thread->messages)
            call->result->count += (uint64_t)memory_unread(
                container_of(it, struct memory_message, link), call->actor_id);
    return status;
}

/* ---- marks ---- */

static enum dm_status do_read(struct memory *memory, struct store_call *call) {
    struct memory_thread *thread;
    enum dm_status status = memory_placed(memory, call, &thread);
    if (status != DM_OK || !thread)
        return status;
    const struct dm_message **list = list_new(call, thread->seq);
    list_foreach(it, &thread->messages) {
        struct memory_message *message = container_of(it, struct memory_message, link);
        if (!memory_unread(message, call->actor_id))
            continue;
        memory_see(memory, message, call->actor_id, MEMORY_READ | MEMORY_PUSHED);
        list[call->result->message_count++] =
            memory_show_message(memory, call->arena, message, call->actor_id);
    }
    if (call->result->message_count) {
        call->result->flags = DM_RESULT_CHANGED;
        thread->rev++;
    }
    show_thread(memory, call, thread);
    return DM_OK;
}

static void show_one(struct memory *memory, struct store_call *call,
                     const struct memory_message *message) {
    call->result->message = memory_show_message(memory, call->arena, message, call->actor_id);
    show_thread(memory, call, message->thread);
}

static enum dm_status do_read_one(struct memory *memory, struct store_call *call) {
    struct memory_message *message = memory_message(memory, call->command->message.id);
    if (!message || !memory_visible(message, call->actor_id) ||
        message->author_id == call->actor_id)
        return DM_NO_MESSAGE;
    if (memory_unread(message, call->actor_id)) {
        memory_see(memory, message, call->actor_id, MEMORY_READ | MEMORY_PUSHED);
        message->thread->rev++;
        call->result->flags = DM_RESULT_CHANGED;
    }
    list_foreach(it, &message->thread->messages) {
        const struct memory_message *other = container_of(it, struct memory_message, link);
        call->result->count += other->author_id == message->author_id &&
                               memory_unread(other, call->actor_id);
    }
    show_one(memory, call, message);
    return DM_OK;
}

/* The first that waits becomes the request. */
static void renew_request(struct memory *memory, struct store_call *call,
                          const struct memory_thread *thread) {
    list_foreach(it, &thread->messages) {
        struct memory_message *message = container_of(it, struct memory_message, link);
        if (message->held != MEMORY_HELD || message->deleted)
            continue;
        message->held = MEMORY_FREE;
        list_new(call, 1)[0] = memory_show_message(memory, call->arena, message, call->actor_id);
        call->result->message_count = 1;
        return;
    }
}

static enum dm_status do_delete(struct memory *memory, struct store_call *call) {
    struct memory_message *message = memory_message(memory, call->command->message.id);
    if (!message || !memory_visible(message, call->actor_id) ||
        message->author_id != call->actor_id)
        return DM_NO_MESSAGE;
    message->text = DM_SLICE("");
    message->attachment_count = 0;
    message->thread->rev++;
    call->result->flags = DM_RESULT_CHANGED;
    show_one(memory, call, message);
    message->deleted = 1;
    if (memory_lacks_request(message->thread))
        renew_request(memory, call, message->thread);
    return DM_OK;
}

static int oldest_first(const void *left, const void *right) {
    const struct memory_message *const *a = left, *const *b = right;
    return (*a)->id < (*b)->id ? -1 : 1;
}

static int is_told(const struct memory_message *message, const struct store_call *call) {
    return (call->command->flags & DM_CMD_TOLD_LATER)
           && (uint64_t)message->id <= call->command->cursor;
}

static int is_owed(const struct memory_message *message, const struct store_call *call) {
    return memory_unread(message, call->actor_id) &&
           !memory_seen(message, call->actor_id, MEMORY_PUSHED) &&
           !(message->thread->kind == DM_THREAD_CHAT &&
             call->command->flags & DM_CMD_DIRECT_ONLY);
}

static void show_places(struct memory *memory, struct store_call *call,
                        struct memory_message *const *messages, size_t count) {
    const struct dm_thread **threads = arena_alloc(call->arena, (count + 1) * sizeof(*threads));
    call->result->threads = threads;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < call->result->thread_count && threads[at]->id != messages[i]->thread->id)
            at++;
        if (at == call->result->thread_count)
            threads[call->result->thread_count++] = memory_show_thread(
                memory, call->arena, messages[i]->thread, call->actor_id);
    }
}

static enum dm_status do_undelivered(struct memory *memory, struct store_call *call) {
    size_t count = 0;
    struct memory_message **owed =
        arena_alloc(call->arena, ((size_t)memory->last_message + 1) * sizeof(*owed));
    list_foreach(t, &memory->threads) {
        list_foreach(m, &container_of(t, struct memory_thread, link)->messages) {
            struct memory_message *message = container_of(m, struct memory_message, link);
            if (!is_owed(message, call))
                continue;
            if (is_told(message, call))
                memory_see(memory, message, call->actor_id, MEMORY_PUSHED);
            else
                owed[count++] = message;
        }
    }
    qsort(owed, count, sizeof(*owed), oldest_first);
    if (count > limit_of(call))
        count = limit_of(call);
    const struct dm_message **list = list_new(call, count);
    for (size_t i = 0; i < count; i++) {
        list[i] = memory_show_message(memory, call->arena, owed[i], call->actor_id);
        if (!(call->command->flags & DM_CMD_TOLD_LATER))
            memory_see(memory, owed[i], call->actor_id, MEMORY_PUSHED);
    }
    call->result->message_count = count;
    call->result->flags = count ? DM_RESULT_CHANGED : 0;
    if (!(call->command->flags & DM_CMD_DIRECT_ONLY))
        show_places(memory, call, owed, count);
    return DM_OK;
}

enum dm_status memory_command(struct memory *memory, struct store_call *call) {
    switch (call->command->kind) {
    case DM_CMD_THREAD_LIST:
        return call->listed ? list_on(memory, call) : list_threads(memory, call);
    case DM_CMD_THREAD_GET: return get_thread(memory, call);
    case DM_CMD_HISTORY: return history(memory, call);
    case DM_CMD_UNREAD_COUNT: return count_unread(memory, call);
    case DM_CMD_READ: return do_read(memory, call);
    case DM_CMD_READ_ONE: return do_read_one(memory, call);
    case DM_CMD_DELETE: return do_delete(memory, call);
    case DM_CMD_UNDELIVERED: return do_undelivered(memory, call);
    case DM_CMD_APPROVE: return memory_do_approve(memory, call);
    case DM_CMD_BLOCK: return memory_do_block(memory, call);
    case DM_CMD_CHAT_CREATE:
    case DM_CMD_CHAT_UPDATE:
    case DM_CMD_CHAT_ADD:
    case DM_CMD_CHAT_REMOVE: return memory_do_chat(memory, call);
    case DM_CMD_FRIEND_LIST:
    case DM_CMD_FRIEND_PENDING:
    case DM_CMD_FRIEND_REQUEST:
    case DM_CMD_FRIEND_ACCEPT:
    case DM_CMD_FRIEND_DENY: return memory_do_friend(memory, call);
    default: return memory_do_user(memory, call);
    }
}
