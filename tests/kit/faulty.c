/* An adapter of a small dialect that has, when its setting `fault` says so, one of the faults that
 * the conformance kit is there to find.
 *
 *   {"type":"login","token":T}          {"type":"welcome","id":MY_ID}
 *   {"type":"enter","name":N,"pin":P}   {"type":"welcome","id":MY_ID}
 *   {"type":"say","to":ID,"text":TEXT}  {"type":"said","id":MESSAGE_ID}; with "refs":[ID,...] they
 *                                       are looked at, and nothing more
 *   {"type":"bye"}                      the end
 *   anything that cannot be             {"type":"error","why":WORD}
 *   somebody says something             {"type":"message","from":ID,"text":TEXT}
 *   GET /count?limit=N                  {"limit":"N"} */
#include "core/adapter/adapter.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

static const char *const faults[] = {
    "none",
    "wrong_answer",     /* says where it should have said */
    "crash_on_null",    /* follows a pointer to a value that is not there */
    "hurts_others",     /* answers a bad frame by closing another session */
    "keeps_login",      /* logs sessions in by the token that came last, whoever's it was */
    "second_login",     /* takes it for impossible that somebody logs in twice */
    "other_login",      /* ... or as somebody else */
    "pending_at_close", /* takes it for impossible that a client leaves while it waits */
    "over_rate",        /* carries out what the host says is too much */
    "forgets",          /* does not answer who asks much at once */
    "mute",             /* does not say that the store is away */
    "closes_on_event",  /* hangs up on its client when something happens */
    "blabs",            /* writes tokens into the log */
    "shows_all",        /* hides nothing when it redacts */
    "starts_once",      /* cannot be started a second time */
    "leaks",            /* keeps memory of each session */
    "unfinished",       /* leaves frames without an end */
    "mute_rate",        /* does not say that frames come too fast */
    "mute_backlog",     /* does not say that too many wait */
    "one_at_a_time",    /* does not hear what is said while it waits */
    "leaves",           /* hangs up on who says goodbye, answers under way or not */
    "wants_large",      /* takes it for impossible that frames have to be small */
    "few_refs",         /* has room for 50 elements of an array */
    "text_only",        /* takes it for impossible that a frame is binary */
    "limit_of_one",     /* takes it for impossible that a query asks for anything but 1 */
    "slow",             /* computes for long, once */
    "blabs_pin",        /* writes pins into the log */
    "no_end",           /* leaves the frames of its answers without an end */
    "no_key",           /* gives a member no key */
    "no_event_end",     /* leaves the frames of events without an end */
    "once",             /* says one thing for each client: no fault, but hard to try */
    NULL,
};

enum fault {
    NONE, WRONG_ANSWER, CRASH_ON_NULL, HURTS_OTHERS, KEEPS_LOGIN, SECOND_LOGIN, OTHER_LOGIN,
    PENDING_AT_CLOSE, OVER_RATE, FORGETS, MUTE, CLOSES_ON_EVENT, BLABS, SHOWS_ALL, STARTS_ONCE,
    LEAKS, UNFINISHED, MUTE_RATE, MUTE_BACKLOG, ONE_AT_A_TIME, LEAVES, WANTS_LARGE,
    FEW_REFS, TEXT_ONLY, LIMIT_OF_ONE, SLOW, BLABS_PIN, NO_END, NO_KEY, NO_EVENT_END, ONCE,
};

struct state {
    int waiting; /* commands */
    int logged_in;
    int said;
    char token[1024];
};

struct instance {
    enum fault fault;
};

/* What an adapter should not keep: here it does, to do wrong. */
static struct dm_session *sessions[64];
static char last_token[1024];
static int starts;
static void *volatile kept;

static enum fault fault_of(const struct dm_instance *instance) {
    return ((const struct instance *)instance->state)->fault;
}

