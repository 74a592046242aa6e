/* A dialect after IRC (RFC 1459; one line per WebSocket message, as in the IRCv3 specification of
 * that transport): login, messages, history and presence. What a word means is in README.md. */
#include <dragoman/adapter.h>

#define CLOSE_POLICY 1008
#define PARAMS_MAX 3
#define HISTORY_ROWS 50

/* ---- lines to the client ---- */

/* A name as one word. */
static void put_word(struct dm_out *out, struct dm_slice name) {
    for (size_t i = 0; i < name.len; i++)
        dm_put_raw(out, (unsigned char)name.ptr[i] > ' ' ? (struct dm_slice){ name.ptr + i, 1 }
                                                         : DM_SLICE("_"));
}

static void put_text(struct dm_out *out, const char *text) {
    dm_put_raw(out, dm_slice_str(text));
}

/* :dragoman CODE NICK [ABOUT] :TEXT */
static void tell(struct dm_session *session, const char *code, struct dm_slice about,
                 const char *text) {
    struct dm_out *out = dm_out(session);

    put_text(out, ":dragoman ");
    put_text(out, code);
    put_text(out, " ");
    put_word(out, session->user ? dm_user_name(session->user) : DM_SLICE("*"));
    if (about.len) {
        put_text(out, " ");
        put_word(out, about);
    }
    put_text(out, " :");
    put_text(out, text);
    dm_frame_end(out, DM_FRAME_TEXT, code);
}

/* What `tell` will say, in static storage. */
struct refusal {
    const char *code, *about, *text;
};

/* An error names no line of the client's, so it waits for its turn behind the answers to earlier
 * ones: `result` says it. */
static void refuse(struct dm_session *session, const char *code, const char *about,
                   const char *text) {
    const struct dm_command turn = { .size = sizeof(turn), .kind = DM_CMD_NONE };
    const struct refusal refusal = { code, about, text };

    dm_submit(session, &turn, (struct dm_slice){ (const char *)&refusal, sizeof(refusal) });
}

static void tell_refusal(struct dm_session *session, struct dm_slice cookie) {
    struct refusal refusal;

    memcpy(&refusal, cookie.ptr, sizeof(refusal));
    tell(session, refusal.code, dm_slice_str(refusal.about), refusal.text);
}

/* :AUTHOR PRIVMSG RECIPIENT :TEXT, once for each line of the text. */
static void put_message(struct dm_out *out, const struct dm_message *message) {
    struct dm_slice left = message->text;

    do {
        const char *end = left.len ? memchr(left.ptr, '\n', left.len) : NULL;
        size_t len = end ? (size_t)(end - left.ptr) : left.len;
        size_t shown = len && left.ptr[len - 1] == '\r' ? len - 1 : len;

        put_text(out, ":");
        put_word(out, dm_user_name(message->author));
        put_text(out, " PRIVMSG ");
        put_word(out, dm_user_name(message->recipient));
        put_text(out, " :");
        dm_put_raw(out, (struct dm_slice){ left.ptr, shown });
        dm_frame_end(out, DM_FRAME_TEXT, "PRIVMSG");
        len += end != NULL;
        left = (struct dm_slice){ left.ptr + len, left.len - len };
    } while (left.len);
}

/* ---- lines of the client ---- */

struct line {
    struct dm_slice verb;
    struct dm_slice params[PARAMS_MAX];
    size_t count;
};

/* Takes a word off the text, or all of it behind a colon. */
static struct dm_slice take_param(struct dm_slice *text) {
    struct dm_slice word;

    while (text->len && *text->ptr == ' ')
        *text = (struct dm_slice){ text->ptr + 1, text->len - 1 };
    word = *text;
    if (word.len && *word.ptr == ':') {
        *text = (struct dm_slice){ word.ptr + word.len, 0 };
        return (struct dm_slice){ word.ptr + 1, word.len - 1 };
    }
    for (word.len = 0; word.len < text->len && word.ptr[word.len] != ' '; word.len++)
        continue;
    *text = (struct dm_slice){ word.ptr + word.len, text->len - word.len };
    return word;
}

static void read_line(struct dm_slice text, struct line *ret_line) {
    *ret_line = (struct line){ .count = 0 };
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    ret_line->verb = take_param(&text);
    while (text.len && ret_line->count < PARAMS_MAX)
        ret_line->params[ret_line->count++] = take_param(&text);
}

