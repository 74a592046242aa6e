#include "adapters/casamsa/casamsa.h"

#define UPDATES_MAX 500

void casamsa_begin(struct dm_out *out, const char *type, enum casamsa_key with,
                   struct dm_slice key) {
    dm_put_object(out, NULL);
    dm_put_str(out, "type", type);
    dm_put_object(out, "data");
    if (with == KEY_LEFT_OUT)
        return;
    if (key.ptr)
        dm_put_json(out, "event_response_key", key);
    else
        dm_put_null(out, "event_response_key");
}

void casamsa_end(struct dm_out *out, const char *type) {
    dm_put_end(out);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, type);
}

static void put_user(struct dm_out *out, const char *key, const struct dm_user *user) {
    dm_put_object(out, key);
    dm_put_int(out, "pk", user->id);
    dm_put_string(out, "email", user->email.ptr ? user->email : DM_SLICE(""));
    dm_put_string(out, "first_name", dm_user_first_name(user));
    dm_put_string(out, "last_name", dm_user_last_name(user));
    dm_put_string(out, "photo", user->photo);
    dm_put_string(out, "color", user->color);
    dm_put_string(out, "role", user->role.ptr ? user->role : DM_SLICE("Member"));
    dm_put_end(out);
}

/* In the same order whoever looks; either may have gone. */
static void put_pair(struct dm_out *out, const struct dm_user *self, const struct dm_user *peer) {
    int self_first = !peer || (self && self->id < peer->id);
    const struct dm_user *pair[] = { self_first ? self : peer, self_first ? peer : self };

    for (size_t i = 0; i < 2; i++)
        if (pair[i])
            put_user(out, NULL, pair[i]);
}

static void put_members(struct dm_out *out, const struct dm_thread *thread,
                        const struct dm_user *self) {
    dm_put_array(out, "users");
    for (size_t i = 0; i < thread->member_count; i++)
        put_user(out, NULL, thread->members[i]);
    if (thread->kind == DM_THREAD_DIRECT)
        put_pair(out, self, thread->peer);
    dm_put_end(out);
}

void casamsa_put_chat(struct dm_out *out, const struct dm_thread *thread,
                      const struct dm_user *self) {
    dm_put_object(out, "chat");
    dm_put_int(out, "id", thread->id);
    put_members(out, thread, self);
    dm_put_string(out, "title", thread->title);
    dm_put_time(out, "created_at", thread->created_us, DM_TIME_Z);
    dm_put_time(out, "updated_at", thread->updated_us, DM_TIME_Z);
    dm_put_end(out);
}

/* A foreign URL has no id of the gateway's: its place, negative, keeps it apart from those. */
static void put_file(struct dm_out *out, const struct dm_attachment *file, size_t place) {
    dm_put_object(out, NULL);
    dm_put_int(out, "id", file->file_id ? file->file_id : -(int64_t)place - 1);
    dm_put_string(out, "name", file->name);
    dm_put_url(out, "file", file);
    dm_put_time(out, "created_at", file->created_us, DM_TIME_Z);
    dm_put_end(out);
}

void casamsa_put_message(struct dm_out *out, const struct dm_message *message) {
    dm_put_object(out, "message");
    dm_put_int(out, "id", message->id);
    dm_put_int(out, "chat", message->thread_id);
    put_user(out, "user", message->author);
    dm_put_array(out, "attached_files");
    for (size_t i = 0; i < message->attachment_count; i++)
        put_file(out, message->attachments[i], i);
    dm_put_end(out);
    dm_put_string(out, "text", message->text);
    dm_put_time(out, "created_at", message->created_us, DM_TIME_Z);
    dm_put_time(out, "updated_at", message->updated_us, DM_TIME_Z);
    dm_put_bool(out, "is_read", !!(message->flags & DM_MESSAGE_READ_BY_ANY)
                                    || message->state == DM_MESSAGE_READ);
    dm_put_end(out);
}

void casamsa_put_ids(struct dm_out *out, const struct dm_user *const *users, size_t count) {
    dm_put_array(out, "user_ids");
    for (size_t i = 0; i < count; i++)
        dm_put_int(out, NULL, users[i]->id);
    dm_put_end(out);
}

static void put_update_frame(struct dm_out *out, const struct dm_message *const *messages,
                             size_t count) {
    casamsa_begin(out, "messages_updated", KEY_LEFT_OUT, DM_SLICE_NONE);
    dm_put_array(out, "updates");
    for (size_t i = 0; i < count; i++) {
        dm_put_object(out, NULL);
        dm_put_int(out, "id", messages[i]->id);
        dm_put_object(out, "fields");
        dm_put_bool(out, "is_read", 1);
        dm_put_end(out);
        dm_put_end(out);
    }
    dm_put_end(out);
    casamsa_end(out, "messages_updated");
}

void casamsa_put_updates(struct dm_out *out, const struct dm_message *const *messages,
                         size_t count) {
    for (size_t at = 0; at < count; at += UPDATES_MAX)
        put_update_frame(out, messages + at,
                         count - at < UPDATES_MAX ? count - at : UPDATES_MAX);
}
