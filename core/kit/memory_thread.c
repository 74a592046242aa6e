/* Threads and messages in memory: finding, opening, appending, and how they look to a viewer. */
#include "core/base/clock.h"
#include "core/base/url.h"
#include "core/kit/memory_internal.h"

struct memory_thread *memory_thread(struct memory *memory, int64_t id) {
    list_foreach(it, &memory->threads) {
        struct memory_thread *thread = container_of(it, struct memory_thread, link);
        if (thread->id == id)
            return thread;
    }
    return NULL;
}

struct memory_thread *memory_direct(struct memory *memory, int64_t a, int64_t b) {
    list_foreach(it, &memory->threads) {
        struct memory_thread *thread = container_of(it, struct memory_thread, link);
        if (thread->kind == DM_THREAD_DIRECT && thread->lo_id == (a < b ? a : b) &&
            thread->hi_id == (a < b ? b : a))
            return thread;
    }
    return NULL;
}

struct memory_thread *memory_thread_new(struct memory *memory, enum dm_thread_kind kind,
                                        const struct dm_uuid *uuid, int64_t opener_id) {
    struct memory_thread *thread = arena_zalloc(&memory->arena, sizeof(*thread));
    thread->id = ++memory->last_thread;
    thread->uuid = *uuid;
    thread->kind = kind;
    thread->opener_id = opener_id;
    thread->member_rev = 1;
    thread->created_us = thread->updated_us = clock_real_us();
    list_init(&thread->members);
    list_init(&thread->messages);
    list_push_back(&memory->threads, &thread->link);
    return thread;
}

struct memory_member *memory_member(const struct memory_thread *thread, int64_t user_id) {
    list_foreach(it, &thread->members) {
        struct memory_member *member = container_of(it, struct memory_member, link);
        if (member->user_id == user_id)
            return member;
    }
    return NULL;
}

void memory_join(struct memory *memory, struct memory_thread *thread, int64_t user_id) {
    struct memory_member *member = arena_zalloc(&memory->arena, sizeof(*member));
    member->user_id = user_id;
    member->joined_seq = thread->seq;
    list_push_back(&thread->members, &member->link);
}

struct memory_message *memory_message(struct memory *memory, int64_t id) {
    list_foreach(t, &memory->threads) {
        list_foreach(m, &container_of(t, struct memory_thread, link)->messages) {
            struct memory_message *message = container_of(m, struct memory_message, link);
            if (message->id == id)
                return message;
        }
    }
    return NULL;
}

int memory_visible(const struct memory_message *message, int64_t viewer_id) {
    const struct memory_member *member = memory_member(message->thread, viewer_id);
    return member && !message->deleted && message->seq > member->joined_seq &&
           (message->held == MEMORY_FREE || message->author_id == viewer_id);
}

static struct memory_mark *mark_of(const struct memory_message *message, int64_t user_id) {
    struct memory_mark *mark = message->marks;
    while (mark && mark->user_id != user_id)
        mark = mark->next;
    return mark;
}

int memory_seen(const struct memory_message *message, int64_t user_id, enum memory_seen what) {
    const struct memory_mark *mark = mark_of(message, user_id);
    return mark && mark->seen & what;
}

void memory_see(struct memory *memory, struct memory_message *message, int64_t user_id,
                unsigned what) {
    struct memory_mark *mark = mark_of(message, user_id);
    if (!mark) {
        mark = arena_zalloc(&memory->arena, sizeof(*mark));
        mark->user_id = user_id;
        mark->next = message->marks;
        message->marks = mark;
    }
    mark->seen |= what;
}

int memory_unread(const struct memory_message *message, int64_t viewer_id) {
    return message->author_id != viewer_id && memory_visible(message, viewer_id) &&
           !memory_seen(message, viewer_id, MEMORY_READ);
}

/* ---- as a viewer sees them ---- */

