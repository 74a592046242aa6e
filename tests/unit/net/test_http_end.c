/* How HTTP connections end: by the peer, by a deadline, by draining. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/net/net_check.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body

Test(http_end, lost_connection_ends_a_held_exchange) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, GET("/"));
    close(net.peer);
    net_turn(&net);
    /* It may have closed one direction only. */
    cr_assert(eq(str, (char *)net_take_log(&net), "GET:/ gone "));
    cr_assert(eq(int, http_respond_status(net.held, 200), 0));
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:sent closed "));
    net_close(&net);
}

Test(http_end, half_closed_client_still_gets_its_answer) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_put(&net, dm_slice_str(GET("/a") GET("/b")));
    shutdown(net.peer, SHUT_WR);
    net_settle(&net);
    http_respond_status(net.held, 200);
    net_settle(&net);
    http_respond_status(net.held, 404);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net),
                 "GET:/a gone end:sent GET:/b gone end:sent closed "));
    check_true(text_has(net_take(&net), "HTTP/1.1 404 ") && net.peer_eof);
    net_close(&net);
}

Test(http_end, end_within_a_body_loses_the_exchange) {
    struct net net = { 0 };
    net_open(&net, net_answer_body);
    net_put(&net, dm_slice_str("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"));
    shutdown(net.peer, SHUT_WR);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "POST:/ end:lost closed "));
    net_close(&net);
}

Test(http_end, end_between_and_within_heads_closes) {
    static const char *const parts[] = { "", "GET", "GET / HT", "GET / HTTP/1.1\r\nHo", GET("/") };
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        net_put(&net, dm_slice_str(parts[i]));
        shutdown(net.peer, SHUT_WR);
        net_settle(&net);
        check_true(net.peer_eof && text_has(net_take_log(&net), "closed "));
        net_reconnect(&net);
    }
    net_close(&net);
}

/* ---- deadlines ---- */

/* Long enough that only waiting lets it pass, even where everything is slow. */
#define SHORT_MS 200

static void set_defaults(struct net *net) {
    static const struct conn_config config = CONN_CONFIG_DEFAULT;
    net->config = config;
    net->config.linger_ms = SHORT_MS;
}

Test(http_end, slow_head_is_408) {
    struct net net = { 0 };
    set_defaults(&net);
    net.config.http.head_timeout_ms = SHORT_MS;
    net_open(&net, net_answer_path);
    net_send_str(&net, "GET / HTTP/1.1\r\nHo");
    net_wait_end(&net);
    check_true(text_begins(net_take(&net), "HTTP/1.1 408 "));
    net_close(&net);
}

Test(http_end, new_connection_without_a_byte_is_closed_in_silence) {
    struct net net = { 0 };
    set_defaults(&net);
    net.config.http.head_timeout_ms = SHORT_MS;
    net_open(&net, net_answer_path);
    net_wait_end(&net);
    cr_assert(eq(str, (char *)net_take(&net), ""));
    net_close(&net);
}

Test(http_end, idle_connection_is_closed_in_silence) {
    struct net net = { 0 };
    set_defaults(&net);
    net.config.http.idle_timeout_ms = SHORT_MS;
    net_open(&net, net_answer_path);
    net_send_str(&net, GET("/"));
    net_wait_end(&net);
    cr_assert(eq(str, (char *)net_take(&net), OK("1", "/")));
    net_close(&net);
}

Test(http_end, slow_body_is_408) {
    struct net net = { 0 };
    set_defaults(&net);
    net.config.http.body_timeout_ms = SHORT_MS;
    net_open(&net, net_answer_body);
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    net_wait_end(&net);
    check_true(text_begins(net_take(&net), "HTTP/1.1 408 "));
    check_true(text_has(net_take_log(&net), "end:answered"));
    net_close(&net);
}

/* Each byte comes in time for its own deadline. */
static void trickle(struct net *net) {
    for (int i = 0; i < 1000 && !net->peer_eof && !net->peer_reset; i++) {
        if (i % 5 == 0)
            net_put(net, DM_SLICE("x"));
        loop_nap(net->loop);
        net_settle(net);
    }
}

Test(http_end, body_that_trickles_is_408_in_the_end) {
    struct net net = { 0 };
    set_defaults(&net);
    net.config.http.body_total_ms = SHORT_MS;
    net_open(&net, net_answer_body);
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n");
    trickle(&net);
    check_true(text_begins(net_take(&net), "HTTP/1.1 408 "));
    net_close(&net);
}

static void want_piece(struct net *net) {
    http_next(net->held, 99);
    net_settle(net);
}

static void hold_first_piece(struct net *net) {
    net_open(net, net_hold);
    net_send_str(net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    cr_assert(eq(str, (char *)net_take_log(net), "POST:/ "));
    want_piece(net);
    cr_assert(eq(str, (char *)net_take_log(net), "piece:ab "));
}

Test(http_end, time_of_a_body_stands_still_while_nobody_asks_for_it) {
    struct net net = { 0 };
    set_defaults(&net);
    net.config.http.body_timeout_ms = net.config.http.body_total_ms = SHORT_MS;
    hold_first_piece(&net);
    net_put(&net, DM_SLICE("cd"));
    for (int i = 0; i < 3 * SHORT_MS; i++)
        loop_nap(net.loop);
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    want_piece(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "piece:cd "));
    for (int i = 0; i < 3 * SHORT_MS; i++)
        loop_nap(net.loop);
    want_piece(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "whole "));
    http_respond_status(net.held, 200);
    net_settle(&net);
    check_true(text_begins(net_take(&net), "HTTP/1.1 200 "));
    net_close(&net);
}

Test(http_end, piece_that_never_comes_is_408) {
    struct net net = { 0 };
    set_defaults(&net);
    net.config.http.body_timeout_ms = SHORT_MS;
    hold_first_piece(&net);
    check_true(!http_piece_is_owed(net.held));
    want_piece(&net);
    check_true(http_piece_is_owed(net.held));
    net_wait_end(&net);
    check_true(text_begins(net_take(&net), "HTTP/1.1 408 "));
    check_true(text_has(net_take_log(&net), "end:answered"));
    net_close(&net);
}

Test(http_end, unwanted_body_that_never_comes_does_not_hold_the_connection) {
    struct net net = { 0 };
    set_defaults(&net);
    net.config.http.body_timeout_ms = SHORT_MS;
    net_open(&net, net_answer_path);
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    net_wait_end(&net);
    cr_assert(eq(str, (char *)net_take(&net), OK("1", "/")));
    net_close(&net);
}

Test(http_end, draining_server_closes_what_is_idle_and_what_ends) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, GET("/"));
    conn_server_drain(net.server);
    net_settle(&net);
    check_true(!net.peer_eof);
    http_respond_status(net.held, 200);
    net_settle(&net);
    check_true(text_has(net_take(&net), "Connection: close\r\n") && net.peer_eof);
    net_close(&net);
}

Test(http_end, draining_server_closes_idle_connections) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    net_send_str(&net, GET("/"));
    conn_server_drain(net.server);
    net_settle(&net);
    check_true(net.peer_eof);
    net_close(&net);
}
