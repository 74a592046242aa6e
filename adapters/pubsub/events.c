/* What the core announces, as events of this dialect. */
#include "adapters/pubsub/pubsub.h"

void pubsub_put_unread(struct dm_out *out, enum pubsub_form form, uint64_t count,
                       const struct dm_user *user) {
    pubsub_begin_event(out, form, "unread-chats-count");
    dm_put_int(out, "unreadChatsCount", (int64_t)count);
    dm_put_string(out, "user", dm_user_name(user));
    pubsub_end_event(out, "unread-chats-count");
}

void pubsub_put_user_event(struct dm_out *out, enum pubsub_form form, const char *name,
                           const struct dm_user *user) {
    pubsub_begin_event(out, form, name);
    dm_put_string(out, "user", dm_user_name(user));
    pubsub_end_event(out, name);
}

static void put_message(struct dm_out *out, enum pubsub_form form, const struct dm_event *event) {
    pubsub_begin_event(out, form, "chat");
    pubsub_put_chat(out, "chat", event->message);
    pubsub_end_event(out, "chat");
    /* What a group said is in no count. */
    if (event->unread)
        pubsub_put_unread(out, form, event->unread, event->message->author);
}

static void on_message(const struct dm_event *event, const struct dm_view *view,
                       struct dm_out *out) {
    struct pubsub_cookie cookie;

    if (!event->message || !event->message->author || !event->message->recipient)
        return;
    if (view->audience == DM_AUDIENCE_MEMBER) {
        put_message(out, (enum pubsub_form)view->variant, event);
    } else if (view->cookie.ptr && pubsub_cookie_read(view->cookie, &cookie) == 0
               && cookie.reply.wanted == REPLY_WANTED) {
        pubsub_begin_answer(out, &cookie);
        pubsub_put_chat(out, "chat", event->message);
        pubsub_end_answer(out, &cookie);
    }
}

static void put_id_event(struct dm_out *out, enum pubsub_form form, const char *name,
                         int64_t id, const struct dm_user *user) {
    pubsub_begin_event(out, form, name);
    dm_put_int(out, "id", id);
    if (user)
        dm_put_string(out, "user", dm_user_name(user));
    pubsub_end_event(out, name);
}

static void on_read(const struct dm_event *event, const struct dm_view *view,
                    struct dm_out *out) {
    enum pubsub_form form = (enum pubsub_form)view->variant;

    if (event->message_count == 0)
        return;
    if (view->audience == DM_AUDIENCE_ACTOR) {
        pubsub_put_unread(out, form, event->unread, event->messages[0]->author);
        return;
    }
    for (size_t i = 0; i < event->message_count; i++)
        put_id_event(out, form, "read-chat", event->messages[i]->id, event->actor);
}

void pubsub_event(struct dm_instance *instance, const struct dm_event *event,
                  const struct dm_view *view, struct dm_out *out) {
    enum pubsub_form form = (enum pubsub_form)view->variant;

    (void)instance;
    switch (event->kind) {
    case DM_EVENT_MESSAGE:
    case DM_EVENT_MESSAGE_RELEASED:
        on_message(event, view, out);
        break;
    case DM_EVENT_READ:
        on_read(event, view, out);
        break;
    case DM_EVENT_MESSAGE_DELETED:
        if (view->audience == DM_AUDIENCE_MEMBER)
            put_id_event(out, form, "delete-chat", event->message->id, NULL);
        break;
    case DM_EVENT_USER_CREATED:
        pubsub_put_user_event(out, form, "user-join", event->actor);
        break;
    case DM_EVENT_USER_DEACTIVATED:
        pubsub_put_user_event(out, form, "user-leave", event->actor);
        break;
    case DM_EVENT_USER_ONLINE:
        pubsub_put_user_event(out, form, "user-online", event->actor);
        break;
    case DM_EVENT_USER_OFFLINE:
        pubsub_put_user_event(out, form, "user-offline", event->actor);
        break;
    default:
        break;
    }
}
