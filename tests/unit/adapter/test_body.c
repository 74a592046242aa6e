/* Bodies in pieces, to an adapter that does with them what the query says:
 *
 *   (nothing)  counts them                 do=ask     asks the core before each next piece
 *   do=no      answers before the first    do=first   answers at the first
 *   do=never   asks for none               do=begin   begins an answer at the first
 *   do=twice   asks more often than it may
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "tests/unit/adapter/rig.h"

#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

struct state {
    char *what; /* freed in `close` */
    size_t bytes, pieces;
};

static struct rig rig;
static struct buf answer, log_lines;
static size_t largest;

static void ask(struct dm_session *session) {
    const struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_USER_LIST };

    dm_submit(session, &command, DM_SLICE_NONE);
}

static void say(struct dm_session *session, int status, const char *text) {
    const struct dm_response response = { .status = status, .content_type = "text/plain" };
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, dm_slice_str(text));
    dm_respond(session, &response, out);
}

static void on_request(struct dm_session *session, const struct dm_request *request) {
    struct state *state = session->state;
    struct dm_slice what = dm_request_query(session, "do");

    cr_expect_null(request->body.ptr);
    buf_append_str(&log_lines, "request ");
    state->what = strndup(what.ptr ? what.ptr : "", what.len);
    if (strcmp(state->what, "no") == 0)
        say(session, 403, "no");
    else if (strcmp(state->what, "ask") == 0)
        ask(session);
    else if (strcmp(state->what, "never") != 0)
        dm_body_next(session);
    if (strcmp(state->what, "twice") == 0)
        dm_body_next(session);
}

static void begin(struct dm_session *session) {
    const struct dm_response response = { .status = 200, .content_type = "text/plain" };
    struct dm_out *out;

    dm_respond_begin(session, &response);
    dm_body_next(session);
    out = dm_out(session);
    dm_put_raw(out, DM_SLICE("begun"));
    (void)dm_respond_piece(session, out);
    dm_respond_end(session);
}

static void take(struct dm_session *session, struct dm_slice piece) {
    struct state *state = session->state;

    state->bytes += piece.len;
    state->pieces++;
    largest = piece.len > largest ? piece.len : largest;
    if (strcmp(state->what, "first") == 0)
        say(session, 403, "first");
    else if (strcmp(state->what, "begin") == 0)
        begin(session);
    else if (strcmp(state->what, "ask") == 0)
        ask(session);
    else
        dm_body_next(session);
}

static void on_body(struct dm_session *session, struct dm_slice piece) {
    struct state *state = session->state;
    char text[64];

    if (piece.ptr) {
        take(session, piece);
        return;
    }
    buf_append_str(&log_lines, "whole ");
    if (strcmp(state->what, "twice") == 0)
        dm_body_next(session);
    (void)snprintf(text, sizeof(text), "%zu bytes %.*s", state->bytes,
                   DM_SLICE_FMT(dm_request_header(session, "host")));
    say(session, 200, text);
}

static void on_result(struct dm_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    (void)result;
    (void)cookie;
    dm_body_next(session);
}

static void on_fault(struct dm_session *session, const struct dm_request *request, int status) {
    (void)request;
    (void)session;
    buf_printf(&log_lines, "fault:%d ", status);
}

static void on_close(struct dm_session *session) {
    const struct state *state = session->state;

    buf_append_str(&log_lines, "close ");
    free(state->what);
}

static const struct dm_route routes[] = {
    { .transport = DM_HTTP, .method = "POST", .path = "/put", .flags = DM_ROUTE_PIECES, .id = 1 },
    { .transport = DM_HTTP, .method = "POST", .path = "/mine", .flags = DM_ROUTE_PIECES,
      .auth = DM_AUTH_REQUIRED, .id = 2 },
};

static const struct dm_adapter pieces_adapter = {
    .size = sizeof(struct dm_adapter), .abi_major = DM_ABI_MAJOR, .abi_minor = DM_ABI_MINOR,
    .name = "p", .title = "Pieces", .version = "1", .session_size = sizeof(struct state),
    .limits = { .body_max = 16u << 20 }, .routes = DM_TABLE(routes), .request = on_request,
    .result = on_result, .fault = on_fault, .close = on_close, .body = on_body,
};

static void setup(void) {
    rig_init(&rig, &pieces_adapter, NULL, NULL, NULL);
    largest = 0;
}

static void teardown(void) {
    rig_fini(&rig);
    buf_fini(&answer);
    buf_fini(&log_lines);
}

TestSuite(body, .init = setup, .fini = teardown);

