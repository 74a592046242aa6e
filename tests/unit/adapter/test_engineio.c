/* Engine.IO routes through the host: an adapter's frames are the messages themselves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/adapter/polling.h"

static unsigned opened, ended;
static struct rig rig;

static void say(struct dm_session *session, enum dm_frame_kind kind, struct dm_slice text) {
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, text);
    dm_frame_end(out, kind, "say");
}

static void echo_open(struct dm_session *session, const struct dm_request *request) {
    opened++;
    cr_expect_eq(session->kind, DM_SESSION_ENGINEIO);
    cr_expect_eq(request->route, 7);
    cr_expect_null(dm_request_header(session, "host").ptr);
    say(session, DM_FRAME_TEXT, DM_SLICE("hi"));
}

static const char *echo_frame(struct dm_session *session, const struct dm_frame *frame) {
    const struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LIST };

    if (dm_slice_eq(frame->data, DM_SLICE("close")))
        dm_close(session, 1008);
    else if (dm_slice_eq(frame->data, DM_SLICE("ask")))
        dm_submit(session, &command, DM_SLICE_NONE);
    else if (dm_slice_eq(frame->data, DM_SLICE("event")))
        dm_ack_end(dm_out(session), 1, "wrong");
    else
        say(session, frame->kind, frame->data);
    return "echo";
}

static void echo_event(struct dm_instance *instance, const struct dm_event *event,
                       const struct dm_view *view, struct dm_out *out) {
    (void)instance;
    (void)event;
    (void)view;
    dm_put_raw(out, DM_SLICE("text"));
    dm_frame_end(out, DM_FRAME_TEXT, "event");
    dm_put_raw(out, DM_SLICE("\x01\x02"));
    dm_frame_end(out, DM_FRAME_BINARY, "event");
}

static void echo_close(struct dm_session *session) {
    (void)session;
    ended++;
}

static const struct dm_route routes[] = {
    { .transport = DM_ENGINEIO, .path = "/io", .id = 7 },
};

static const struct dm_capability capabilities[] = { { DM_EVENT_USER_ONLINE, DM_SUPPORTED, "" } };

static const struct dm_adapter echo = {
    .size = sizeof(struct dm_adapter), .abi_major = DM_ABI_MAJOR, .abi_minor = DM_ABI_MINOR,
    .name = "echo", .title = "Echo", .version = "1", .flags = DM_ADAPTER_ANONYMOUS,
    .routes = DM_TABLE(routes), .capabilities = DM_TABLE(capabilities),
    .open = echo_open, .frame = echo_frame, .event = echo_event, .close = echo_close,
};

static void begin(void) {
    opened = ended = 0;
    rig_init(&rig, &echo, NULL, NULL, NULL);
    polling_use(&rig);
}

/* One whose clients must log in. */
static void login_open(struct dm_session *session, const struct dm_request *request) {
    const struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_AUTHENTICATE,
                                        .token = DM_SLICE("x") };

    (void)request;
    opened++;
    dm_submit(session, &command, DM_SLICE_NONE);
}

static void end(void) {
    rig_fini(&rig);
    cr_expect_eq(opened, ended);
}

static int direct(void) {
    int ws = rig_socket(&rig, "/echo/io/?EIO=4&transport=websocket", "");
    const char *frames = rig_frames(&rig, ws);

    cr_expect_eq(strncmp(frames, "0{\"sid\":\"", 9), 0);
    cr_expect_not_null(strstr(frames, "\n4hi\n"));
    return ws;
}

Test(engineio_route, messages_by_polling) {
    const char *query;

    begin();
    query = polling_open();
    cr_expect_eq(polling_ask_once("GET", query, ""), 200);
    polling_expect_body("4hi");
    cr_expect_eq(polling_ask_once("POST", query, "4one\x1e" "4\x1e" "bAQIDBA==\x1e" "4two"), 200);
    polling_expect_body("ok");
    cr_expect_eq(polling_ask_once("GET", query, ""), 200);
    polling_expect_body("4one\x1e" "4\x1e" "bAQIDBA==\x1e" "4two");
    end();
}

