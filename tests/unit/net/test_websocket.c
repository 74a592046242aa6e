/* Messages, control frames and closing of an open WebSocket. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/net/net_check.h"

#define TEXT 0x81
#define BINARY 0x82
#define CLOSE 0x88
#define PING 0x89
#define PONG 0x8a
#define MASK "\0\0\0\0"

/* What the peer has got, as a server's frames would be. */
static void check_peer(struct net *net, struct dm_slice expected) {
    check_slice(net_take_bytes(net), expected);
}

static void reopen(struct net *net) {
    net_reconnect(net);
    net_send_str(net, net_handshake);
    net_take(net);
    net_take_log(net);
}

#define CHECK_PEER(net, literal) check_peer(net, DM_SLICE(literal))

Test(websocket, messages_of_every_length_form) {
    static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, 100000 };
    struct net net = { .ws_options.max_message = 200000, .echoes = 1 };
    char *payload = calloc(1, 100000);
    net_open_ws(&net);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct buf expected = BUF_INIT;
        struct dm_slice slice = { payload, sizes[i] };
        net_send_frame(&net, BINARY, slice);
        frame_append(&expected, BINARY, FRAME_UNMASKED, slice);
        check_peer(&net, buf_slice(&expected));
        buf_fini(&expected);
    }
    free(payload);
    net_close(&net);
}

Test(websocket, text_and_binary) {
    struct net net = { 0 };
    net_open_ws(&net);
    net_send_frame(&net, TEXT, DM_SLICE("h\xc3\xa4llo"));
    net_send_frame(&net, BINARY, DM_SLICE("\xff\xfe"));
    net_send_frame(&net, TEXT, DM_SLICE(""));
    cr_assert(eq(str, (char *)net_take_log(&net), "text:h\xc3\xa4llo binary:\xff\xfe text: "));
    net_close(&net);
}

Test(websocket, fragments_with_control_frames_between) {
    struct net net = { 0 };
    struct buf bytes = BUF_INIT;
    net_open_ws(&net);
    frame_append(&bytes, 0x01, FRAME_MASKED, DM_SLICE("one "));
    frame_append(&bytes, PING, FRAME_MASKED, DM_SLICE("p1"));
    frame_append(&bytes, 0x00, FRAME_MASKED, DM_SLICE(""));
    frame_append(&bytes, PONG, FRAME_MASKED, DM_SLICE("unasked"));
    frame_append(&bytes, 0x00, FRAME_MASKED, DM_SLICE("two "));
    frame_append(&bytes, PING, FRAME_MASKED, DM_SLICE("p2"));
    frame_append(&bytes, 0x80, FRAME_MASKED, DM_SLICE("three"));
    frame_append(&bytes, TEXT, FRAME_MASKED, DM_SLICE("four"));
    net_send(&net, buf_slice(&bytes));
    cr_assert(eq(str, (char *)net_take_log(&net), "text:one two three text:four "));
    CHECK_PEER(&net, "\x8a\x02p1\x8a\x02p2");
    net_send_slow(&net, buf_slice(&bytes));
    cr_assert(eq(str, (char *)net_take_log(&net), "text:one two three text:four "));
    CHECK_PEER(&net, "\x8a\x02p1\x8a\x02p2");
    buf_fini(&bytes);
    net_close(&net);
}

Test(websocket, utf8_may_be_cut_by_fragments) {
    struct net net = { 0 };
    net_open_ws(&net);
    net_send_frame(&net, 0x01, DM_SLICE("\xe2\x82"));
    net_send_frame(&net, 0x80, DM_SLICE("\xac"));
    cr_assert(eq(str, (char *)net_take_log(&net), "text:\xe2\x82\xac "));
    net_close(&net);
}

/* The place is reached before the message is whole, and no later. */
Test(websocket, text_that_cannot_become_valid_is_not_awaited) {
    static const struct { struct dm_slice good, bad; } cases[] = {
        { { "\x01\x85" MASK "ab\xf4\x8f\xbf", 11 }, { "\x80\x81" MASK "\xc0", 7 } },
        { { "\x01\x81" MASK "\xf4", 7 }, { "\x00\x81" MASK "\x90", 7 } },
        { { "\x01\x81" MASK "\xed\x00\x80" MASK, 13 }, { "\x00\x81" MASK "\xa0", 7 } },
        { { "\x01\x80" MASK "\x00\x83" MASK, 12 }, { "\xff", 1 } },
        { { "\x81\x8a" MASK "abc\xe2\x82", 11 }, { "a", 1 } },
        { { "\x81\x8a" MASK "abc\xf0\x90", 11 }, { "\xc0", 1 } },
    };
    struct net net = { 0 };
    net_open_ws(&net);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        net_send(&net, cases[i].good);
        check_slice(net_take_bytes(&net), DM_SLICE(""));
        net_send(&net, cases[i].bad);
        check_true(text_has(net_take(&net), "text is no UTF-8"));
        reopen(&net);
    }
    net_close(&net);
}

