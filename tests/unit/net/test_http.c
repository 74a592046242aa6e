/* Requests and responses that are well-formed. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/net/net_check.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body

Test(http, connection_is_kept_and_every_byte_may_come_alone) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    net_send_str(&net, GET("/a"));
    cr_assert(eq(str, (char *)net_take(&net), OK("2", "/a")));
    net_send_slow(&net, dm_slice_str(GET("/bc")));
    cr_assert(eq(str, (char *)net_take(&net), OK("3", "/bc")));
    check_true(!net.peer_eof);
    net_close(&net);
}

Test(http, request_is_described) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, "POST /a%20b/%C3%A4?q=1&r HTTP/1.1\r\nhOst: x:80\r\nX-Y:  a b \t\r\n"
                       "Empty:\r\nContent-Length: 3\r\n\r\nabc");
    const struct http_request *request = http_request(net.held);
    cr_assert(eq(int, request->method, HTTP_METHOD_POST));
    cr_assert(eq(int, request->minor, 1));
    cr_assert(eq(i64, request->length, 3));
    cr_assert(eq(int, request->upgrade, HTTP_UPGRADE_NONE));
    check_slice(request->target, DM_SLICE("/a%20b/%C3%A4?q=1&r"));
    check_slice(request->path, DM_SLICE("/a b/\xc3\xa4"));
    check_slice(request->query, DM_SLICE("q=1&r"));
    check_slice(request->host, DM_SLICE("x:80"));
    check_slice(http_header(request, "x-y"), DM_SLICE("a b"));
    check_slice(http_header(request, "empty"), DM_SLICE(""));
    check_slice(http_header(request, "none"), DM_SLICE_NONE);
    cr_assert(eq(sz, request->field_count, 4));
    cr_assert(eq(int, request->remote->family, NET_UNIX));
    conn_abort(http_conn(net.held));
    cr_assert(eq(str, (char *)net_take_log(&net), "POST:/a b/\xc3\xa4 "));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:lost closed "));
    net_close(&net);
}

Test(http, absolute_target_names_the_host) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, "GET HTTP://y:1/p?q HTTP/1.1\r\nHost: x\r\n\r\n");
    check_slice(http_request(net.held)->host, DM_SLICE("y:1"));
    check_slice(http_request(net.held)->path, DM_SLICE("/p"));
    check_slice(http_request(net.held)->query, DM_SLICE("q"));
    net_close(&net);
}

Test(http, path_is_text) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, GET("/%FF/%C3%A4%C3/%ED%A0%80?%FF"));
    check_slice(http_request(net.held)->path, DM_SLICE("/?/\xc3\xa4?/???"));
    check_slice(http_request(net.held)->query, DM_SLICE("%FF"));
    net_close(&net);
}

Test(http, query_may_be_absent_or_empty) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, GET("/?"));
    check_slice(http_request(net.held)->query, DM_SLICE(""));
    http_respond_status(net.held, 200);
    net_settle(&net);
    net_send_str(&net, GET("/"));
    check_slice(http_request(net.held)->query, DM_SLICE_NONE);
    net_close(&net);
}

Test(http, pipeline_is_answered_in_order_one_at_a_time) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, GET("/1") GET("/2") "POST /3 HTTP/1.1\r\nHost: x\r\n"
                       "Content-Length: 2\r\n\r\nab" GET("/4"));
    cr_assert(eq(str, (char *)net_take_log(&net), "GET:/1 "));
    http_respond(net.held, 200, NULL, 0, DM_SLICE("one"));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:sent GET:/2 "));
    http_respond(net.held, 200, NULL, 0, DM_SLICE("two"));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:sent POST:/3 "));
    http_collect(net.held, 10);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "complete:ab "));
    http_respond(net.held, 200, NULL, 0, DM_SLICE("three"));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:sent GET:/4 "));
    cr_assert(eq(str, (char *)net_take(&net), OK("3", "one") OK("3", "two") OK("5", "three")));
    net_close(&net);
}

Test(http, pipeline_is_bounded) {
    struct net net = { 0 };
    struct buf many = BUF_INIT;
    net_open(&net, net_hold);
    for (int i = 0; i < 40000; i++)
        buf_append_str(&many, GET("/"));
    size_t sent = 0;
    for (int i = 0; i < 200; i++) {
        ssize_t n = write(net.peer, many.data + sent, many.len - sent);
        sent += n > 0 ? (size_t)n : 0;
        net_turn(&net);
    }
    /* The kernel's buffers hold some hundred KiB; all else is left with the peer. */
    check_true(sent < many.len);
    buf_fini(&many);
    net_close(&net);
}

Test(http, bodies_are_collected) {
    struct net net = { 0 };
    net_open(&net, net_answer_body);
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    cr_assert(eq(str, (char *)net_take(&net), OK("5", "hello")));
    net_send_slow(&net, dm_slice_str("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n"
                                     "\r\n3\r\nhel\r\n2;x=\"y\"\r\nlo\r\n0\r\nT: v\r\n\r\n"));
    cr_assert(eq(str, (char *)net_take(&net), OK("5", "hello")));
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(eq(str, (char *)net_take(&net), OK("0", "")));
    cr_assert(eq(str, (char *)net_take_log(&net),
                 "POST:/ complete:hello end:sent PUT:/ complete:hello end:sent "
                 "POST:/ complete: end:sent "));
    net_close(&net);
}

static void own_too_large(struct http_exchange *exchange) {
    http_respond(exchange, 413, NULL, 0, DM_SLICE("mine"));
}

static struct http_handler own_handler;