/* What a command was about comes back with its result. */
static void ask(struct dm_session *session, struct dm_command *command, struct dm_slice about) {
    command->size = sizeof(*command);
    command->user = dm_ref_name(about);
    dm_submit(session, command, about.len <= DM_COOKIE_MAX ? about : DM_SLICE_NONE);
}

static void pass(struct dm_session *session, const struct line *line) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_AUTHENTICATE,
                                  .token = line->params[0] };

    dm_submit(session, &command, DM_SLICE_NONE);
}

static void privmsg(struct dm_session *session, const struct line *line) {
    struct dm_command command = { .kind = DM_CMD_SEND, .text = line->params[1] };

    ask(session, &command, line->params[0]);
}

static void history(struct dm_session *session, const struct line *line) {
    struct dm_command command = { .kind = DM_CMD_HISTORY, .flags = DM_CMD_OLDEST_FIRST };
    int64_t rows = line->count > 1 ? dm_number(line->params[1]) : HISTORY_ROWS;

    command.limit = rows > 0 && rows < HISTORY_ROWS ? (uint32_t)rows : HISTORY_ROWS;
    ask(session, &command, line->params[0]);
}

static void monitor(struct dm_session *session, const struct line *line) {
    struct dm_command command = { .kind = DM_CMD_WATCH };

    if (dm_slice_eq(line->params[0], DM_SLICE("-")))
        command.kind = DM_CMD_UNWATCH;
    ask(session, &command, line->params[1]);
}

static void ping(struct dm_session *session, const struct line *line) {
    struct dm_out *out = dm_out(session);

    put_text(out, "PONG :");
    dm_put_raw(out, line->params[0]);
    dm_frame_end(out, DM_FRAME_TEXT, "PONG");
}

static void quit(struct dm_session *session, const struct line *line) {
    (void)line;
    dm_finish(session, 1000);
}

enum stage { BEFORE_LOGIN, AFTER_LOGIN, AT_ANY_TIME };

static const struct verb {
    const char *name;
    size_t params;
    enum stage stage;
    void (*take)(struct dm_session *session, const struct line *line);
} verbs[] = {
    { "PASS", 1, BEFORE_LOGIN, pass },      { "PRIVMSG", 2, AFTER_LOGIN, privmsg },
    { "HISTORY", 1, AFTER_LOGIN, history }, { "MONITOR", 2, AFTER_LOGIN, monitor },
    { "PING", 1, AT_ANY_TIME, ping },       { "QUIT", 0, AT_ANY_TIME, quit },
};

static const struct verb *find_verb(struct dm_slice name) {
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (dm_slice_eq_nocase(name, dm_slice_str(verbs[i].name)))
            return &verbs[i];
    return NULL;
}

static const char *frame(struct dm_session *session, const struct dm_frame *frame) {
    const struct verb *verb;
    struct line line;

    read_line(frame->data, &line);
    verb = frame->kind == DM_FRAME_TEXT ? find_verb(line.verb) : NULL;
    if (!verb)
        refuse(session, "421", NULL, "Unknown command");
    else if (line.count < verb->params)
        refuse(session, "461", verb->name, "Not enough parameters");
    else if (verb->stage == AFTER_LOGIN && !session->user)
        refuse(session, "451", NULL, "You have not registered");
    else if (verb->stage == BEFORE_LOGIN && session->user)
        refuse(session, "462", NULL, "You may not reregister");
    else
        verb->take(session, &line);
    return verb ? verb->name : "invalid";
}

/* ---- answers of the core ---- */

static void fail(struct dm_session *session, const struct dm_result *result,
                 struct dm_slice about) {
    switch (result->status) {
    case DM_NO_USER:
        tell(session, "401", about, "No such nick");
        break;
    case DM_UNAUTHENTICATED:
    case DM_TOKEN_EXPIRED:
        tell(session, "464", DM_SLICE_NONE, "Password incorrect");
        dm_close(session, CLOSE_POLICY);
        break;
    case DM_LIMITED:
    case DM_UNAVAILABLE:
        tell(session, "263", about, "Please wait a while and try again");
        break;
    default:
        tell(session, "404", about, dm_status_name(result->status));
        break;
    }
}

