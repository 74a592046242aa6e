/* Opening handshakes: which are valid, and accepting or refusing them at once and later. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/net/net_check.h"

struct handshake_case {
    const char *what;
    const char *request;
    enum http_upgrade upgrade;
    unsigned status; /* of websocket_respond_invalid; 101: valid */
};

#define LINE "GET / HTTP/1.1\r\nHost: x\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"

static const struct handshake_case cases[] = {
    { "plain", LINE UP KEY V13 "\r\n", HTTP_UPGRADE_WEBSOCKET, 101 },
    { "any case", LINE "UPGRADE: WebSocket\r\nCONNECTION: UPGRADE\r\nSEC-WEBSOCKET-KEY: "
      "dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
      HTTP_UPGRADE_WEBSOCKET, 101 },
    { "token list", LINE "Upgrade: h2c, websocket\r\nConnection: keep-alive, Upgrade\r\n" KEY V13
      "\r\n", HTTP_UPGRADE_WEBSOCKET, 101 },
    { "tokens in two fields", LINE "Upgrade: websocket\r\nConnection: keep-alive\r\n"
      "Connection: Upgrade\r\n" KEY V13 "\r\n", HTTP_UPGRADE_WEBSOCKET, 101 },
    { "no upgrade", LINE "\r\n", HTTP_UPGRADE_NONE, 426 },
    { "another protocol", LINE "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY V13 "\r\n",
      HTTP_UPGRADE_NONE, 426 },
    { "no connection field", LINE "Upgrade: websocket\r\n" KEY V13 "\r\n", HTTP_UPGRADE_NONE,
      426 },
    { "token within a word", LINE "Upgrade: websockets\r\nConnection: Upgrade\r\n" KEY V13 "\r\n",
      HTTP_UPGRADE_NONE, 426 },
    { "old version", LINE UP KEY "Sec-WebSocket-Version: 8\r\n\r\n", HTTP_UPGRADE_BAD_VERSION,
      426 },
    { "no version", LINE UP KEY "\r\n", HTTP_UPGRADE_BAD_VERSION, 426 },
    { "version list", LINE UP KEY "Sec-WebSocket-Version: 13, 8\r\n\r\n",
      HTTP_UPGRADE_BAD_VERSION, 426 },
    { "no key", LINE UP V13 "\r\n", HTTP_UPGRADE_BAD, 400 },
    { "two keys", LINE UP KEY KEY V13 "\r\n", HTTP_UPGRADE_BAD, 400 },
    { "empty key", LINE UP "Sec-WebSocket-Key:\r\n" V13 "\r\n", HTTP_UPGRADE_BAD, 400 },
    { "short key", LINE UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" V13 "\r\n",
      HTTP_UPGRADE_BAD, 400 },
    { "key that is no base64", LINE UP "Sec-WebSocket-Key: !!!lIHNhbXBsZSBub25jZQ==\r\n" V13
      "\r\n", HTTP_UPGRADE_BAD, 400 },
    { "not GET", "POST / HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", HTTP_UPGRADE_BAD, 400 },
    { "not 1.1", "GET / HTTP/1.0\r\nHost: x\r\n" UP KEY V13 "\r\n", HTTP_UPGRADE_BAD, 400 },
    { "with a body", LINE UP KEY V13 "Content-Length: 1\r\n\r\n", HTTP_UPGRADE_BAD, 400 },
};

static void answer_or_accept(struct net *net, struct http_exchange *exchange) {
    net_log(net, "upgrade:%d ", http_request(exchange)->upgrade);
    if (http_request(exchange)->upgrade == HTTP_UPGRADE_WEBSOCKET) {
        net_accept(net, exchange);
        return;
    }
    struct websocket *ws;
    cr_assert(eq(int, websocket_accept(exchange, &net->ws_options, &ws), -EINVAL));
    cr_assert(eq(int, websocket_respond_invalid(exchange), 0));
}

Test(websocket_handshake, every_form_is_told_apart) {
    struct net net = { 0 };
    net_open(&net, answer_or_accept);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char word[32];
        net_send_str(&net, cases[i].request);
        const char *response = net_take(&net);
        snprintf(word, sizeof(word), "HTTP/1.1 %u ", cases[i].status);
        cr_assert(eq(int, text_begins(response, word), 1), "%s: %s", cases[i].what, response);
        snprintf(word, sizeof(word), "upgrade:%d ", cases[i].upgrade);
        cr_assert(eq(int, text_has(net_take_log(&net), word), 1), "%s", cases[i].what);
        int has_version = text_has(response, "\r\nSec-WebSocket-Version: 13\r\n");
        cr_assert(eq(int, has_version, cases[i].status == 426), "%s", cases[i].what);
        net_reconnect(&net);
    }
    net_close(&net);
}

