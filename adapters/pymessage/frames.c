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
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (dm_slice_eq(type, dm_slice_str(verbs[i].type)))
            return &verbs[i];
    return NULL;
}

static const char *refuse(struct dm_session *session, const char *why) {
    pymessage_put_error(dm_out(session), why);
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
    const struct dm_json *object = dm_json_parse(host, frame->data);
    const struct dm_json *type = dm_json_get(host, object, "type");
    const struct verb *verb;

    if (dm_json_type(host, object) != DM_JSON_OBJECT)
        return refuse(session, "invalid json");
    if (dm_json_type(host, type) != DM_JSON_STRING)
        return refuse(session, "missing or invalid argument: type");
    verb = find_verb(dm_json_string(host, type));
    if (!verb || (verb->stage == AFTER_LOGIN && !session->user))
        return refuse(session, "endpoint not found");
    if (verb->stage == BEFORE_LOGIN && session->user)
        return refuse(session, "already logged in");
    return take(session, verb, object);
}

void pymessage_redact(struct dm_instance *instance, const struct dm_frame *frame,
                      struct dm_out *out) {
    const struct dm_host *host = instance->host;
    const struct dm_json *object = dm_json_parse(host, frame->data);
    struct dm_slice type = dm_json_string(host, dm_json_get(host, object, "type"));
    const struct verb *verb = find_verb(type);

    dm_put_object(out, NULL);
    dm_put_str(out, "type", verb ? verb->type : "***");
    for (uint32_t i = 0; verb && i < verb->fields.count; i++) {
        const struct dm_field *field = (const struct dm_field *)verb->fields.rows + i;
        const struct dm_json *value = dm_json_get(host, object, field->key);
        if (field->offset == offsetof(struct arguments, pin))
            dm_put_str(out, field->key, "***");
        else
            dm_put_json(out, field->key, dm_json_text(host, value));
    }
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, verb ? verb->type : "invalid");
}
