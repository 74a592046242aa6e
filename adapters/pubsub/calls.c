/* What clients ask for. A call that cannot be made sense of has no answer. */
#include "adapters/pubsub/pubsub.h"

#define HISTORY_DEFAULT 50
#define HISTORY_MAX 100
#define MEDIA_MAX 100
#define PAGE_ROWS 500

struct args {
    struct dm_slice user;
    struct dm_slice message;
    int64_t id;
    int64_t limit;
    const struct dm_json *media;
    const struct dm_json *media_ids;
};

static const struct dm_field user_fields[] = {
    { "user", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct args, user) },
};

static const struct dm_field history_fields[] = {
    { "user", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct args, user) },
    { "limit", DM_FIELD_INT_LOOSE, DM_FIELD_NULLABLE, offsetof(struct args, limit) },
};

static const struct dm_field id_fields[] = {
    { "id", DM_FIELD_INT_LOOSE, DM_FIELD_REQUIRED, offsetof(struct args, id) },
};

static const struct dm_field send_fields[] = {
    { "user", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct args, user) },
    { "message", DM_FIELD_STRING, DM_FIELD_NULLABLE, offsetof(struct args, message) },
    { "media", DM_FIELD_ARRAY, DM_FIELD_NULLABLE, offsetof(struct args, media) },
    { "mediaIds", DM_FIELD_ARRAY, DM_FIELD_NULLABLE, offsetof(struct args, media_ids) },
};

static const struct {
    enum dm_command_kind command;
    struct dm_table fields;
} calls[CALL_COUNT] = {
    [CALL_FETCH_USERS] = { DM_CMD_USER_LIST, { NULL, 0, 0 } },
    [CALL_FETCH_CONVERSATION] = { DM_CMD_HISTORY, DM_TABLE(history_fields) },
    [CALL_FETCH_CHATS] = { DM_CMD_HISTORY, DM_TABLE(history_fields) },
    [CALL_UNREAD_COUNT] = { DM_CMD_UNREAD_COUNT, DM_TABLE(user_fields) },
    [CALL_READ_CHAT] = { DM_CMD_READ_ONE, DM_TABLE(id_fields) },
    [CALL_SEND_MESSAGE] = { DM_CMD_SEND, DM_TABLE(send_fields) },
    [CALL_WAIT] = { DM_CMD_WATCH, DM_TABLE(user_fields) },
    [CALL_STOP_WAITING] = { DM_CMD_UNWATCH, DM_TABLE(user_fields) },
    [CALL_DELETE_CHAT] = { DM_CMD_DELETE, DM_TABLE(id_fields) },
};

/* The length of the white space that the text ends with, one character: what JavaScript's trimEnd()
 * takes for it. */
static size_t space_at_end(struct dm_slice text) {
    static const char spaces[][4] = {
        " ", "\t", "\n", "\v", "\f", "\r", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002",
        "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
        "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff",
    };

    for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
        size_t len = strlen(spaces[i]);

        if (text.len >= len && memcmp(text.ptr + text.len - len, spaces[i], len) == 0)
            return len;
    }
    return 0;
}

static struct dm_slice trim_end(struct dm_slice text) {
    size_t len;

    while ((len = space_at_end(text)))
        text.len -= len;
    return text;
}

static uint32_t history_limit(int64_t wanted) {
    if (wanted < 1)
        return 1;
    return wanted > HISTORY_MAX ? HISTORY_MAX : (uint32_t)wanted;
}

/* Fills urls; -1 when an element is neither a string nor null, or there are too many. */
static int read_media(const struct dm_host *host, const struct dm_json *media,
                      struct dm_slice *urls, struct dm_command *command) {
    const struct dm_json *item = NULL;

    command->urls = urls;
    while ((item = dm_json_next(host, media, item))) {
        enum dm_json_type type = dm_json_type(host, item);

        if (type == DM_JSON_NULL)
            continue;
        if (type != DM_JSON_STRING || command->url_count == MEDIA_MAX)
            return -1;
        urls[command->url_count++] = dm_json_string(host, item);
    }
    return 0;
}

static int fill_send(const struct dm_host *host, const struct args *args, struct dm_slice *urls,
                     struct dm_command *command) {
    if (read_media(host, args->media ? args->media : args->media_ids, urls, command) != 0)
        return -1;
    command->text = trim_end(args->message.ptr ? args->message : DM_SLICE(""));
    return command->text.len || command->url_count ? 0 : -1;
}

static int fill(struct dm_session *session, enum pubsub_call call, const struct args *args,
                struct dm_slice *urls, struct dm_command *command) {
    command->kind = calls[call].command;
    if (args->user.ptr)
        command->user = dm_ref_name(args->user);
    if (args->id)
        command->message = dm_ref_id(args->id);
    switch (call) {
    case CALL_FETCH_USERS:
        command->limit = PAGE_ROWS;
        return 0;
    case CALL_FETCH_CONVERSATION:
    case CALL_FETCH_CHATS:
        command->limit = history_limit(args->limit);
        return 0;
    case CALL_UNREAD_COUNT:
        /* A message that is not counted yet brings a newer count, which must come later. */
        command->flags = DM_CMD_HOLD_EVENTS;
        return 0;
    case CALL_SEND_MESSAGE:
        return fill_send(session->host, args, urls, command);
    case CALL_READ_CHAT:
    case CALL_DELETE_CHAT:
        return args->id > 0 ? 0 : -1;
    default:
        return 0;
    }
}

static int find_call(struct dm_slice name) {
    for (int call = 0; call < CALL_AUTH; call++)
        if (dm_slice_eq(name, dm_slice_str(pubsub_call_names[call])))
            return call;
    return -1;
}

static int decode(const struct dm_host *host, enum pubsub_call call, const struct dm_json *data,
                  struct args *args) {
    const char *field;

    if (calls[call].fields.count == 0)
        return 0;
    return dm_json_decode(host, data, &calls[call].fields, args, &field);
}

const char *pubsub_call(struct dm_session *session, struct dm_slice name,
                        const struct dm_json *data, struct pubsub_cookie *cookie) {
    struct dm_command command = { .size = sizeof(command) };
    struct args args = { .limit = HISTORY_DEFAULT };
    struct dm_slice urls[MEDIA_MAX];
    int call = find_call(name);

    if (call < 0)
        return "other";
    cookie->reply.call = (enum pubsub_call)call;
    if (decode(session->host, cookie->reply.call, data, &args) != 0
        || fill(session, cookie->reply.call, &args, urls, &command) != 0)
        return "invalid";
    if (call == CALL_FETCH_USERS) {
        struct pubsub_listing *listing = pubsub_listing_new(session->state);

        if (!listing)
            return pubsub_call_names[call];
        cookie->reply.listing = listing->number;
    }
    dm_submit(session, &command, pubsub_cookie_slice(cookie));
    return pubsub_call_names[call];
}
