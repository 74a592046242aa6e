#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/metrics.h"
#include "tests/unit/adapter/probe.h"
#include "tests/unit/adapter/rig.h"

static struct rig rig;

static void begin(const struct dm_adapter *adapter, const char *key, const char *value,
                  const char *key2, const char *value2) {
    struct adapter_values *values = adapter_values_new(adapter);
    const struct host_config config = { .backlog_pause = 4, .backlog_max = 8 };
    struct adapter_error error;

    if (key)
        cr_assert_eq(adapter_values_set(values, key, dm_slice_str(value), &error), 0);
    if (key2)
        cr_assert_eq(adapter_values_set(values, key2, dm_slice_str(value2), &error), 0);
    rig_init(&rig, adapter, NULL, values, &config);
    adapter_values_free(values);
    (void)probe_log();
}

static void setup(void) {
    begin(&probe_adapter, NULL, NULL, NULL, NULL);
}

static void teardown(void) {
    rig_fini(&rig);
}

TestSuite(socket, .init = setup, .fini = teardown);

static void hang_up(int fd) {
    close(fd);
    rig_settle(&rig);
}

Test(socket, opens_speaks_and_closes_last) {
    int fd = rig_socket(&rig, "/probe/open", "");

    cr_expect_str_eq(probe_log(), "open route=1 auth=unauthenticated user=0 token=0\n");
    cr_expect_eq(rig.last_flags, ENGINE_SESSION_PRESENCE | ENGINE_SESSION_LISTED
                                     | ENGINE_SESSION_HANDSHAKE);
    rig_send(&rig, fd, "say hello");
    cr_expect_str_eq(rig_frames(&rig, fd), "hello\n");
    rig_send(&rig, fd, "twice x");
    cr_expect_str_eq(rig_frames(&rig, fd), "x\nx\n");
    rig_send_kind(&rig, fd, WEBSOCKET_BINARY, "say b", 5);
    cr_expect_str_eq(probe_log(), "frame text say hello\nframe text twice x\n"
                                  "frame binary say b\n");
    hang_up(fd);
    cr_expect_str_eq(probe_log(), "close user=0\n");
}

Test(socket, authenticates_before_it_opens) {
    int fd = rig_connect(&rig);
    struct buf answer = BUF_INIT;

    rig_talk(&rig, fd, "GET /probe/token?x=1&token=a%2Eb HTTP/1.1\r\nHost: x\r\n"
             "Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", &answer);
    cr_expect_eq(answer.len, 0);
    cr_expect_str_eq(rig_next(&rig)->token, "a.b");
    cr_expect_str_eq(probe_log(), "");
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    rig_read(&rig, fd, &answer);
    cr_expect_eq(strncmp(answer.data, "HTTP/1.1 101 ", 13), 0);
    cr_expect_str_eq(probe_log(), "open route=2 auth=ok user=1 token=1\n");
    buf_fini(&answer);
    hang_up(fd);
    cr_expect_str_eq(probe_log(), "close user=1\n");
}

static const char *upgrade(const char *path, struct buf *ret_answer) {
    struct buf request = BUF_INIT;
    int fd = rig_connect(&rig);

    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
               "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path);
    buf_append_char(&request, '\0');
    buf_reset(ret_answer);
    rig_talk(&rig, fd, request.data, ret_answer);
    while (rig.answered < rig.command_count)
        rig_answer_status(&rig, DM_UNAUTHENTICATED);
    rig_read(&rig, fd, ret_answer);
    buf_append_char(ret_answer, '\0');
    buf_fini(&request);
    hang_up(fd);
    return ret_answer->data;
}

