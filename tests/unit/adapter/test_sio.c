/* Socket.IO through the host: polling, WebSocket, the move between them, and namespaces. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/adapter/polling.h"
#include "tests/unit/adapter/sio_echo.h"

static struct rig rig;

static void begin(void) {
    sio_echo_opened = sio_echo_ended = 0;
    rig_init(&rig, &sio_echo, NULL, NULL, NULL);
    polling_use(&rig);
}

Test(engineio, handshakes_that_are_none) {
    begin();
    polling_expect_refused("GET", "EIO=4", "", 0);
    polling_expect_refused("GET", "EIO=4&transport=abc", "", 0);
    polling_expect_refused("GET", "EIO=4&transport=polling&sid=abc", "", 1);
    polling_expect_refused("POST", "EIO=4&transport=polling", "", 2);
    polling_expect_refused("PUT", "EIO=4&transport=polling", "", 2);
    polling_expect_refused("GET", "EIO=4&transport=websocket", "", 3);
    polling_expect_refused("GET", "EIO=3&transport=polling", "", 5);
    polling_expect_refused("GET", "transport=polling", "", 5);
    rig_fini(&rig);
}

Test(engineio, packets_by_polling) {
    const char *query;

    begin();
    query = polling_open();
    cr_expect_eq(polling_ask_once("POST", query, "40\x1e" "42[\"a\",1]\x1e" "427[\"b\"]"), 200);
    polling_expect_body("ok");
    cr_expect_eq(polling_ask_once("GET", query, ""), 200);
    cr_expect_eq(strncmp(polling_answer, "40{\"sid\":\"", 10), 0);
    cr_expect_not_null(strstr(polling_answer,
                              "\x1e" "42[\"auth\",{}]\x1e" "42[\"a\",1]\x1e" "437[\"b\"]"));
    rig_fini(&rig);
    cr_expect_eq(sio_echo_opened, sio_echo_ended);
}

Test(engineio, binary_by_polling) {
    const char *query;

    begin();
    query = polling_open();
    (void)polling_ask_once("POST", query, "40");
    (void)polling_ask_once("GET", query, "");
    (void)polling_ask_once("POST", query,
                           "451-[\"a\",{\"_placeholder\":true,\"num\":0}]\x1e" "bAQIDBA==");
    cr_expect_eq(polling_ask_once("GET", query, ""), 200);
    polling_expect_body("451-[\"a\",{\"_placeholder\":true,\"num\":0}]\x1e" "bAQIDBA==");
    rig_fini(&rig);
}

Test(engineio, an_open_poll_gets_what_comes) {
    const char *query;
    int fd;

    begin();
    query = polling_open();
    (void)polling_ask_once("POST", query, "40");
    (void)polling_ask_once("GET", query, "");
    fd = rig_connect(&rig);
    cr_expect_eq(polling_ask(fd, "GET", query, ""), 0);
    (void)polling_ask_once("POST", query, "42[\"x\"]");
    {
        struct buf got = BUF_INIT;

        rig_read(&rig, fd, &got);
        buf_append_char(&got, '\0');
        cr_expect_not_null(strstr(got.data, "\r\n\r\n42[\"x\"]"));
        buf_fini(&got);
    }
    close(fd);
    rig_fini(&rig);
}

Test(engineio, a_poll_that_breaks_ends_the_session) {
    const char *query;
    int fd;

    begin();
    query = polling_open();
    (void)polling_ask_once("POST", query, "40");
    (void)polling_ask_once("GET", query, "");
    fd = rig_connect(&rig);
    cr_expect_eq(polling_ask(fd, "GET", query, ""), 0);
    close(fd);
    rig_settle(&rig);
    cr_expect_eq(sio_echo_ended, 1);
    polling_expect_refused("GET", query, "", 1);
    rig_fini(&rig);
}

Test(engineio, two_polls_end_the_session) {
    struct buf got = BUF_INIT;
    const char *query;
    int fd;

    begin();
    query = polling_open();
    fd = rig_connect(&rig);
    cr_expect_eq(polling_ask(fd, "GET", query, ""), 0);
    polling_expect_refused("GET", query, "", 3);
    rig_read(&rig, fd, &got);
    buf_append_char(&got, '\0');
    cr_expect_not_null(strstr(got.data, "200 OK"));
    cr_expect_not_null(strstr(got.data, "\r\n\r\n1"));
    polling_expect_refused("GET", query, "", 1);
    buf_fini(&got);
    close(fd);
    rig_fini(&rig);
}

Test(engineio, bad_packets_end_the_session) {
    static const char *const bad[] = { "abc", "", "2", "4hello", "42{}", "42[]",
                                       "42abc[\"a\"]", "42[\"connect\"]", "b!!!", "bAQID",
                                       "40\03640", "42[\"before connect\"]", "47", "4\xff",
                                       "40[]", "44{}" };

    begin();
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *query = polling_open();

        (void)polling_ask_once("POST", query, bad[i]);
        /* Either at once, or told by the close packet after what was said before. */
        for (int polls = 0; polls < 3 && polling_ask_once("GET", query, "") == 200; polls++)
            if (strcmp(polling_answer, "1") == 0)
                break;
        polling_expect_refused("GET", query, "", 1);
    }
    rig_fini(&rig);
    cr_expect_eq(sio_echo_opened, sio_echo_ended);
}

