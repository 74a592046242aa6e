/* Responses in pieces, and those that a caller may not give. */
#include <errno.h>

#include "tests/unit/net/net_check.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static void open_held(struct net *net, const char *request) {
    net_open(net, net_hold);
    net_send_str(net, request);
    check_true(net->held != NULL);
    net_take_log(net);
}

Test(http_response, pieces_are_chunks) {
    struct net net = { 0 };
    open_held(&net, GET);
    struct http_exchange *exchange = net.held;
    cr_assert(eq(int, http_respond_begin(exchange, 200, NULL, 0, HTTP_LENGTH_CHUNKED), 0));
    cr_assert(eq(int, http_respond_chunk(exchange, DM_SLICE("hello")), 0));
    cr_assert(eq(int, http_respond_chunk(exchange, DM_SLICE("")), 0));
    cr_assert(eq(int, http_respond_chunk(exchange, DM_SLICE("0123456789abcdefg")), 0));
    net_settle(&net);
    cr_assert(eq(int, http_respond_end(exchange), 0));
    cr_assert(eq(int, http_respond_end(exchange), -EALREADY));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take(&net),
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n"));
    cr_assert(eq(str, (char *)net_take_log(&net), "end:sent "));
    check_true(!net.peer_eof);
    net_close(&net);
}

Test(http_response, pieces_of_known_length) {
    struct net net = { 0 };
    open_held(&net, GET);
    http_respond_begin(net.held, 200, NULL, 0, 5);
    cr_assert(eq(int, http_respond_chunk(net.held, DM_SLICE("hello!")), -EMSGSIZE));
    cr_assert(eq(int, http_respond_chunk(net.held, DM_SLICE("hel")), 0));
    cr_assert(eq(int, http_respond_chunk(net.held, DM_SLICE("lo")), 0));
    cr_assert(eq(int, http_respond_end(net.held), 0));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take(&net), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    net_close(&net);
}

Test(http_response, too_few_pieces_abort) {
    struct net net = { 0 };
    open_held(&net, GET);
    http_respond_begin(net.held, 200, NULL, 0, 5);
    http_respond_chunk(net.held, DM_SLICE("hel"));
    net_settle(&net);
    cr_assert(eq(int, http_respond_end(net.held), -EPIPE));
    net_settle(&net);
    check_true(net.peer_eof);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:lost closed "));
    net_close(&net);
}

Test(http_response, version_1_0_gets_pieces_until_the_end) {
    struct net net = { 0 };
    open_held(&net, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    http_respond_begin(net.held, 200, NULL, 0, HTTP_LENGTH_CHUNKED);
    http_respond_chunk(net.held, DM_SLICE("hello"));
    http_respond_end(net.held);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take(&net), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"));
    check_true(net.peer_eof);
    net_close(&net);
}

Test(http_response, head_gets_no_pieces) {
    struct net net = { 0 };
    open_held(&net, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    http_respond_begin(net.held, 200, NULL, 0, HTTP_LENGTH_CHUNKED);
    http_respond_chunk(net.held, DM_SLICE("hello"));
    http_respond_end(net.held);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take(&net),
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    check_true(!net.peer_eof);
    net_close(&net);
}

Test(http_response, producer_waits_for_the_reader) {
    struct net net = { 0 };
    char piece[8192] = { 0 };
    open_held(&net, GET);
    http_respond_begin(net.held, 200, NULL, 0, HTTP_LENGTH_CHUNKED);
    int r = 0;
    int pieces = 0;
    for (; r == 0 && pieces < 10000; pieces++) {
        r = http_respond_chunk(net.held, (struct dm_slice){ piece, sizeof(piece) });
        net_turn(&net);
    }
    cr_assert(eq(int, r, HTTP_FULL));
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "writable "));
    http_respond_end(net.held);
    net_settle(&net);
    check_true(net_take_bytes(&net).len > (size_t)pieces * sizeof(piece));
    check_true(!net.peer_eof);
    net_close(&net);
}

Test(http_response, reader_that_never_reads_is_dropped) {
    struct net net = { .config = CONN_CONFIG_DEFAULT };
    char piece[8192] = { 0 };
    net.config.http.body_timeout_ms = 20;
    open_held(&net, GET);
    http_respond_begin(net.held, 200, NULL, 0, HTTP_LENGTH_CHUNKED);
    while (http_respond_chunk(net.held, (struct dm_slice){ piece, sizeof(piece) }) == 0)
        net_turn(&net);
    net_wait_log(&net, "end:lost closed ");
    net_close(&net);
}

static const struct http_field bad_fields[] = {
    { { "", 0 }, { "v", 1 } },
    { { "A B", 3 }, { "v", 1 } },
    { { "A:", 2 }, { "v", 1 } },
    { { "A\r\nB", 4 }, { "v", 1 } },
    { { "A", 1 }, { "v\r\nB: c", 7 } },
    { { "A", 1 }, { "v\n", 2 } },
    { { "A", 1 }, { "v\0", 2 } },
    { { "date", 4 }, { "v", 1 } },
    { { "Connection", 10 }, { "close", 5 } },
    { { "CONTENT-LENGTH", 14 }, { "1", 1 } },
    { { "Transfer-Encoding", 17 }, { "chunked", 7 } },
};

