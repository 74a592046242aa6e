/* Shows another node's unit to the sessions here. */
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/remote_internal.h"
#include "core/engine/view.h"

static const struct dm_user *user_data(const struct remote *remote, int64_t id) {
    struct engine_user *user = remote_user(remote, id);
    return user ? user->user : NULL;
}

static const struct dm_user *const *user_list(struct operation *op, const int64_t *ids,
                                              size_t count, size_t *ret_count) {
    const struct dm_user **list = arena_alloc(&op->arena, count * sizeof(*list));
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct dm_user *user = user_data(op->extra, ids[i]);
        if (user)
            list[(*ret_count)++] = user;
    }
    return list;
}

static void complete(const struct operation *op, struct unit_message *message) {
    const struct remote *remote = op->extra;
    struct thread *thread = op->thread;
    message->message.thread_id = thread->id;
    message->message.thread_uuid = thread->uuid;
    message->message.author = user_data(remote, message->author_id);
    if (thread->kind == DM_THREAD_DIRECT) {
        struct engine_user *other = thread_other(thread, message->author_id);
        message->message.recipient = other ? other->user : NULL;
    }
}

static void put_messages(struct operation *op, struct unit_event *told, struct dm_event *event) {
    const struct dm_message **list;
    if (told->message) {
        complete(op, told->message);
        event->message = &told->message->message;
    }
    list = arena_alloc(&op->arena, told->message_count * sizeof(*list));
    for (size_t i = 0; i < told->message_count; i++) {
        complete(op, &told->messages[i]);
        list[i] = &told->messages[i].message;
    }
    event->messages = list;
    event->message_count = told->message_count;
}

static void view_side(const struct operation *op, const struct unit_event *told,
                      const struct unit_side *side, int64_t viewer_id,
                      struct dm_thread *ret_thread) {
    const struct remote *remote = op->extra;
    view_thread(op->thread, viewer_id, side->state, ret_thread);
    ret_thread->title = remote->unit.head.title;
    ret_thread->rev = remote->unit.head.rev;
    ret_thread->updated_us = told->updated_us;
    ret_thread->message_count = side->count;
    ret_thread->unread = side->unread;
    if (side->has_last && told->message)
        ret_thread->last_message = &told->message->message;
}

/* The members as they are from this event on. */
static void set_members(struct operation *op, const struct unit_event *told) {
    const struct unit_head *head = &((struct remote *)op->extra)->unit.head;
    const struct store_thread found = {
        .title = head->title, .member_ids = told->members, .member_count = told->member_count,
        .member_rev = head->told_rev,
    };
    if (head->told_rev > op->thread->member_rev)
        thread_set_members(op->engine, op->thread, &found);
}

static void show_in_thread(struct operation *op, struct unit_event *told,
                           struct dm_event *event) {
    struct dm_thread own, others;
    struct engine_user *other = thread_other(op->thread, told->actor_id);
    put_messages(op, told, event);
    view_side(op, told, &told->own, told->actor_id, &own);
    view_side(op, told, &told->others, other ? other->id : 0, &others);
    if (told->route == UNIT_TO_THREAD) {
        if (told->kind == DM_EVENT_MESSAGE)
            marks_own(op->thread, told->actor_id, told->message->message.seq);
        if (told->kind == DM_EVENT_CHAT_UPDATED)
            thread_set_title(op->thread, own.title);
        fanout_thread(op, event, &own, &others, NULL);
        return;
    }
    others.members = user_list(op, told->members, told->member_count, &others.member_count);
    set_members(op, told);
    event->users = user_list(op, told->users, told->user_count, &event->user_count);
    fanout_listed(op, event, &others, NULL);
}

/* 1 for an opening that was shown before: the bus may tell it after a reading has found it. */
static int is_shown(const struct operation *op, const struct unit_event *told) {
    uint32_t before;
    if (told->kind != DM_EVENT_THREAD_OPENED || !op->thread)
        return 0;
    before = op->thread->flags;
    op->thread->flags |= THREAD_OPENED;
    return !!(before & THREAD_OPENED);
}

void remote_show(struct operation *op) {
    struct remote *remote = op->extra;
    for (size_t i = 0; i < remote->unit.event_count; i++) {
        struct unit_event *told = &remote->unit.events[i];
        const struct dm_user *actor = user_data(remote, told->actor_id);
        struct dm_event event;
        if (!actor || (told->message && !remote_user(remote, told->message->author_id))
            || is_shown(op, told))
            continue;
        event = router_event(op->engine, told->kind, remote->unit.head.corr, actor);
        event.unread = told->unread;
        if (told->route == UNIT_TO_USER)
            fanout_user(op, &event, remote->unit.head.to_id);
        else if (op->thread)
            show_in_thread(op, told, &event);
    }
}
