#include "adapters/opcode/opcode.h"

static const char *role_letter(const struct dm_user *user) {
    if (dm_user_has_role(user, DM_SLICE("TUTOR")))
        return "t";
    return dm_user_has_role(user, DM_SLICE("ADMIN")) ? "a" : "s";
}

static const char *thread_state(enum dm_thread_state state) {
    switch (state) {
    case DM_THREAD_ALLOWED: return "a";
    case DM_THREAD_BLOCKED: return "b";
    case DM_THREAD_REQUESTED:
    case DM_THREAD_BLOCKED_BY_OTHER: break;
    }
    return "r";
}

const char *opcode_message_state(enum dm_message_state state) {
    switch (state) {
    case DM_MESSAGE_READ: return "r";
    case DM_MESSAGE_DELIVERED: return "d";
    case DM_MESSAGE_STORED: break;
    }
    return "s";
}

static void put_person_members(struct dm_out *out, const struct dm_user *user) {
    dm_put_uuid(out, "id", &user->uuid);
    dm_put_string(out, "first_name", dm_user_first_name(user));
    dm_put_string(out, "last_name", dm_user_last_name(user));
}

void opcode_put_person(struct dm_out *out, const char *key, const struct dm_user *user) {
    dm_put_object(out, key);
    put_person_members(out, user);
    dm_put_end(out);
}

void opcode_put_profile(struct dm_out *out, const struct dm_user *user) {
    dm_put_object(out, NULL);
    put_person_members(out, user);
    dm_put_string(out, "email", user->email);
    dm_put_string(out, "username", dm_user_name(user));
    dm_put_string(out, "location", user->location);
    dm_put_str(out, "role", role_letter(user));
    dm_put_end(out);
}

/* A chat stands where a person is expected. */
static void put_recipient(struct dm_out *out, const struct dm_thread *thread) {
    if (thread->kind == DM_THREAD_DIRECT && thread->peer) {
        opcode_put_person(out, "recipient", thread->peer);
        return;
    }
    dm_put_object(out, "recipient");
    dm_put_uuid(out, "id", &thread->uuid);
    dm_put_string(out, "first_name", thread->title.ptr ? thread->title : DM_SLICE(""));
    dm_put_str(out, "last_name", "");
    dm_put_end(out);
}

static void put_message(struct dm_out *out, const struct dm_message *message) {
    dm_put_object(out, NULL);
    dm_put_uuid(out, "id", &message->uuid);
    dm_put_uuid(out, "sender_id", message->author ? &message->author->uuid : NULL);
    dm_put_time(out, "timestamp", message->created_us, DM_TIME_BARE);
    dm_put_message_text(out, "message", message);
    dm_put_str(out, "state", opcode_message_state(message->state));
    dm_put_end(out);
}

static void put_thread(struct dm_out *out, const struct dm_thread *thread,
                       const struct dm_message *const *messages, size_t message_count,
                       enum opcode_count count) {
    dm_put_object(out, NULL);
    dm_put_uuid(out, "id", &thread->uuid);
    put_recipient(out, thread);
    if (count == OPCODE_WITH_COUNT)
        dm_put_int(out, "message_count", (int64_t)thread->message_count);
    dm_put_array(out, "messages");
    for (size_t i = 0; i < message_count; i++)
        put_message(out, messages[i]);
    dm_put_end(out);
    dm_put_str(out, "state", thread_state(thread->state));
    dm_put_end(out);
}

void opcode_put_thread(struct dm_out *out, const struct dm_thread *thread,
                       enum opcode_count count) {
    const struct dm_message *last[1] = { thread->last_message };

    put_thread(out, thread, last, thread->last_message ? 1 : 0, count);
}

void opcode_put_thread_page(struct dm_out *out, const struct dm_thread *thread,
                            const struct dm_message *const *messages, size_t count) {
    put_thread(out, thread, messages, count, OPCODE_WITH_COUNT);
}
