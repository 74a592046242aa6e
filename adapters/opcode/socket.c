/* The WebSocket: HELLO, IDENTIFY, READY, and messages. */
#include "adapters/opcode/opcode.h"

#include <stddef.h>

#define RECENT_THREADS 10

/* Ends the socket at once. */
static void fail(struct dm_session *session, enum opcode code) {
    opcode_put_bare(dm_out(session), code);
    dm_close(session, 0);
}

static void say_last_word(struct dm_session *session) {
    const struct opcode_session *state = session->state;

    if (state->last_word && !state->under_way)
        opcode_put_bare(dm_out(session), state->last_word);
}

/* Ends the socket for what its peer sent, once everything that came before has been answered. */
static void refuse(struct dm_session *session, enum opcode code) {
    struct opcode_session *state = session->state;

    state->last_word = code;
    say_last_word(session);
    dm_finish(session, 0);
}

static void submit(struct dm_session *session, const struct dm_command *command) {
    struct opcode_session *state = session->state;

    state->under_way++;
    dm_submit(session, command, DM_SLICE_NONE);
}

/* What ends a socket whatever was asked; 1 when the status is such a one. */
static int fail_by_status(struct dm_session *session, enum dm_status status) {
    switch (status) {
    case DM_UNAVAILABLE:
    case DM_INTERNAL:
        fail(session, OPCODE_UNKNOWN_ERROR);
        return 1;
    case DM_LIMITED:
        fail(session, OPCODE_RATE_LIMITED);
        return 1;
    default:
        return 0;
    }
}

void opcode_open(struct dm_session *session, const struct dm_request *request) {
    (void)request;
    opcode_put_bare(dm_out(session), OPCODE_HELLO);
}

/* ---- IDENTIFY ---- */

struct identify {
    const struct dm_json *properties;
    struct dm_slice token;
};

static const struct dm_field identify_rows[] = {
    { "properties", DM_FIELD_OBJECT, DM_FIELD_REQUIRED, offsetof(struct identify, properties) },
    { "token", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct identify, token) },
};
static const struct dm_table identify_table = DM_TABLE(identify_rows);

struct properties {
    const struct dm_json *os;
    const struct dm_json *device;
};

static const struct dm_field properties_rows[] = {
    { "os", DM_FIELD_VALUE, DM_FIELD_REQUIRED | DM_FIELD_NULLABLE,
      offsetof(struct properties, os) },
    { "device", DM_FIELD_VALUE, DM_FIELD_REQUIRED | DM_FIELD_NULLABLE,
      offsetof(struct properties, device) },
};
static const struct dm_table properties_table = DM_TABLE(properties_rows);

static void identify(struct dm_session *session, const struct dm_json *data) {
    const struct dm_host *host = session->host;
    struct identify identify = { 0 };
    struct properties properties = { 0 };
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_AUTHENTICATE };
    const char *field;

    if (dm_json_decode(host, data, &identify_table, &identify, &field) != 0
        || dm_json_decode(host, identify.properties, &properties_table, &properties, &field) != 0) {
        refuse(session, OPCODE_INVALID_SESSION);
        return;
    }
    command.token = identify.token;
    submit(session, &command);
}

static void identified(struct dm_session *session, const struct dm_result *result) {
    const struct opcode_instance *instance = session->instance->state;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_THREAD_LIST,
                                  .flags = DM_CMD_HOLD_EVENTS, .limit = RECENT_THREADS };

    if (result->status == DM_OK)
        submit(session, &command);
    else if (!fail_by_status(session, result->status))
        fail(session, instance->auth_failure);
}

static void ready(struct dm_session *session, const struct dm_result *result) {
    struct dm_out *out;

    if (result->status != DM_OK || !session->user) {
        if (!fail_by_status(session, result->status))
            fail(session, OPCODE_INVALID_SESSION);
        return;
    }
    out = dm_out(session);
    opcode_put_event(out, "READY");
    dm_put_uuid(out, "id", &session->user->uuid);
    dm_put_string(out, "first_name", dm_user_first_name(session->user));
    dm_put_string(out, "last_name", dm_user_last_name(session->user));
    dm_put_int(out, "unread_threads", (int64_t)result->count);
    dm_put_array(out, "recent_threads");
    for (size_t i = 0; i < result->thread_count && i < RECENT_THREADS; i++)
        opcode_put_thread(out, result->threads[i], OPCODE_WITHOUT_COUNT);
    dm_put_end(out);
    opcode_end_event(out, "READY");
}

/* ---- SEND_MESSAGE ---- */

struct send_message {
    struct dm_uuid to;
    struct dm_slice message;
};

static const struct dm_field send_rows[] = {
    { "to", DM_FIELD_UUID, DM_FIELD_REQUIRED, offsetof(struct send_message, to) },
    { "message", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct send_message, message) },
};
static const struct dm_table send_table = DM_TABLE(send_rows);