Test(socket, is_refused_before_the_upgrade) {
    struct buf answer = BUF_INIT;

    cr_expect_not_null(strstr(upgrade("/probe/token", &answer), " 401 "));
    cr_expect_not_null(strstr(upgrade("/probe/token?token=bad", &answer), " 401 "));
    cr_expect_not_null(strstr(upgrade("/probe/open?no=1", &answer), " 403 "));
    cr_expect_str_eq(probe_log(), "fault 401 auth=unauthenticated token=0\nclose user=0\n"
                                  "fault 401 auth=unauthenticated token=1\nclose user=0\n"
                                  "close user=0\n");
    cr_expect_not_null(strstr(upgrade("/probe/later", &answer), " 503 "));
    buf_fini(&answer);
}

Test(socket, may_be_accepted_later) {
    int fd = rig_connect(&rig);
    struct buf answer = BUF_INIT;

    rig_talk(&rig, fd, "GET /probe/later HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
             "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", &answer);
    cr_expect_eq(answer.len, 0);
    rig_answer_login(&rig, rig_next(&rig), rig_user(2));
    rig_read(&rig, fd, &answer);
    cr_expect_eq(strncmp(answer.data, "HTTP/1.1 101 ", 13), 0);
    cr_expect_str_eq(probe_log(), "result authenticate ok \n"
                                  "open route=4 auth=ok user=1 token=0\n");
    buf_fini(&answer);
    hang_up(fd);
}

Test(socket, opens_with_a_bad_token_where_it_is_optional) {
    struct buf answer = BUF_INIT;

    (void)rig_talk;
    cr_expect_not_null(strstr(upgrade("/probe/maybe", &answer), " 101 "));
    cr_expect_str_eq(probe_log(), "open route=3 auth=unauthenticated user=0 token=0\n"
                                  "close user=0\n");
    buf_fini(&answer);
}

Test(socket, gets_the_larger_limit_with_the_login) {
    char large[500];
    int fd = rig_socket(&rig, "/probe/open", "");

    memset(large, 'x', sizeof(large));
    rig_send_kind(&rig, fd, WEBSOCKET_TEXT, large, sizeof(large));
    cr_expect_str_eq(rig_frames(&rig, fd), "close 1009\nend\n");
    hang_up(fd);
    fd = probe_log_in(&rig, 1);
    rig_send_kind(&rig, fd, WEBSOCKET_TEXT, large, sizeof(large));
    cr_expect_str_eq(rig_frames(&rig, fd), "");
    cr_expect_not_null(strstr(probe_log(), "frame text xxx"));
    hang_up(fd);
}

Test(socket, reads_nothing_while_a_login_is_under_way) {
    int fd = rig_socket(&rig, "/probe/open", "");

    (void)probe_log();
    rig_send(&rig, fd, "login x");
    rig_send(&rig, fd, "say after");
    cr_expect_str_eq(probe_log(), "frame text login x\n");
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    cr_expect_str_eq(probe_log(), "result authenticate ok c\nframe text say after\n");
    cr_expect_str_eq(rig_frames(&rig, fd), "after\n");
    hang_up(fd);
}

Test(socket, closes_with_the_code_given_and_hears_nothing_more) {
    int fd = probe_log_in(&rig, 1);

    rig_send(&rig, fd, "send 1");
    rig_send(&rig, fd, "close 0");
    cr_expect_str_eq(rig_frames(&rig, fd), "close\n");
    rig_send(&rig, fd, "say no");
    rig_answer_status(&rig, DM_OK);
    cr_expect_str_eq(probe_log(), "frame text send 1\nframe text close 0\n");
    hang_up(fd);
    cr_expect_str_eq(probe_log(), "close user=1\n");
    fd = rig_socket(&rig, "/probe/open", "");
    rig_send(&rig, fd, "close 4999");
    cr_expect_str_eq(rig_frames(&rig, fd), "close 4999\n");
    hang_up(fd);
    fd = rig_socket(&rig, "/probe/open", "");
    rig_send(&rig, fd, "close 1005");
    cr_expect_str_eq(rig_frames(&rig, fd), "close 1011\n");
    hang_up(fd);
}

