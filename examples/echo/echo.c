/* Sends back what it gets, to whoever comes: the smallest adapter, and the one that tests of the
 * wire protocols speak to.
 *
 *     WebSocket  at /           each message, text or binary, however it was cut
 *     Engine.IO  at /engine.io  each message
 *     Socket.IO  at /socket.io  in "/" and "/custom": "auth" with what came with CONNECT; "message"
 *                               gives "message-back" with the same arguments, "message-with-ack"
 *                               an acknowledgement with them
 *     POST       at /sum        how long the body is, and its Adler-32 (RFC 1950, section 8.2), of
 *                               which no more than a piece is ever held
 */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>

#include <dragoman/adapter.h>

#define MESSAGE_MAX (16u << 20)
#define BODY_MAX (1u << 30)
#define ADLER_BASE 65521u

/* The public suite begins to listen for "auth" when it has seen the answer to CONNECT: what comes
 * in the same segment is lost to it. */
#define AUTH_DELAY_MS 20

struct state {
    char *auth; /* what came with CONNECT, until it is sent */
    int64_t bytes; /* of the body, so far */
    uint32_t low, high; /* the two halves of its sum */
};

static void echo(struct dm_session *session, const struct dm_frame *frame) {
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, frame->data);
    dm_frame_end(out, frame->kind, "echo");
}

/* ---- Socket.IO ---- */

/* The arguments behind the event's name, and the binary ones that placeholders in them stand for;
 * then the array of both ends. */
static void put_arguments(struct dm_out *out, const struct dm_frame *frame,
                          const struct dm_json *array, const struct dm_json *name) {
    const struct dm_json *argument = name;

    while ((argument = dm_json_next(out->host, array, argument)))
        dm_put_json(out, NULL, dm_json_text(out->host, argument));
    dm_put_end(out);
    for (uint32_t i = 0; i < frame->attachment_count; i++)
        dm_put_attachment(out, frame->attachments[i]);
}

static const char *answer_event(struct dm_session *session, const struct dm_frame *frame) {
    const struct dm_json *array = dm_json_parse(session->host, frame->data);
    const struct dm_json *name = dm_json_next(session->host, array, NULL);
    struct dm_slice text = dm_json_string(session->host, name);
    int wants_ack = (frame->flags & DM_FRAME_WANTS_ACK) != 0;
    struct dm_out *out = dm_out(session);

    if (dm_slice_eq(text, DM_SLICE("message"))) {
        dm_put_array(out, NULL);
        dm_put_str(out, NULL, "message-back");
        put_arguments(out, frame, array, name);
        dm_frame_end(out, DM_FRAME_TEXT, "message-back");
        return "message";
    }
    if (dm_slice_eq(text, DM_SLICE("message-with-ack")) && wants_ack) {
        dm_put_array(out, NULL);
        put_arguments(out, frame, array, name);
        dm_ack_end(out, frame->ack, "ack");
        return "message-with-ack";
    }
    return "other";
}

static void open(struct dm_session *session, const struct dm_request *request) {
    struct state *state = session->state;

    if (session->kind != DM_SESSION_SOCKETIO)
        return;
    if (request->body.len)
        state->auth = strndup(request->body.ptr, request->body.len);
    dm_timer(session, AUTH_DELAY_MS);
}

static void forget_auth(struct dm_session *session) {
    struct state *state = session->state;

    free(state->auth);
    state->auth = NULL;
}

static void notice(struct dm_session *session, enum dm_notice notice,
                   const struct dm_frame *frame) {
    const struct state *state = session->state;
    struct dm_out *out;

    (void)frame;
    if (notice == DM_NOTICE_RATE_LIMITED || notice == DM_NOTICE_BACKLOG)
        dm_close(session, 1008);
    if (notice != DM_NOTICE_TIMER)
        return;
    out = dm_out(session);
    dm_put_array(out, NULL);
    dm_put_str(out, NULL, "auth");
    dm_put_json(out, NULL, dm_slice_str(state->auth ? state->auth : "{}"));
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "auth");
    forget_auth(session);
}

static const char *frame(struct dm_session *session, const struct dm_frame *frame) {
    if (session->kind == DM_SESSION_SOCKETIO)
        return answer_event(session, frame);
    echo(session, frame);
    return "echo";
}

/* ---- a body in pieces ---- */

static void request(struct dm_session *session, const struct dm_request *request) {
    struct state *state = session->state;

    (void)request;
    state->low = 1;
    dm_body_next(session);
}

static void answer_sum(struct dm_session *session) {
    const struct dm_response response = { .status = 200 };
    const struct state *state = session->state;
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    dm_put_int(out, "bytes", state->bytes);
    dm_put_int(out, "adler32", (int64_t)state->high << 16 | state->low);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

static void body(struct dm_session *session, struct dm_slice piece) {
    struct state *state = session->state;

    if (!piece.ptr) {
        answer_sum(session);
        return;
    }
    for (size_t i = 0; i < piece.len; i++) {
        state->low = (state->low + (unsigned char)piece.ptr[i]) % ADLER_BASE;
        state->high = (state->high + state->low) % ADLER_BASE;
    }
    state->bytes += (int64_t)piece.len;
    dm_body_next(session);
}

/* ---- what it is ---- */

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/", .id = 1 },
    { .transport = DM_ENGINEIO, .path = "/engine.io", .id = 2 },
    { .transport = DM_SOCKETIO, .path = "/socket.io", .ns = "/", .id = 3 },
    { .transport = DM_SOCKETIO, .path = "/socket.io", .ns = "/custom", .id = 4 },
    { .transport = DM_HTTP, .method = "POST", .path = "/sum", .flags = DM_ROUTE_PIECES, .id = 5 },
};

/* What the public test suites of Engine.IO and Socket.IO expect of the server they speak to. */
static const struct dm_setting settings[] = {
    { .key = "heartbeat_ms", .kind = DM_SETTING_DEFAULT, .fallback = "300" },
    { .key = "ping_timeout_ms", .kind = DM_SETTING_DEFAULT, .fallback = "200" },
    { .key = "payload_max", .kind = DM_SETTING_DEFAULT, .fallback = "1000000" },
    { .key = "connect_timeout_ms", .kind = DM_SETTING_DEFAULT, .fallback = "1000" },
    { .key = "rate", .kind = DM_SETTING_DEFAULT, .fallback = "0" },
};

/* No event has a row, so none of the core's is told. */
DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "echo",
    .title = "Sends back what it gets",
    .version = "1.0",
    .flags = DM_ADAPTER_ANONYMOUS,
    .session_size = sizeof(struct state),
    .limits = { .frame_max = MESSAGE_MAX, .body_max = BODY_MAX },
    .routes = DM_TABLE(routes),
    .settings = DM_TABLE(settings),
    .open = open,
    .frame = frame,
    .notice = notice,
    .close = forget_auth,
    .request = request,
    .body = body,
};
