/* What the host makes of an adapter that does not keep to the contract: nothing comes of the call,
 * and the session goes on. */
#include <criterion/criterion.h>
#include <dragoman/adapter.h>
#include <unistd.h>

#include "tests/unit/adapter/probe.h"
#include "tests/unit/adapter/rig.h"
#include "tests/unit/check.h"

static struct rig rig;

/* Of the rude adapter and of another one, for use where they do not belong. */
static struct dm_session *kept;
static struct dm_session *others;
static struct dm_instance *others_instance;
static struct dm_out *kept_out;

static void say(struct dm_session *session, struct dm_slice text) {
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, text);
    dm_frame_end(out, DM_FRAME_TEXT, "say");
}

static void send_command(struct dm_session *session, struct dm_command *command,
                         struct dm_slice cookie) {
    session->host->submit(session, command, cookie);
}

/* ---- one function for each way to be wrong ---- */

static void no_session(struct dm_session *session) {
    const struct dm_host *host = session->host;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LIST };
    struct dm_response response = { .status = 200 };
    struct dm_part part;

    host->submit(NULL, &command, DM_SLICE_NONE);
    host->close(NULL, 1000);
    host->finish(NULL, 1000);
    host->accept(NULL, NULL);
    host->timer(NULL, 1);
    host->set_variant(NULL, 1);
    host->log(NULL, DM_LOG_INFO, "x");
    cr_expect_eq(host->setting_int(NULL, "rate"), 0);
    check_slice(host->setting_str(NULL, "rate"), DM_SLICE_NONE);
    check_slice(host->request_header(NULL, "a"), DM_SLICE_NONE);
    check_slice(host->request_query(NULL, "a"), DM_SLICE_NONE);
    check_slice(host->request_form(NULL, "a"), DM_SLICE_NONE);
    cr_expect_lt(host->request_part(NULL, 0, &part), 0);
    host->respond(NULL, &response, NULL);
    host->respond_begin(NULL, &response);
    (void)host->respond_piece(NULL, NULL);
    host->respond_end(NULL);
    host->respond_abort(NULL);
    (void)host->out(NULL);
}

static void foreign_session(struct dm_session *session) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LIST };

    (void)session;
    dm_submit(others, &command, DM_SLICE_NONE);
    say(others, DM_SLICE("not yours"));
    dm_close(others, 1000);
    dm_set_variant(others, 3);
    dm_timer(others, 1);
    cr_expect_eq(dm_setting_int(others_instance, "number"), 0);
    dm_log(others_instance, DM_LOG_INFO, "not mine");
}

static void absurd_sizes(struct dm_session *session) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LIST };
    struct dm_slice nowhere = { NULL, 5 }, huge = { "x", SIZE_MAX / 2 };
    struct dm_out *out;

    send_command(session, &command, nowhere);
    send_command(session, &command, huge);
    command.size = 0;
    send_command(session, &command, DM_SLICE_NONE);
    send_command(session, NULL, DM_SLICE_NONE);
    for (int i = 0; i < 2; i++) {
        struct dm_slice bytes = i ? huge : nowhere;

        out = dm_out(session);
        dm_put_raw(out, bytes);
        dm_frame_end(out, DM_FRAME_TEXT, "a");
        dm_put_string(out, NULL, bytes);
        dm_frame_end(out, DM_FRAME_TEXT, "a");
        dm_put_json(out, NULL, bytes);
        dm_frame_end(out, DM_FRAME_TEXT, "a");
        dm_put_attachment(out, bytes);
        dm_frame_end(out, DM_FRAME_TEXT, "a");
    }
    cr_expect_null(dm_json_parse(session->host, nowhere));
    check_slice(dm_base64_decode(session->host, nowhere), DM_SLICE_NONE);
    dm_timer(session, UINT32_MAX);
    dm_timer(session, 0);
    dm_set_variant(session, UINT32_MAX);
}

static void wrong_enums(struct dm_session *session) {
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, DM_SLICE("x"));
    dm_frame_end(out, (enum dm_frame_kind)7, "a");
    dm_put_raw(out, DM_SLICE("\xed\xa0\x80"));
    dm_frame_end(out, DM_FRAME_TEXT, "a");
    dm_log(session->instance, (enum dm_log_level)9, "x");
    dm_log(session->instance, (enum dm_log_level)-1, "x");
    dm_log(session->instance, DM_LOG_INFO, NULL);
    out = dm_out(session);
    dm_put_time(out, NULL, INT64_MAX, (enum dm_time_style)9);
    dm_put_raw(out, DM_SLICE("ends too soon"));
    dm_put_end(out);
    dm_frame_end(out, DM_FRAME_TEXT, "a");
}

