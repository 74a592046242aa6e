#include "adapters/saletick/saletick.h"

static struct dm_slice or_empty(struct dm_slice text) {
    return text.ptr ? text : DM_SLICE("");
}

static void put_user(struct dm_out *out, const char *key, const struct dm_user *user) {
    dm_put_object(out, key);
    dm_put_uuid(out, "id", &user->uuid);
    dm_put_string(out, "email", or_empty(user->email));
    dm_put_string(out, "username", or_empty(user->username));
    dm_put_string(out, "role", user->role);
    dm_put_bool(out, "is_active", !!(user->flags & DM_USER_ACTIVE));
    dm_put_end(out);
}

void saletick_put_message(struct dm_out *out, const char *key, const struct dm_message *message) {
    dm_put_object(out, key);
    dm_put_int(out, "id", message->id);
    put_user(out, "sender", message->author);
    put_user(out, "receiver", message->recipient);
    dm_put_message_text(out, "message", message);
    dm_put_time(out, "updated", message->updated_us, DM_TIME_Z);
    dm_put_time(out, "created", message->created_us, DM_TIME_Z);
    dm_put_bool(out, "seen", message->state == DM_MESSAGE_READ);
    dm_put_int(out, "thread", message->thread_id);
    dm_put_end(out);
}

void saletick_put_thread(struct dm_out *out, const struct dm_thread *thread) {
    dm_put_object(out, NULL);
    dm_put_int(out, "id", thread->id);
    put_user(out, "other_user", thread->peer);
    saletick_put_message(out, "last_message", thread->last_message);
    dm_put_end(out);
}
