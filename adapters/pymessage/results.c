/* Encoding: answers, events, errors. */
#include "adapters/pymessage/pymessage.h"

#include <stdarg.h>
#include <stdio.h>

/* A page of the longest messages, each byte escaped, fits the send queue. */
#define REPLAY_ROWS 8
/* So do that many requests; who has more is told of the others when these are answered. */
#define PENDING_MAX 10000

static void put_error(struct dm_out *out, struct dm_slice text) {
    dm_put_object(out, NULL);
    dm_put_str(out, "type", "error");
    dm_put_string(out, "error", text);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "error");
}

__attribute__((format(printf, 2, 3)))
static void fail(struct dm_session *session, const char *format, ...) {
    char text[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put_error(dm_out(session), dm_slice_str(text));
}

void pymessage_refuse(struct dm_session *session, const char *why) {
    const struct dm_command turn = { .size = sizeof(turn), .kind = DM_CMD_NONE };

    dm_submit(session, &turn, dm_slice_str(why));
}

static void put_id(struct dm_out *out, const char *type, const char *key, int64_t id) {
    dm_put_object(out, NULL);
    dm_put_str(out, "type", type);
    dm_put_int(out, key, id);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, type);
}

static void answer_status(struct dm_session *session, const char *type, const char *status) {
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    dm_put_str(out, "type", type);
    dm_put_str(out, "status", status);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, type);
}

static void put_message(struct dm_out *out, const struct dm_message *message) {
    dm_put_object(out, NULL);
    dm_put_str(out, "type", "message");
    dm_put_int(out, "sender", message->author->id);
    dm_put_message_text(out, "content", message);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "message");
}

/* ---- login ---- */

/* `told` is the last message that the session was told of; what it is told counts as delivered
 * only with the next question. */
static void ask_for_missed(struct dm_session *session, const struct dm_message *told) {
    const struct pymessage_instance *instance = session->instance->state;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_UNDELIVERED,
                                  .flags = DM_CMD_TOLD_LATER, .limit = REPLAY_ROWS,
                                  .cursor = told ? (uint64_t)told->id : 0 };

    if (instance->offline == OFFLINE_STORE)
        dm_submit(session, &command, DM_SLICE_NONE);
}

static void logged_in(struct dm_session *session, const char *type) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_FRIEND_PENDING };

    put_id(dm_out(session), type, "id", session->user->id);
    /* First of all, so that what comes live waits behind what was missed. */
    ask_for_missed(session, NULL);
    dm_submit(session, &command, DM_SLICE_NONE);
}

static void login_result(struct dm_session *session, const struct dm_result *result) {
    if (result->status == DM_OK && session->user)
        logged_in(session, "resp");
    else if (result->status == DM_EXISTS)
        fail(session, "already logged in");
    else
        fail(session, "acc not found");
}

static void register_result(struct dm_session *session, const struct dm_result *result) {
    if (result->status == DM_OK && session->user)
        logged_in(session, "create_acc_resp");
    else if (result->status == DM_EXISTS)
        fail(session, session->user ? "already logged in" : "username is taken");
    else
        fail(session, "failed to create account");
}

static void missed_result(struct dm_session *session, const struct dm_result *result) {
    struct dm_out *out = dm_out(session);

    for (size_t i = 0; i < result->message_count; i++)
        put_message(out, result->messages[i]);
    if (result->message_count)
        ask_for_missed(session, result->messages[result->message_count - 1]);
}

static void pending_result(struct dm_session *session, const struct dm_result *result) {
    struct dm_out *out = dm_out(session);

    for (size_t i = 0; i < result->user_count && i < PENDING_MAX; i++)
        put_id(out, "friend_request", "user", result->users[i]->id);
}

/* ---- messages and friends ---- */

static void send_result(struct dm_session *session, const struct dm_result *result,
                        struct dm_slice recipient) {
    switch (result->status) {
    case DM_OK:
    case DM_HELD:
        answer_status(session, "send_resp", "success");
        break;
    case DM_SELF:
        fail(session, "cannot message yourself");
        break;
    case DM_NOT_FRIEND:
        fail(session, "%.*s is not your friend", DM_SLICE_FMT(recipient));
        break;
    case DM_INVALID:
    case DM_TOO_LARGE:
        fail(session, "content is empty, too long or no text");
        break;
    default:
        fail(session, "%.*s is not connected to the network", DM_SLICE_FMT(recipient));
        break;
    }
}