Test(engineio_route, messages_by_websocket) {
    int ws;

    begin();
    ws = direct();
    rig_send(&rig, ws, "4one");
    rig_send(&rig, ws, "4");
    rig_send_kind(&rig, ws, 2, "\x04two", 4);
    cr_expect_str_eq(rig_frames(&rig, ws), "4one\n4\n\x04two\n");
    close(ws);
    end();
}

Test(engineio_route, a_websocket_takes_over) {
    char path[128];
    const char *query;
    int ws;

    begin();
    query = polling_open();
    (void)snprintf(path, sizeof(path), "/echo/io/?EIO=4&transport=websocket&%s",
                   strstr(query, "sid="));
    ws = rig_socket(&rig, path, "");
    rig_send(&rig, ws, "2probe");
    rig_send(&rig, ws, "5");
    rig_send(&rig, ws, "4after");
    cr_expect_str_eq(rig_frames(&rig, ws), "3probe\n4hi\n4after\n");
    close(ws);
    end();
}

Test(engineio_route, a_post_waits_for_the_login) {
    struct dm_adapter strict = echo;
    struct buf got = BUF_INIT;
    char large[600] = "4";
    const char *query;
    int fd;

    strict.flags = 0;
    strict.open = login_open;
    strict.limits = (struct dm_limits){ .frame_max_unauthenticated = 200, .frame_max = 1048576,
                                        .ping_interval_ms = 30000 };
    opened = ended = 0;
    rig_init(&rig, &strict, NULL, NULL, NULL);
    polling_use(&rig);
    query = polling_open();
    memset(large + 1, 'x', sizeof(large) - 2);
    fd = rig_connect(&rig);
    cr_expect_eq(polling_ask(fd, "POST", query, large), 0);
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    rig_read(&rig, fd, &got);
    buf_append_char(&got, '\0');
    cr_expect_not_null(strstr(got.data, "200 OK"));
    (void)polling_ask_once("GET", query, "");
    polling_expect_body(large);
    buf_fini(&got);
    close(fd);
    end();
}

Test(engineio_route, events_come_as_messages) {
    const struct dm_event event = { .kind = DM_EVENT_USER_ONLINE };
    const char *query;
    int ws;

    begin();
    ws = direct();
    query = polling_open();
    rig_send(&rig, ws, "4ask");
    (void)polling_ask_once("POST", query, "4ask");
    for (int i = 0; i < 2; i++) {
        (void)rig_event(&rig, rig_next(&rig)->session, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED,
                        NULL);
        rig_answer_status(&rig, DM_OK);
    }
    cr_expect_str_eq(rig_frames(&rig, ws), "4text\n\x01\x02\n");
    (void)polling_ask_once("GET", query, "");
    polling_expect_body("4hi\x1e" "4text\x1e" "bAQI=");
    close(ws);
    end();
}

Test(engineio_route, the_adapter_closes) {
    const char *query;
    int ws;

    begin();
    ws = direct();
    rig_send(&rig, ws, "4close");
    rig_send(&rig, ws, "4late");
    cr_expect_str_eq(rig_frames(&rig, ws), "close 1008\n");
    close(ws);
    query = polling_open();
    (void)polling_ask_once("POST", query, "4close\x1e" "4late");
    (void)polling_ask_once("GET", query, "");
    polling_expect_body("4hi");
    (void)polling_ask_once("GET", query, "");
    polling_expect_body("1");
    polling_expect_refused("GET", query, "", 1);
    end();
}

Test(engineio_route, a_wrong_call_is_ignored) {
    int ws;

    begin();
    ws = direct();
    rig_send(&rig, ws, "4event");
    rig_send(&rig, ws, "4still");
    cr_expect_str_eq(rig_frames(&rig, ws), "4still\n");
    close(ws);
    end();
}

Test(engineio_route, a_drain_goes_away) {
    int ws;

    begin();
    ws = direct();
    host_drain(rig.host, 0, NULL, NULL);
    cr_expect_str_eq(rig_frames(&rig, ws), "close 1001\n");
    close(ws);
    end();
}