/* ---- violations ---- */

struct violation {
    const char *what;
    uint16_t code;
    struct dm_slice bytes;
};

#define V(what, code, literal) { what, code, { literal, sizeof(literal) - 1 } }

static const struct violation violations[] = {
    V("unmasked", 1002, "\x81\x02hi"),
    V("unmasked, header only", 1002, "\x81\x02"),
    V("RSV1", 1002, "\xc1\x80" MASK),
    V("RSV2", 1002, "\xa1\x80" MASK),
    V("RSV3", 1002, "\x91\x80" MASK),
    V("RSV1 on a ping", 1002, "\xc9\x80" MASK),
    V("reserved data kind 3", 1002, "\x83\x80" MASK),
    V("reserved data kind 7", 1002, "\x87\x80" MASK),
    V("reserved control kind 11", 1002, "\x8b\x80" MASK),
    V("reserved control kind 15", 1002, "\x8f\x80" MASK),
    V("long ping", 1002, "\x89\xfe\x00\x7e" MASK),
    V("long close", 1002, "\x88\xfe\x00\x7e" MASK),
    V("fragmented ping", 1002, "\x09\x80" MASK),
    V("fragmented close", 1002, "\x08\x80" MASK),
    V("nothing to continue", 1002, "\x80\x80" MASK),
    V("nothing to continue, not final", 1002, "\x00\x80" MASK),
    V("text within text", 1002, "\x01\x81" MASK "a\x81\x81" MASK "b"),
    V("binary within text", 1002, "\x01\x81" MASK "a\x02\x81" MASK "b"),
    V("continuation after the end", 1002, "\x01\x81" MASK "a\x80\x81" MASK "b\x80\x80" MASK),
    V("length not minimal, 16 bits", 1002, "\x82\xfe\x00\x7d" MASK),
    V("length not minimal, 64 bits", 1002, "\x82\xff\0\0\0\0\0\0\xff\xff" MASK),
    V("length with the top bit", 1002, "\x82\xff\x80\0\0\0\0\0\0\0" MASK),
    V("over the limit, header only", 1009, "\x82\xff\0\0\0\0\0\x01\0\x01" MASK),
    V("far over the limit", 1009, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK),
    V("over the limit by fragments", 1009, "\x02\x81" MASK "a\x80\xff\0\0\0\0\0\x01\0\0" MASK),
    V("bad UTF-8", 1007, "\x81\x81" MASK "\xff"),
    V("overlong UTF-8", 1007, "\x81\x82" MASK "\xc0\xaf"),
    V("surrogate", 1007, "\x81\x83" MASK "\xed\xa0\x80"),
    V("cut UTF-8", 1007, "\x81\x82" MASK "\xe2\x82"),
    V("cut UTF-8 in fragments", 1007, "\x01\x81" MASK "\xe2\x80\x81" MASK "\x82"),
    V("close of one byte", 1002, "\x88\x81" MASK "\x03"),
    V("close 999", 1002, "\x88\x82" MASK "\x03\xe7"),
    V("close 1004", 1002, "\x88\x82" MASK "\x03\xec"),
    V("close 1005", 1002, "\x88\x82" MASK "\x03\xed"),
    V("close 1006", 1002, "\x88\x82" MASK "\x03\xee"),
    V("close 1015", 1002, "\x88\x82" MASK "\x03\xf7"),
    V("close 2999", 1002, "\x88\x82" MASK "\x0b\xb7"),
    V("close 5000", 1002, "\x88\x82" MASK "\x13\x88"),
    V("close 0", 1002, "\x88\x82" MASK "\0\0"),
    V("close 65535", 1002, "\x88\x82" MASK "\xff\xff"),
    V("close with bad UTF-8", 1007, "\x88\x83" MASK "\x03\xe8\xff"),
};