static void friends_result(struct dm_session *session, const struct dm_result *result) {
    struct dm_out *out = dm_out(session);

    if (result->status != DM_OK) {
        fail(session, "failed to get friends");
        return;
    }
    dm_put_object(out, NULL);
    dm_put_str(out, "type", "friends_resp");
    dm_put_array(out, "friends");
    for (size_t i = 0; i < result->user_count; i++) {
        dm_put_object(out, NULL);
        dm_put_string(out, "username", dm_user_name(result->users[i]));
        dm_put_int(out, "id", result->users[i]->id);
        dm_put_end(out);
    }
    dm_put_end(out);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "friends_resp");
}

static void friend_result(struct dm_session *session, const struct dm_result *result,
                          struct dm_slice user) {
    if (result->kind == DM_CMD_FRIEND_REQUEST) {
        if (result->status == DM_OK)
            answer_status(session, "request_resp", "sent");
        else
            fail(session, "failed to send friend request to %.*s", DM_SLICE_FMT(user));
    } else if (result->status != DM_OK) {
        fail(session, "no request from %.*s", DM_SLICE_FMT(user));
    } else if (result->kind == DM_CMD_FRIEND_ACCEPT) {
        answer_status(session, "add_resp", "added");
    } else {
        answer_status(session, "deny_resp", "success");
    }
}

/* ---- REST ---- */

static void lookup_result(struct dm_session *session, const struct dm_result *result) {
    int missing = result->status == DM_NO_USER || result->status == DM_INVALID;
    const struct dm_response response = {
        .status = result->status == DM_OK || missing ? 200
                  : result->status == DM_LIMITED     ? 429 : 503,
    };
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    if (response.status != 200) {
        dm_put_str(out, "error", response.status == 429 ? "too many requests"
                                                        : "service unavailable");
    } else if (missing) {
        dm_put_null(out, "user");
    } else {
        dm_put_object(out, "user");
        dm_put_string(out, "username", dm_user_name(result->user));
        dm_put_end(out);
    }
    dm_put_end(out);
    dm_respond(session, &response, out);
}

/* ---- hooks ---- */

/* What means the same after every verb; 1 when it was said. */
static int fail_in_general(struct dm_session *session, enum dm_status status) {
    if (status == DM_UNAVAILABLE || status == DM_INTERNAL)
        fail(session, "service unavailable");
    else if (status == DM_LIMITED)
        fail(session, "too many requests");
    else
        return 0;
    return 1;
}

void pymessage_result(struct dm_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    if (session->kind == DM_SESSION_REQUEST) {
        lookup_result(session, result);
        return;
    }
    /* Whatever its status: an error that waited for its turn. */
    if (result->kind == DM_CMD_NONE) {
        put_error(dm_out(session), cookie);
        return;
    }
    if (fail_in_general(session, result->status))
        return;
    switch (result->kind) {
    case DM_CMD_LOGIN:
        login_result(session, result);
        break;
    case DM_CMD_REGISTER:
        register_result(session, result);
        break;
    case DM_CMD_UNDELIVERED:
        missed_result(session, result);
        break;
    case DM_CMD_FRIEND_PENDING:
        pending_result(session, result);
        break;
    case DM_CMD_SEND:
        send_result(session, result, cookie);
        break;
    case DM_CMD_FRIEND_LIST:
        friends_result(session, result);
        break;
    default:
        friend_result(session, result, cookie);
        break;
    }
}

void pymessage_event(struct dm_instance *instance, const struct dm_event *event,
                     const struct dm_view *view, struct dm_out *out) {
    (void)instance;
    if (event->kind == DM_EVENT_FRIEND_REQUEST) {
        put_id(out, "friend_request", "user", event->actor->id);
        return;
    }
    /* The author's other sockets learn nothing: the dialect has no word for it. */
    if (view->audience == DM_AUDIENCE_MEMBER && event->message)
        put_message(out, event->message);
}

void pymessage_notice(struct dm_session *session, enum dm_notice notice,
                      const struct dm_frame *frame) {
    (void)frame;
    switch (notice) {
    case DM_NOTICE_RATE_LIMITED:
        pymessage_refuse(session, "too many requests");
        break;
    case DM_NOTICE_BACKLOG:
        pymessage_refuse(session, "service unavailable");
        break;
    case DM_NOTICE_REVOKED:
        fail(session, "acc not found");
        dm_close(session, CLOSE_POLICY);
        break;
    case DM_NOTICE_AUTH_TIMEOUT:
        dm_close(session, CLOSE_POLICY);
        break;
    case DM_NOTICE_DRAINING:
    case DM_NOTICE_TIMER:
    case DM_NOTICE_WRITABLE:
        break;
    }
}