static int start(struct dm_instance *instance) {
    struct instance *state = instance->state;
    struct dm_slice word = dm_setting_str(instance, "fault");
    for (int i = 0; faults[i]; i++)
        if (dm_slice_eq(word, dm_slice_str(faults[i])))
            state->fault = (enum fault)i;
    if (state->fault == STARTS_ONCE && starts++) {
        dm_log(instance, DM_LOG_ERROR, "started already");
        return -1;
    }
    return state->fault == WANTS_LARGE && dm_setting_int(instance, "frame_max") < 4096 ? -1 : 0;
}

/* ---- writing ---- */

static struct dm_out *begin(struct dm_session *session, const char *type) {
    struct dm_out *out = dm_out(session);
    dm_put_object(out, NULL);
    dm_put_str(out, "type", type);
    return out;
}

static void end(struct dm_out *out, const char *type) {
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, type);
}

static const char *refuse(struct dm_session *session, const char *why) {
    struct dm_out *out = begin(session, "error");
    dm_put_str(out, "why", why);
    if (fault_of(session->instance) != UNFINISHED)
        end(out, "error");
    return "invalid";
}

/* ---- reading ---- */

struct fields {
    struct dm_slice token;
    struct dm_slice name;
    struct dm_slice pin;
    struct dm_slice text;
    int64_t to;
};

static const struct dm_field login_fields[] = {
    { "token", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct fields, token) },
};
static const struct dm_field enter_fields[] = {
    { "name", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct fields, name) },
    { "pin", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct fields, pin) },
};
static const struct dm_field say_fields[] = {
    { "to", DM_FIELD_INT, DM_FIELD_REQUIRED, offsetof(struct fields, to) },
    { "text", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct fields, text) },
};

static void copy_token(char *to, struct dm_slice token) {
    size_t len = token.len < 1023 ? token.len : 1023;
    memcpy(to, token.ptr, len);
    to[len] = '\0';
}

static void authenticate(struct dm_session *session, struct dm_slice token) {
    const struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_AUTHENTICATE,
                                        .token = token };
    struct state *state = session->state;
    state->waiting++;
    dm_submit(session, &command, DM_SLICE_NONE);
}

static void say(struct dm_session *session, const struct fields *fields) {
    const struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_SEND,
                                        .user = dm_ref_id(fields->to), .text = fields->text };
    struct state *state = session->state;
    state->waiting++;
    dm_submit(session, &command, DM_SLICE_NONE);
}

static const char *on_login(struct dm_session *session, const struct dm_json *json) {
    const struct dm_table table = DM_TABLE(login_fields);
    struct state *state = session->state;
    struct fields fields = { .to = 0 };
    char token[1024];
    const char *key;
    enum fault fault = fault_of(session->instance);
    if (dm_json_decode(session->host, json, &table, &fields, &key))
        return refuse(session, "token");
    copy_token(token, fields.token);
    if (fault == SECOND_LOGIN && state->logged_in)
        abort();
    if (fault == OTHER_LOGIN && state->logged_in && strcmp(state->token, token))
        abort();
    copy_token(state->token, fields.token);
    copy_token(last_token, fields.token);
    if (fault == BLABS)
        dm_log(session->instance, DM_LOG_INFO, token);
    authenticate(session, fields.token);
    return "login";
}

static const char *on_enter(struct dm_session *session, const struct dm_json *json) {
    const struct dm_table table = DM_TABLE(enter_fields);
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_LOGIN,
                                  .secret_kind = DM_SECRET_PIN };
    struct state *state = session->state;
    struct fields fields = { .to = 0 };
    char text[1024];
    const char *key;
    if (dm_json_decode(session->host, json, &table, &fields, &key))
        return refuse(session, key);
    command.name = fields.name;
    command.secret = fields.pin;
    copy_token(text, fields.pin);
    if (fault_of(session->instance) == BLABS_PIN)
        dm_log(session->instance, DM_LOG_DEBUG, text);
    state->waiting++;
    dm_submit(session, &command, DM_SLICE_NONE);
    return "enter";
}