static enum dm_thread_state state_for(const struct memory_thread *thread, int64_t viewer_id) {
    int mine = viewer_id == thread->lo_id ? thread->blocked_lo : thread->blocked_hi;
    if (thread->kind == DM_THREAD_CHAT)
        return DM_THREAD_ALLOWED;
    if (mine)
        return DM_THREAD_BLOCKED;
    if (thread->blocked_lo || thread->blocked_hi)
        return DM_THREAD_BLOCKED_BY_OTHER;
    return thread->requested ? DM_THREAD_REQUESTED : DM_THREAD_ALLOWED;
}

static int64_t other_of(const struct memory_thread *thread, int64_t user_id) {
    return user_id == thread->lo_id ? thread->hi_id : thread->lo_id;
}

/* How far the message has come with those who were members before it. */
static void show_reach(const struct memory_message *message, int64_t viewer_id,
                       struct dm_message *shown) {
    int pushed = 0, read = 0, unread = 0;
    if (message->author_id == viewer_id || memory_seen(message, viewer_id, MEMORY_READ))
        shown->flags |= DM_MESSAGE_READ_BY_ME;
    if (message->held != MEMORY_FREE)
        return;
    list_foreach(it, &message->thread->members) {
        const struct memory_member *member = container_of(it, struct memory_member, link);
        if (member->user_id == message->author_id || member->joined_seq >= message->seq)
            continue;
        pushed |= memory_seen(message, member->user_id, MEMORY_PUSHED);
        if (memory_seen(message, member->user_id, MEMORY_READ))
            read = 1;
        else
            unread = 1;
    }
    if (read)
        shown->flags |= DM_MESSAGE_READ_BY_ANY;
    shown->state = read && !unread ? DM_MESSAGE_READ
                 : read || pushed ? DM_MESSAGE_DELIVERED : DM_MESSAGE_STORED;
}

struct dm_message *memory_show_message(struct memory *memory, struct arena *arena,
                                       const struct memory_message *message, int64_t viewer_id) {
    const struct memory_thread *thread = message->thread;
    struct dm_message *shown = arena_zalloc(arena, sizeof(*shown));
    shown->id = message->id;
    shown->uuid = message->uuid;
    shown->thread_id = thread->id;
    shown->thread_uuid = thread->uuid;
    shown->seq = message->seq;
    shown->author = memory_user_shown(memory, message->author_id);
    if (thread->kind == DM_THREAD_DIRECT)
        shown->recipient = memory_user_shown(memory, other_of(thread, message->author_id));
    shown->text = message->text;
    shown->attachments = (const struct dm_attachment *const *)message->attachments;
    shown->attachment_count = message->attachment_count;
    shown->created_us = shown->updated_us = message->created_us;
    if (message->held != MEMORY_FREE)
        shown->flags |= DM_MESSAGE_HELD;
    if (message->held == MEMORY_FREE && thread->requested)
        shown->flags |= DM_MESSAGE_FIRST;
    show_reach(message, viewer_id, shown);
    return shown;
}

static void show_members(struct memory *memory, struct arena *arena,
                         const struct memory_thread *thread, struct dm_thread *shown) {
    size_t count = 0;
    list_foreach(it, &thread->members)
        count++;
    const struct dm_user **members = arena_alloc(arena, (count + 1) * sizeof(*members));
    list_foreach(it, &thread->members)
        members[shown->member_count++] = memory_user_shown(
            memory, container_of(it, struct memory_member, link)->user_id);
    shown->members = members;
}

static void count_messages(struct memory *memory, struct arena *arena,
                           const struct memory_thread *thread, int64_t viewer_id,
                           struct dm_thread *shown) {
    const struct memory_message *last = NULL;
    list_foreach(it, &thread->messages) {
        const struct memory_message *message = container_of(it, struct memory_message, link);
        if (!memory_visible(message, viewer_id))
            continue;
        last = message;
        shown->message_count++;
        shown->unread += (uint64_t)memory_unread(message, viewer_id);
    }
    if (last)
        shown->last_message = memory_show_message(memory, arena, last, viewer_id);
}

