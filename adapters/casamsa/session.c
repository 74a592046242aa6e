/* Frames and tokens. A frame that brings the token waits, as it came, until the token is known to
 * be good; the host holds later frames back meanwhile. */
#include "adapters/casamsa/casamsa.h"

#include <stdlib.h>
#include <string.h>

/* The event_response_key of a frame as JSON text; absent when there is none. */
static struct dm_slice key_of(const struct dm_host *host, const struct dm_json *object) {
    const struct dm_json *args = dm_json_get(host, object, "args");
    const struct dm_json *key = dm_json_get(host, args, "event_response_key");

    return key ? dm_json_text(host, key) : DM_SLICE_NONE;
}

static void drop_pending(struct casamsa_session *state) {
    free(state->pending);
    state->pending = NULL;
    state->pending_len = 0;
}

static void authenticate(struct dm_session *session, const struct dm_frame *frame,
                         struct dm_slice token) {
    struct casamsa_session *state = session->state;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_AUTHENTICATE,
                                  .token = token };

    drop_pending(state);
    state->pending = malloc(frame->data.len);
    if (!state->pending) {
        casamsa_fail(session, "system_error", "Service unavailable", DM_SLICE_NONE);
        return;
    }
    memcpy(state->pending, frame->data.ptr, frame->data.len);
    state->pending_len = frame->data.len;
    dm_submit(session, &command, DM_SLICE_NONE);
}

/* Without a principal a frame is good for its token alone. */
static void look_at_token(struct dm_session *session, const struct dm_frame *frame,
                          const struct dm_json *object) {
    const struct dm_host *host = session->host;
    const struct dm_json *token = dm_json_get(host, object, "access_token");

    switch (dm_json_type(host, token)) {
    case DM_JSON_NONE:
    case DM_JSON_NULL:
        casamsa_fail(session, "field_error", "There is no access token.", key_of(host, object));
        break;
    case DM_JSON_STRING:
        authenticate(session, frame, dm_json_string(host, token));
        break;
    default:
        casamsa_fail(session, "authorization_error", "Authorization failed.",
                     key_of(host, object));
        break;
    }
}

static const char *take(struct dm_session *session, const struct dm_json *object) {
    const struct dm_host *host = session->host;
    const struct dm_json *args = dm_json_get(host, object, "args");
    const struct dm_json *method = dm_json_get(host, object, "method");

    if (dm_json_type(host, method) != DM_JSON_STRING) {
        casamsa_refuse_field(session, "method", key_of(host, object));
        return "invalid";
    }
    return casamsa_method(session, dm_json_string(host, method), args);
}

const char *casamsa_frame(struct dm_session *session, const struct dm_frame *frame) {
    const struct dm_host *host = session->host;
    const struct dm_json *object = dm_json_object(host, frame->data);

    if (!object) {
        casamsa_refuse(session, "system_error", "The frame is no JSON object.", DM_SLICE_NONE);
        return "invalid";
    }
    if (session->user)
        return take(session, object);
    look_at_token(session, frame, object);
    return "token";
}

void casamsa_authenticated(struct dm_session *session, const struct dm_result *result) {
    struct casamsa_session *state = session->state;
    const struct dm_json *object =
        dm_json_parse(session->host, (struct dm_slice){ state->pending, state->pending_len });

    if (result->status == DM_OK)
        take(session, object);
    else
        casamsa_fail_result(session, result, key_of(session->host, object));
    drop_pending(state);
}

void casamsa_notice(struct dm_session *session, enum dm_notice notice,
                    const struct dm_frame *frame) {
    struct dm_slice key = DM_SLICE_NONE;

    if (frame)
        key = key_of(session->host, dm_json_parse(session->host, frame->data));
    switch (notice) {
    case DM_NOTICE_RATE_LIMITED:
        casamsa_refuse(session, "access_error", "Too many requests", key);
        break;
    case DM_NOTICE_BACKLOG:
        casamsa_refuse(session, "system_error", "Service unavailable", key);
        break;
    case DM_NOTICE_REVOKED:
        casamsa_fail(session, "authorization_error", "Authorization failed.", key);
        break;
    case DM_NOTICE_AUTH_TIMEOUT:
    case DM_NOTICE_DRAINING:
    case DM_NOTICE_TIMER:
    case DM_NOTICE_WRITABLE:
        break;
    }
}

void casamsa_close(struct dm_session *session) {
    drop_pending(session->state);
}

void casamsa_redact(struct dm_instance *instance, const struct dm_frame *frame,
                    struct dm_out *out) {
    static const char *const shown[] = { "method", "args", NULL };
    static const char *const masked[] = { "access_token", NULL };

    if (frame->flags & DM_FRAME_SENT)
        dm_put_raw(out, frame->data);
    else
        dm_put_redacted(out, dm_json_object(instance->host, frame->data), shown, masked);
    dm_frame_end(out, DM_FRAME_TEXT, "frame");
}
