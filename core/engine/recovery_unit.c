/* Units made again from what the store keeps of them, for recovery.c. */
#include "core/engine/core.h"
#include "core/engine/recovery.h"

/* So many messages in one event at most. */
#define EVENT_MESSAGES 500

/* A unit being put together from what the store told. */
struct draft {
    struct buf *buf;
    const struct store_call *call;
    const struct store_event *event;
    struct unit_head head;
    struct dm_user actor;      /* bears the id only */
    struct dm_thread own, others;
    size_t count;
};

static void put(struct draft *draft, enum unit_route route, struct dm_event *event,
                const struct dm_user *actor) {
    event->actor = actor;
    unit_put_event(draft->buf, route, event, &draft->own, &draft->others);
    draft->count++;
}

static const struct dm_message *const *messages_of(const struct draft *draft) {
    return draft->call->result->messages + draft->event->first_message;
}

static uint64_t unread_of_other(const struct draft *draft, int64_t author_id) {
    const struct store_thread *thread = &draft->call->ret_thread;
    return author_id == thread->lo_id ? thread->unread_hi : thread->unread_lo;
}

/* Unread after this message: as many fewer than now as its author has written since. */
static uint64_t unread_then(const struct draft *draft) {
    const struct store_events *events = draft->call->events;
    uint64_t now = unread_of_other(draft, draft->event->actor_id);
    for (const struct store_event *later = draft->event + 1;
         later < events->ret_list + events->ret_count; later++) {
        if (later->kind == DM_CMD_SEND && later->actor_id == draft->event->actor_id && now)
            now--;
    }
    return now;
}

static void put_message(struct draft *draft) {
    const struct dm_message *message = messages_of(draft)[0];
    struct dm_message copy = *message;
    struct dm_event event = { .kind = DM_EVENT_MESSAGE, .message = &copy };
    copy.flags &= ~(uint32_t)(DM_MESSAGE_READ_BY_ME | DM_MESSAGE_READ_BY_ANY);
    copy.state = DM_MESSAGE_STORED;
    if (draft->call->ret_thread.kind == DM_THREAD_DIRECT)
        event.unread = unread_then(draft);
    draft->own.last_message = draft->others.last_message = &copy;
    draft->own.message_count = draft->others.message_count = message->seq;
    draft->others.unread = event.unread;
    draft->own.updated_us = draft->others.updated_us = message->created_us;
    put(draft, UNIT_TO_THREAD, &event, &draft->actor);
}

static void put_read(struct draft *draft) {
    size_t done = 0;
    while (done < draft->event->message_count) {
        size_t left = draft->event->message_count - done;
        struct dm_event event = { .kind = DM_EVENT_READ, .unread = draft->event->count };
        event.messages = messages_of(draft) + done;
        event.message_count = left < EVENT_MESSAGES ? left : EVENT_MESSAGES;
        put(draft, UNIT_TO_THREAD, &event, &draft->actor);
        done += event.message_count;
    }
}

/* One that was deleted since: it has no text and nothing else. */
static int is_gone(const struct dm_message *message) {
    return !message->text.len && !message->attachment_count;
}

/* What became the request of the thread, which waited for its approval then. */
static void put_request(struct draft *draft, const struct dm_message *message) {
    struct dm_event event = { .kind = DM_EVENT_MESSAGE_RELEASED, .message = message };
    if (is_gone(message))
        return;
    event.unread = draft->others.unread = draft->others.message_count = 1;
    draft->others.last_message = message;
    draft->own.state = draft->others.state = DM_THREAD_REQUESTED;
    put(draft, UNIT_TO_THREAD, &event, &draft->actor);
}

static void put_deleted(struct draft *draft) {
    struct dm_event event = { .kind = DM_EVENT_MESSAGE_DELETED };
    if (!draft->event->message_count || messages_of(draft)[0]->flags & DM_MESSAGE_HELD)
        return;
    event.message = messages_of(draft)[0];
    put(draft, UNIT_TO_THREAD, &event, &draft->actor);
    if (draft->event->message_count > 1)
        put_request(draft, messages_of(draft)[1]);
}

static void put_state(struct draft *draft, enum dm_thread_state own,
                      enum dm_thread_state others) {
    struct dm_event event = { .kind = DM_EVENT_THREAD_STATE };
    draft->own.state = own;
    draft->others.state = others;
    put(draft, UNIT_TO_THREAD, &event, &draft->actor);
}