static void check_violation(struct net *net, const struct violation *v, const char *how) {
    struct dm_slice got = net_take_bytes(net);
    char word[32];
    cr_assert(ge(sz, got.len, 4), "%s, %s: no close", v->what, how);
    uint16_t code = (uint16_t)((uint8_t)got.ptr[2] << 8 | (uint8_t)got.ptr[3]);
    cr_assert(eq(u8, (uint8_t)got.ptr[0], CLOSE), "%s, %s", v->what, how);
    cr_assert(eq(u16, code, v->code), "%s, %s", v->what, how);
    /* What is too big is still awaited. */
    cr_assert(eq(int, net->peer_eof && !net->peer_reset, v->code != 1009), "%s", v->what);
    shutdown(net->peer, SHUT_WR);
    net_settle(net);
    snprintf(word, sizeof(word), "ws:%u:", v->code);
    const char *log = net_take_log(net);
    cr_assert(eq(int, text_has(log, word) && text_has(log, "closed "), 1), "%s: %s", v->what, log);
}

Test(websocket, violations_have_their_codes) {
    struct net net = { 0 };
    net_open_ws(&net);
    for (size_t i = 0; i < ARRAY_LEN(violations); i++) {
        net_send(&net, violations[i].bytes);
        check_violation(&net, &violations[i], "whole");
        reopen(&net);
        net_send_slow(&net, violations[i].bytes);
        check_violation(&net, &violations[i], "slow");
        reopen(&net);
    }
    net_close(&net);
}

Test(websocket, too_big_a_frame_is_read_to_its_end) {
    struct net net = { 0 };
    struct buf bytes = BUF_INIT, large = BUF_INIT;
    net_open_ws(&net);
    buf_reserve(&large, 70000);
    memset(large.data, 'x', 70000);
    large.len = 70000;
    frame_append(&bytes, TEXT, FRAME_MASKED, buf_slice(&large));
    net_send(&net, (struct dm_slice){ bytes.data, bytes.len - 1 });
    check_true(text_begins(net_take_bytes(&net).ptr, "\x88\x11\x03\xf1"));
    check_true(!net.peer_eof);
    net_send(&net, (struct dm_slice){ bytes.data + bytes.len - 1, 1 });
    check_true(net.peer_eof && !net.peer_reset);
    buf_fini(&bytes);
    buf_fini(&large);
    net_close(&net);
}

Test(websocket, too_big_a_frame_that_never_ends_is_given_up) {
    struct net net = { .config = CONN_CONFIG_DEFAULT };
    net.config.linger_ms = 20;
    net_open_ws(&net);
    net_send(&net, DM_SLICE("\x82\xff\0\0\0\0\0\x01\0\x01" MASK "abc"));
    net_wait_log(&net, "ws:1009:");
    net_close(&net);
}

Test(websocket, nothing_is_taken_after_a_violation) {
    struct net net = { 0 };
    struct buf bytes = BUF_INIT;
    net_open_ws(&net);
    buf_append(&bytes, "\x81\x02hi", 4);
    frame_append(&bytes, TEXT, FRAME_MASKED, DM_SLICE("late"));
    net_send(&net, buf_slice(&bytes));
    net_send_frame(&net, TEXT, DM_SLICE("later"));
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    buf_fini(&bytes);
    net_close(&net);
}

Test(websocket, limit_may_change_between_messages) {
    struct net net = { .ws_options.max_message = 4 };
    net_open_ws(&net);
    net_send_frame(&net, TEXT, DM_SLICE("four"));
    websocket_set_max_message(net.ws, 10);
    net_send_frame(&net, TEXT, DM_SLICE("ten chars."));
    net_send_frame(&net, 0x01, DM_SLICE("ten"));
    net_send_frame(&net, 0x80, DM_SLICE(" chars!!"));
    cr_assert(eq(str, (char *)net_take_log(&net), "text:four text:ten chars. "));
    check_slice(net_take_bytes(&net), DM_SLICE("\x88\x11\x03\xf1message too big"));
    net_close(&net);
}

/* ---- closing ---- */

Test(websocket, peers_close_is_echoed) {
    struct net net = { 0 };
    net_open_ws(&net);
    net_send_frame(&net, CLOSE, DM_SLICE("\x0f\xa0" "bye"));
    CHECK_PEER(&net, "\x88\x02\x0f\xa0");
    check_true(net.peer_eof && !net.peer_reset);
    close(net.peer);
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "ws:4000:bye:closed closed "));
    net_close(&net);
}

Test(websocket, empty_close_is_answered_by_one) {
    struct net net = { 0 };
    net_open_ws(&net);
    net_send_frame(&net, CLOSE, DM_SLICE(""));
    CHECK_PEER(&net, "\x88\x00");
    close(net.peer);
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "ws:1005::closed closed "));
    net_close(&net);
}

