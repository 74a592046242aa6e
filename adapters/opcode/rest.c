/* REST: threads and the messages in them. */
#include "adapters/opcode/opcode.h"

#include <stddef.h>

#define THREADS_AT_ONCE 100
#define PAGE_SIZE 10
#define PAGE_SIZE_MAX 100
#define PAGE_MAX 100000000

static enum opcode_route route_of(const struct dm_session *session) {
    return ((const struct opcode_session *)session->state)->route;
}

void opcode_respond_message(struct dm_session *session, int status, const char *text) {
    dm_respond_text(session, status, "message", text);
}

void opcode_respond_failure(struct dm_session *session, enum dm_status status) {
    const char *text = NULL;

    if (status == DM_UNAUTHENTICATED)
        text = "invalid_token";
    else if (status == DM_TOKEN_EXPIRED)
        text = "token_expired";
    opcode_respond_message(session, dm_http_status(status), text);
}

/* ---- requests ---- */

/* The thread that the path names; -1 after answering that there is none. */
static int thread_param(struct dm_session *session, const struct dm_request *request,
                        struct dm_ref *ret_thread) {
    struct dm_uuid uuid;

    if (request->param_count == 0 || dm_uuid_parse(request->params[0], &uuid) != 0) {
        opcode_respond_message(session, 404, NULL);
        return -1;
    }
    *ret_thread = dm_ref_uuid(&uuid);
    return 0;
}

/* A number of the query, within limits; fallback for anything that is no number. */
static int64_t query_number(struct dm_session *session, const char *name, int64_t fallback,
                            int64_t min, int64_t max) {
    int64_t number = dm_number(dm_request_query(session, name));

    if (number < 0)
        return fallback;
    return number < min ? min : number > max ? max : number;
}

/* There is no paging in the dialect, and no limit to the threads of a user: they are told page by
 * page, in bounded memory. */
void opcode_list_on(struct dm_session *session) {
    const struct opcode_session *state = session->state;
    const struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_THREAD_LIST,
                                        .limit = THREADS_AT_ONCE, .cursor = state->cursor };

    dm_submit(session, &command, DM_SLICE_NONE);
}

static void get_thread(struct dm_session *session, const struct dm_request *request) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_HISTORY,
                                  .flags = DM_CMD_MARK_READ };
    int64_t size = query_number(session, "page_size", PAGE_SIZE, 1, PAGE_SIZE_MAX);
    int64_t page = query_number(session, "page", 0, 0, PAGE_MAX);

    if (thread_param(session, request, &command.thread) != 0)
        return;
    command.limit = (uint32_t)size;
    command.offset = (uint64_t)(page * size);
    dm_submit(session, &command, DM_SLICE_NONE);
}

struct message_body {
    struct dm_uuid to;
    struct dm_slice message;
};

static const struct dm_field message_rows[] = {
    { "message", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct message_body, message) },
    { "to", DM_FIELD_UUID, DM_FIELD_REQUIRED, offsetof(struct message_body, to) },
};
static const struct dm_table to_user_table = DM_TABLE(message_rows);
static const struct dm_table to_thread_table = { message_rows, sizeof(message_rows[0]), 1 };

static void post_message(struct dm_session *session, const struct dm_request *request) {
    int to_thread = request->route == ROUTE_SEND_TO_THREAD;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_SEND };
    struct message_body body = { 0 };
    const char *field;

    if (to_thread && thread_param(session, request, &command.thread) != 0)
        return;
    if (dm_json_decode(session->host, dm_json_object(session->host, request->body),
                       to_thread ? &to_thread_table : &to_user_table, &body, &field) != 0) {
        opcode_respond_message(session, 400, NULL);
        return;
    }
    if (!to_thread) {
        command.user = dm_ref_uuid(&body.to);
        command.flags = DM_CMD_USER_OR_CHAT;
    }
    command.text = body.message;
    dm_submit(session, &command, DM_SLICE_NONE);
}

static void change_state(struct dm_session *session, const struct dm_request *request) {
    struct dm_command command = { .size = sizeof(command) };

    if (thread_param(session, request, &command.thread) != 0)
        return;
    if (dm_slice_eq(request->params[1], DM_SLICE("approve"))) {
        command.kind = DM_CMD_APPROVE;
    } else if (dm_slice_eq(request->params[1], DM_SLICE("block"))) {
        command.kind = DM_CMD_BLOCK;
    } else {
        opcode_respond_message(session, 404, NULL);
        return;
    }
    dm_submit(session, &command, DM_SLICE_NONE);
}

static void get_profile(struct dm_session *session) {
    const struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_GET };

    dm_submit(session, &command, DM_SLICE_NONE);
}

void opcode_request(struct dm_session *session, const struct dm_request *request) {
    struct opcode_session *state = session->state;

    state->route = (enum opcode_route)request->route;
    switch (state->route) {
    case ROUTE_THREADS:
        opcode_list_on(session);
        break;
    case ROUTE_THREAD:
        get_thread(session, request);
        break;
    case ROUTE_SEND_TO_USER:
    case ROUTE_SEND_TO_THREAD:
        post_message(session, request);
        break;
    case ROUTE_THREAD_VERB:
        change_state(session, request);
        break;
    case ROUTE_TOKEN:
        opcode_request_token(session, request);
        break;
    case ROUTE_REGISTER:
        opcode_request_register(session, request);
        break;
    case ROUTE_PROFILE:
        get_profile(session);
        break;
    case ROUTE_SOCKET:
        break;
    }
}

