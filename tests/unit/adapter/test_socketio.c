/* Packets of Socket.IO, and bodies of multipart/form-data: pure functions. */
#include <criterion/criterion.h>

#include "core/adapter/multipart.h"
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

#define TYPE DM_SLICE("multipart/form-data; boundary=\"x y\"")
#define BODY \
    DM_SLICE("--x y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n" \
             "--x y\r\ncontent-disposition: form-data; name=\"files\"; filename=\"a;b.png\"\r\n" \
             "Content-Type: image/png\r\n\r\n\r\n--x\r\n--x y--\r\n")

Test(multipart, parts_are_found) {
    struct dm_part part;

    cr_assert_eq(multipart_part(TYPE, BODY, 0, &part), 1);
    cr_expect(dm_slice_eq(part.name, DM_SLICE("a")) == 1);
    cr_expect_null(part.filename.ptr);
    cr_expect(dm_slice_eq(part.data, DM_SLICE("1")) == 1);
    cr_assert_eq(multipart_part(TYPE, BODY, 1, &part), 1);
    cr_expect(dm_slice_eq(part.filename, DM_SLICE("a;b.png")) == 1);
    cr_expect(dm_slice_eq(part.content_type, DM_SLICE("image/png")) == 1);
    cr_expect(dm_slice_eq(part.data, DM_SLICE("\r\n--x")) == 1);
    cr_expect_eq(multipart_part(TYPE, BODY, 2, &part), 0);
}

Test(multipart, what_is_cut_off_is_refused) {
    struct dm_slice body = BODY;
    struct dm_part part;

    /* The closing delimiter counts from its second dash on. */
    for (size_t len = 0; len + 4 <= body.len; len++) {
        struct dm_slice cut = { body.ptr, len };
        int last = 1;

        for (size_t i = 0; last == 1; i++)
            last = multipart_part(TYPE, cut, i, &part);
        if (len < body.len - 2)
            cr_expect_eq(last, -1, "%zu", len);
    }
}

Test(multipart, other_types_and_bad_heads_are_refused) {
    struct dm_part part;

    cr_expect_eq(multipart_part(DM_SLICE_NONE, BODY, 0, &part), -1);
    cr_expect_eq(multipart_part(DM_SLICE("text/plain; boundary=\"x y\""), BODY, 0, &part), -1);
    cr_expect_eq(multipart_part(DM_SLICE("multipart/form-data"), BODY, 0, &part), -1);
    cr_expect_eq(multipart_part(DM_SLICE("multipart/form-data; boundary=b"),
                                DM_SLICE("--b\r\nX: 1\r\n\r\nx\r\n--b--"), 0, &part), -1);
    cr_expect_eq(multipart_part(DM_SLICE("multipart/form-data; boundary=b"),
                                DM_SLICE("--b\r\n\r\nx\r\n--b--"), 0, &part), -1);
    cr_expect_eq(multipart_part(DM_SLICE("multipart/form-data; boundary=b"), DM_SLICE_NONE, 0,
                                &part), -1);
}
