/* Queues, pauses and life signs of a WebSocket. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/net/net_check.h"

#define TEXT 0x81
#define PING 0x89

Test(websocket_flow, one_blob_serves_many) {
    struct net net = { 0 };
    net_open_ws(&net);
    struct blob *frame = websocket_frame_blob(WEBSOCKET_TEXT, DM_SLICE("event"));
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, websocket_send_blob(net.ws, frame), 0));
    cr_assert(eq(u32, frame->refs, 4));
    net_settle(&net);
    cr_assert(eq(u32, frame->refs, 1));
    check_slice(net_take_bytes(&net), DM_SLICE("\x81\x05" "event\x81\x05" "event\x81\x05" "event"));
    blob_unref(frame);
    net_close(&net);
}

Test(websocket_flow, order_of_copies_and_blobs_is_kept) {
    struct net net = { 0 };
    net_open_ws(&net);
    struct blob *frame = websocket_frame_blob(WEBSOCKET_BINARY, DM_SLICE("2"));
    websocket_send(net.ws, WEBSOCKET_TEXT, DM_SLICE("1"));
    websocket_send_blob(net.ws, frame);
    websocket_send(net.ws, WEBSOCKET_PING, DM_SLICE("3"));
    websocket_send_blob(net.ws, frame);
    net_settle(&net);
    check_slice(net_take_bytes(&net), DM_SLICE("\x81\x01" "1\x82\x01" "2\x89\x01" "3\x82\x01" "2"));
    blob_unref(frame);
    net_close(&net);
}

Test(websocket_flow, slow_consumer_is_dropped_at_the_limit) {
    struct net net = { .config = CONN_CONFIG_DEFAULT };
    char payload[10000] = { 0 };
    net.config.write = (struct stream_limits){ 10000, 20000, 100000, NULL };
    net_open_ws(&net);
    int r = 0;
    int sent = 0;
    for (; r == 0 && sent < 10000; sent++) {
        net_turn(&net);
        r = websocket_send(net.ws, WEBSOCKET_BINARY, (struct dm_slice){ payload, 10000 });
    }
    cr_assert(eq(int, r, -ENOBUFS));
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "ws:1006::slow closed "));
    net_close(&net);
}

Test(websocket_flow, drained_is_told_once) {
    struct net net = { 0 };
    char payload[10000] = { 0 };
    net_open_ws(&net);
    while (!websocket_is_full(net.ws)) {
        websocket_send(net.ws, WEBSOCKET_BINARY, (struct dm_slice){ payload, 10000 });
        net_turn(&net);
    }
    check_true(websocket_queued(net.ws) >= 65536);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "drained "));
    cr_assert(eq(sz, websocket_queued(net.ws), 0));
    net_close(&net);
}

/* Puts as many pings as the sockets take, without reading a pong. */
static size_t flood(struct net *net, uint8_t first) {
    struct buf many = BUF_INIT;
    char payload[125] = { 0 };
    size_t total = 0;
    for (int i = 0; i < 500; i++)
        frame_append(&many, first, FRAME_MASKED, (struct dm_slice){ payload, sizeof(payload) });
    for (int i = 0; i < 200; i++) {
        ssize_t n = write(net->peer, many.data, many.len);
        total += n > 0 ? (size_t)n : 0;
        net_turn(net);
        if (n < (ssize_t)many.len)
            break;
    }
    buf_fini(&many);
    return total;
}

Test(websocket_flow, flood_of_pings_is_bounded_by_what_is_read) {
    struct net net = { 0 };
    net_open_ws(&net);
    size_t total = flood(&net, PING);
    cr_assert(lt(sz, total, (size_t)4 << 20));
    check_true(websocket_queued(net.ws) < 200000);
    net_settle(&net);
    check_true(net.ws != NULL);
    cr_assert(eq(sz, websocket_queued(net.ws), 0));
    net_close(&net);
}

Test(websocket_flow, flood_of_messages_is_bounded_by_what_is_read) {
    struct net net = { .echoes = 1 };
    net_open_ws(&net);
    size_t total = flood(&net, 0x82);
    cr_assert(lt(sz, total, (size_t)4 << 20));
    check_true(websocket_queued(net.ws) < 200000);
    /* Once the peer reads, all of it comes back: nothing was lost meanwhile. */
    net_settle(&net);
    size_t back = net_take_bytes(&net).len;
    size_t whole = total / 131;
    cr_assert(eq(sz, back / 127, whole));
    net_close(&net);
}

static void pausing_message(struct websocket *ws, enum websocket_kind kind,
                            struct dm_slice data) {
    net_ws_handler.message(ws, kind, data);
    websocket_pause(ws);
}