static void stray_outs(struct dm_session *session) {
    struct dm_out stray = { session->host };
    struct dm_out *out = dm_out(session);

    dm_put_raw(&stray, DM_SLICE("stray"));
    dm_frame_end(&stray, DM_FRAME_TEXT, "a");
    dm_ack_end(&stray, 1, "a");
    session->host->put_raw(NULL, DM_SLICE("x"));
    session->host->frame_end(NULL, DM_FRAME_TEXT, "a");
    dm_frame_end(out, DM_FRAME_BINARY, NULL);
    kept_out = out;
}

static void kept_outs(struct dm_session *session) {
    (void)session;
    dm_put_raw(kept_out, DM_SLICE("kept"));
    dm_frame_end(kept_out, DM_FRAME_TEXT, "a");
}

static void used_twice(struct dm_session *session) {
    struct dm_out *first = dm_out(session);

    dm_put_array(first, NULL);
    (void)dm_out(session);
    dm_put_end(first);
}

static void wrong_tables(struct dm_session *session) {
    const struct dm_host *host = session->host;
    const struct dm_field rows[] = { { "a", (enum dm_field_kind)77, 0, 0 }, { NULL, 0, 0, 0 } };
    const struct dm_table sound = DM_TABLE(rows), nowhere = { NULL, sizeof(rows[0]), 2 },
                          short_rows = { rows, 3, 2 };
    const struct dm_json *object = dm_json_parse(host, DM_SLICE("{\"a\":1}"));
    const char *field = NULL;
    int64_t a = 0;

    cr_expect_eq(dm_json_decode(host, object, &sound, &a, &field), -1);
    cr_expect_eq(dm_json_decode(host, object, &nowhere, &a, &field), -1);
    cr_expect_eq(dm_json_decode(host, object, &short_rows, &a, NULL), -1);
    cr_expect_eq(dm_json_decode(host, object, NULL, &a, &field), -1);
    cr_expect_eq(dm_json_decode(host, NULL, &sound, &a, &field), -1);
    cr_expect_eq(dm_json_decode(host, object, &sound, NULL, &field), -1);
    cr_expect_null(dm_json_get(host, object, NULL));
    cr_expect_null(dm_json_next(host, object, NULL));
    cr_expect_eq(dm_json_type(host, NULL), DM_JSON_NONE);
}

static void not_a_request(struct dm_session *session) {
    struct dm_response response = { .status = 200 };

    dm_respond(session, &response, NULL);
    dm_respond(session, NULL, NULL);
    dm_respond_begin(session, &response);
    dm_respond_end(session);
    dm_accept(session, "x");
    check_slice(dm_request_header(session, "host"), DM_SLICE_NONE);
}

static const struct {
    const char *word;
    void (*act)(struct dm_session *session);
} acts[] = {
    { "no session", no_session },       { "foreign session", foreign_session },
    { "absurd sizes", absurd_sizes },   { "wrong enums", wrong_enums },
    { "stray outs", stray_outs },       { "kept outs", kept_outs },
    { "used twice", used_twice },       { "wrong tables", wrong_tables },
    { "not a request", not_a_request },
};

/* ---- the adapter around them ---- */

static const char *frame(struct dm_session *session, const struct dm_frame *frame) {
    kept = session;
    if (dm_slice_eq(frame->data, DM_SLICE("fine")))
        say(session, frame->data);
    if (dm_slice_eq(frame->data, DM_SLICE("close")))
        dm_close(session, 1000);
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (dm_slice_eq(frame->data, dm_slice_str(acts[i].word)))
            acts[i].act(session);
    return "frame";
}

/* Everything that may not be done any more. */
static void on_close(struct dm_session *session) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LIST };
    struct dm_response response = { .status = 200 };

    dm_submit(session, &command, DM_SLICE_NONE);
    say(session, DM_SLICE("too late"));
    dm_close(session, 1000);
    dm_respond(session, &response, NULL);
    dm_timer(session, 1);
    dm_accept(session, NULL);
}

