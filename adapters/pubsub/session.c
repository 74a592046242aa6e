/* Sockets of both forms: their login, and what comes over them. */
#include "adapters/pubsub/pubsub.h"

#include <stdlib.h>

static enum pubsub_form form_of(const struct dm_session *session) {
    return ((const struct pubsub_session *)session->state)->form;
}

/* Without an argument, unlike all other events. */
static void fail_auth(struct dm_session *session) {
    struct dm_out *out = dm_out(session);

    if (form_of(session) == FORM_PLAIN) {
        dm_put_object(out, NULL);
        dm_put_str(out, "channel", "chat");
        dm_put_str(out, "event", "auth-failed");
    } else {
        dm_put_array(out, NULL);
        dm_put_str(out, NULL, "auth-failed");
    }
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "auth-failed");
    dm_close(session, CLOSE_POLICY);
}

static void authenticate(struct dm_session *session, struct dm_slice token,
                         const struct pubsub_cookie *cookie) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_AUTHENTICATE,
                                  .token = token };

    if (token.len)
        dm_submit(session, &command, cookie ? pubsub_cookie_slice(cookie) : DM_SLICE_NONE);
    else
        fail_auth(session);
}

void pubsub_authenticated(struct dm_session *session, const struct dm_result *result,
                          struct dm_slice slice) {
    struct pubsub_cookie cookie;
    struct dm_out *out;

    if (result->status == DM_UNAVAILABLE || result->status == DM_INTERNAL
        || result->status == DM_LIMITED) {
        dm_close(session, CLOSE_TRY_LATER);
    } else if (result->status != DM_OK) {
        fail_auth(session);
    } else if (pubsub_cookie_read(slice, &cookie) == 0 && cookie.reply.wanted == REPLY_WANTED) {
        out = dm_out(session);
        pubsub_begin_answer(out, &cookie);
        pubsub_end_answer(out, &cookie);
    }
}

void pubsub_open(struct dm_session *session, const struct dm_request *request) {
    struct pubsub_session *state = session->state;
    const struct dm_host *host = session->host;

    state->route = (enum pubsub_route)request->route;
    state->form = state->route == ROUTE_PLAIN ? FORM_PLAIN : FORM_SOCKETIO;
    dm_set_variant(session, (uint32_t)state->form);
    if (state->form == FORM_SOCKETIO) {
        const struct dm_json *auth = dm_json_parse(host, request->body);

        authenticate(session, dm_json_member(host, auth, "token"), NULL);
    } else if (!session->user && request->credentials.ptr) {
        fail_auth(session);
    }
}

/* ---- frames ---- */

static const char *take_array(struct dm_session *session, const struct dm_frame *frame) {
    const struct dm_host *host = session->host;
    const struct dm_json *array = dm_json_parse(host, frame->data);
    const struct dm_json *name = dm_json_next(host, array, NULL);
    struct pubsub_cookie cookie = { .reply = { .form = FORM_SOCKETIO, .ack = frame->ack } };

    if (frame->flags & DM_FRAME_WANTS_ACK)
        cookie.reply.wanted = REPLY_WANTED;
    return pubsub_call(session, dm_json_string(host, name), dm_json_next(host, array, name),
                       &cookie);
}

/* The id of a plain frame; -1 when it is neither a number nor a string, or too long. */
static int read_id(const struct dm_host *host, const struct dm_json *id,
                   struct pubsub_cookie *cookie) {
    enum dm_json_type type = dm_json_type(host, id);
    struct dm_slice text;

    if (type == DM_JSON_NONE || type == DM_JSON_NULL)
        return 0;
    text = dm_json_text(host, id);
    if ((type != DM_JSON_INT && type != DM_JSON_REAL && type != DM_JSON_STRING)
        || text.len > sizeof(cookie->id))
        return -1;
    memcpy(cookie->id, text.ptr, text.len);
    cookie->id_len = text.len;
    cookie->reply.wanted = REPLY_WANTED;
    return 0;
}

static const char *take_object(struct dm_session *session, const struct dm_frame *frame) {
    const struct dm_host *host = session->host;
    const struct dm_json *object = dm_json_parse(host, frame->data);
    const struct dm_json *data = dm_json_get(host, object, "data");
    struct dm_slice name = dm_json_member(host, object, "event");
    struct pubsub_cookie cookie = { .reply = { .form = FORM_PLAIN, .call = CALL_AUTH } };
    int good = read_id(host, dm_json_get(host, object, "id"), &cookie) == 0;

    if (!session->user && dm_slice_eq(name, DM_SLICE("auth"))) {
        authenticate(session, dm_json_member(host, data, "token"), &cookie);
        return "auth";
    }
    if (!session->user) {
        fail_auth(session);
        return "early";
    }
    return name.ptr && good ? pubsub_call(session, name, data, &cookie) : "invalid";
}

const char *pubsub_frame(struct dm_session *session, const struct dm_frame *frame) {
    if (form_of(session) == FORM_PLAIN)
        return take_object(session, frame);
    return session->user ? take_array(session, frame) : "early";
}

void pubsub_notice(struct dm_session *session, enum dm_notice notice,
                   const struct dm_frame *frame) {
    (void)frame;
    if (notice == DM_NOTICE_AUTH_TIMEOUT || notice == DM_NOTICE_REVOKED)
        fail_auth(session);
}

void pubsub_close(struct dm_session *session) {
    struct pubsub_session *state = session->state;

    pubsub_listings_free(state);
    free(state->uploads);
}

void pubsub_redact(struct dm_instance *instance, const struct dm_frame *frame,
                   struct dm_out *out) {
    const struct dm_host *host = instance->host;
    const struct dm_json *value = dm_json_parse(host, frame->data);
    const struct dm_json *name = dm_json_next(host, value, NULL);
    const struct dm_json *data = dm_json_next(host, value, name);

    if (dm_json_type(host, value) == DM_JSON_OBJECT) {
        name = dm_json_get(host, value, "event");
        data = dm_json_get(host, value, "data");
    }
    /* The token comes with `auth`; what is no frame, or has one, may be a broken one of these. */
    if (frame->flags & DM_FRAME_SENT
        || (dm_json_string(host, name).len && !dm_json_get(host, data, "token")
            && !dm_slice_eq(dm_json_string(host, name), DM_SLICE("auth")))) {
        dm_put_raw(out, frame->data);
    } else {
        dm_put_object(out, NULL);
        dm_put_string(out, "event", dm_json_string(host, name));
        dm_put_str(out, "data", "***");
        dm_put_end(out);
    }
    dm_frame_end(out, DM_FRAME_TEXT, "frame");
}
