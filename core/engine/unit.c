#include "core/engine/unit.h"

#include <errno.h>

/* ---- writing ---- */

void unit_put_head(struct buf *buf, const struct unit_head *head) {
    wire_put_int(buf, head->thread_id);
    wire_put_int(buf, head->kind);
    wire_put_int(buf, head->pair[0]);
    wire_put_int(buf, head->pair[1]);
    wire_put_uint(buf, head->rev);
    wire_put_uint(buf, head->span);
    wire_put_uint(buf, head->seq);
    wire_put_uint(buf, head->member_rev);
    wire_put_uint(buf, head->told_rev);
    wire_put_uint(buf, head->corr);
    wire_put_int(buf, head->to_id);
    wire_put_uint(buf, head->flags);
    wire_put_uuid(buf, &head->uuid);
    wire_put_text(buf, head->title);
    wire_put_int(buf, head->opener_id);
    wire_put_int(buf, head->created_us);
}

static int64_t id_of(const struct dm_user *user) {
    return user ? user->id : 0;
}

static void put_users(struct buf *buf, const struct dm_user *const *users, size_t count) {
    wire_put_uint(buf, count);
    for (size_t i = 0; i < count; i++)
        wire_put_int(buf, id_of(users[i]));
}

static void put_ids(struct buf *buf, const struct dm_message *message) {
    wire_put_int(buf, message->id);
    wire_put_uuid(buf, &message->uuid);
    wire_put_uint(buf, message->seq);
    wire_put_int(buf, id_of(message->author));
}

static void put_message(struct buf *buf, const struct dm_message *message) {
    put_ids(buf, message);
    wire_put_int(buf, message->created_us);
    wire_put_int(buf, message->updated_us);
    wire_put_uint(buf, message->state);
    wire_put_uint(buf, message->flags);
    wire_put_text(buf, message->text);
    wire_put_uint(buf, message->attachment_count);
    for (size_t i = 0; i < message->attachment_count; i++) {
        const struct dm_attachment *attachment = message->attachments[i];
        wire_put_int(buf, attachment->file_id);
        wire_put_text(buf, attachment->name);
        wire_put_text(buf, attachment->url);
        wire_put_int(buf, attachment->size);
        wire_put_int(buf, attachment->created_us);
    }
}

static void put_side(struct buf *buf, const struct dm_event *event,
                     const struct dm_thread *thread) {
    static const struct dm_thread none;
    const struct dm_thread *side = thread ? thread : &none;
    wire_put_uint(buf, side->state);
    wire_put_uint(buf, side->message_count);
    wire_put_uint(buf, side->unread);
    wire_put_uint(buf, side->last_message && side->last_message == event->message);
}

void unit_put_event(struct buf *buf, enum unit_route route, const struct dm_event *event,
                    const struct dm_thread *own, const struct dm_thread *others) {
    wire_put_uint(buf, event->kind);
    wire_put_uint(buf, route);
    wire_put_int(buf, id_of(event->actor));
    wire_put_uint(buf, event->unread);
    put_side(buf, event, own);
    put_side(buf, event, others);
    wire_put_int(buf, others ? others->updated_us : 0);
    put_users(buf, others ? others->members : NULL, others ? others->member_count : 0);
    put_users(buf, event->users, event->user_count);
    wire_put_uint(buf, event->message != NULL);
    if (event->message)
        put_message(buf, event->message);
    wire_put_uint(buf, event->message_count);
    for (size_t i = 0; i < event->message_count; i++)
        put_ids(buf, event->messages[i]);
}

/* ---- reading ---- */

static int result_of(const struct wire_reader *reader) {
    return reader->failed ? -EINVAL : 0;
}

int unit_read_head(struct wire_reader *reader, struct unit_head *ret_head) {
    uint64_t kind;
    memset(ret_head, 0, sizeof(*ret_head));
    ret_head->thread_id = wire_int(reader);
    kind = wire_uint(reader);
    ret_head->pair[0] = wire_int(reader);
    ret_head->pair[1] = wire_int(reader);
    ret_head->rev = wire_uint(reader);
    ret_head->span = wire_uint(reader);
    ret_head->seq = wire_uint(reader);
    ret_head->member_rev = wire_uint(reader);
    ret_head->told_rev = wire_uint(reader);
    ret_head->corr = wire_uint(reader);
    ret_head->to_id = wire_int(reader);
    ret_head->flags = (uint32_t)wire_uint(reader);
    wire_uuid(reader, &ret_head->uuid);
    ret_head->title = wire_text(reader);
    ret_head->opener_id = wire_int(reader);
    ret_head->created_us = wire_int(reader);
    if (kind > DM_THREAD_CHAT || ret_head->span > ret_head->rev || ret_head->thread_id < 0
        || (ret_head->thread_id && kind == DM_THREAD_DIRECT
            && ret_head->pair[0] >= ret_head->pair[1]))
        return -EINVAL;
    ret_head->kind = (enum dm_thread_kind)kind;
    return result_of(reader);
}

static const int64_t *read_ids(struct wire_reader *reader, struct arena *arena,
                               size_t *ret_count) {
    size_t count = wire_count(reader);
    int64_t *ids = arena_alloc(arena, count * sizeof(*ids));
    for (size_t i = 0; i < count; i++)
        ids[i] = wire_int(reader);
    *ret_count = count;
    return ids;
}