static const char *text_of(struct buf *buf) {
    buf_append_char(buf, '\0');
    buf->len--;
    return buf->data;
}

static void expect_log(const char *expected) {
    cr_expect_str_eq(text_of(&log_lines), expected);
    buf_reset(&log_lines);
}

static void send_on(int fd, const char *text) {
    rig_talk(&rig, fd, text, &answer);
}

static int begin_post(const char *target, const char *rest) {
    struct buf head = BUF_INIT;
    int fd = rig_connect(&rig);

    buf_printf(&head, "POST /p/%s HTTP/1.1\r\nHost: x\r\n%s", target, rest);
    buf_reset(&answer);
    send_on(fd, text_of(&head));
    buf_fini(&head);
    return fd;
}

static void expect_answer(int fd, const char *part) {
    rig_read(&rig, fd, &answer);
    cr_expect_not_null(strstr(text_of(&answer), part), "\"%s\" is not in %s", part, answer.data);
}

static void hang_up(int fd) {
    close(fd);
    rig_settle(&rig);
}

Test(body, comes_as_it_is_sent) {
    int fd = begin_post("put", "Content-Length: 5\r\n\r\n");

    expect_log("request ");
    send_on(fd, "he");
    cr_expect_eq(largest, 2);
    send_on(fd, "llo");
    expect_answer(fd, "5 bytes x");
    expect_log("whole close ");
    hang_up(fd);
}

Test(body, may_be_chunked_or_empty_and_others_follow_on_the_same_connection) {
    int fd = begin_post("put", CHUNKED "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nT: v\r\n\r\n"
                        "POST /p/put HTTP/1.1\r\nHost: y\r\nContent-Length: 0\r\n\r\n"
                        "POST /p/put HTTP/1.1\r\nHost: z\r\nContent-Length: 2\r\n\r\nab");

    expect_answer(fd, "5 bytes x");
    expect_answer(fd, "0 bytes y");
    expect_answer(fd, "2 bytes z");
    expect_log("request whole close request whole close request whole close ");
    hang_up(fd);
}

Test(body, is_never_held_as_a_whole) {
    static char block[100001];
    int fd = begin_post("put", "Content-Length: 10000000\r\n\r\n");

    memset(block, 'x', sizeof(block) - 1);
    for (int i = 0; i < 100; i++)
        send_on(fd, block);
    expect_answer(fd, "10000000 bytes x");
    cr_expect_leq(largest, 131072);
    hang_up(fd);
}

Test(body, is_not_read_while_the_adapter_does_not_ask) {
    static char block[65536];
    const struct dm_result ok = { .status = DM_OK };
    size_t sent = 0, idle = 0;
    int fd = begin_post("put?do=ask", "Content-Length: 10000000\r\n\r\n");

    while (idle++ < 20) {
        ssize_t n = write(fd, block, sizeof(block));

        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle;
        rig_settle(&rig);
    }
    cr_expect_lt(sent, 2000000);
    expect_log("request ");
    cr_expect_eq(largest, 0);
    rig_answer(&rig, rig_next(&rig), &ok);
    cr_expect_gt(largest, 0);
    cr_expect_eq(rig.command_count, 2, "one piece for one call");
    while (sent < 10000000) {
        size_t left = 10000000 - sent;
        ssize_t n = write(fd, block, left < sizeof(block) ? left : sizeof(block));

        sent += n > 0 ? (size_t)n : 0;
        rig_settle(&rig);
        if (rig.answered < rig.command_count)
            rig_answer(&rig, rig_next(&rig), &ok);
    }
    while (rig.answered < rig.command_count)
        rig_answer(&rig, rig_next(&rig), &ok);
    expect_answer(fd, "10000000 bytes x");
    cr_expect_leq(largest, 131072);
    hang_up(fd);
}

Test(body, too_large_is_told_before_or_when_it_shows) {
    int fd = begin_post("put", "Content-Length: 16777217\r\nExpect: 100-continue\r\n\r\n");

    expect_answer(fd, "HTTP/1.1 413 ");
    expect_log("fault:413 close ");
    hang_up(fd);
    fd = begin_post("put", CHUNKED "1\r\na\r\n");
    expect_log("request ");
    send_on(fd, "1000001\r\n");
    for (int i = 0; i < 1024 && answer.len == 0; i++) {
        static char block[16385];

        memset(block, 'x', sizeof(block) - 1);
        send_on(fd, block);
    }
    expect_answer(fd, "HTTP/1.1 413 ");
    expect_log("fault:413 close ");
    hang_up(fd);
}