/* An overflow that need not crash would: this one does. */
static void look_at_refs(struct dm_session *session, const struct dm_json *json) {
    size_t count = dm_json_count(session->host, dm_json_get(session->host, json, "refs"));
    if (fault_of(session->instance) == FEW_REFS && count > 50)
        abort();
}

static void compute(void) {
    static int done;
    clock_t begun = clock();
    while (!done && clock() - begun < CLOCKS_PER_SEC * 3 / 2)
        ;
    done = 1;
}

static const char *on_say(struct dm_session *session, const struct dm_json *json) {
    const struct dm_table table = DM_TABLE(say_fields);
    struct fields fields = { .to = 0 };
    const char *key;
    enum fault fault = fault_of(session->instance);
    if (fault == CRASH_ON_NULL && dm_json_get(session->host, json, "to") &&
        dm_json_type(session->host, dm_json_get(session->host, json, "to")) == DM_JSON_NULL)
        abort();
    look_at_refs(session, json);
    if (fault == SLOW)
        compute();
    if (dm_json_decode(session->host, json, &table, &fields, &key))
        return refuse(session, key);
    if (!session->user && fault == KEEPS_LOGIN && *last_token)
        authenticate(session, dm_slice_str(last_token));
    else if (!session->user)
        return refuse(session, "login");
    else if (fault == ONCE && ((struct state *)session->state)->said++)
        return refuse(session, "again");
    say(session, &fields);
    return "say";
}

static void close_another(const struct dm_session *session) {
    for (size_t i = 0; i < 64; i++)
        if (sessions[i] && sessions[i] != session)
            dm_close(sessions[i], 1000);
}

static const char *on_bye(struct dm_session *session) {
    if (fault_of(session->instance) == LEAVES)
        dm_close(session, 1000);
    else
        dm_finish(session, 1000);
    return "bye";
}

static const char *on_frame(struct dm_session *session, const struct dm_frame *frame) {
    const struct state *state = session->state;
    const struct dm_json *json = frame->kind == DM_FRAME_TEXT
                                     ? dm_json_parse(session->host, frame->data) : NULL;
    struct dm_slice type = dm_json_string(session->host,
                                          dm_json_get(session->host, json, "type"));
    if (fault_of(session->instance) == TEXT_ONLY && frame->kind == DM_FRAME_BINARY)
        abort();
    if (fault_of(session->instance) == ONE_AT_A_TIME && state->waiting)
        return "ignored";
    if (dm_slice_eq(type, DM_SLICE("bye")))
        return on_bye(session);
    if (dm_slice_eq(type, DM_SLICE("login")))
        return on_login(session, json);
    if (dm_slice_eq(type, DM_SLICE("enter")))
        return on_enter(session, json);
    if (dm_slice_eq(type, DM_SLICE("say")))
        return on_say(session, json);
    if (fault_of(session->instance) == HURTS_OTHERS)
        close_another(session);
    return refuse(session, "type");
}

static void on_request(struct dm_session *session, const struct dm_request *request) {
    const struct dm_response response = { .status = 200 };
    struct dm_slice limit = dm_request_query(session, "limit");
    struct dm_out *out = dm_out(session);
    if (fault_of(session->instance) == LIMIT_OF_ONE && !dm_slice_eq(limit, DM_SLICE("1")))
        abort();
    dm_put_object(out, NULL);
    dm_put_string(out, "limit", limit.ptr ? limit : DM_SLICE(""));
    dm_put_end(out);
    dm_respond(session, &response, out);
}

/* ---- the core's side ---- */

static void on_result(struct dm_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    struct state *state = session->state;
    enum fault fault = fault_of(session->instance);
    struct dm_out *out;
    state->waiting--;
    if ((fault == MUTE && result->status == DM_UNAVAILABLE) ||
        (fault == FORGETS && state->waiting > 4))
        return;
    if (result->status != DM_OK && result->status != DM_HELD) {
        refuse(session, result->status == DM_UNAVAILABLE ? "later" : "refused");
        return;
    }
    if (result->kind == DM_CMD_AUTHENTICATE || result->kind == DM_CMD_LOGIN) {
        state->logged_in = 1;
        out = begin(session, "welcome");
        dm_put_int(out, "id", result->user->id);
        end(out, "welcome");
        return;
    }
    out = begin(session, fault == WRONG_ANSWER ? "says" : "said");
    dm_put_int(out, fault == NO_KEY ? NULL : "id", result->message->id);
    if (fault != NO_END)
        end(out, "said");
}

