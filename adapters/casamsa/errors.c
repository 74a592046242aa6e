#include "adapters/casamsa/casamsa.h"

#include <stdio.h>
#include <string.h>

static void begin_error(struct dm_out *out, const char *type, const char *detail,
                        struct dm_slice key) {
    casamsa_begin(out, "error", KEY_GIVEN, key);
    dm_put_str(out, "type", type);
    dm_put_str(out, "detail", detail);
}

void casamsa_fail(struct dm_session *session, const char *type, const char *detail,
                  struct dm_slice key) {
    struct dm_out *out = dm_out(session);

    begin_error(out, type, detail, key);
    casamsa_end(out, "error");
}

void casamsa_fail_field(struct dm_session *session, const char *field, struct dm_slice key) {
    char detail[96];

    snprintf(detail, sizeof(detail), "%s: missing or invalid.", field);
    casamsa_fail(session, "field_error", detail, key);
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

    begin_error(out, "chat_duplication_error", "The chat exists already.", key);
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
    switch (result->status) {
    case DM_INVALID:
    case DM_TOO_LARGE:
        casamsa_fail_field(session, field_name(result->field), key);
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
