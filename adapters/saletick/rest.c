/* REST: the conversation with a user, and the list of conversations. Both are told page by page,
 * whatever their length. */
#include "adapters/saletick/saletick.h"

#define PAGE_ROWS 200

/* ---- answers without data ---- */

static void respond_detail(struct dm_session *session, int status, const char *detail) {
    dm_respond_text(session, status, "detail", detail);
}

static const struct dm_header challenge = {
    "WWW-Authenticate", { "Bearer realm=\"api\"", sizeof("Bearer realm=\"api\"") - 1 }
};

static void put_token_fault(struct dm_out *out) {
    dm_put_str(out, "detail", "Given token not valid for any token type");
    dm_put_str(out, "code", "token_not_valid");
    dm_put_array(out, "messages");
    dm_put_object(out, NULL);
    dm_put_str(out, "token_class", "AccessToken");
    dm_put_str(out, "token_type", "access");
    dm_put_str(out, "message", "Token is invalid or expired");
    dm_put_end(out);
    dm_put_end(out);
}

/* Whether there was a token at all makes two answers. */
static void respond_unauthorized(struct dm_session *session, const struct dm_request *request) {
    const struct dm_response response = { .status = 401, .headers = &challenge,
                                          .header_count = 1 };
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    if (request && !request->credentials.ptr)
        dm_put_str(out, "detail", "Authentication credentials were not provided.");
    else
        put_token_fault(out);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

static void respond_no_recipient(struct dm_session *session) {
    const struct dm_response response = { .status = 404 };
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    dm_put_str(out, "status", "failure");
    dm_put_null(out, "entity");
    dm_put_str(out, "message", "Invalid recipient");
    dm_put_bool(out, "success", 0);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

static const char *fault_text(int status) {
    switch (status) {
    case 404: return "Not found.";
    case 405: return "Method not allowed.";
    case 413: return "Request body is too large.";
    case 429: return "Request was throttled.";
    case 503: return "Service temporarily unavailable, try again later.";
    default: return "A server error occurred.";
    }
}

void saletick_fault(struct dm_session *session, const struct dm_request *request, int status) {
    const struct dm_response refused = { .status = 403 };

    if (status == 401 && request->route == ROUTE_SOCKET)
        dm_respond(session, &refused, NULL);
    else if (status == 401)
        respond_unauthorized(session, request);
    else
        respond_detail(session, status, fault_text(status));
}

static void respond_failure(struct dm_session *session, enum dm_status status) {
    switch (status) {
    case DM_NO_USER:
    case DM_SELF:
    case DM_INVALID:
        respond_no_recipient(session);
        break;
    case DM_UNAUTHENTICATED:
    case DM_TOKEN_EXPIRED:
        respond_unauthorized(session, NULL);
        break;
    case DM_LIMITED:
        respond_detail(session, 429, fault_text(429));
        break;
    case DM_UNAVAILABLE:
        respond_detail(session, 503, fault_text(503));
        break;
    default:
        respond_detail(session, 500, fault_text(500));
        break;
    }
}

/* ---- requests ---- */

/* A positive number of the query; 0 when it is absent or none. */
static int64_t query_number(struct dm_session *session, const char *name) {
    int64_t number = dm_number(dm_request_query(session, name));

    return number > 0 ? number : 0;
}

static uint32_t page_rows(const struct saletick_session *state) {
    return state->left < PAGE_ROWS ? (uint32_t)state->left : PAGE_ROWS;
}

/* Asks for the page at state->cursor: messages behind that position of the thread, or threads. */
static void ask_page(struct dm_session *session, uint32_t flags) {
    const struct saletick_session *state = session->state;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_THREAD_LIST,
                                  .cursor = state->cursor, .limit = page_rows(state),
                                  .flags = flags };

    if (state->route == ROUTE_MESSAGES) {
        command.kind = DM_CMD_HISTORY;
        command.user = dm_ref_uuid(&state->other);
        command.flags |= DM_CMD_ASCENDING;
    } else if (!state->cursor) {
        command.before_id = state->before;
    }
    dm_submit(session, &command, DM_SLICE_NONE);
}

void saletick_next_page(struct dm_session *session) {
    ask_page(session, 0);
}

/* So many of the newest messages. One page is asked for from its end; more are told from the first
 * of them on, which has to be found. */
static void ask_newest(struct dm_session *session) {
    struct saletick_session *state = session->state;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_HISTORY,
                                  .before_id = state->before, .limit = page_rows(state),
                                  .flags = DM_CMD_MARK_READ | DM_CMD_OLDEST_FIRST };

    command.user = dm_ref_uuid(&state->other);
    if (state->left > PAGE_ROWS) {
        state->phase = PHASE_SEEKING;
        command.offset = state->left - 1;
        command.limit = 1;
    }
    dm_submit(session, &command, DM_SLICE_NONE);
}