Test(body, that_is_expected_is_called_for) {
    int fd = begin_post("put", "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");

    cr_expect_str_eq(text_of(&answer), "HTTP/1.1 100 Continue\r\n\r\n");
    send_on(fd, "ab");
    expect_answer(fd, "2 bytes x");
    hang_up(fd);
    fd = begin_post("put?do=no", "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    cr_expect_null(strstr(text_of(&answer), "100 Continue"));
    expect_answer(fd, "HTTP/1.1 403 ");
    hang_up(fd);
}

Test(body, ends_with_close_when_the_peer_goes) {
    const struct dm_result ok = { .status = DM_OK };
    int fd = begin_post("put", "Content-Length: 5\r\n\r\nhe");

    expect_log("request ");
    hang_up(fd);
    expect_log("close ");
    fd = begin_post("put?do=ask", "Content-Length: 5\r\n\r\nhe");
    hang_up(fd);
    rig_answer(&rig, rig_next(&rig), &ok);
    if (rig.answered < rig.command_count)
        rig_answer(&rig, rig_next(&rig), &ok);
    expect_log("request close ");
}

Test(body, that_is_malformed_ends_with_close) {
    int fd = begin_post("put", CHUNKED "2\r\nab\r\n");

    send_on(fd, "zz\r\n");
    expect_answer(fd, "HTTP/1.1 400 ");
    expect_log("request close ");
    hang_up(fd);
}

Test(body, refused_is_thrown_away_or_costs_the_connection) {
    static const char next[] = "POST /p/put HTTP/1.1\r\nHost: y\r\nContent-Length: 0\r\n\r\n";
    int fd = begin_post("put?do=first", "Content-Length: 5\r\n\r\nhe");

    expect_answer(fd, "HTTP/1.1 403 ");
    send_on(fd, "llo");
    expect_log("request close ");
    send_on(fd, next);
    expect_answer(fd, "0 bytes y");
    hang_up(fd);
    buf_reset(&log_lines);
    fd = begin_post("put?do=first", "Content-Length: 1000000\r\n\r\nhe");
    expect_answer(fd, "Connection: close\r\n");
    expect_log("request close ");
    hang_up(fd);
    fd = begin_post("put?do=begin", "Content-Length: 5\r\n\r\nhe");
    send_on(fd, "llo");
    send_on(fd, next);
    expect_answer(fd, "begun");
    expect_answer(fd, "0 bytes y");
    hang_up(fd);
}

Test(body, nobody_waits_for_is_answered_500) {
    int fd = begin_post("put?do=never", "Content-Length: 5\r\n\r\nhello");

    expect_answer(fd, "HTTP/1.1 500 ");
    hang_up(fd);
}

Test(body, comes_once_however_often_it_is_asked_for) {
    int fd = begin_post("put?do=twice", "Content-Length: 5\r\n\r\nhello");

    expect_answer(fd, "5 bytes x");
    expect_log("request whole close ");
    hang_up(fd);
}

Test(body, is_not_read_before_its_sender_is_known) {
    int fd = begin_post("mine", "Content-Length: 5\r\n\r\nhello");

    expect_answer(fd, "HTTP/1.1 401 ");
    expect_log("fault:401 close ");
    hang_up(fd);
    fd = begin_post("mine", "Authorization: Bearer t\r\nContent-Length: 5\r\n\r\nhello");
    expect_log("");
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    expect_answer(fd, "5 bytes x");
    expect_log("request whole close ");
    hang_up(fd);
}

static void note_drained(void *userdata) {
    *(int *)userdata = 1;
}

Test(body, is_taken_to_its_end_while_the_gateway_drains) {
    int is_drained = 0;
    int fd = begin_post("put", "Content-Length: 5\r\n\r\nhe");

    host_drain(rig.host, 0, note_drained, &is_drained);
    rig_settle(&rig);
    cr_expect_eq(is_drained, 0);
    send_on(fd, "llo");
    expect_answer(fd, "5 bytes x");
    cr_expect_eq(is_drained, 1);
    hang_up(fd);
}

Test(body, in_pieces_needs_the_hook) {
    struct dm_adapter adapter = pieces_adapter;
    struct adapter_error error;

    adapter.body = NULL;
    cr_expect_lt(adapter_check(&adapter, &error), 0);
    cr_expect_not_null(strstr(error.text, "route /put: bodies in pieces need the hook body"));
    adapter = pieces_adapter;
    adapter.size = offsetof(struct dm_adapter, body);
    cr_expect_lt(adapter_check(&adapter, &error), 0);
}
