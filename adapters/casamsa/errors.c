#include "adapters/casamsa/casamsa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin_error(struct dm_out *out, struct dm_slice type, struct dm_slice detail,
                        struct dm_slice key) {
    casamsa_begin(out, "error", KEY_GIVEN, key);
    dm_put_string(out, "type", type);
    dm_put_string(out, "detail", detail);
}

static void put_error(struct dm_out *out, struct dm_slice type, struct dm_slice detail,
                      struct dm_slice key) {
    begin_error(out, type, detail, key);
    casamsa_end(out, "error");
}

void casamsa_fail(struct dm_session *session, const char *type, const char *detail,
                  struct dm_slice key) {
    put_error(dm_out(session), dm_slice_str(type), dm_slice_str(detail), key);
}

static void put_authenticated(struct dm_out *out, struct dm_slice key) {
    casamsa_begin(out, "authenticated", KEY_GIVEN, key);
    casamsa_end(out, "authenticated");
}

/* 1 when casamsa_turn will have all three back; 0 when there is nothing to wait for, or the key is
 * too long to be kept. */
static int wait_for_turn(struct dm_session *session, const char *type, const char *detail,
                         struct dm_slice key) {
    const struct dm_command turn = { .size = sizeof(turn), .kind = DM_CMD_NONE };
    size_t size = strlen(type) + strlen(detail) + key.len + sizeof("[\"\",\"\",null]");
    struct dm_slice shown = key.ptr ? key : DM_SLICE("null");
    char *cookie = session->user && size <= DM_COOKIE_MAX ? malloc(size) : NULL;
    int len;

    if (!cookie)
        return 0;
    len = snprintf(cookie, size, "[\"%s\",\"%s\",%.*s]", type, detail, DM_SLICE_FMT(shown));
    dm_submit(session, &turn, (struct dm_slice){ cookie, (size_t)len });
    free(cookie);
    return 1;
}

void casamsa_refuse(struct dm_session *session, const char *type, const char *detail,
                    struct dm_slice key) {
    if (!wait_for_turn(session, type, detail, key))
        casamsa_fail(session, type, detail, key);
}

void casamsa_welcome(struct dm_session *session, struct dm_slice key) {
    if (!wait_for_turn(session, "authenticated", "", key))
        put_authenticated(dm_out(session), key);
}

void casamsa_turn(struct dm_session *session, struct dm_slice cookie) {
    const struct dm_host *host = session->host;
    const struct dm_json *parts = dm_json_parse(host, cookie);
    const struct dm_json *type = dm_json_next(host, parts, NULL);
    const struct dm_json *detail = dm_json_next(host, parts, type);
    struct dm_slice key = dm_json_text(host, dm_json_next(host, parts, detail));

    if (dm_slice_eq(dm_json_string(host, type), DM_SLICE("authenticated")))
        put_authenticated(dm_out(session), key);
    else
        put_error(dm_out(session), dm_json_string(host, type), dm_json_string(host, detail), key);
}

static const char *field_detail(const char *field, char detail[96]) {
    snprintf(detail, 96, "%s: missing or invalid.", field);
    return detail;
}

void casamsa_refuse_field(struct dm_session *session, const char *field, struct dm_slice key) {
    char detail[96];

    casamsa_refuse(session, "field_error", field_detail(field, detail), key);
}

/* The dialect's name of a command's member. */
static const char *field_name(const char *member) {
    if (!member)
        return "args";
    if (!strcmp(member, "uploads") || !strcmp(member, "urls"))
        return "files";
    if (!strcmp(member, "thread"))
        return "chat";
    return member;
}

static void fail_duplicate(struct dm_session *session, const struct dm_result *result,
                           struct dm_slice key) {
    struct dm_out *out = dm_out(session);

    begin_error(out, DM_SLICE("chat_duplication_error"), DM_SLICE("The chat exists already."),
                key);
    dm_put_int(out, "chat_id", result->thread ? result->thread->id : 0);
    casamsa_end(out, "error");
}

static const char *access_detail(enum dm_status status) {
    switch (status) {
    case DM_NO_THREAD: return "There is no such chat.";
    case DM_NO_USER: return "There is no such user.";
    case DM_BLOCKED: return "The chat is blocked.";
    case DM_LIMITED: return "Too many requests";
    default: return "This is not allowed.";
    }
}

void casamsa_fail_result(struct dm_session *session, const struct dm_result *result,
                         struct dm_slice key) {
    char detail[96];

    switch (result->status) {
    case DM_INVALID:
    case DM_TOO_LARGE:
        casamsa_fail(session, "field_error", field_detail(field_name(result->field), detail),
                     key);
        break;
    case DM_EXISTS:
        fail_duplicate(session, result, key);
        break;
    case DM_UNAUTHENTICATED:
    case DM_TOKEN_EXPIRED:
        casamsa_fail(session, "authorization_error", "Authorization failed.", key);
        break;
    case DM_UNAVAILABLE:
        casamsa_fail(session, "system_error", "Service unavailable", key);
        break;
    case DM_INTERNAL:
        casamsa_fail(session, "system_error", "Internal error", key);
        break;
    default:
        casamsa_fail(session, "access_error", access_detail(result->status), key);
        break;
    }
}