static void request(struct dm_session *session, const struct dm_request *request) {
    const struct dm_header header = { NULL, { NULL, 0 } };
    struct dm_response response = { .status = 200, .headers = &header, .header_count = 1 };

    if (request->route == 2) {
        dm_respond(session, &response, NULL);
        return;
    }
    if (request->route == 3) {
        response.header_count = SIZE_MAX;
        dm_respond(session, &response, NULL);
        return;
    }
    response = (struct dm_response){ .status = 204 };
    dm_respond(session, &response, NULL);
    response.status = 200;
    dm_respond(session, &response, NULL);
    dm_respond_begin(session, &response);
    say(session, DM_SLICE("x"));
}

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/ws", .id = 1 },
    { .transport = DM_HTTP, .method = "GET", .path = "/header", .id = 2 },
    { .transport = DM_HTTP, .method = "GET", .path = "/headers", .id = 3 },
    { .transport = DM_HTTP, .method = "GET", .path = "/twice", .id = 4 },
};

static const struct dm_adapter rude_adapter = {
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "rude",
    .title = "Breaks the contract",
    .version = "1",
    .flags = DM_ADAPTER_ANONYMOUS,
    .routes = DM_TABLE(routes),
    .frame = frame,
    .request = request,
    .close = on_close,
};

static void note_other(struct dm_session *session, const struct dm_request *request) {
    (void)request;
    others = session;
    others_instance = session->instance;
}

static struct dm_adapter other_adapter;

static void setup(void) {
    struct adapter_error error;

    rig_init(&rig, &rude_adapter, NULL, NULL, NULL);
    other_adapter = probe_adapter;
    other_adapter.open = note_other;
    cr_assert_eq(host_add(rig.host, &other_adapter, NULL, &error), 0, "%s", error.text);
    cr_assert_eq(host_start(rig.host, &error), 0);
}

static void teardown(void) {
    rig_fini(&rig);
}

TestSuite(contract, .init = setup, .fini = teardown);

static void hang_up(int fd) {
    close(fd);
    rig_settle(&rig);
}

Test(contract, every_wrong_call_is_ignored) {
    int other = rig_socket(&rig, "/probe/open", ""), fd = rig_socket(&rig, "/rude/ws", "");

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        rig_send(&rig, fd, acts[i].word);
        rig_send(&rig, fd, "fine");
        /* The one that ends a frame without a byte in it has sent one. */
        cr_expect_str_eq(rig_frames(&rig, fd), acts[i].act == stray_outs ? "\nfine\n" : "fine\n",
                         "%s", acts[i].word);
        cr_expect_eq(rig.command_count, 0, "%s", acts[i].word);
    }
    cr_expect_str_eq(rig_frames(&rig, other), "");
    hang_up(fd);
    hang_up(other);
}

Test(contract, nothing_is_taken_outside_of_a_hook) {
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LIST };
    int fd = rig_socket(&rig, "/rude/ws", "");

    rig_send(&rig, fd, "nothing");
    dm_submit(kept, &command, DM_SLICE_NONE);
    say(kept, DM_SLICE("unasked"));
    dm_close(kept, 1000);
    rig_settle(&rig);
    cr_expect_eq(rig.command_count, 0);
    cr_expect_str_eq(rig_frames(&rig, fd), "");
    hang_up(fd);
}

Test(contract, nothing_is_taken_from_close) {
    int fd = rig_socket(&rig, "/rude/ws", "");

    rig_send(&rig, fd, "close");
    cr_expect_str_eq(rig_frames(&rig, fd), "close 1000\n");
    hang_up(fd);
    cr_expect_eq(rig.command_count, 0);
    fd = rig_socket(&rig, "/rude/ws", "");
    hang_up(fd);
    cr_expect_eq(rig.command_count, 0);
}

static void get(const char *path, const char *status) {
    struct buf answer = BUF_INIT;
    char text[128];
    int fd = rig_connect(&rig);

    (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    rig_talk(&rig, fd, text, &answer);
    buf_append_char(&answer, '\0');
    cr_expect_not_null(strstr(answer.data, status), "%s: %s", path, answer.data);
    buf_fini(&answer);
    hang_up(fd);
}

Test(contract, bad_headers_give_500_and_a_second_answer_nothing) {
    get("/rude/header", "HTTP/1.1 500 ");
    get("/rude/headers", "HTTP/1.1 500 ");
    get("/rude/twice", "HTTP/1.1 204 ");
}
