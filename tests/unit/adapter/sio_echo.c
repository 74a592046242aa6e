#include "tests/unit/adapter/sio_echo.h"

#include <criterion/criterion.h>

unsigned sio_echo_opened, sio_echo_ended;

static void echo_open(struct dm_session *session, const struct dm_request *request) {
    struct dm_out *out = dm_out(session);

    sio_echo_opened++;
    cr_expect_eq(session->kind, DM_SESSION_SOCKETIO);
    dm_put_array(out, NULL);
    dm_put_str(out, NULL, "auth");
    dm_put_json(out, NULL, request->body);
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "auth");
}

/* What came goes back, as an acknowledgement where one is wanted. */
static const char *echo_frame(struct dm_session *session, const struct dm_frame *frame) {
    struct dm_out *out;

    if (dm_slice_eq(frame->data, DM_SLICE("[\"leave\"]"))) {
        dm_close(session, 1008);
        return "leave";
    }
    if (dm_slice_eq(frame->data, DM_SLICE("[\"again\"]"))) {
        dm_close(session, 1011);
        return "again";
    }
    out = dm_out(session);
    dm_put_raw(out, frame->data);
    for (uint32_t i = 0; i < frame->attachment_count; i++)
        dm_put_attachment(out, frame->attachments[i]);
    if (frame->flags & DM_FRAME_WANTS_ACK)
        dm_ack_end(out, frame->ack, "ack");
    else
        dm_frame_end(out, DM_FRAME_TEXT, "echo");
    return "echo";
}

static void echo_close(struct dm_session *session) {
    (void)session;
    sio_echo_ended++;
}

static const struct dm_route routes[] = {
    { .transport = DM_SOCKETIO, .path = "/io", .ns = "/", .id = 1 },
    { .transport = DM_SOCKETIO, .path = "/io", .ns = "/custom", .id = 2 },
};

const struct dm_adapter sio_echo = {
    .size = sizeof(struct dm_adapter), .abi_major = DM_ABI_MAJOR, .abi_minor = DM_ABI_MINOR,
    .name = "echo", .title = "Echo", .version = "1", .flags = DM_ADAPTER_ANONYMOUS,
    .routes = DM_TABLE(routes), .open = echo_open, .frame = echo_frame, .close = echo_close,
};
