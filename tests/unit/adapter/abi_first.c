/* An adapter as it was built against ABI 1.0: compiled with the headers of then, which lie in
 * abi-1.0. It uses whatever was there. */
#include <stddef.h>

#include "core/adapter/adapter.h"

_Static_assert(DM_ABI_MAJOR == 1 && DM_ABI_MINOR == 0, "the headers of the first minor");

struct instance {
    int64_t number;
};

struct session {
    uint32_t frames;
};

static int start(struct dm_instance *instance) {
    ((struct instance *)instance->state)->number = dm_setting_int(instance, "number");
    dm_log(instance, DM_LOG_INFO, "the first one starts");
    return 0;
}

struct fields {
    int64_t n;
    struct dm_slice s;
};

static const struct dm_field field_rows[] = {
    { "n", DM_FIELD_INT, DM_FIELD_REQUIRED, offsetof(struct fields, n) },
    { "s", DM_FIELD_STRING, DM_FIELD_NULLABLE, offsetof(struct fields, s) },
};
static const struct dm_table field_table = DM_TABLE(field_rows);

static const char *frame(struct dm_session *session, const struct dm_frame *frame) {
    const struct instance *instance = session->instance->state;
    struct session *state = session->state;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LIST };
    struct fields fields = { 0 };
    const char *field;
    struct dm_out *out;

    if (dm_json_decode(session->host, dm_json_parse(session->host, frame->data), &field_table,
                       &fields, &field)) {
        dm_close(session, 1003);
        return "invalid";
    }
    out = dm_out(session);
    dm_put_object(out, NULL);
    dm_put_int(out, "n", fields.n + instance->number);
    dm_put_string(out, "s", fields.s);
    dm_put_int(out, "frames", ++state->frames);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "answer");
    dm_submit(session, &command, DM_SLICE("cookie"));
    return "frame";
}

static void request(struct dm_session *session, const struct dm_request *request) {
    const struct dm_header header = { "X-First", DM_SLICE("yes") };
    const struct dm_response response = { .status = 200, .content_type = "text/plain",
                                          .headers = &header, .header_count = 1 };
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, request->path);
    dm_put_raw(out, dm_request_query(session, "q"));
    dm_respond(session, &response, out);
}

static void result(struct dm_session *session, const struct dm_result *result,
                   struct dm_slice cookie) {
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, dm_slice_str(dm_status_name(result->status)));
    dm_put_raw(out, DM_SLICE(" "));
    dm_put_raw(out, cookie);
    dm_frame_end(out, DM_FRAME_TEXT, "result");
}

static void event(struct dm_instance *instance, const struct dm_event *event,
                  const struct dm_view *view, struct dm_out *out) {
    (void)instance;
    (void)view;
    dm_put_raw(out, dm_slice_str(dm_event_name(event->kind)));
    dm_frame_end(out, DM_FRAME_TEXT, "event");
}

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/ws", .id = 1 },
    { .transport = DM_HTTP, .method = "GET", .path = "/get", .id = 2 },
    { .transport = DM_SOCKETIO, .path = "/sio", .ns = "/", .id = 3 },
};

static const struct dm_setting settings[] = {
    { .key = "number", .kind = DM_SETTING_INT, .fallback = "40", .min = 0, .max = 99,
      .doc = "is added" },
    { .key = "text", .kind = DM_SETTING_STRING, .fallback = "shown", .doc = "does nothing" },
};

static const struct dm_capability capabilities[] = {
    { DM_EVENT_USER_CREATED, DM_SUPPORTED, "its name" },
};

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "first",
    .title = "Of the first minor",
    .version = "1.0",
    .flags = DM_ADAPTER_ANONYMOUS,
    .instance_size = sizeof(struct instance),
    .session_size = sizeof(struct session),
    .routes = DM_TABLE(routes),
    .settings = DM_TABLE(settings),
    .capabilities = DM_TABLE(capabilities),
    .start = start,
    .frame = frame,
    .request = request,
    .result = result,
    .event = event,
};