Test(socket, is_told_of_revocation) {
    int fd = probe_log_in(&rig, 1);
    struct engine_session *session = rig.commands[0].session;

    rig_revoke(&rig, session);
    cr_expect_str_eq(probe_log(), "notice 3 frame=0\n");
    rig_send(&rig, fd, "say still here");
    cr_expect_str_eq(rig_frames(&rig, fd), "still here\n");
    hang_up(fd);
    cr_expect_not_null(strstr(probe_log(), "close user=0\n"));
}

Test(socket, runs_its_timer_once) {
    int fd = rig_socket(&rig, "/probe/open", "");

    (void)probe_log();
    rig_send(&rig, fd, "timer 1");
    for (int i = 0; i < 2000 && !strstr(probe_log(), "notice 5"); i++) {
        usleep(1000);
        rig_settle(&rig);
    }
    rig_settle(&rig);
    cr_expect_str_eq(probe_log(), "");
    rig_send(&rig, fd, "timer 100000000");
    hang_up(fd);
}

static int wait_for(const char *line) {
    for (int i = 0; i < 5000; i++) {
        if (strstr(probe_log(), line))
            return 1;
        usleep(1000);
        rig_settle(&rig);
    }
    return 0;
}

Test(socket, must_log_in_in_time) {
    int fd;

    rig_fini(&rig);
    begin(&probe_adapter, "auth_timeout_ms", "20", NULL, NULL);
    fd = rig_socket(&rig, "/probe/open", "");
    cr_expect_eq(wait_for("notice 0 frame=0"), 1);
    cr_expect_str_eq(rig_frames(&rig, fd), "close 1008\n");
    hang_up(fd);
}

Test(socket, that_needs_no_login_has_no_time_for_it) {
    int fd;

    rig_fini(&rig);
    begin(&probe_chats_adapter, "auth_timeout_ms", "1", NULL, NULL);
    fd = rig_socket(&rig, "/probe-chats/open", "");
    usleep(5000);
    rig_settle(&rig);
    rig_send(&rig, fd, "say here");
    cr_expect_str_eq(rig_frames(&rig, fd), "here\n");
    cr_expect_eq(rig.last_flags & ENGINE_SESSION_CHATS, ENGINE_SESSION_CHATS);
    hang_up(fd);
}

Test(socket, over_its_rate_is_told_so) {
    int fd;

    rig_fini(&rig);
    begin(&probe_adapter, "rate", "1", "burst", "3");
    fd = rig_socket(&rig, "/probe/open", "");
    (void)probe_log();
    for (int i = 0; i < 4; i++)
        rig_send(&rig, fd, "x");
    cr_expect_str_eq(probe_log(), "frame text x\nframe text x\nframe text x\n"
                                  "notice 1 frame=1\n");
    hang_up(fd);
}

Test(socket, without_the_notice_hook_is_closed_by_the_host) {
    struct dm_adapter silent = probe_adapter;
    int fd;

    rig_fini(&rig);
    silent.notice = NULL;
    begin(&silent, "rate", "1", "burst", "1");
    fd = rig_socket(&rig, "/probe/open", "");
    rig_send(&rig, fd, "x");
    rig_send(&rig, fd, "x");
    cr_expect_str_eq(rig_frames(&rig, fd), "close 1008\n");
    hang_up(fd);
}

Test(socket, is_not_read_while_too_much_is_unanswered) {
    int fd = probe_log_in(&rig, 1);

    for (int i = 0; i < 10; i++)
        rig_send(&rig, fd, "send x");
    cr_expect_eq(rig.command_count - rig.answered, 4);
    for (int i = 0; i < 10; i++)
        rig_answer_status(&rig, DM_OK);
    cr_expect_eq(rig.command_count, 11);
    cr_expect_eq(rig.answered, 11);
    hang_up(fd);
}

static void answer_in_turn(struct dm_session *session, enum dm_notice notice,
                           const struct dm_frame *frame) {
    const struct dm_command turn = { .size = sizeof(turn), .kind = DM_CMD_NONE };

    (void)frame;
    if (notice == DM_NOTICE_RATE_LIMITED)
        dm_submit(session, &turn, DM_SLICE("turn"));
}