Test(websocket_handshake, response_is_that_of_the_standard) {
    struct net net = { 0 };
    net_open(&net, net_accept);
    net_send_slow(&net, dm_slice_str(net_handshake));
    cr_assert(eq(str, (char *)net_take(&net),
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                 "Connection: Upgrade\r\n\r\n"));
    net_close(&net);
}

static void accept_second_protocol(struct net *net, struct http_exchange *exchange) {
    const struct http_request *request = http_request(exchange);
    static const struct http_field field = { { "X-A", 3 }, { "b", 1 } };
    check_true(websocket_is_offered(request, DM_SLICE("one")));
    check_true(websocket_is_offered(request, DM_SLICE("two")));
    check_true(!websocket_is_offered(request, DM_SLICE("tw")));
    net->ws_options.protocol = DM_SLICE("two");
    net->ws_options.fields = &field;
    net->ws_options.field_count = 1;
    net_accept(net, exchange);
}

Test(websocket_handshake, protocol_and_fields_are_the_callers) {
    struct net net = { 0 };
    net_open(&net, accept_second_protocol);
    net_send_str(&net, LINE UP KEY V13 "Sec-WebSocket-Protocol: one, two\r\n\r\n");
    check_true(text_has(net_take(&net), "\r\nSec-WebSocket-Protocol: two\r\nX-A: b\r\n"));
    net_close(&net);
}

static void accept_bad_field(struct net *net, struct http_exchange *exchange) {
    static const struct http_field field = { { "X-A", 3 }, { "b\r\nC: d", 7 } };
    struct websocket *ws;
    net->ws_options.fields = &field;
    net->ws_options.field_count = 1;
    cr_assert(eq(int, websocket_accept(exchange, &net->ws_options, &ws), -EINVAL));
    http_respond_status(exchange, 500);
}

Test(websocket_handshake, bad_field_leaves_the_exchange_to_be_answered) {
    struct net net = { 0 };
    net_open(&net, accept_bad_field);
    net_send_str(&net, net_handshake);
    check_true(text_begins(net_take(&net), "HTTP/1.1 500 "));
    net_close(&net);
}

Test(websocket_handshake, accepted_later_keeps_what_came_meanwhile) {
    struct net net = { 0 };
    struct buf bytes = BUF_INIT;
    net_open(&net, net_hold);
    buf_append_str(&bytes, net_handshake);
    frame_append(&bytes, 0x81, FRAME_MASKED, DM_SLICE("one"));
    net_send(&net, buf_slice(&bytes));
    net_send_frame(&net, 0x81, DM_SLICE("two"));
    cr_assert(eq(str, (char *)net_take_log(&net), "GET:/chat "));
    struct http_exchange *exchange = net.held;
    net_accept(&net, exchange);
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    cr_assert(eq(int, http_respond_status(exchange, 200), -EALREADY));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:upgraded text:one text:two "));
    check_true(text_begins(net_take(&net), "HTTP/1.1 101 "));
    buf_fini(&bytes);
    net_close(&net);
}

Test(websocket_handshake, what_comes_before_the_answer_is_bounded) {
    struct net net = { 0 };
    char junk[65536];
    memset(junk, 'a', sizeof(junk));
    net_open(&net, net_hold);
    net_send_str(&net, net_handshake);
    size_t sent = 0;
    for (int i = 0; i < 100; i++) {
        ssize_t n = write(net.peer, junk, sizeof(junk));
        sent += n > 0 ? (size_t)n : 0;
        net_turn(&net);
    }
    cr_assert(lt(sz, sent, (size_t)1 << 20));
    net_close(&net);
}

Test(websocket_handshake, refused_later_goes_on_with_http) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, net_handshake);
    net_send_str(&net, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(eq(str, (char *)net_take_log(&net), "GET:/chat "));
    http_respond_status(net.held, 403);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:sent GET:/next "));
    check_true(text_begins(net_take(&net), "HTTP/1.1 403 "));
    net_close(&net);
}

Test(websocket_handshake, peer_that_left_cannot_be_accepted) {
    struct net net = { 0 };
    struct websocket *ws;
    net_open(&net, net_hold);
    net_send_str(&net, net_handshake);
    close(net.peer);
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "GET:/chat gone "));
    cr_assert(eq(int, websocket_accept(net.held, &net.ws_options, &ws), -EPIPE));
    conn_abort(http_conn(net.held));
    cr_assert(eq(int, websocket_accept(net.held, &net.ws_options, &ws), -EPIPE));
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:lost closed "));
    net_close(&net);
}

Test(websocket_handshake, connection_may_end_in_the_turn_that_accepts) {
    struct net net = { 0 };
    net_open(&net, net_hold);
    net_send_str(&net, net_handshake);
    net_take_log(&net);
    net_accept(&net, net.held);
    websocket_abort(net.ws);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:upgraded ws:1006::aborted closed "));
    net_close(&net);
}