/* It was found, or there are fewer, and all are told. */
static void start_at(struct dm_session *session, const struct dm_result *result) {
    struct saletick_session *state = session->state;

    state->phase = PHASE_START;
    state->cursor = result->message_count ? result->messages[0]->seq - 1 : 0;
    ask_page(session, 0);
}

static void get_messages(struct dm_session *session, const struct dm_request *request) {
    struct saletick_session *state = session->state;

    if (dm_uuid_parse(request->params[0], &state->other))
        respond_no_recipient(session);
    else if (state->left < UINT64_MAX)
        ask_newest(session);
    else
        ask_page(session, DM_CMD_MARK_READ);
}

void saletick_request(struct dm_session *session, const struct dm_request *request) {
    struct saletick_session *state = session->state;
    int64_t limit = query_number(session, "limit");

    state->route = (enum saletick_route)request->route;
    state->before = query_number(session, "before");
    state->left = limit > 0 ? (uint64_t)limit : UINT64_MAX;
    if (state->route == ROUTE_MESSAGES)
        get_messages(session, request);
    else
        ask_page(session, 0);
}

/* ---- lists, in pieces ---- */

static void put_head(struct dm_out *out, enum saletick_route route) {
    dm_put_raw(out, route == ROUTE_MESSAGES
                        ? DM_SLICE("{\"status\":\"success\",\"entity\":{\"messages\":[")
                        : DM_SLICE("{\"status\":\"success\",\"entity\":["));
}

static void put_tail(struct dm_out *out, enum saletick_route route) {
    dm_put_raw(out, route == ROUTE_MESSAGES
                        ? DM_SLICE("]},\"message\":\"Messages retreived successfully\","
                                   "\"success\":true}")
                        : DM_SLICE("],\"message\":null,\"success\":true}"));
}

static void put_comma(struct dm_out *out, struct saletick_session *state) {
    if (state->rows++)
        dm_put_raw(out, DM_SLICE(","));
}

/* Leaves the cursor of the next page in the state. */
static void put_rows(struct dm_out *out, struct saletick_session *state,
                     const struct dm_result *result) {
    state->left -= result->message_count + result->thread_count;
    state->cursor = state->left ? result->next_cursor : 0;
    for (size_t i = 0; i < result->message_count; i++) {
        if (state->before && result->messages[i]->id >= state->before) {
            state->cursor = 0;
            return;
        }
        put_comma(out, state);
        saletick_put_message(out, NULL, result->messages[i]);
    }
    for (size_t i = 0; i < result->thread_count; i++) {
        put_comma(out, state);
        saletick_put_thread(out, result->threads[i]);
    }
}

/* One page of several; the last one ends the response. */
static void tell_piece(struct dm_session *session, struct dm_out *out) {
    const struct dm_response response = { .status = 200 };
    struct saletick_session *state = session->state;
    enum dm_piece taken;

    if (state->phase == PHASE_START)
        dm_respond_begin(session, &response);
    state->phase = PHASE_PIECES;
    taken = dm_respond_piece(session, out);
    if (!state->cursor)
        dm_respond_end(session);
    else if (taken == DM_PIECE_TAKEN)
        saletick_next_page(session);
}

static void tell_page(struct dm_session *session, const struct dm_result *result) {
    const struct dm_response response = { .status = 200 };
    struct saletick_session *state = session->state;
    struct dm_out *out = dm_out(session);

    if (state->phase == PHASE_START)
        put_head(out, state->route);
    put_rows(out, state, result);
    if (!state->cursor)
        put_tail(out, state->route);
    if (state->phase == PHASE_START && !state->cursor)
        dm_respond(session, &response, out);
    else
        tell_piece(session, out);
}

void saletick_rest_result(struct dm_session *session, const struct dm_result *result) {
    const struct saletick_session *state = session->state;

    if (result->status == DM_OK && state->phase == PHASE_SEEKING)
        start_at(session, result);
    else if (result->status == DM_OK)
        tell_page(session, result);
    else if (state->phase == PHASE_PIECES)
        dm_respond_abort(session);
    else
        respond_failure(session, result->status);
}