Test(socket, is_not_read_while_too_much_that_was_dropped_is_unanswered) {
    struct dm_adapter orderly = probe_adapter;
    int fd;

    rig_fini(&rig);
    orderly.notice = answer_in_turn;
    begin(&orderly, "rate", "1", "burst", "2");
    fd = probe_log_in(&rig, 1);
    for (int i = 0; i < 10; i++)
        rig_send(&rig, fd, "send x");
    cr_expect_eq(rig.command_count - rig.answered, 4);
    while (rig.answered < rig.command_count)
        rig_answer_status(&rig, DM_OK);
    cr_expect_eq(rig.command_count, 11);
    hang_up(fd);
}

Test(socket, is_drained_when_its_commands_are_answered) {
    int busy = probe_log_in(&rig, 1), idle = probe_log_in(&rig, 2);

    rig_send(&rig, busy, "send x");
    host_drain(rig.host, 0, NULL, NULL);
    rig_settle(&rig);
    cr_expect_str_eq(rig_frames(&rig, idle), "close 1001\n");
    cr_expect_str_eq(rig_frames(&rig, busy), "");
    rig_answer_status(&rig, DM_OK);
    cr_expect_str_eq(rig_frames(&rig, busy), "close 1001\n");
    cr_expect_str_eq(probe_log(), "frame text send x\nnotice 4 frame=0\nresult send ok c\n"
                                  "notice 4 frame=0\n");
    hang_up(busy);
    hang_up(idle);
}

static int is_drained;

static void on_drained(void *userdata) {
    is_drained = 1;
}

Test(socket, is_served_until_its_turn_comes_in_a_drain) {
    int first = probe_log_in(&rig, 1), last = probe_log_in(&rig, 2);

    host_drain(rig.host, 1, on_drained, NULL);
    cr_expect_eq(host_drain_left(rig.host), 2);
    rig_send(&rig, last, "say fine");
    cr_expect_str_eq(rig_frames(&rig, last), "fine\n");
    hang_up(first);
    cr_expect_eq(is_drained, 0);
    hang_up(last);
    cr_expect_eq(is_drained, 1);
    cr_expect_eq(host_drain_left(rig.host), 0);
}

Test(socket, survives_an_adapter_that_is_wrong) {
    int fd = probe_log_in(&rig, 1);

    rig_send(&rig, fd, "wrong");
    rig_send(&rig, fd, "say fine");
    cr_expect_str_eq(rig_frames(&rig, fd), "fine\n");
    cr_expect_eq(rig.command_count, 1);
    hang_up(fd);
}

Test(socket, beyond_the_most_is_refused) {
    const struct host_config config = { .sockets_max = 1 };
    struct buf answer = BUF_INIT;
    int fd;

    rig_fini(&rig);
    rig_init(&rig, &probe_adapter, NULL, NULL, &config);
    fd = rig_socket(&rig, "/probe/open", "");
    cr_expect_not_null(strstr(upgrade("/probe/open", &answer), " 503 "));
    hang_up(fd);
    cr_expect_not_null(strstr(upgrade("/probe/open", &answer), " 101 "));
    buf_fini(&answer);
}

Test(socket, counts_frames_by_type) {
    int fd = rig_socket(&rig, "/probe/open", "");

    rig_send(&rig, fd, "twice x");
    cr_expect_eq(metrics_counter(rig.metrics, "dragoman_frames_total", "",
                                 METRIC_LABELS("adapter", "probe", "direction", "in", "type",
                                               "probe"))->value, 1);
    cr_expect_eq(metrics_counter(rig.metrics, "dragoman_frames_total", "",
                                 METRIC_LABELS("adapter", "probe", "direction", "out", "type",
                                               "say"))->value, 2);
    cr_expect_eq(metrics_gauge(rig.metrics, "dragoman_sessions", "",
                               METRIC_LABELS("adapter", "probe", "transport", "websocket"))->value,
                 1);
    hang_up(fd);
}
