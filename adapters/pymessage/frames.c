/* Decoding: one row of `verbs` for each type of frame. */
#include "adapters/pymessage/pymessage.h"

#include <stddef.h>
#include <stdio.h>

struct arguments {
    struct dm_slice username;
    struct dm_slice pin;
    struct dm_slice content;
    int64_t user; /* or recipient */
};

#define REQUIRED(key, kind, member) \
    { key, kind, DM_FIELD_REQUIRED, offsetof(struct arguments, member) }

static const struct dm_field account_fields[] = {
    REQUIRED("username", DM_FIELD_STRING, username),
    REQUIRED("pin", DM_FIELD_SCALAR, pin),
};
static const struct dm_field message_fields[] = {
    REQUIRED("recipient", DM_FIELD_INT_LOOSE, user),
    REQUIRED("content", DM_FIELD_STRING, content),
};
static const struct dm_field user_fields[] = {
    REQUIRED("user", DM_FIELD_INT_LOOSE, user),
};

/* When a frame of a type may come. */
enum stage {
    BEFORE_LOGIN,
    AFTER_LOGIN,
};

static const struct verb {
    const char *type;
    enum stage stage;
    enum dm_command_kind command;
    struct dm_table fields;
} verbs[] = {
    { "login", BEFORE_LOGIN, DM_CMD_LOGIN, DM_TABLE(account_fields) },
    { "create_acc", BEFORE_LOGIN, DM_CMD_REGISTER, DM_TABLE(account_fields) },
    { "send_msg", AFTER_LOGIN, DM_CMD_SEND, DM_TABLE(message_fields) },
    { "get_friends", AFTER_LOGIN, DM_CMD_FRIEND_LIST, { NULL, 0, 0 } },
    { "request_friend", AFTER_LOGIN, DM_CMD_FRIEND_REQUEST, DM_TABLE(user_fields) },
    { "add_friend", AFTER_LOGIN, DM_CMD_FRIEND_ACCEPT, DM_TABLE(user_fields) },
    { "deny_friend", AFTER_LOGIN, DM_CMD_FRIEND_DENY, DM_TABLE(user_fields) },
};

static const struct verb *find_verb(struct dm_slice type) {
    static const struct dm_table table = DM_TABLE(verbs);

    return dm_find(&table, type);
}

static const char *refuse(struct dm_session *session, const char *why) {
    pymessage_refuse(session, why);
    return "invalid";
}

static void submit(struct dm_session *session, const struct verb *verb,
                   const struct arguments *arguments) {
    const struct pymessage_instance *instance = session->instance->state;
    struct dm_command command = { .size = sizeof(command), .kind = verb->command };
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)arguments->user);

    if (verb->stage == BEFORE_LOGIN) {
        command.flags = DM_CMD_LOGIN_AFTER;
        command.name = arguments->username;
        command.profile.username = arguments->username;
        command.secret = arguments->pin;
        command.secret_kind = DM_SECRET_PIN;
    } else {
        command.user = dm_ref_id(arguments->user);
        command.text = arguments->content;
        command.flags = verb->command == DM_CMD_SEND ? instance->send_flags : 0;
    }
    /* Errors name the user as the client did. */
    dm_submit(session, &command, (struct dm_slice){ digits, (size_t)len });
}

static const char *take(struct dm_session *session, const struct verb *verb,
                        const struct dm_json *object) {
    struct arguments arguments = { 0 };
    const char *field;
    char why[64];

    if (verb->fields.count
        && dm_json_decode(session->host, object, &verb->fields, &arguments, &field)) {
        snprintf(why, sizeof(why), "missing or invalid argument: %s", field);
        return refuse(session, why);
    }
    submit(session, verb, &arguments);
    return verb->type;
}

const char *pymessage_frame(struct dm_session *session, const struct dm_frame *frame) {
    const struct dm_host *host = session->host;
    const struct dm_json *object = dm_json_object(host, frame->data);
    struct dm_slice type = dm_json_member(host, object, "type");
    const struct verb *verb = find_verb(type);

    if (!object)
        return refuse(session, "invalid json");
    if (!type.ptr)
        return refuse(session, "missing or invalid argument: type");
    if (!verb || (verb->stage == AFTER_LOGIN && !session->user))
        return refuse(session, "endpoint not found");
    if (verb->stage == BEFORE_LOGIN && session->user)
        return refuse(session, "already logged in");
    return take(session, verb, object);
}

void pymessage_redact(struct dm_instance *instance, const struct dm_frame *frame,
                      struct dm_out *out) {
    static const char *const shown[] = { "type", "username", "recipient", "content", "user", NULL };
    static const char *const masked[] = { "pin", NULL };
    const struct dm_host *host = instance->host;
    const struct dm_json *object = dm_json_object(host, frame->data);
    const struct verb *verb = find_verb(dm_json_member(host, object, "type"));

    /* What is no frame of ours may hold a secret anywhere. */
    if (frame->flags & DM_FRAME_SENT)
        dm_put_raw(out, frame->data);
    else
        dm_put_redacted(out, object, verb ? shown : NULL, masked);
    dm_frame_end(out, DM_FRAME_TEXT, verb ? verb->type : "invalid");
}