struct dm_thread *memory_show_thread(struct memory *memory, struct arena *arena,
                                     const struct memory_thread *thread, int64_t viewer_id) {
    struct dm_thread *shown = arena_zalloc(arena, sizeof(*shown));
    shown->id = thread->id;
    shown->uuid = thread->uuid;
    shown->kind = thread->kind;
    shown->state = state_for(thread, viewer_id);
    shown->title = thread->title;
    shown->opener_id = thread->opener_id;
    shown->rev = thread->rev;
    shown->created_us = thread->created_us;
    shown->updated_us = thread->updated_us;
    if (thread->kind == DM_THREAD_DIRECT)
        shown->peer = memory_user_shown(memory, other_of(thread, viewer_id));
    else
        show_members(memory, arena, thread, shown);
    count_messages(memory, arena, thread, viewer_id, shown);
    return shown;
}

/* ---- as the engine keeps them ---- */

static void keep_thread(struct store_call *call, const struct memory_thread *thread) {
    int64_t *ids;
    size_t count = 0;
    list_foreach(it, &thread->members)
        count++;
    ids = arena_alloc(call->arena, (count + 1) * sizeof(*ids));
    count = 0;
    list_foreach(it, &thread->members)
        ids[count++] = container_of(it, struct memory_member, link)->user_id;
    call->ret_thread = (struct store_thread){
        .id = thread->id, .uuid = thread->uuid, .kind = thread->kind, .title = thread->title,
        .opener_id = thread->opener_id, .lo_id = thread->lo_id, .hi_id = thread->hi_id,
        .member_ids = ids, .member_count = count, .member_rev = thread->member_rev,
        .created_us = thread->created_us, .updated_us = thread->updated_us,
    };
}

static enum dm_status keep_found(struct store_call *call, const struct memory_thread *thread) {
    if (!thread)
        return DM_NO_THREAD;
    keep_thread(call, thread);
    return DM_OK;
}

enum dm_status memory_members(struct memory *memory, struct store_call *call) {
    return keep_found(call, memory_thread(memory, call->thread_id));
}

enum dm_status memory_find_thread(struct memory *memory, struct store_call *call) {
    const struct dm_command *command = call->command;
    if (command->thread.kind == DM_REF_ID)
        return keep_found(call, memory_thread(memory, command->thread.id));
    if (command->thread.kind == DM_REF_UUID) {
        list_foreach(it, &memory->threads) {
            struct memory_thread *thread = container_of(it, struct memory_thread, link);
            if (dm_uuid_eq(&thread->uuid, &command->thread.uuid))
                return keep_found(call, thread);
        }
        return DM_NO_THREAD;
    }
    if (command->message.kind == DM_REF_ID) {
        struct memory_message *message = memory_message(memory, command->message.id);
        return message ? keep_found(call, message->thread) : DM_NO_MESSAGE;
    }
    return keep_found(call, memory_direct(memory, call->actor_id, call->other_id));
}

enum dm_status memory_open(struct memory *memory, struct store_call *call, int64_t other_id) {
    int64_t me = call->actor_id;
    const struct dm_ref refs[] = { dm_ref_id(me), dm_ref_id(other_id) };
    struct memory_thread *thread = memory_direct(memory, me, other_id);
    if (me == other_id)
        return DM_SELF;
    if (!memory_active_user(memory, &refs[0]) || !memory_active_user(memory, &refs[1]))
        return DM_NO_USER;
    if (!thread) {
        thread = memory_thread_new(memory, DM_THREAD_DIRECT, &call->uuid, me);
        thread->lo_id = me < other_id ? me : other_id;
        thread->hi_id = me < other_id ? other_id : me;
        thread->requested = call->gate == STORE_GATED;
        memory_join(memory, thread, me);
        memory_join(memory, thread, other_id);
        call->result->flags = DM_RESULT_CREATED | DM_RESULT_CHANGED;
    }
    call->result->thread = memory_show_thread(memory, call->arena, thread, me);
    keep_thread(call, thread);
    return DM_OK;
}

/* ---- appending ---- */

int memory_lacks_request(const struct memory_thread *thread) {
    list_foreach(it, &thread->messages) {
        const struct memory_message *message = container_of(it, struct memory_message, link);
        if (message->held == MEMORY_FREE && !message->deleted)
            return 0;
    }
    return thread->requested;
}

