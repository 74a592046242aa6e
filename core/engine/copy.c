#include "core/engine/copy.h"

struct dm_user *copy_user(struct arena *arena, const struct dm_user *user) {
    struct dm_user *copy;
    if (!user)
        return NULL;
    copy = arena_alloc(arena, sizeof(*copy));
    *copy = *user;
    copy->username = arena_slice(arena, user->username);
    copy->email = arena_slice(arena, user->email);
    copy->first_name = arena_slice(arena, user->first_name);
    copy->last_name = arena_slice(arena, user->last_name);
    copy->photo = arena_slice(arena, user->photo);
    copy->color = arena_slice(arena, user->color);
    copy->role = arena_slice(arena, user->role);
    copy->location = arena_slice(arena, user->location);
    return copy;
}

static const struct dm_attachment *const *copy_attachments(struct arena *arena,
                                                           const struct dm_message *message) {
    size_t count = message->attachment_count;
    const struct dm_attachment **list;
    if (!count)
        return NULL;
    list = arena_alloc(arena, count * sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        struct dm_attachment *copy = arena_alloc(arena, sizeof(*copy));
        *copy = *message->attachments[i];
        copy->name = arena_slice(arena, copy->name);
        copy->url = arena_slice(arena, copy->url);
        list[i] = copy;
    }
    return list;
}

static struct dm_message *copy_message(struct arena *arena, const struct dm_message *message) {
    struct dm_message *copy;
    if (!message)
        return NULL;
    copy = arena_alloc(arena, sizeof(*copy));
    *copy = *message;
    copy->author = copy_user(arena, message->author);
    copy->recipient = copy_user(arena, message->recipient);
    copy->text = arena_slice(arena, message->text);
    copy->attachments = copy_attachments(arena, message);
    return copy;
}

/* Without members and last message. */
static struct dm_thread *copy_thread(struct arena *arena, const struct dm_thread *thread) {
    struct dm_thread *copy;
    if (!thread)
        return NULL;
    copy = arena_alloc(arena, sizeof(*copy));
    *copy = *thread;
    copy->title = arena_slice(arena, thread->title);
    copy->peer = copy_user(arena, thread->peer);
    copy->members = NULL;
    copy->member_count = 0;
    copy->last_message = NULL;
    return copy;
}

struct dm_event copy_event(struct arena *arena, const struct dm_event *event) {
    struct dm_event copy = {
        .kind = event->kind, .unread = event->unread, .corr = event->corr,
        .serial = event->serial,
    };
    copy.actor = copy_user(arena, event->actor);
    copy.thread = copy_thread(arena, event->thread);
    copy.message = copy_message(arena, event->message);
    return copy;
}