static void collect_own(struct net *net, struct http_exchange *exchange) {
    own_handler = net_http_handler;
    own_handler.too_large = own_too_large;
    http_attach(exchange, &own_handler, net);
    http_collect(exchange, 3);
}

Test(http, caller_may_say_itself_that_a_body_is_too_large) {
    struct net net = { 0 };
    net.echoes = 1;
    net_open(&net, collect_own);
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd" GET("/b"));
    const char *response = net_take(&net);
    check_true(text_begins(response, "HTTP/1.1 413 ") && text_has(response, "mineHTTP/1.1 200"));
    net_close(&net);
}

Test(http, client_that_expects_is_told_to_go_on) {
    struct net net = { 0 };
    net_open(&net, net_answer_body);
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                       "Expect: 100-Continue\r\n\r\n");
    cr_assert(eq(str, (char *)net_take(&net), "HTTP/1.1 100 Continue\r\n\r\n"));
    net_send_str(&net, "ab");
    cr_assert(eq(str, (char *)net_take(&net), OK("2", "ab")));
    net_close(&net);
}

Test(http, client_that_expects_and_is_refused_sends_no_body) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                       "Expect: 100-continue\r\n\r\n");
    check_true(text_has(net_take(&net), "Connection: close\r\n"));
    check_true(net.peer_eof);
    net_close(&net);
}

Test(http, small_unwanted_body_does_not_cost_the_connection) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    net_send_str(&net, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    cr_assert(eq(str, (char *)net_take(&net), OK("2", "/a")));
    net_send_str(&net, "lo" GET("/b"));
    cr_assert(eq(str, (char *)net_take(&net), OK("2", "/b")));
    net_send_str(&net, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\nhel");
    check_true(text_has(net_take(&net), "Connection: close\r\n"));
    check_true(net.peer_eof);
    net_close(&net);
}

Test(http, head_has_the_length_but_no_body) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    net_send_str(&net, "HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n" GET("/d"));
    cr_assert(eq(str, (char *)net_take(&net), OK("4", "") OK("2", "/d")));
    net_close(&net);
}

static void answer_204(struct net *net, struct http_exchange *exchange) {
    (void)net;
    unsigned status = dm_slice_eq(http_request(exchange)->path, DM_SLICE("/304")) ? 304 : 204;
    http_respond(exchange, status, NULL, 0, DM_SLICE("never"));
}

Test(http, some_statuses_have_no_body) {
    struct net net = { 0 };
    net_open(&net, answer_204);
    net_send_str(&net, GET("/204") GET("/304"));
    cr_assert(eq(str, (char *)net_take(&net), "HTTP/1.1 204 No Content\r\n\r\n"
                                              "HTTP/1.1 304 Not Modified\r\n\r\n"));
    net_close(&net);
}

Test(http, version_1_0_closes_unless_asked) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    net_send_str(&net, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    cr_assert(eq(str, (char *)net_take(&net),
                 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n/"));
    check_true(!net.peer_eof);
    net_send_str(&net, "GET / HTTP/1.0\r\n\r\n");
    cr_assert(eq(str, (char *)net_take(&net),
                 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n/"));
    check_true(net.peer_eof);
    net_close(&net);
}

Test(http, close_is_obeyed) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    net_send_str(&net, "GET / HTTP/1.1\r\nHost: x\r\nConnection: a, CLOSE\r\n\r\n" GET("/b"));
    cr_assert(eq(str, (char *)net_take(&net),
                 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n/"));
    check_true(net.peer_eof && !net.peer_reset);
    net_close(&net);
}

static void close_after(struct net *net, struct http_exchange *exchange) {
    http_close_after(exchange);
    net_answer_path(net, exchange);
}

Test(http, caller_may_close_after_a_response) {
    struct net net = { 0 };
    net_open(&net, close_after);
    net_send_str(&net, GET("/"));
    check_true(text_has(net_take(&net), "Connection: close\r\n"));
    check_true(net.peer_eof);
    net_close(&net);
}

Test(http, date_is_there) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    net_send_str(&net, GET("/"));
    struct dm_slice bytes = net_take_bytes(&net);
    const char *date = memmem(bytes.ptr, bytes.len, "\r\nDate: ", 8);
    check_true(date && memcmp(date + 8 + 25, " GMT\r\n", 6) == 0 && date[11] == ',');
    net_close(&net);
}

static void not_allowed(struct net *net, struct http_exchange *exchange) {
    (void)net;
    http_respond_not_allowed(exchange, "GET, POST");
}

Test(http, not_allowed_names_what_is) {
    struct net net = { 0 };
    net_open(&net, not_allowed);
    net_send_str(&net, "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(eq(str, (char *)net_take(&net),
                 "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Allow: GET, POST\r\nContent-Length: 23\r\n\r\n405 Method Not Allowed\n"));
    net_close(&net);
}

static void answer_much(struct net *net, struct http_exchange *exchange) {
    static char page[300000];
    (void)net;
    http_respond(exchange, 200, NULL, 0, (struct dm_slice){ page, sizeof(page) });
}

Test(http, unread_responses_hold_back_the_pipeline) {
    struct net net = { 0 };
    net_open(&net, answer_much);
    for (int i = 0; i < 100; i++)
        net_put(&net, dm_slice_str(GET("/")));
    for (int i = 0; i < 20; i++)
        net_turn(&net);
    /* Each one that was let through is in the log; the sockets hold a few. */
    cr_assert(lt(sz, net.log.len, 10 * strlen("GET:/ ")));
    net_settle(&net);
    cr_assert(eq(sz, net.log.len, 100 * strlen("GET:/ ")));
    cr_assert(gt(sz, net_take_bytes(&net).len, (size_t)100 * 300000));
    net_close(&net);
}
