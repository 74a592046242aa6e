/* The methods: from args to a command. */
#include "adapters/casamsa/casamsa.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 64
#define USERS_MAX 5000

struct args {
    int64_t chat;
    struct dm_slice text;
    struct dm_slice title;
    const struct dm_json *users;
    const struct dm_json *files;
};

#define CHAT_FIELD \
    { "chat", DM_FIELD_INT, DM_FIELD_REQUIRED, offsetof(struct args, chat) }
#define USERS_FIELD \
    { "users", DM_FIELD_ARRAY, DM_FIELD_REQUIRED, offsetof(struct args, users) }
#define TITLE_FIELD \
    { "title", DM_FIELD_STRING, DM_FIELD_NULLABLE, offsetof(struct args, title) }

static const struct dm_field create_fields[] = { USERS_FIELD, TITLE_FIELD };
static const struct dm_field update_fields[] = { CHAT_FIELD, TITLE_FIELD };
static const struct dm_field members_fields[] = { CHAT_FIELD, USERS_FIELD };
static const struct dm_field chat_fields[] = { CHAT_FIELD };
static const struct dm_field message_fields[] = {
    CHAT_FIELD,
    { "text", DM_FIELD_STRING, DM_FIELD_NULLABLE, offsetof(struct args, text) },
    { "files", DM_FIELD_ARRAY, DM_FIELD_NULLABLE, offsetof(struct args, files) },
};

static const struct method {
    const char *name;
    enum dm_command_kind command;
    struct dm_table fields;
} methods[] = {
    { "auth", DM_CMD_NONE, { NULL, 0, 0 } },
    { "create_chat", DM_CMD_CHAT_CREATE, DM_TABLE(create_fields) },
    { "update_chat", DM_CMD_CHAT_UPDATE, DM_TABLE(update_fields) },
    { "send_message", DM_CMD_SEND, DM_TABLE(message_fields) },
    { "read_messages", DM_CMD_READ, DM_TABLE(chat_fields) },
    { "remove_from_chat", DM_CMD_CHAT_REMOVE, DM_TABLE(members_fields) },
    { "add_to_chat", DM_CMD_CHAT_ADD, DM_TABLE(members_fields) },
};

static const struct method *find_method(struct dm_slice name) {
    static const struct dm_table table = DM_TABLE(methods);

    return dm_find(&table, name);
}

/* What a command under way points to beyond the frame. */
struct work {
    struct dm_ref *users;
    char *cookie;
    struct dm_upload uploads[FILES_MAX];
};

static int take_users(const struct dm_host *host, const struct dm_json *list, struct work *work,
                      struct dm_command *command) {
    size_t count = dm_json_count(host, list), at = 0;

    if (count == 0 || count > USERS_MAX)
        return -1;
    work->users = calloc(count, sizeof(*work->users));
    if (!work->users)
        return -1;
    for (const struct dm_json *item = dm_json_next(host, list, NULL); item;
         item = dm_json_next(host, list, item)) {
        if (dm_json_type(host, item) != DM_JSON_INT)
            return -1;
        work->users[at++] = dm_ref_id(dm_json_int(host, item));
    }
    command->users = work->users;
    command->user_count = count;
    return 0;
}

/* Bare base64, or what follows the comma of a data URL (RFC 2397) that says ;base64. */
static struct dm_slice base64_of(struct dm_slice data) {
    static const char mark[] = ";base64,";
    const char *comma;

    if (data.len < 5 || memcmp(data.ptr, "data:", 5))
        return data;
    comma = memchr(data.ptr, ',', data.len);
    if (!comma)
        return DM_SLICE_NONE;
    size_t head = (size_t)(comma - data.ptr) + 1;
    if (head < sizeof(mark) - 1
        || memcmp(data.ptr + head - (sizeof(mark) - 1), mark, sizeof(mark) - 1))
        return DM_SLICE_NONE;
    return (struct dm_slice){ data.ptr + head, data.len - head };
}

static int take_file(const struct dm_host *host, const struct dm_json *item,
                     struct dm_upload *upload) {
    struct dm_slice data = dm_json_member(host, item, "data");

    upload->name = dm_json_member(host, item, "name");
    if (!upload->name.ptr || !data.ptr)
        return -1;
    data = base64_of(data);
    upload->data = data.ptr ? dm_base64_decode(host, data) : DM_SLICE_NONE;
    return upload->data.ptr ? 0 : -1;
}