static const struct websocket_handler *pausing_handler(void) {
    static struct websocket_handler handler;
    handler = net_ws_handler;
    handler.message = pausing_message;
    return &handler;
}

Test(websocket_flow, paused_within_a_message_the_next_waits) {
    struct net net = { .ws_options.handler = pausing_handler() };
    struct buf bytes = BUF_INIT;
    net_open_ws(&net);
    for (int i = 0; i < 3; i++)
        frame_append(&bytes, TEXT, FRAME_MASKED, (struct dm_slice){ &"abc"[i], 1 });
    net_send(&net, buf_slice(&bytes));
    cr_assert(eq(str, (char *)net_take_log(&net), "text:a "));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    websocket_resume(net.ws);
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "text:b "));
    websocket_resume(net.ws);
    net_settle(&net);
    websocket_resume(net.ws);
    net_settle(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "text:c "));
    buf_fini(&bytes);
    net_close(&net);
}

Test(websocket_flow, close_goes_through_while_paused) {
    struct net net = { .ws_options.handler = pausing_handler() };
    net_open_ws(&net);
    net_send_frame(&net, TEXT, DM_SLICE("a"));
    net_send_frame(&net, TEXT, DM_SLICE("b"));
    websocket_close(net.ws, 1000, DM_SLICE_NONE);
    net_send_frame(&net, 0x88, DM_SLICE("\x03\xe8"));
    close(net.peer);
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "text:a ws:1000::closed closed "));
    net_close(&net);
}

/* ---- life signs ---- */

Test(websocket_flow, silent_peer_is_pinged_and_its_pong_keeps_it) {
    struct net net = { .ws_options.ping_interval_ms = 300, .ws_options.pong_timeout_ms = 60000 };
    net_open_ws(&net);
    for (int i = 0; i < 3; i++) {
        while (net.in.len == 0) {
            loop_nap(net.loop);
            net_settle(&net);
        }
        check_slice(net_take_bytes(&net), DM_SLICE("\x89\x00"));
        net_send_frame(&net, 0x8a, DM_SLICE(""));
    }
    check_true(net.ws != NULL);
    net_close(&net);
}

Test(websocket_flow, peer_without_a_pong_is_dropped) {
    struct net net = { .ws_options.ping_interval_ms = 10, .ws_options.pong_timeout_ms = 20 };
    net_open_ws(&net);
    net_wait_log(&net, "ws:1006::timeout closed ");
    net_close(&net);
}

Test(websocket_flow, keepalive_may_begin_later) {
    struct net net = { 0 };
    net_open_ws(&net);
    websocket_set_keepalive(net.ws, 10, 10);
    net_wait_log(&net, "ws:1006::timeout closed ");
    net_close(&net);
}

Test(websocket_flow, userdata_is_the_callers) {
    struct net net = { 0 };
    net_open_ws(&net);
    cr_assert(eq(ptr, websocket_userdata(net.ws), &net));
    websocket_set_userdata(net.ws, NULL);
    cr_assert(eq(ptr, websocket_userdata(net.ws), NULL));
    websocket_set_userdata(net.ws, &net);
    struct conn *conn = websocket_conn(net.ws);
    cr_assert(eq(ptr, conn_server_of(conn), net.server));
    net_close(&net);
}

static void log_over(struct websocket *ws, const struct websocket_ending *ending) {
    net_log(websocket_userdata(ws), "over:%d:%.*s:%s ", ending->code,
            DM_SLICE_FMT(ending->reason), stream_end_name(ending->end));
}

/* A peer that keeps its connection after the end of the conversation holds nobody up. */
Test(websocket_flow, over_before_the_stream_has_ended) {
    static const struct {
        const char *sent, *over;
    } ways[] = {
        { "\x88\x85\1\2\3\4\x0e\xa2" "a}d", "over:4000:bye:closed " },
        { "\x81\x01x", "over:1002::closed " },
        { "\x81\xff\0\0\0\0\1\0\0\0\1\2\3\4half of it", "over:1009::closed " },
    };
    static struct websocket_handler handler;
    handler = net_ws_handler;
    handler.over = log_over;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct net net = { .ws_options.handler = &handler };
        net_open_ws(&net);
        size_t len = i == 2 ? 23 : strlen(ways[i].sent);
        net_send(&net, (struct dm_slice){ ways[i].sent, len });
        cr_assert(eq(str, (char *)net_take_log(&net), (char *)ways[i].over), "%zu", i);
        close(net.peer);
        net_turn(&net);
        const char *rest = net_take_log(&net);
        cr_assert(eq(int, text_has(rest, "ws:") && !text_has(rest, "over"), 1), "%s", rest);
        net_close(&net);
    }
}