Test(http_response, fields_cannot_split_a_response) {
    struct net net = { 0 };
    open_held(&net, GET);
    for (size_t i = 0; i < ARRAY_LEN(bad_fields); i++) {
        int r = http_respond(net.held, 200, &bad_fields[i], 1, DM_SLICE(""));
        cr_assert(eq(int, r, -EINVAL), "%zu", i);
    }
    cr_assert(eq(int, http_respond(net.held, 99, NULL, 0, DM_SLICE("")), -EINVAL));
    cr_assert(eq(int, http_respond(net.held, 101, NULL, 0, DM_SLICE("")), -EINVAL));
    cr_assert(eq(int, http_respond(net.held, 600, NULL, 0, DM_SLICE("")), -EINVAL));
    struct http_field good = { DM_SLICE("X-A"), DM_SLICE("b c") };
    cr_assert(eq(int, http_respond(net.held, 200, &good, 1, DM_SLICE("")), 0));
    cr_assert(eq(int, http_respond(net.held, 200, &good, 1, DM_SLICE("")), -EALREADY));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take(&net),
                 "HTTP/1.1 200 OK\r\nX-A: b c\r\nContent-Length: 0\r\n\r\n"));
    net_close(&net);
}

Test(http_response, may_be_larger_than_a_socket_may_queue) {
    struct net net = { 0 };
    open_held(&net, GET);
    struct blob *blob = blob_alloc(2000000);
    memset(blob->data, 'a', blob->len);
    cr_assert(eq(int, http_respond(net.held, 200, NULL, 0,
                                   (struct dm_slice){ blob->data, blob->len }), 0));
    net_settle(&net);
    check_true(net_take_bytes(&net).len > 2000000);
    blob_unref(blob);
    net_close(&net);
}

/* ---- readers that leave a whole response lying ---- */

static void respond_large(struct net *net) {
    struct blob *blob = blob_alloc(2000000);
    memset(blob->data, 'a', blob->len);
    cr_assert(eq(int, http_respond(net->held, 200, NULL, 0,
                                   (struct dm_slice){ blob->data, blob->len }), 0));
    blob_unref(blob);
}

Test(http_response, exchange_stays_until_the_response_is_read) {
    struct net net = { .config = CONN_CONFIG_DEFAULT };
    open_held(&net, GET);
    net_take_log(&net);
    respond_large(&net);
    net_turn(&net);
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    check_true(conn_server_queued(net.server) > 1000000);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "end:sent "));
    cr_assert(eq(u64, conn_server_queued(net.server), 0));
    net_close(&net);
}

Test(http_response, whole_response_that_nobody_reads_is_dropped) {
    struct net net = { .config = CONN_CONFIG_DEFAULT };
    net.config.http.body_timeout_ms = 20;
    open_held(&net, GET);
    respond_large(&net);
    net_wait_log(&net, "end:lost closed ");
    cr_assert(eq(u64, conn_server_queued(net.server), 0));
    net_close(&net);
}

Test(http_response, what_is_unread_counts_for_who_asked_last) {
    struct net net = { .config = CONN_CONFIG_DEFAULT };
    open_held(&net, GET);
    struct conn *conn = http_conn(net.held);
    cr_assert(eq(u64, conn_charge(conn, 7), 0));
    respond_large(&net);
    net_turn(&net);
    uint64_t unread = conn_server_queued(net.server);
    check_true(unread > 1000000);
    cr_assert(eq(u64, conn_charge(conn, 7), unread));
    cr_assert(eq(u64, conn_charge(conn, CONN_CHARGE_NOBODY), 0));
    cr_assert(eq(u64, conn_charge(conn, 8), unread));
    cr_assert(eq(u64, conn_charge(conn, 7), unread));
    /* Other limits do not lose the count. */
    conn_server_configure(net.server, &net.config);
    cr_assert(eq(u64, conn_charge(conn, 7), unread));
    cr_assert(eq(u64, conn_server_queued(net.server), unread));
    net_settle(&net);
    cr_assert(eq(u64, conn_charge(conn, 7), 0));
    cr_assert(eq(u64, conn_server_queued(net.server), 0));
    net_close(&net);
}

Test(http_response, slow_reader_is_waited_for) {
    struct net net = { .config = CONN_CONFIG_DEFAULT };
    char data[65536];
    net.config.http.body_timeout_ms = 300;
    open_held(&net, GET);
    net_take_log(&net);
    respond_large(&net);
    /* Longer than the time in which nothing may be taken, but never nothing for so long. */
    for (int i = 0; i < 8; i++) {
        while (read(net.peer, data, sizeof(data)) > 0)
            ;
        for (int nap = 0; nap < 45; nap++)
            loop_nap(net.loop);
    }
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    net_settle(&net);
    check_true(text_has(net_take_log(&net), "end:sent "));
    net_close(&net);
}
