/* The one answer of each method, to the socket that called it. */
#include "adapters/casamsa/casamsa.h"

static void answer_chat(struct dm_session *session, const char *type,
                        const struct dm_thread *thread, struct dm_slice key) {
    struct dm_out *out = dm_out(session);

    casamsa_begin(out, type, KEY_GIVEN, key);
    casamsa_put_chat(out, thread, session->user);
    casamsa_end(out, type);
}

static void answer_message(struct dm_session *session, const struct dm_message *message,
                           struct dm_slice key) {
    struct dm_out *out = dm_out(session);

    casamsa_begin(out, "message_created", KEY_GIVEN, key);
    casamsa_put_message(out, message);
    casamsa_end(out, "message_created");
}

static void answer_read(struct dm_session *session, const struct dm_result *result,
                        struct dm_slice key) {
    struct dm_out *out = dm_out(session);

    casamsa_begin(out, "messages_read", KEY_GIVEN, key);
    dm_put_int(out, "chat", result->thread->id);
    casamsa_end(out, "messages_read");
    casamsa_put_updates(out, result->messages, result->message_count);
}

/* The principal may be gone by the time the answer comes. */
static int names_self(const struct dm_session *session, const struct dm_result *result) {
    for (size_t i = 0; session->user && i < result->user_count; i++)
        if (result->users[i]->id == session->user->id)
            return 1;
    return 0;
}

static void answer_members(struct dm_session *session, const struct dm_result *result,
                           struct dm_slice users, struct dm_slice key) {
    const char *type = result->kind == DM_CMD_CHAT_ADD ? "user_added_successful"
                                                       : "user_removed_successful";
    struct dm_out *out = dm_out(session);

    casamsa_begin(out, type, KEY_GIVEN, key);
    dm_put_json(out, "user_ids", users);
    casamsa_put_chat(out, result->thread, session->user);
    casamsa_end(out, type);
    if (result->kind != DM_CMD_CHAT_REMOVE || !names_self(session, result))
        return;
    casamsa_begin(out, "chat_removed", KEY_LEFT_OUT, DM_SLICE_NONE);
    casamsa_put_chat(out, result->thread, session->user);
    casamsa_end(out, "chat_removed");
}

/* The cookie is [users, key]. */
static void members_result(struct dm_session *session, const struct dm_result *result,
                           struct dm_slice cookie) {
    const struct dm_host *host = session->host;
    const struct dm_json *pair = dm_json_parse(host, cookie);
    const struct dm_json *users = dm_json_next(host, pair, NULL);
    struct dm_slice key = dm_json_text(host, dm_json_next(host, pair, users));

    if (result->status == DM_OK)
        answer_members(session, result, dm_json_text(host, users), key);
    else
        casamsa_fail_result(session, result, key);
}

static void good_result(struct dm_session *session, const struct dm_result *result,
                        struct dm_slice key) {
    switch (result->kind) {
    case DM_CMD_CHAT_CREATE:
        answer_chat(session, "chat_created", result->thread, key);
        break;
    case DM_CMD_CHAT_UPDATE:
        answer_chat(session, "chat_updated", result->thread, key);
        break;
    case DM_CMD_SEND:
        answer_message(session, result->message, key);
        break;
    case DM_CMD_READ:
        answer_read(session, result, key);
        break;
    default:
        break;
    }
}

void casamsa_result(struct dm_session *session, const struct dm_result *result,
                    struct dm_slice cookie) {
    if (result->kind == DM_CMD_AUTHENTICATE)
        casamsa_authenticated(session, result);
    else if (result->kind == DM_CMD_NONE)
        casamsa_turn(session, cookie);
    else if (result->status == DM_HELD)
        return; /* confirmed when it is released */
    else if (result->kind == DM_CMD_CHAT_ADD || result->kind == DM_CMD_CHAT_REMOVE)
        members_result(session, result, cookie);
    else if (result->status == DM_OK)
        good_result(session, result, cookie);
    else
        casamsa_fail_result(session, result, cookie);
}
