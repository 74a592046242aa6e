/* REST: tokens (RFC 6749, sections 4.3, 5 and 6), registration and the own profile. */
#include "adapters/opcode/opcode.h"

#include <stddef.h>

static const struct dm_header no_store[] = {
    { "Cache-Control", { "no-store", 8 } },
    { "Pragma", { "no-cache", 8 } },
};

static void respond_oauth_error(struct dm_session *session, const char *error,
                                const char *description) {
    const struct dm_response response = { .status = 400, .headers = no_store, .header_count = 2 };
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    dm_put_str(out, "error", error);
    dm_put_str(out, "error_description", description);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

struct token_body {
    struct dm_slice grant_type;
    struct dm_slice username;
    struct dm_slice password;
    struct dm_slice refresh_token;
};

static const struct dm_field token_rows[] = {
    { "grant_type", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct token_body, grant_type) },
    { "username", DM_FIELD_STRING, DM_FIELD_NULLABLE, offsetof(struct token_body, username) },
    { "password", DM_FIELD_STRING, DM_FIELD_NULLABLE, offsetof(struct token_body, password) },
    { "refresh_token", DM_FIELD_STRING, DM_FIELD_NULLABLE,
      offsetof(struct token_body, refresh_token) },
};
static const struct dm_table token_table = DM_TABLE(token_rows);

/* From JSON, or from a form; 0, or -1 when there is no grant_type, or a key has no text. */
static int read_token_body(struct dm_session *session, const struct dm_request *request,
                           struct token_body *ret_body) {
    const char *field;

    if (!dm_slice_eq(request->content_type, DM_SLICE("application/x-www-form-urlencoded")))
        return dm_json_decode(session->host, dm_json_object(session->host, request->body),
                              &token_table, ret_body, &field);
    ret_body->grant_type = dm_request_form(session, "grant_type");
    ret_body->username = dm_request_form(session, "username");
    ret_body->password = dm_request_form(session, "password");
    ret_body->refresh_token = dm_request_form(session, "refresh_token");
    return ret_body->grant_type.ptr ? 0 : -1;
}

void opcode_request_token(struct dm_session *session, const struct dm_request *request) {
    struct dm_command command = { .size = sizeof(command) };
    struct token_body body = { 0 };

    if (read_token_body(session, request, &body) != 0) {
        respond_oauth_error(session, "invalid_request", "grant_type is missing");
    } else if (dm_slice_eq(body.grant_type, DM_SLICE("password"))) {
        if (!body.username.ptr || !body.password.ptr) {
            respond_oauth_error(session, "invalid_request", "username or password is missing");
            return;
        }
        command.kind = DM_CMD_LOGIN;
        command.flags = DM_CMD_WITH_TOKENS;
        command.name = body.username;
        command.secret = body.password;
        command.secret_kind = DM_SECRET_PASSWORD;
        dm_submit(session, &command, DM_SLICE_NONE);
    } else if (dm_slice_eq(body.grant_type, DM_SLICE("refresh_token"))) {
        if (!body.refresh_token.ptr) {
            respond_oauth_error(session, "invalid_request", "refresh_token is missing");
            return;
        }
        command.kind = DM_CMD_REFRESH;
        command.token = body.refresh_token;
        dm_submit(session, &command, DM_SLICE_NONE);
    } else {
        respond_oauth_error(session, "unsupported_grant_type",
                            "grant_type is neither password nor refresh_token");
    }
}

void opcode_token_result(struct dm_session *session, const struct dm_result *result) {
    const struct dm_response response = { .status = 200, .headers = no_store, .header_count = 2 };
    struct dm_out *out;

    if (result->status == DM_LIMITED || result->status == DM_UNAVAILABLE
        || result->status == DM_INTERNAL) {
        opcode_respond_failure(session, result->status);
        return;
    }
    if (result->status != DM_OK) {
        respond_oauth_error(session, "invalid_grant",
                            result->kind == DM_CMD_LOGIN ? "wrong username or password"
                                                         : "bad or expired refresh_token");
        return;
    }
    out = dm_out(session);
    dm_put_object(out, NULL);
    dm_put_string(out, "access_token", result->access_token);
    dm_put_int(out, "expires_in", result->expires_in);
    dm_put_str(out, "token_type", "Bearer");
    dm_put_str(out, "scope", "*");
    dm_put_string(out, "refresh_token", result->refresh_token);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

/* ---- registration ---- */

struct register_body {
    struct dm_slice email;
    struct dm_slice first_name;
    struct dm_slice last_name;
    struct dm_slice location;
    struct dm_slice role;
    struct dm_slice password;
};

static const struct dm_field register_rows[] = {
    { "email", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct register_body, email) },
    { "password", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct register_body, password) },
    { "role", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct register_body, role) },
    { "first_name", DM_FIELD_STRING, DM_FIELD_NULLABLE,
      offsetof(struct register_body, first_name) },
    { "last_name", DM_FIELD_STRING, DM_FIELD_NULLABLE, offsetof(struct register_body, last_name) },
    { "location", DM_FIELD_STRING, DM_FIELD_NULLABLE, offsetof(struct register_body, location) },
};
static const struct dm_table register_table = DM_TABLE(register_rows);

/* A slice that the user lacks is absent, never empty. */
static struct dm_slice unless_empty(struct dm_slice text) {
    return text.len ? text : DM_SLICE_NONE;
}

void opcode_request_register(struct dm_session *session, const struct dm_request *request) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_REGISTER };
    struct register_body body = { 0 };
    const char *field;

    if (dm_json_decode(session->host, dm_json_object(session->host, request->body),
                       &register_table, &body, &field) != 0
        || !body.email.len || !memchr(body.email.ptr, '@', body.email.len) || !body.password.len) {
        opcode_respond_message(session, 400, NULL);
        return;
    }
    if (dm_slice_eq(body.role, DM_SLICE("s"))) {
        command.profile.role = DM_SLICE("STUDENT");
    } else if (dm_slice_eq(body.role, DM_SLICE("t"))) {
        command.profile.role = DM_SLICE("TUTOR");
    } else {
        opcode_respond_message(session, dm_slice_eq(body.role, DM_SLICE("a")) ? 403 : 400, NULL);
        return;
    }
    command.profile.username = body.email;
    command.profile.email = body.email;
    command.profile.first_name = unless_empty(body.first_name);
    command.profile.last_name = unless_empty(body.last_name);
    command.profile.location = unless_empty(body.location);
    command.secret = body.password;
    command.secret_kind = DM_SECRET_PASSWORD;
    dm_submit(session, &command, DM_SLICE_NONE);
}

void opcode_register_result(struct dm_session *session, const struct dm_result *result) {
    const struct dm_response response = { .status = 201 };
    struct dm_out *out;

    if (result->status == DM_EXISTS) {
        opcode_respond_message(session, 409, NULL);
    } else if (result->status == DM_TOO_LARGE) {
        opcode_respond_message(session, 400, NULL);
    } else if (result->status != DM_OK) {
        opcode_respond_failure(session, result->status);
    } else {
        out = dm_out(session);
        opcode_put_profile(out, result->user);
        dm_respond(session, &response, out);
    }
}

void opcode_profile_result(struct dm_session *session, const struct dm_result *result) {
    const struct dm_response response = { .status = 200 };
    struct dm_out *out = dm_out(session);

    opcode_put_profile(out, result->user);
    dm_respond(session, &response, out);
}