/* What cannot be sent gets no answer. */
static void send_message(struct dm_session *session, const struct dm_json *data) {
    struct send_message send = { 0 };
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_SEND,
                                  .flags = DM_CMD_USER_OR_CHAT };
    const char *field;

    if (dm_json_decode(session->host, data, &send_table, &send, &field) != 0)
        return;
    command.user = dm_ref_uuid(&send.to);
    command.text = send.message;
    submit(session, &command);
}

static void put_message_sent(struct dm_out *out, const struct dm_message *message) {
    opcode_put_event(out, "MESSAGE_SENT");
    dm_put_uuid(out, "message_id", &message->uuid);
    opcode_end_event(out, "MESSAGE_SENT");
}

static void sent(struct dm_session *session, const struct dm_result *result) {
    if (result->status == DM_OK && result->message)
        put_message_sent(dm_out(session), result->message);
    else if (result->status == DM_UNAUTHENTICATED)
        fail(session, OPCODE_INVALID_SESSION);
    else
        (void)fail_by_status(session, result->status);
}

/* ---- hooks ---- */

static void take(struct dm_session *session, const struct opcode_frame *frame) {
    if (!session->user) {
        if (frame->code == OPCODE_IDENTIFY)
            identify(session, frame->data);
        else
            refuse(session, OPCODE_NOT_AUTHENTICATED);
    } else if (frame->code == OPCODE_IDENTIFY) {
        refuse(session, OPCODE_ALREADY_AUTHENTICATED);
    } else if (frame->code != OPCODE_DISPATCH) {
        refuse(session, OPCODE_UNKNOWN_OPCODE);
    } else if (dm_slice_eq_nocase(frame->event, DM_SLICE("SEND_MESSAGE"))) {
        send_message(session, frame->data);
    }
}

const char *opcode_frame(struct dm_session *session, const struct dm_frame *frame) {
    struct opcode_frame decoded;

    if (opcode_decode(session->host, frame->data, &decoded) != 0) {
        refuse(session, OPCODE_DECODE_ERROR);
        return "invalid";
    }
    take(session, &decoded);
    return opcode_frame_type(&decoded);
}

void opcode_socket_result(struct dm_session *session, const struct dm_result *result) {
    struct opcode_session *state = session->state;

    state->under_way--;
    switch (result->kind) {
    case DM_CMD_AUTHENTICATE:
        identified(session, result);
        break;
    case DM_CMD_THREAD_LIST:
        ready(session, result);
        break;
    case DM_CMD_SEND:
        sent(session, result);
        break;
    default:
        break;
    }
    say_last_word(session);
}

static void put_message(struct dm_out *out, const char *name, const struct dm_event *event) {
    const struct dm_message *message = event->message;

    opcode_put_event(out, name);
    dm_put_uuid(out, "id", &message->uuid);
    dm_put_uuid(out, "thread_id", &message->thread_uuid);
    if (message->author)
        opcode_put_person(out, "from", message->author);
    else
        dm_put_null(out, "from");
    dm_put_message_text(out, "message", message);
    dm_put_time(out, "timestamp", message->created_us, DM_TIME_BARE);
    /* By being pushed it is delivered. */
    dm_put_str(out, "state", opcode_message_state(message->state == DM_MESSAGE_STORED
                                                      ? DM_MESSAGE_DELIVERED
                                                      : message->state));
    opcode_end_event(out, name);
}

static int is_request(const struct dm_event *event) {
    return event->thread && event->thread->state == DM_THREAD_REQUESTED;
}

void opcode_event(struct dm_instance *instance, const struct dm_event *event,
                  const struct dm_view *view, struct dm_out *out) {
    (void)instance;
    if (!event->message)
        return;
    if (view->audience == DM_AUDIENCE_ACTOR)
        put_message_sent(out, event->message);
    else
        put_message(out, is_request(event) ? "MESSAGE_REQUEST" : "MESSAGE", event);
}

void opcode_notice(struct dm_session *session, enum dm_notice notice,
                   const struct dm_frame *frame) {
    (void)frame;
    switch (notice) {
    case DM_NOTICE_AUTH_TIMEOUT:
        fail(session, OPCODE_SESSION_TIMEOUT);
        break;
    case DM_NOTICE_RATE_LIMITED:
        refuse(session, OPCODE_RATE_LIMITED);
        break;
    case DM_NOTICE_BACKLOG:
        refuse(session, OPCODE_UNKNOWN_ERROR);
        break;
    case DM_NOTICE_REVOKED:
        fail(session, OPCODE_INVALID_SESSION);
        break;
    case DM_NOTICE_DRAINING:
    case DM_NOTICE_TIMER:
        break;
    case DM_NOTICE_WRITABLE:
        opcode_list_on(session);
        break;
    }
}
