/* Packets of Socket.IO: pure functions. */
#include <criterion/criterion.h>

#include "core/adapter/socketio.h"

static void expect_bad(const char *text) {
    struct socketio_packet packet;

    cr_expect_lt(socketio_decode(dm_slice_str(text), &packet), 0, "%s", text);
}

static void expect_round(const char *text) {
    struct socketio_packet packet;
    struct buf again = BUF_INIT;

    cr_assert_eq(socketio_decode(dm_slice_str(text), &packet), 0, "%s", text);
    socketio_encode(&packet, &again);
    cr_expect(dm_slice_eq(buf_slice(&again), dm_slice_str(text)) == 1, "%s", text);
    buf_fini(&again);
}

Test(socketio, packets_come_back_as_they_were) {
    expect_round("0");
    expect_round("0{\"token\":\"x\"}");
    expect_round("0/chat,{\"token\":\"x\"}");
    expect_round("1/chat,");
    expect_round("2[\"a\",1]");
    expect_round("2/chat,12[\"a\",{\"b\":\",\"}]");
    expect_round("3/chat,9007199254740991[]");
    expect_round("51-/chat,7[\"a\",{\"_placeholder\":true,\"num\":0}]");
    expect_round("62-3[]");
}

Test(socketio, a_namespace_may_end_without_a_comma) {
    struct socketio_packet packet;

    cr_assert_eq(socketio_decode(DM_SLICE("1/custom"), &packet), 0);
    cr_expect_eq(packet.type, SOCKETIO_DISCONNECT);
    cr_expect(dm_slice_eq(packet.ns, DM_SLICE("/custom")) == 1);
    cr_expect_null(packet.data.ptr);
}

Test(socketio, nonsense_is_no_packet) {
    expect_bad("");
    expect_bad("7[]");
    expect_bad("abc");
    expect_bad("5[\"a\"]");
    expect_bad("5-[\"a\"]");
    expect_bad("51[\"a\"]");
    expect_bad("517-[\"a\"]");
    expect_bad("599999999999999999999-[]");
    expect_bad("29007199254740992[\"a\"]");
    expect_bad("299999999999999999999999[\"a\"]");
}
