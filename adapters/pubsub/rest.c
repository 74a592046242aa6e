/* The calls of its web app beside the socket: accounts, and media before they are sent. */
#include "adapters/pubsub/pubsub.h"

struct account {
    struct dm_slice username;
    struct dm_slice password;
};

static const struct dm_field account_fields[] = {
    { "username", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct account, username) },
    { "password", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct account, password) },
};

void pubsub_respond_errors(struct dm_session *session, const char *what) {
    const struct dm_response response = { .status = 400 };
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    dm_put_array(out, "errors");
    dm_put_str(out, NULL, what);
    dm_put_end(out);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

void pubsub_respond_status(struct dm_session *session, int status) {
    dm_respond_text(session, status, "error", NULL);
}

void pubsub_fault(struct dm_session *session, const struct dm_request *request, int status) {
    if (status == 401 && request->route == ROUTE_UPLOAD)
        status = 403;
    pubsub_respond_status(session, status);
}

/* ---- requests ---- */

/* Nobody is called nothing, so a login with a part missing is a wrong one. */
static void refuse_account(struct dm_session *session, const struct account *account) {
    const struct pubsub_session *state = session->state;

    if (state->route == ROUTE_LOGIN)
        pubsub_respond_status(session, 401);
    else
        pubsub_respond_errors(session, !account->username.len ? "username is required"
                                                              : "password is required");
}

static void ask_account(struct dm_session *session, const struct dm_request *request) {
    static const struct dm_table fields = DM_TABLE(account_fields);
    struct account account = { DM_SLICE_NONE, DM_SLICE_NONE };
    struct dm_command command = { .size = sizeof(command) };
    const struct dm_json *object = dm_json_object(session->host, request->body);
    const char *field = NULL;

    if (!object) {
        pubsub_respond_errors(session, "invalid JSON");
        return;
    }
    if (dm_json_decode(session->host, object, &fields, &account, &field) != 0
        || !account.username.len || !account.password.len) {
        refuse_account(session, &account);
        return;
    }
    command.secret = account.password;
    if (request->route == ROUTE_REGISTER) {
        command.kind = DM_CMD_REGISTER;
        command.profile.username = account.username;
    } else {
        command.kind = DM_CMD_LOGIN;
        command.name = account.username;
        command.flags = DM_CMD_WITH_TOKENS;
    }
    dm_submit(session, &command, DM_SLICE_NONE);
}

void pubsub_request(struct dm_session *session, const struct dm_request *request) {
    struct pubsub_session *state = session->state;

    state->route = (enum pubsub_route)request->route;
    if (state->route == ROUTE_UPLOAD)
        pubsub_upload(session);
    else
        ask_account(session, request);
}

/* ---- results ---- */

static void respond_token(struct dm_session *session, struct dm_slice token) {
    const struct dm_response response = { .status = 200 };
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    dm_put_string(out, "token", token);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

static void respond_exists(struct dm_session *session) {
    const struct dm_response response = { .status = 409 };
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    dm_put_int(out, "error", 409);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

void pubsub_respond_failure(struct dm_session *session, enum dm_status status) {
    const struct pubsub_session *state = session->state;

    switch (status) {
    case DM_LIMITED:
        pubsub_respond_status(session, 429);
        break;
    case DM_UNAVAILABLE:
        pubsub_respond_status(session, 503);
        break;
    case DM_INTERNAL:
        pubsub_respond_status(session, 500);
        break;
    case DM_EXISTS:
        respond_exists(session);
        break;
    default:
        if (state->route == ROUTE_LOGIN)
            pubsub_respond_status(session, 401);
        else if (state->route == ROUTE_UPLOAD && status == DM_TOO_LARGE)
            pubsub_respond_status(session, 413);
        else if (state->route == ROUTE_UPLOAD && status != DM_INVALID)
            pubsub_respond_status(session, 403);
        else
            pubsub_respond_errors(session, "invalid value");
        break;
    }
}

void pubsub_rest_result(struct dm_session *session, const struct dm_result *result) {
    const struct pubsub_session *state = session->state;

    if (state->route == ROUTE_UPLOAD)
        pubsub_uploaded(session, result);
    else if (result->status != DM_OK)
        pubsub_respond_failure(session, result->status);
    else if (state->route == ROUTE_LOGIN)
        respond_token(session, result->access_token);
    else
        dm_respond_text(session, 201, "message", NULL);
}