static void put_approved(struct draft *draft) {
    put_state(draft, DM_THREAD_ALLOWED, DM_THREAD_ALLOWED);
    for (size_t i = 0; i < draft->event->message_count; i++) {
        const struct dm_message *message = messages_of(draft)[i];
        struct dm_event event = { .kind = DM_EVENT_MESSAGE_RELEASED, .message = message };
        size_t later = draft->event->message_count - 1 - i;
        uint64_t now = unread_of_other(draft, message->author->id);
        event.unread = now > later ? now - later : 0;
        put(draft, UNIT_TO_THREAD, &event, message->author);
    }
}

/* What concerns the thread alone. */
static void put_thread(struct draft *draft, enum dm_event_kind kind) {
    struct dm_event event = { .kind = kind };
    put(draft, UNIT_TO_THREAD, &event, &draft->actor);
}

static void put_chat(struct draft *draft, enum dm_event_kind kind) {
    const struct store_thread *thread = &draft->call->ret_thread;
    struct dm_event event = { .kind = kind };
    struct arena *arena = draft->call->arena;
    const struct dm_user **members =
        arena_alloc(arena, thread->member_count * sizeof(struct dm_user *));
    for (size_t i = 0; i < thread->member_count; i++) {
        struct dm_user *member = arena_zalloc(arena, sizeof(*member));
        member->id = thread->member_ids[i];
        members[i] = member;
    }
    draft->others.members = members;
    draft->others.member_count = thread->member_count;
    if (kind != DM_EVENT_CHAT_CREATED) {
        event.users = draft->call->result->users + draft->event->first_user;
        event.user_count = draft->event->user_count;
    }
    draft->head.member_rev = 0;
    draft->head.told_rev = thread->member_rev;
    put(draft, UNIT_TO_LISTED, &event, &draft->actor);
}

static void put_updated(struct draft *draft) {
    if (draft->call->ret_thread.kind == DM_THREAD_CHAT)
        put_chat(draft, DM_EVENT_CHAT_UPDATED);
    else
        put_thread(draft, DM_EVENT_CHAT_UPDATED);
}

static void put_events(struct draft *draft) {
    switch (draft->event->kind) {
    case DM_CMD_SEND:
        put_message(draft);
        break;
    case DM_CMD_READ:
    case DM_CMD_READ_ONE:
        put_read(draft);
        break;
    case DM_CMD_DELETE:
        put_deleted(draft);
        break;
    case DM_CMD_APPROVE:
        put_approved(draft);
        break;
    case DM_CMD_BLOCK:
        put_state(draft, DM_THREAD_BLOCKED, DM_THREAD_BLOCKED_BY_OTHER);
        break;
    case DM_CMD_CHAT_CREATE:
        put_chat(draft, DM_EVENT_CHAT_CREATED);
        break;
    case DM_CMD_CHAT_UPDATE:
        put_updated(draft);
        break;
    case DM_CMD_CHAT_ADD:
        put_chat(draft, DM_EVENT_MEMBERS_ADDED);
        break;
    case DM_CMD_CHAT_REMOVE:
        put_chat(draft, DM_EVENT_MEMBERS_REMOVED);
        break;
    case DM_CMD_THREAD_GET:
        put_thread(draft, DM_EVENT_THREAD_OPENED);
        break;
    default:
        break;
    }
}

static uint64_t seq_of(const struct draft *draft) {
    int is_message = draft->event->kind == DM_CMD_SEND || draft->event->kind == DM_CMD_NONE;
    return is_message && draft->event->message_count ? messages_of(draft)[0]->seq : 0;
}

void recovery_put_unit(struct buf *buf, const struct store_call *call, size_t index) {
    const struct store_thread *thread = &call->ret_thread;
    struct buf events = BUF_INIT;
    struct draft draft = { .buf = &events, .call = call };
    draft.event = &call->events->ret_list[index];
    draft.actor.id = draft.event->actor_id;
    draft.own.state = draft.others.state = thread->state;
    draft.own.updated_us = draft.others.updated_us = thread->updated_us;
    draft.head = (struct unit_head){
        .thread_id = thread->id, .kind = thread->kind, .pair = { thread->lo_id, thread->hi_id },
        .rev = draft.event->rev, .span = draft.event->span, .seq = seq_of(&draft),
        .member_rev = thread->kind == DM_THREAD_CHAT ? thread->member_rev : 0,
        .corr = call->base.corr, .uuid = thread->uuid, .title = thread->title,
        .opener_id = thread->opener_id, .created_us = thread->created_us,
    };
    put_events(&draft);
    unit_put_head(buf, &draft.head);
    wire_put_uint(buf, draft.count);
    buf_append_slice(buf, buf_slice(&events));
    buf_fini(&events);
}