static void on_event(struct dm_instance *instance, const struct dm_event *event,
                     const struct dm_view *view, struct dm_out *out) {
    if (event->kind != DM_EVENT_MESSAGE)
        return;
    if (fault_of(instance) == CLOSES_ON_EVENT)
        for (size_t i = 0; i < 64; i++)
            if (sessions[i])
                dm_close(sessions[i], 1000);
    dm_put_object(out, NULL);
    dm_put_str(out, "type", "message");
    dm_put_int(out, "from", event->message->author->id);
    dm_put_string(out, "text", event->message->text);
    if (fault_of(instance) != NO_EVENT_END)
        end(out, "message");
}

static void on_notice(struct dm_session *session, enum dm_notice notice,
                      const struct dm_frame *frame) {
    enum fault fault = fault_of(session->instance);
    if ((notice == DM_NOTICE_RATE_LIMITED && fault == MUTE_RATE) ||
        (notice == DM_NOTICE_BACKLOG && fault == MUTE_BACKLOG))
        return;
    if (notice == DM_NOTICE_RATE_LIMITED && fault == OVER_RATE)
        on_frame(session, frame);
    else if (notice == DM_NOTICE_RATE_LIMITED || notice == DM_NOTICE_BACKLOG)
        refuse(session, "later");
    else if (notice != DM_NOTICE_TIMER && notice != DM_NOTICE_DRAINING)
        dm_close(session, 1008);
}

static void on_open(struct dm_session *session, const struct dm_request *request) {
    size_t at = 0;
    while (at < 63 && sessions[at])
        at++;
    sessions[at] = session;
    if (fault_of(session->instance) == LEAKS)
        kept = malloc(4096);
}

static void on_close(struct dm_session *session) {
    const struct state *state = session->state;
    for (size_t i = 0; i < 64; i++)
        if (sessions[i] == session)
            sessions[i] = NULL;
    if (fault_of(session->instance) == PENDING_AT_CLOSE && state->waiting)
        abort();
}

static void on_redact(struct dm_instance *instance, const struct dm_frame *frame,
                      struct dm_out *out) {
    if (fault_of(instance) == SHOWS_ALL)
        dm_put_raw(out, frame->data);
    else
        dm_put_raw(out, DM_SLICE("***"));
    dm_frame_end(out, DM_FRAME_TEXT, "redacted");
}

/* ---- the descriptor ---- */

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/ws", .auth = DM_AUTH_NONE },
    { .transport = DM_HTTP, .method = "GET", .path = "/count", .auth = DM_AUTH_NONE },
};
static const struct dm_setting settings[] = {
    { .key = "fault", .kind = DM_SETTING_WORD, .fallback = "none", .words = faults,
      .doc = "What it does wrong." },
};
/* A table cannot be chosen by a setting: a build of its own has the second row, a lie. */
static const struct dm_capability capabilities[] = {
    { DM_EVENT_MESSAGE, DM_SUPPORTED, "message" },
#ifdef FAULTY_LIES
    { DM_EVENT_READ, DM_SUPPORTED, "never" },
#endif
};

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter), .abi_major = DM_ABI_MAJOR, .abi_minor = DM_ABI_MINOR,
    .name = "faulty", .title = "Faulty by choice", .version = "1",
    .instance_size = sizeof(struct instance), .session_size = sizeof(struct state),
    .routes = DM_TABLE(routes), .settings = DM_TABLE(settings),
    .capabilities = DM_TABLE(capabilities), .start = start, .open = on_open, .frame = on_frame,
    .request = on_request, .result = on_result, .event = on_event, .notice = on_notice,
    .close = on_close, .redact = on_redact,
};