void opcode_fault(struct dm_session *session, const struct dm_request *request, int status) {
    if (status == 401)
        opcode_respond_failure(session, request->auth == DM_TOKEN_EXPIRED ? DM_TOKEN_EXPIRED
                                                                          : DM_UNAUTHENTICATED);
    else
        opcode_respond_message(session, status, NULL);
}

/* ---- results ---- */

/* A page of the list: the brackets stand around all pages. */
static void put_page(struct dm_out *out, struct opcode_session *state,
                     const struct dm_result *result) {
    if (state->list == LIST_WHOLE)
        dm_put_raw(out, DM_SLICE("["));
    for (size_t i = 0; i < result->thread_count; i++) {
        if (state->told++)
            dm_put_raw(out, DM_SLICE(","));
        opcode_put_thread(out, result->threads[i], OPCODE_WITH_COUNT);
    }
    if (!result->next_cursor)
        dm_put_raw(out, DM_SLICE("]"));
}

static void threads_result(struct dm_session *session, const struct dm_result *result) {
    const struct dm_response response = { .status = 200 };
    struct opcode_session *state = session->state;
    struct dm_out *out = dm_out(session);
    enum dm_piece taken;

    put_page(out, state, result);
    state->cursor = result->next_cursor;
    if (state->list == LIST_WHOLE && !state->cursor) {
        dm_respond(session, &response, out);
        return;
    }
    if (state->list == LIST_WHOLE)
        dm_respond_begin(session, &response);
    state->list = LIST_PIECES;
    taken = dm_respond_piece(session, out);
    if (!state->cursor)
        dm_respond_end(session);
    else if (taken == DM_PIECE_TAKEN)
        opcode_list_on(session);
}

static void history_result(struct dm_session *session, const struct dm_result *result) {
    const struct dm_response response = { .status = 200 };
    struct dm_out *out = dm_out(session);

    opcode_put_thread_page(out, result->thread, result->messages, result->message_count);
    dm_respond(session, &response, out);
}

static void thread_result(struct dm_session *session, const struct dm_result *result) {
    const struct dm_response response = { .status = 200 };
    struct dm_out *out = dm_out(session);

    opcode_put_thread(out, result->thread, OPCODE_WITH_COUNT);
    dm_respond(session, &response, out);
}

static const char *undeliverable(enum dm_status status) {
    switch (status) {
    case DM_NO_USER:
    case DM_NO_THREAD: return "Recipient not found";
    case DM_SELF: return "Recipient is the sender";
    case DM_BLOCKED: return "Thread is blocked";
    case DM_TOO_LARGE: return "Message is too long";
    case DM_INVALID: return "Message is empty or no text";
    default: return NULL;
    }
}

/* The answer shows the thread as it is now, which a further command tells. */
static void send_result(struct dm_session *session, const struct dm_result *result) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_THREAD_GET };

    if (result->status == DM_OK || result->status == DM_HELD) {
        command.thread = dm_ref_uuid(result->thread ? &result->thread->uuid
                                                    : &result->message->thread_uuid);
        dm_submit(session, &command, DM_SLICE_NONE);
    } else if (result->status == DM_NO_THREAD && route_of(session) == ROUTE_SEND_TO_THREAD) {
        opcode_respond_message(session, 404, NULL);
    } else if (undeliverable(result->status)) {
        opcode_respond_message(session, 400, undeliverable(result->status));
    } else {
        opcode_respond_failure(session, result->status);
    }
}

static void state_result(struct dm_session *session) {
    const struct dm_response response = { .status = 204 };

    dm_respond(session, &response, NULL);
}

static void good_result(struct dm_session *session, const struct dm_result *result) {
    switch (result->kind) {
    case DM_CMD_THREAD_LIST:
        threads_result(session, result);
        break;
    case DM_CMD_HISTORY:
        history_result(session, result);
        break;
    case DM_CMD_THREAD_GET:
        thread_result(session, result);
        break;
    case DM_CMD_USER_GET:
        opcode_profile_result(session, result);
        break;
    default:
        state_result(session);
        break;
    }
}

void opcode_rest_result(struct dm_session *session, const struct dm_result *result) {
    switch (result->kind) {
    case DM_CMD_SEND:
        send_result(session, result);
        break;
    case DM_CMD_LOGIN:
    case DM_CMD_REFRESH:
        opcode_token_result(session, result);
        break;
    case DM_CMD_REGISTER:
        opcode_register_result(session, result);
        break;
    default:
        if (result->status == DM_OK)
            good_result(session, result);
        else if (((const struct opcode_session *)session->state)->list == LIST_PIECES)
            dm_respond_abort(session);
        else
            opcode_respond_failure(session, result->status);
        break;
    }
}