Test(engineio, a_close_packet_ends_poll_and_session) {
    struct buf got = BUF_INIT;
    const char *query;
    int fd;

    begin();
    query = polling_open();
    fd = rig_connect(&rig);
    cr_expect_eq(polling_ask(fd, "GET", query, ""), 0);
    cr_expect_eq(polling_ask_once("POST", query, "1"), 200);
    rig_read(&rig, fd, &got);
    buf_append_char(&got, '\0');
    cr_expect_not_null(strstr(got.data, "\r\n\r\n6"));
    polling_expect_refused("GET", query, "", 1);
    buf_fini(&got);
    close(fd);
    rig_fini(&rig);
}

Test(engineio, a_websocket_takes_over) {
    struct buf got = BUF_INIT;
    char path[128];
    const char *query, *frames;
    int fd, ws;

    begin();
    query = polling_open();
    (void)polling_ask_once("POST", query, "40");
    (void)polling_ask_once("GET", query, "");
    fd = rig_connect(&rig);
    cr_expect_eq(polling_ask(fd, "GET", query, ""), 0);
    (void)snprintf(path, sizeof(path), "/echo/io/?EIO=4&transport=websocket&%s",
                   strstr(query, "sid="));
    ws = rig_socket(&rig, path, "");
    rig_send(&rig, ws, "2probe");
    cr_expect_str_eq(rig_frames(&rig, ws), "3probe\n");
    rig_read(&rig, fd, &got);
    buf_append_char(&got, '\0');
    cr_expect_not_null(strstr(got.data, "\r\n\r\n6"));
    /* What is said between the last poll and the take-over is not lost. */
    (void)polling_ask_once("POST", query, "42[\"between\"]");
    rig_send(&rig, ws, "5");
    rig_send(&rig, ws, "42[\"after\"]");
    frames = rig_frames(&rig, ws);
    cr_expect_str_eq(frames, "42[\"between\"]\n42[\"after\"]\n");
    polling_expect_refused("GET", query, "", 3);
    polling_expect_refused("POST", query, "42[\"late\"]", 3);
    close(ws);
    close(fd);
    buf_fini(&got);
    rig_fini(&rig);
    cr_expect_eq(sio_echo_opened, sio_echo_ended);
}

static int direct(void) {
    int ws = rig_socket(&rig, "/echo/io?EIO=4&transport=websocket", "");

    cr_expect_eq(strncmp(rig_frames(&rig, ws), "0{\"sid\":\"", 9), 0);
    return ws;
}

Test(socketio, namespaces_over_one_connection) {
    int ws;

    begin();
    ws = direct();
    rig_send(&rig, ws, "40/custom,{\"k\":1}");
    cr_expect_not_null(strstr(rig_frames(&rig, ws), "42/custom,[\"auth\",{\"k\":1}]\n"));
    rig_send(&rig, ws, "40/nowhere,");
    cr_expect_str_eq(rig_frames(&rig, ws), "44/nowhere,{\"message\":\"Invalid namespace\"}\n");
    rig_send(&rig, ws, "40");
    cr_expect_not_null(strstr(rig_frames(&rig, ws), "42[\"auth\",{}]\n"));
    rig_send(&rig, ws, "41/custom");
    cr_expect_eq(sio_echo_ended, 1);
    rig_send(&rig, ws, "42[\"still\"]");
    cr_expect_str_eq(rig_frames(&rig, ws), "42[\"still\"]\n");
    rig_send(&rig, ws, "452-7[{\"_placeholder\":true,\"num\":0}]");
    close(ws);
    rig_fini(&rig);
    cr_expect_eq(sio_echo_opened, sio_echo_ended);
}

Test(socketio, a_disconnect_is_said_where_nobody_shall_come_back) {
    int ws;

    begin();
    ws = direct();
    rig_send(&rig, ws, "40");
    (void)rig_frames(&rig, ws);
    rig_send(&rig, ws, "42[\"leave\"]");
    cr_expect_str_eq(rig_frames(&rig, ws), "41\nclose 1008\n");
    close(ws);
    ws = direct();
    rig_send(&rig, ws, "40");
    (void)rig_frames(&rig, ws);
    rig_send(&rig, ws, "42[\"again\"]");
    cr_expect_str_eq(rig_frames(&rig, ws), "close 1011\n");
    close(ws);
    rig_fini(&rig);
    cr_expect_eq(sio_echo_opened, sio_echo_ended);
}

Test(socketio, a_drain_never_disconnects) {
    const char *query;
    int ws;

    begin();
    ws = direct();
    rig_send(&rig, ws, "40");
    (void)rig_frames(&rig, ws);
    query = polling_open();
    (void)polling_ask_once("POST", query, "40");
    host_drain(rig.host, 0, NULL, NULL);
    cr_expect_str_eq(rig_frames(&rig, ws), "close 1001\n");
    cr_expect_eq(polling_ask_once("GET", query, ""), 200);
    cr_expect_null(strstr(polling_answer, "41"));
    cr_expect_eq(polling_ask_once("GET", query, ""), 200);
    polling_expect_body("1");
    close(ws);
    rig_fini(&rig);
    cr_expect_eq(sio_echo_opened, sio_echo_ended);
}

Test(engineio, preflight) {
    struct buf got = BUF_INIT;
    int fd;

    begin();
    fd = rig_connect(&rig);
    rig_talk(&rig, fd, "OPTIONS /echo/io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n"
             "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", &got);
    buf_append_char(&got, '\0');
    cr_expect_not_null(strstr(got.data, "204 No Content"));
    cr_expect_not_null(strstr(got.data, "Access-Control-Allow-Origin: *\r\n"));
    buf_fini(&got);
    close(fd);
    rig_fini(&rig);
}