static void read_message_ids(struct wire_reader *reader, struct unit_message *ret_message) {
    memset(ret_message, 0, sizeof(*ret_message));
    ret_message->message.id = wire_int(reader);
    wire_uuid(reader, &ret_message->message.uuid);
    ret_message->message.seq = wire_uint(reader);
    ret_message->author_id = wire_int(reader);
    ret_message->message.text = DM_SLICE("");
}

static void read_attachments(struct wire_reader *reader, struct arena *arena,
                             struct dm_message *message) {
    size_t count = wire_count(reader);
    const struct dm_attachment **list = arena_alloc(arena, count * sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        struct dm_attachment *attachment = arena_zalloc(arena, sizeof(*attachment));
        attachment->file_id = wire_int(reader);
        attachment->name = arena_slice(arena, wire_text(reader));
        attachment->url = arena_slice(arena, wire_text(reader));
        attachment->size = wire_int(reader);
        attachment->created_us = wire_int(reader);
        list[i] = attachment;
    }
    message->attachments = list;
    message->attachment_count = count;
}

static struct unit_message *read_message(struct wire_reader *reader, struct arena *arena) {
    struct unit_message *whole = arena_alloc(arena, sizeof(*whole));
    struct dm_message *message = &whole->message;
    uint64_t state;
    read_message_ids(reader, whole);
    message->created_us = wire_int(reader);
    message->updated_us = wire_int(reader);
    state = wire_uint(reader);
    message->state = state > DM_MESSAGE_READ ? DM_MESSAGE_STORED : (enum dm_message_state)state;
    message->flags = (uint32_t)wire_uint(reader);
    message->text = arena_slice(arena, wire_text(reader));
    if (!message->text.ptr)
        message->text = DM_SLICE("");
    read_attachments(reader, arena, message);
    return whole;
}

static void read_messages(struct wire_reader *reader, struct arena *arena,
                          struct unit_event *event) {
    event->message_count = wire_count(reader);
    event->messages = arena_alloc(arena, event->message_count * sizeof(*event->messages));
    for (size_t i = 0; i < event->message_count; i++)
        read_message_ids(reader, &event->messages[i]);
}

static void read_side(struct wire_reader *reader, struct unit_side *ret_side) {
    uint64_t state = wire_uint(reader);
    if (state > DM_THREAD_BLOCKED_BY_OTHER)
        reader->failed = 1;
    ret_side->state = (enum dm_thread_state)state;
    ret_side->count = wire_uint(reader);
    ret_side->unread = wire_uint(reader);
    ret_side->has_last = !!wire_uint(reader);
}

/* 1 when this node knows the event's kind and way. */
static int read_event(struct wire_reader *reader, struct arena *arena,
                      struct unit_event *ret_event) {
    uint64_t kind = wire_uint(reader);
    uint64_t route = wire_uint(reader);
    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->actor_id = wire_int(reader);
    ret_event->unread = wire_uint(reader);
    read_side(reader, &ret_event->own);
    read_side(reader, &ret_event->others);
    ret_event->updated_us = wire_int(reader);
    ret_event->members = read_ids(reader, arena, &ret_event->member_count);
    ret_event->users = read_ids(reader, arena, &ret_event->user_count);
    if (wire_uint(reader))
        ret_event->message = read_message(reader, arena);
    read_messages(reader, arena, ret_event);
    if (!kind || kind >= DM_EVENT_KIND_COUNT || route >= UNIT_ROUTE_COUNT)
        return 0;
    ret_event->kind = (enum dm_event_kind)kind;
    ret_event->route = (enum unit_route)route;
    return 1;
}

static int needs_message(enum dm_event_kind kind) {
    return kind == DM_EVENT_MESSAGE || kind == DM_EVENT_MESSAGE_RELEASED
           || kind == DM_EVENT_MESSAGE_DELETED;
}

int unit_read_events(struct wire_reader *reader, struct arena *arena, struct unit *unit) {
    size_t count = wire_count(reader);
    unit->events = arena_alloc(arena, count * sizeof(*unit->events));
    unit->event_count = 0;
    for (size_t i = 0; i < count && !reader->failed; i++) {
        struct unit_event *event = &unit->events[unit->event_count];
        int known = read_event(reader, arena, event);
        if (reader->failed || (needs_message(event->kind) && !event->message))
            return -EINVAL;
        unit->event_count += (size_t)known;
    }
    return result_of(reader);
}

void unit_each_user(const struct unit *unit, void (*visit)(void *owner, int64_t id),
                    void *owner) {
    visit(owner, unit->head.pair[0]);
    visit(owner, unit->head.pair[1]);
    visit(owner, unit->head.to_id);
    for (size_t i = 0; i < unit->event_count; i++) {
        const struct unit_event *event = &unit->events[i];
        visit(owner, event->actor_id);
        for (size_t k = 0; k < event->member_count; k++)
            visit(owner, event->members[k]);
        for (size_t k = 0; k < event->user_count; k++)
            visit(owner, event->users[k]);
        if (event->message)
            visit(owner, event->message->author_id);
        for (size_t k = 0; k < event->message_count; k++)
            visit(owner, event->messages[k].author_id);
    }
}
