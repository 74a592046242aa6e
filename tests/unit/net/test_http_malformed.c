/* What must not get through, and how it is answered; whole and byte by byte. */
#include "tests/unit/net/net_check.h"

#define HOST "Host: x\r\n"

struct bad_case {
    const char *what;
    unsigned status; /* 0: nothing is answered, 200: it is fine */
    struct dm_slice bytes;
};

#define CASE(name, status, literal) { name, status, { literal, sizeof(literal) - 1 } }

static const struct bad_case cases[] = {
    CASE("plain", 200, "GET / HTTP/1.1\r\n" HOST "\r\n"),
    CASE("empty line first", 200, "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    CASE("many empty lines", 400, "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    CASE("1.0 without host", 200, "GET / HTTP/1.0\r\n\r\n"),
    CASE("1.1 without host", 400, "GET / HTTP/1.1\r\n\r\n"),
    CASE("two hosts", 400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
    CASE("1.0 with two hosts", 400, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
    CASE("bad host", 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    CASE("host with a port", 200, "GET / HTTP/1.1\r\nHost: x-1.y:80\r\n\r\n"),
    CASE("host with an empty port", 200, "GET / HTTP/1.1\r\nHost: x:\r\n\r\n"),
    CASE("empty host", 200, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    CASE("address as a host", 200, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
    CASE("address without an end", 400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    CASE("address and more", 400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
    CASE("brackets in a host", 400, "GET / HTTP/1.1\r\nHost: a[b]\r\n\r\n"),
    CASE("two ports", 400, "GET / HTTP/1.1\r\nHost: x:80:90\r\n\r\n"),
    CASE("port that is none", 400, "GET / HTTP/1.1\r\nHost: x:8a\r\n\r\n"),
    CASE("host with a path", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    CASE("bare LF after the line", 400, "GET / HTTP/1.1\n" HOST "\r\n"),
    CASE("bare LF after a field", 400, "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"),
    CASE("bare LF at the end", 400, "GET / HTTP/1.1\r\n" HOST "\n"),
    CASE("all bare LF", 400, "GET / HTTP/1.1\nHost: x\n\n"),
    CASE("bare CR in a value", 400, "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n"),
    CASE("bare CR after the line", 400, "GET / HTTP/1.1\r" HOST "\r\n"),
    CASE("bare CR at the end", 400, "GET / HTTP/1.1\r\n" HOST "\rGET"),
    CASE("obs-fold", 400, "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"),
    CASE("obs-fold with a tab", 400, "GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc\r\n\r\n"),
    CASE("blank before the first field", 400, "GET / HTTP/1.1\r\n " HOST "\r\n"),
    CASE("blank before the colon", 400, "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n"),
    CASE("tab before the colon", 400, "GET / HTTP/1.1\r\n" HOST "A\t: b\r\n\r\n"),
    CASE("field without a colon", 400, "GET / HTTP/1.1\r\n" HOST "A\r\n\r\n"),
    CASE("field without a name", 400, "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n"),
    CASE("NUL in a name", 400, "GET / HTTP/1.1\r\n" HOST "A\0: b\r\n\r\n"),
    CASE("NUL in a value", 400, "GET / HTTP/1.1\r\n" HOST "A: b\0\r\n\r\n"),
    CASE("control in a value", 400, "GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n"),
    CASE("non-ASCII name", 400, "GET / HTTP/1.1\r\n" HOST "\xc3\xa4: b\r\n\r\n"),
    CASE("parenthesis in a name", 400, "GET / HTTP/1.1\r\n" HOST "A(b): c\r\n\r\n"),
    CASE("two lengths", 400, "POST / HTTP/1.1\r\n" HOST
                             "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    CASE("two different lengths", 400, "POST / HTTP/1.1\r\n" HOST
                                       "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    CASE("length list", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na"),
    CASE("negative length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\na"),
    CASE("length with plus", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\na"),
    CASE("hex length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\na"),
    CASE("empty length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n"),
    CASE("length with a blank", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\na"),
    CASE("length over 64 bits", 400, "POST / HTTP/1.1\r\n" HOST
                                     "Content-Length: 99999999999999999999\r\n\r\na"),
    CASE("length and chunked", 400, "POST / HTTP/1.1\r\n" HOST
                                    "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "0\r\n\r\n"),
    CASE("chunked and length", 400, "POST / HTTP/1.1\r\n" HOST
                                    "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"
                                    "0\r\n\r\n"),
    CASE("chunked not last", 400, "POST / HTTP/1.1\r\n" HOST
                                  "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    CASE("chunked not last, two fields", 400, "POST / HTTP/1.1\r\n" HOST
                                              "Transfer-Encoding: chunked\r\n"
                                              "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
    CASE("chunked twice", 400, "POST / HTTP/1.1\r\n" HOST
                               "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    CASE("chunked behind nothing", 400, "POST / HTTP/1.1\r\n" HOST
                                        "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n"),
    CASE("chunked before nothing", 400, "POST / HTTP/1.1\r\n" HOST
                                        "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
    CASE("chunked behind an empty field", 400, "POST / HTTP/1.1\r\n" HOST
                                               "Transfer-Encoding:\r\n"
                                               "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    CASE("Chunked", 200, "POST / HTTP/1.1\r\n" HOST
                         "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"),
    CASE("chunked in 1.0", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    CASE("chunked with a control", 400, "POST / HTTP/1.1\r\n" HOST
                                        "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n"),
    CASE("gzip, chunked", 501, "POST / HTTP/1.1\r\n" HOST
                               "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    CASE("bad chunk size", 400, "POST / HTTP/1.1\r\n" HOST
                                "Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n"),
    CASE("chunk size with a blank", 400, "POST / HTTP/1.1\r\n" HOST
                                         "Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n"),
    CASE("chunk size over 64 bits", 400, "POST / HTTP/1.1\r\n" HOST
                                         "Transfer-Encoding: chunked\r\n\r\n"
                                         "11111111111111111\r\na"),
    CASE("bare LF after a chunk size", 400, "POST / HTTP/1.1\r\n" HOST
                                            "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"),
    CASE("no CRLF after a chunk", 400, "POST / HTTP/1.1\r\n" HOST
                                       "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
    CASE("bare LF after a chunk", 400, "POST / HTTP/1.1\r\n" HOST
                                       "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n"),
    CASE("bare LF at the end of chunks", 400, "POST / HTTP/1.1\r\n" HOST
                                              "Transfer-Encoding: chunked\r\n\r\n0\r\n\n"),
    CASE("bare LF in a chunk extension", 400, "POST / HTTP/1.1\r\n" HOST
                                              "Transfer-Encoding: chunked\r\n\r\n"
                                              "1;a\nb\r\na\r\n0\r\n\r\n"),
    CASE("unknown method", 501, "BREW / HTTP/1.1\r\n" HOST "\r\n"),
    CASE("known, but not here", 501, "TRACE / HTTP/1.1\r\n" HOST "\r\n"),
    CASE("connect", 501, "CONNECT x:80 HTTP/1.1\r\n" HOST "\r\n"),
    CASE("lower case", 501, "get / HTTP/1.1\r\n" HOST "\r\n"),
    CASE("endless method", 501, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    CASE("method that is no token", 400, "GE(T / HTTP/1.1\r\n" HOST "\r\n"),
    CASE("a TLS hello", 400, "\x16\x03\x01\x02\x00\x01\x00"),
    CASE("HTTP/2 preface", 501, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    CASE("version 2.0", 505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    CASE("version 0.9", 505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    CASE("version 1.2", 505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    CASE("version 9.9", 505, "GET / HTTP/9.9\r\n" HOST "\r\n"),
    CASE("lower-case protocol", 400, "GET / http/1.1\r\n" HOST "\r\n"),
    CASE("another protocol", 400, "GET / RTSP/1.0\r\n" HOST "\r\n"),
    CASE("no version", 400, "GET /\r\n" HOST "\r\n"),
    CASE("version with more digits", 400, "GET / HTTP/1.11\r\n" HOST "\r\n"),
    CASE("two blanks before the version", 200, "GET /  HTTP/1.1\r\n" HOST "\r\n"),
    CASE("blank behind the version", 400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    CASE("no target", 400, "GET  HTTP/1.1\r\n" HOST "\r\n"),
    CASE("target without a slash", 400, "GET a HTTP/1.1\r\n" HOST "\r\n"),
    CASE("control in the target", 400, "GET /\x01 HTTP/1.1\r\n" HOST "\r\n"),
    CASE("NUL in the target", 400, "GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
    CASE("fragment in the target", 400, "GET /#a HTTP/1.1\r\n" HOST "\r\n"),
    CASE("asterisk for GET", 400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
    CASE("asterisk for OPTIONS", 200, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    CASE("bad percent-encoding", 400, "GET /%zz HTTP/1.1\r\n" HOST "\r\n"),
    CASE("cut percent-encoding", 400, "GET /%4 HTTP/1.1\r\n" HOST "\r\n"),
    CASE("encoded NUL", 400, "GET /%00 HTTP/1.1\r\n" HOST "\r\n"),
    CASE("bad encoding in the query", 200, "GET /?%zz HTTP/1.1\r\n" HOST "\r\n"),
    CASE("absolute target", 200, "GET http://y/ HTTP/1.1\r\n" HOST "\r\n"),
    CASE("absolute target without a path", 200, "GET http://y HTTP/1.1\r\n" HOST "\r\n"),
    CASE("absolute target without a host", 400, "GET http:/// HTTP/1.1\r\n" HOST "\r\n"),
    CASE("absolute target, other scheme", 400, "GET ftp://y/ HTTP/1.1\r\n" HOST "\r\n"),
    CASE("absolute target with a user", 400, "GET http://u@y/ HTTP/1.1\r\n" HOST "\r\n"),
    CASE("unknown expectation", 417, "GET / HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n"),
};

static unsigned status_of(const char *response) {
    unsigned status = 0;
    if (text_begins(response, "HTTP/1.1 "))
        status = (unsigned)strtoul(response + 9, NULL, 10);
    return status;
}

/* Whoever answers must have taken the body, so that bad chunks are met before. */
static void answer(struct net *net, struct http_exchange *exchange) {
    net->echoes = 1;
    http_attach(exchange, &net_http_handler, net);
    http_collect(exchange, 100);
}

static void check_case(struct net *net, const struct bad_case *c, const char *how) {
    const char *response = net_take(net);
    cr_assert(eq(u32, status_of(response), c->status), "%s, %s: %s", c->what, how, response);
    if (c->status == 200)
        return;
    cr_assert(eq(int, text_has(response, "\r\nConnection: close\r\n"), 1), "%s: no close",
              c->what);
    cr_assert(eq(int, net->peer_eof && !net->peer_reset, 1), "%s, %s: still open", c->what, how);
    cr_assert(eq(int, text_has(net_take_log(net), "end:sent"), 0), "%s: got through", c->what);
}

Test(http_malformed, every_class_has_its_answer) {
    struct net net = { 0 };
    net_open(&net, answer);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        net_send(&net, cases[i].bytes);
        check_case(&net, &cases[i], "whole");
        net_reconnect(&net);
        net_send_slow(&net, cases[i].bytes);
        check_case(&net, &cases[i], "slow");
        net_reconnect(&net);
    }
    net_close(&net);
}

/* What stands behind a malformed request is never taken for another one. */
Test(http_malformed, nothing_behind_is_answered) {
    struct net net = { 0 };
    net_open(&net, answer);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (cases[i].status == 200)
            continue;
        struct buf bytes = BUF_INIT;
        buf_append_slice(&bytes, cases[i].bytes);
        buf_append_str(&bytes, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
        net_send(&net, buf_slice(&bytes));
        buf_fini(&bytes);
        cr_assert(eq(int, text_has(net_take(&net), "HTTP/1.1 200"), 0), "%s", cases[i].what);
        cr_assert(eq(int, text_has(net_take_log(&net), "smuggled"), 0), "%s", cases[i].what);
        net_reconnect(&net);
    }
    net_close(&net);
}

/* ---- limits ---- */

static void send_repeated(struct net *net, const char *before, char c, size_t count,
                          const char *after) {
    struct buf bytes = BUF_INIT;
    buf_append_str(&bytes, before);
    memset(buf_reserve(&bytes, count), c, count);
    bytes.len += count;
    buf_append_str(&bytes, after);
    net_send(net, buf_slice(&bytes));
    buf_fini(&bytes);
}

#define TAIL " HTTP/1.1\r\nHost: x\r\n\r\n"

Test(http_malformed, request_line_is_bounded) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    send_repeated(&net, "GET /", 'a', 8000, TAIL);
    check_true(text_begins(net_take(&net), "HTTP/1.1 200 "));
    send_repeated(&net, "GET /", 'a', 8200, TAIL);
    check_true(text_begins(net_take(&net), "HTTP/1.1 414 "));
    check_true(net.peer_eof);
    net_reconnect(&net);
    send_repeated(&net, "GET /", 'a', 100000, "");
    check_true(text_begins(net_take(&net), "HTTP/1.1 414 "));
    net_close(&net);
}

Test(http_malformed, head_is_bounded) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    send_repeated(&net, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 'a', 16000, "\r\n\r\n");
    check_true(text_begins(net_take(&net), "HTTP/1.1 200 "));
    send_repeated(&net, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 'a', 17000, "\r\n\r\n");
    check_true(text_begins(net_take(&net), "HTTP/1.1 431 "));
    net_reconnect(&net);
    /* White space that no callback of a parser shows counts as well. */
    send_repeated(&net, "GET / HTTP/1.1\r\nHost: x\r\nA: ", ' ', 200000, "b\r\n\r\n");
    check_true(text_begins(net_take(&net), "HTTP/1.1 431 "));
    net_close(&net);
}

static void send_fields(struct net *net, int count) {
    struct buf bytes = BUF_INIT;
    buf_append_str(&bytes, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 1; i < count; i++)
        buf_append_str(&bytes, "A: b\r\n");
    buf_append_str(&bytes, "\r\n");
    net_send(net, buf_slice(&bytes));
    buf_fini(&bytes);
}

Test(http_malformed, fields_are_counted) {
    struct net net = { 0 };
    net_open(&net, net_answer_path);
    send_fields(&net, 100);
    check_true(text_begins(net_take(&net), "HTTP/1.1 200 "));
    send_fields(&net, 101);
    check_true(text_begins(net_take(&net), "HTTP/1.1 431 "));
    net_close(&net);
}

#define CHUNKED "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

Test(http_malformed, extensions_and_trailers_are_bounded) {
    struct net net = { 0 };
    net_open(&net, answer);
    send_repeated(&net, CHUNKED "1;", 'a', 20000, "\r\nb\r\n0\r\n\r\n");
    check_true(text_begins(net_take(&net), "HTTP/1.1 431 "));
    net_reconnect(&net);
    send_repeated(&net, CHUNKED "0\r\nA: ", 'a', 20000, "\r\n\r\n");
    check_true(text_begins(net_take(&net), "HTTP/1.1 431 "));
    net_reconnect(&net);
    send_repeated(&net, CHUNKED, '0', 20000, "");
    check_true(text_begins(net_take(&net), "HTTP/1.1 400 "));
    net_reconnect(&net);
    send_repeated(&net, CHUNKED "1\r\na\r\n", '0', 10000, "1\r\nb\r\n0\r\n\r\n");
    check_true(text_has(net_take(&net), "\r\n\r\nab"));
    net_close(&net);
}

Test(http_malformed, bodies_are_bounded) {
    struct net net = { 0 };
    net_open(&net, answer);
    net_send_str(&net, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
    check_true(text_begins(net_take(&net), "HTTP/1.1 413 "));
    check_true(text_has(net_take_log(&net), "end:answered"));
    net_reconnect(&net);
    send_repeated(&net, CHUNKED "65\r\n", 'a', 101, "\r\n0\r\n\r\n");
    check_true(text_begins(net_take(&net), "HTTP/1.1 413 "));
    net_reconnect(&net);
    send_repeated(&net, CHUNKED "64\r\n", 'a', 100, "\r\n0\r\n\r\n");
    check_true(text_begins(net_take(&net), "HTTP/1.1 200 "));
    net_close(&net);
}
