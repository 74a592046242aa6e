/* Events: what the other sockets of the initiator, and the other users, are told. */
#include "adapters/casamsa/casamsa.h"

static void put_chat(struct dm_out *out, const char *type, enum casamsa_key with,
                     const struct dm_event *event, const struct dm_user *self) {
    casamsa_begin(out, type, with, DM_SLICE_NONE);
    casamsa_put_chat(out, event->thread, self);
    casamsa_end(out, type);
}

/* A chat, and who was added to it or removed. */
static void put_members(struct dm_out *out, const char *type, enum casamsa_key with,
                        const struct dm_event *event) {
    casamsa_begin(out, type, with, DM_SLICE_NONE);
    casamsa_put_ids(out, event->users, event->user_count);
    casamsa_put_chat(out, event->thread, NULL);
    casamsa_end(out, type);
}

static void put_message(struct dm_out *out, const struct dm_event *event,
                        const struct dm_view *view) {
    const char *type = view->audience == DM_AUDIENCE_ACTOR ? "message_created" : "new_message";

    casamsa_begin(out, type, view->audience == DM_AUDIENCE_ACTOR ? KEY_GIVEN : KEY_LEFT_OUT,
                  view->cookie);
    casamsa_put_message(out, event->message);
    casamsa_end(out, type);
}

static void put_opened(struct dm_out *out, const struct dm_event *event,
                       const struct dm_view *view) {
    if (view->audience == DM_AUDIENCE_ACTOR)
        put_chat(out, "chat_created", KEY_GIVEN, event, event->actor);
    else
        put_chat(out, "new_chat", KEY_LEFT_OUT, event, view->viewer);
}

static void put_read(struct dm_out *out, const struct dm_event *event,
                     const struct dm_view *view) {
    if (view->audience == DM_AUDIENCE_ACTOR) {
        casamsa_begin(out, "messages_read", KEY_LEFT_OUT, DM_SLICE_NONE);
        dm_put_int(out, "chat", event->thread->id);
        casamsa_end(out, "messages_read");
    }
    casamsa_put_updates(out, event->messages, event->message_count);
}

static void put_added(struct dm_out *out, const struct dm_event *event,
                      const struct dm_view *view) {
    if (view->audience == DM_AUDIENCE_SUBJECT)
        put_chat(out, "new_chat", KEY_LEFT_OUT, event, NULL);
    else if (view->audience == DM_AUDIENCE_ACTOR)
        put_members(out, "user_added_successful", KEY_GIVEN, event);
    else
        put_members(out, "user_added", KEY_LEFT_OUT, event);
}

static int removes_actor(const struct dm_event *event) {
    for (size_t i = 0; i < event->user_count; i++)
        if (event->users[i]->id == event->actor->id)
            return 1;
    return 0;
}

static void put_removed(struct dm_out *out, const struct dm_event *event,
                        const struct dm_view *view) {
    if (view->audience == DM_AUDIENCE_ACTOR)
        put_members(out, "user_removed_successful", KEY_GIVEN, event);
    else if (view->audience == DM_AUDIENCE_MEMBER)
        put_members(out, "user_removed", KEY_LEFT_OUT, event);
    if (view->audience == DM_AUDIENCE_SUBJECT
        || (view->audience == DM_AUDIENCE_ACTOR && removes_actor(event)))
        put_chat(out, "chat_removed", KEY_LEFT_OUT, event, NULL);
}

void casamsa_event(struct dm_instance *instance, const struct dm_event *event,
                   const struct dm_view *view, struct dm_out *out) {
    (void)instance;
    switch (event->kind) {
    case DM_EVENT_MESSAGE:
    case DM_EVENT_MESSAGE_RELEASED:
        put_message(out, event, view);
        break;
    case DM_EVENT_THREAD_OPENED:
    case DM_EVENT_CHAT_CREATED:
        put_opened(out, event, view);
        break;
    case DM_EVENT_READ:
        put_read(out, event, view);
        break;
    case DM_EVENT_CHAT_UPDATED:
        put_chat(out, "chat_updated", KEY_LEFT_OUT, event, view->viewer);
        break;
    case DM_EVENT_MEMBERS_ADDED:
        put_added(out, event, view);
        break;
    case DM_EVENT_MEMBERS_REMOVED:
        put_removed(out, event, view);
        break;
    default:
        break;
    }
}