static enum store_outcome judge(const struct memory_thread *thread,
                                const struct store_append *append) {
    if (!thread || !memory_member(thread, append->author_id))
        return STORE_REFUSED_MEMBER;
    if (thread->blocked_lo || thread->blocked_hi)
        return STORE_REFUSED_BLOCKED;
    if (!thread->requested)
        return STORE_APPENDED;
    if (append->author_id == thread->opener_id)
        return memory_lacks_request(thread) ? STORE_APPENDED : STORE_APPENDED_HELD;
    return append->flags & STORE_APPEND_APPROVES ? STORE_NEEDS_APPROVE : STORE_REFUSED_BLOCKED;
}

static struct dm_attachment *attach(struct memory *memory, const struct store_append *append,
                                    size_t index) {
    struct dm_attachment *attachment = arena_zalloc(&memory->arena, sizeof(*attachment));
    attachment->size = -1;
    if (append->urls[index].ptr) {
        attachment->url = arena_slice(&memory->arena, append->urls[index]);
        attachment->name = url_last_segment(attachment->url);
        return attachment;
    }
    const struct memory_file *file = memory_file(memory, append->file_ids[index]);
    attachment->file_id = append->file_ids[index];
    attachment->name = file ? file->name : DM_SLICE("");
    attachment->size = file ? (int64_t)file->data.len : 0;
    attachment->created_us = file ? file->created_us : 0;
    return attachment;
}

static struct memory_message *message_new(struct memory *memory, struct memory_thread *thread,
                                          const struct store_append *append) {
    struct memory_message *message = arena_zalloc(&memory->arena, sizeof(*message));
    size_t count = append->attachment_count;
    message->thread = thread;
    message->id = ++memory->last_message;
    message->uuid = append->uuid;
    message->seq = ++thread->seq;
    message->author_id = append->author_id;
    message->text = arena_slice(&memory->arena, append->text);
    message->attachments = arena_alloc(&memory->arena, (count + 1) * sizeof(void *));
    while (message->attachment_count < count) {
        message->attachments[message->attachment_count] =
            attach(memory, append, message->attachment_count);
        message->attachment_count++;
    }
    message->created_us = clock_real_us();
    list_push_back(&thread->messages, &message->link);
    return message;
}

static uint64_t left_to_the_other(const struct memory_thread *thread, int64_t author_id) {
    uint64_t unread = 0;
    if (thread->kind == DM_THREAD_DIRECT)
        list_foreach(it, &thread->messages)
            unread += (uint64_t)memory_unread(container_of(it, struct memory_message, link),
                                              other_of(thread, author_id));
    return unread;
}

enum dm_status memory_append(struct memory *memory, struct store_append *append) {
    struct memory_thread *thread = memory_thread(memory, append->thread_id);
    append->ret_outcome = judge(thread, append);
    if (append->ret_outcome != STORE_APPENDED && append->ret_outcome != STORE_APPENDED_HELD)
        return DM_OK;
    struct memory_message *message = message_new(memory, thread, append);
    if (append->ret_outcome == STORE_APPENDED_HELD)
        message->held = MEMORY_HELD;
    thread->rev++;
    thread->updated_us = message->created_us;
    append->ret_id = message->id;
    append->ret_seq = message->seq;
    append->ret_rev = thread->rev;
    append->ret_created_us = message->created_us;
    append->ret_state = thread->requested ? DM_THREAD_REQUESTED : DM_THREAD_ALLOWED;
    append->ret_unread = left_to_the_other(thread, append->author_id);
    append->ret_member_rev = thread->member_rev;
    return DM_OK;
}

enum dm_status memory_mark(struct memory *memory, const struct store_mark *mark) {
    struct memory_thread *thread = memory_thread(memory, mark->thread_id);
    if (!thread || !memory_member(thread, mark->user_id))
        return DM_OK;
    list_foreach(it, &thread->messages) {
        struct memory_message *message = container_of(it, struct memory_message, link);
        if (message->seq >= mark->from && message->seq <= mark->to)
            memory_see(memory, message, mark->user_id, MEMORY_PUSHED);
    }
    return DM_OK;
}