Test(websocket, every_sendable_code_is_echoed) {
    static const uint16_t codes[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                                      1012, 1013, 1014, 3000, 3999, 4000, 4999 };
    struct net net = { 0 };
    net_open_ws(&net);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        char payload[] = { (char)(codes[i] >> 8), (char)codes[i] };
        char expected[] = { (char)CLOSE, 2, payload[0], payload[1] };
        net_send_frame(&net, CLOSE, (struct dm_slice){ payload, 2 });
        check_peer(&net, (struct dm_slice){ expected, 4 });
        reopen(&net);
    }
    net_close(&net);
}

Test(websocket, own_close_waits_for_the_peers) {
    struct net net = { 0 };
    net_open_ws(&net);
    websocket_close(net.ws, 4001, DM_SLICE("why"));
    cr_assert(eq(int, websocket_send(net.ws, WEBSOCKET_TEXT, DM_SLICE("x")), -EPIPE));
    websocket_close(net.ws, 4002, DM_SLICE("again"));
    net_settle(&net);
    CHECK_PEER(&net, "\x88\x05\x0f\xa1why");
    check_true(!net.peer_eof);
    net_send_frame(&net, TEXT, DM_SLICE("dropped"));
    net_send_frame(&net, PING, DM_SLICE("dropped"));
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    net_send_frame(&net, CLOSE, DM_SLICE("\x0f\xa1"));
    CHECK_PEER(&net, "");
    check_true(net.peer_eof);
    close(net.peer);
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "ws:4001::closed closed "));
    net_close(&net);
}

Test(websocket, own_close_may_be_empty_or_wrong_or_long) {
    struct net net = { 0 };
    char reason[200];
    memset(reason, 'a', sizeof(reason));
    net_open_ws(&net);
    websocket_close(net.ws, WEBSOCKET_CODE_EMPTY, DM_SLICE("ignored"));
    net_settle(&net);
    CHECK_PEER(&net, "\x88\x00");
    reopen(&net);
    websocket_close(net.ws, 1006, DM_SLICE_NONE);
    net_settle(&net);
    CHECK_PEER(&net, "\x88\x02\x03\xf3");
    reopen(&net);
    websocket_close(net.ws, 1000, (struct dm_slice){ reason, sizeof(reason) });
    net_settle(&net);
    cr_assert(eq(sz, net_take_bytes(&net).len, 2 + 125));
    net_close(&net);
}

Test(websocket, own_close_does_not_wait_for_ever) {
    struct net net = { .ws_options.close_timeout_ms = 20 };
    net_open_ws(&net);
    websocket_close(net.ws, 1000, DM_SLICE_NONE);
    net_wait_end(&net);
    net_wait_log(&net, "ws:1000::closed closed ");
    net_close(&net);
}

Test(websocket, message_larger_than_the_limit_is_skipped_while_closing) {
    struct net net = { 0 };
    char *big = calloc(1, 300000);
    net_open_ws(&net);
    websocket_close(net.ws, 1000, DM_SLICE_NONE);
    net_send_frame(&net, BINARY, (struct dm_slice){ big, 300000 });
    net_send_frame(&net, CLOSE, DM_SLICE("\x03\xe8"));
    close(net.peer);
    net_turn(&net);
    cr_assert(eq(str, (char *)net_take_log(&net), "ws:1000::closed closed "));
    free(big);
    net_close(&net);
}

Test(websocket, peer_that_vanishes_is_1006) {
    static const char *const parts[] = { "", "\x81", "\x81\x85", "\x81\x85\1\2\3\4he",
                                         "\x01\x81\1\2\3\4a" };
    struct net net = { 0 };
    net_open_ws(&net);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        net_send_str(&net, parts[i]);
        close(net.peer);
        net_turn(&net);
        cr_assert(eq(int, text_has(net_take_log(&net), "ws:1006:"), 1), "%zu", i);
        reopen(&net);
    }
    net_close(&net);
}

Test(websocket, abort_is_1006) {
    struct net net = { 0 };
    net_open_ws(&net);
    websocket_abort(net.ws);
    cr_assert(eq(str, (char *)net_take_log(&net), ""));
    cr_assert(eq(int, websocket_send(net.ws, WEBSOCKET_TEXT, DM_SLICE("x")), -EPIPE));
    net_settle(&net);
    check_true(net.peer_eof);
    cr_assert(eq(str, (char *)net_take_log(&net), "ws:1006::aborted closed "));
    net_close(&net);
}