static int take_files(const struct dm_host *host, const struct dm_json *list, struct work *work,
                      struct dm_command *command) {
    if (dm_json_count(host, list) > FILES_MAX)
        return -1;
    for (const struct dm_json *item = dm_json_next(host, list, NULL); item;
         item = dm_json_next(host, list, item))
        if (take_file(host, item, &work->uploads[command->upload_count++]))
            return -1;
    command->uploads = work->uploads;
    return 0;
}

/* Fills the command; returns the field at fault, or NULL. */
static const char *fill(const struct dm_host *host, const struct method *method,
                        const struct dm_json *json, struct work *work,
                        struct dm_command *command) {
    struct args args = { 0 };
    const char *field = NULL;

    if (dm_json_decode(host, json, &method->fields, &args, &field))
        return field && *field ? field : "args";
    if (method->command == DM_CMD_CHAT_UPDATE && !dm_json_get(host, json, "title"))
        return "title";
    if (args.users && take_users(host, args.users, work, command))
        return "users";
    if (args.files && take_files(host, args.files, work, command))
        return "files";
    if (method->command == DM_CMD_SEND && !args.text.len && !command->upload_count)
        return "text";
    if (method->command != DM_CMD_CHAT_CREATE)
        command->thread = dm_ref_id(args.chat);
    command->text = args.text;
    command->title = args.title;
    return NULL;
}

static int names_users(enum dm_command_kind kind) {
    return kind == DM_CMD_CHAT_ADD || kind == DM_CMD_CHAT_REMOVE;
}

/* The initiator is told the ids as given, so these travel along with the key: [users, key]. */
static struct dm_slice join_users(const struct dm_host *host, const struct dm_json *args,
                                  struct dm_slice key, struct work *work) {
    struct dm_slice users = dm_json_text(host, dm_json_get(host, args, "users"));
    size_t size = users.len + key.len + sizeof("[,null]");
    int len;

    work->cookie = malloc(size);
    if (!work->cookie)
        return DM_SLICE_NONE;
    if (!key.ptr)
        key = DM_SLICE("null");
    len = snprintf(work->cookie, size, "[%.*s,%.*s]", DM_SLICE_FMT(users), DM_SLICE_FMT(key));
    return (struct dm_slice){ work->cookie, (size_t)len };
}

/* Fills command and cookie; returns the field at fault, or NULL. */
static const char *prepare(const struct dm_host *host, const struct method *method,
                           const struct dm_json *args, struct dm_slice key, struct work *work,
                           struct dm_command *command, struct dm_slice *ret_cookie) {
    const char *fault = fill(host, method, args, work, command);

    if (fault)
        return fault;
    *ret_cookie = names_users(command->kind) ? join_users(host, args, key, work) : key;
    return ret_cookie->len > DM_COOKIE_MAX ? "event_response_key" : NULL;
}

static const char *submit(struct dm_session *session, const struct method *method,
                          const struct dm_json *args, struct dm_slice key) {
    struct dm_command command = { .size = sizeof(command), .kind = method->command };
    struct work work = { 0 };
    struct dm_slice cookie;
    const char *fault = prepare(session->host, method, args, key, &work, &command, &cookie);

    if (fault)
        casamsa_refuse_field(session, fault, key);
    else
        dm_submit(session, &command, cookie);
    free(work.users);
    free(work.cookie);
    return fault ? "invalid" : method->name;
}

const char *casamsa_method(struct dm_session *session, struct dm_slice name,
                           const struct dm_json *args) {
    const struct dm_host *host = session->host;
    const struct dm_json *key_value = dm_json_get(host, args, "event_response_key");
    struct dm_slice key = key_value ? dm_json_text(host, key_value) : DM_SLICE_NONE;
    const struct method *method = find_method(name);

    if (!method) {
        casamsa_refuse(session, "access_error", "There is no such method.", key);
        return "invalid";
    }
    if (method->command != DM_CMD_NONE)
        return submit(session, method, args, key);
    casamsa_welcome(session, key);
    return method->name;
}