static void tell_history(struct dm_session *session, const struct dm_result *result,
                         struct dm_slice about) {
    struct dm_out *out = dm_out(session);

    for (size_t i = 0; i < result->message_count; i++)
        put_message(out, result->messages[i]);
    tell(session, "318", about, "End of history");
}

static void put_presence(struct dm_out *out, const struct dm_user *user, int online) {
    put_text(out, online ? ":dragoman 730 * " : ":dragoman 731 * ");
    put_word(out, dm_user_name(user));
    put_text(out, online ? " :online" : " :offline");
    dm_frame_end(out, DM_FRAME_TEXT, online ? "730" : "731");
}

static void result(struct dm_session *session, const struct dm_result *result,
                   struct dm_slice cookie) {
    if (result->kind == DM_CMD_NONE)
        tell_refusal(session, cookie);
    else if (result->status == DM_HELD)
        tell(session, "717", cookie, "has to approve of you first");
    else if (result->status != DM_OK)
        fail(session, result, cookie);
    else if (result->kind == DM_CMD_AUTHENTICATE)
        tell(session, "001", DM_SLICE_NONE, "Welcome");
    else if (result->kind == DM_CMD_SEND && result->message && result->message->recipient)
        put_message(dm_out(session), result->message);
    else if (result->kind == DM_CMD_HISTORY)
        tell_history(session, result, cookie);
    else if (result->kind == DM_CMD_WATCH && result->user)
        put_presence(dm_out(session), result->user, (result->user->flags & DM_USER_ONLINE) != 0);
}

/* ---- what the core announces ---- */

static void event(struct dm_instance *instance, const struct dm_event *event,
                  const struct dm_view *view, struct dm_out *out) {
    (void)instance;
    (void)view;
    if (event->message && event->message->author && event->message->recipient)
        put_message(out, event->message);
    else if (event->kind == DM_EVENT_USER_ONLINE || event->kind == DM_EVENT_USER_OFFLINE)
        put_presence(out, event->actor, event->kind == DM_EVENT_USER_ONLINE);
}

static void notice(struct dm_session *session, enum dm_notice notice,
                   const struct dm_frame *frame) {
    (void)frame;
    switch (notice) {
    case DM_NOTICE_RATE_LIMITED:
    case DM_NOTICE_BACKLOG:
        refuse(session, "263", NULL, "Please wait a while and try again");
        break;
    case DM_NOTICE_AUTH_TIMEOUT:
    case DM_NOTICE_REVOKED:
        tell(session, "451", DM_SLICE_NONE, "You have not registered");
        dm_close(session, CLOSE_POLICY);
        break;
    default:
        break;
    }
}

/* ---- what it is ---- */

static const struct dm_route routes[] = { { .transport = DM_WEBSOCKET, .path = "/", .id = 1 } };

#define DROPPED(kind) { DM_EVENT_##kind, DM_DROPPED, NULL }
static const struct dm_capability capabilities[] = {
    { DM_EVENT_MESSAGE, DM_SUPPORTED, "PRIVMSG, one for each line of it" },
    { DM_EVENT_MESSAGE_RELEASED, DM_SUPPORTED, "PRIVMSG, one for each line of it" },
    { DM_EVENT_MESSAGE_DELETED, DM_STORED_ONLY, "gone from the history" },
    { DM_EVENT_USER_ONLINE, DM_SUPPORTED, "730" },
    { DM_EVENT_USER_OFFLINE, DM_SUPPORTED, "731" },
    DROPPED(READ), DROPPED(THREAD_OPENED), DROPPED(THREAD_STATE), DROPPED(CHAT_CREATED),
    DROPPED(CHAT_UPDATED), DROPPED(MEMBERS_ADDED), DROPPED(MEMBERS_REMOVED),
    DROPPED(USER_CREATED), DROPPED(USER_UPDATED), DROPPED(USER_DEACTIVATED),
    DROPPED(FRIEND_REQUEST), DROPPED(FRIEND_ACCEPTED), DROPPED(FRIEND_DENIED),
};

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "ircish",
    .title = "Lines after IRC over WebSocket",
    .version = "1.0",
    .routes = DM_TABLE(routes),
    .capabilities = DM_TABLE(capabilities),
    .frame = frame,
    .result = result,
    .event = event,
    .notice = notice,
};
