#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "core/replay/socket.h"

static struct buf frames; /* "kind:bytes;" for each */
static struct buf output;
static unsigned close_code;
static struct socket *sock;

static void on_frame(void *owner, enum frame_kind kind, struct dm_slice bytes) {
    buf_printf(&frames, "%d:%.*s;", kind, DM_SLICE_FMT(bytes));
}

static void on_closing(void *owner, unsigned code, struct dm_slice reason) {
    close_code = code;
    buf_printf(&frames, "closing:%.*s;", DM_SLICE_FMT(reason));
}

static void on_output(void *owner, struct dm_slice bytes) {
    buf_append_slice(&output, bytes);
}

static const struct socket_hooks hooks = { on_frame, on_closing, on_output };

static void setup(void) {
    sock = socket_new(&hooks, NULL);
    close_code = 0;
}

static void teardown(void) {
    socket_free(sock);
    buf_fini(&frames);
    buf_fini(&output);
}

TestSuite(socket, .init = setup, .fini = teardown);

static int feed(struct dm_slice bytes) {
    return socket_feed(sock, bytes);
}

static int frames_are(const char *text) {
    return dm_slice_eq(buf_slice(&frames), dm_slice_str(text));
}

/* The frame at *pos of the output, unmasked; its first byte is returned. */
static unsigned next_sent(size_t *pos, struct buf *ret_payload) {
    const unsigned char *at = (const unsigned char *)output.data + *pos;
    size_t len = at[1] & 0x7f;
    cr_assert(eq(int, at[1] >> 7, 1), "a client's frames are masked");
    cr_assert(lt(sz, len, 126));
    buf_reset(ret_payload);
    for (size_t i = 0; i < len; i++)
        buf_append_char(ret_payload, (char)(at[6 + i] ^ at[2 + i % 4]));
    *pos += 6 + len;
    return at[0];
}

Test(socket, messages_come_whole) {
    cr_assert(eq(int, feed(DM_SLICE("\x81\x02hi\x02\x01" "a\x80\x01" "b")), 0));
    cr_assert(frames_are("0:hi;1:ab;"));
}

Test(socket, pings_are_answered_and_pongs_told) {
    size_t pos = 0;
    struct buf payload = BUF_INIT;
    cr_assert(eq(int, feed(DM_SLICE("\x89\x01p\x8a\x01q")), 0));
    cr_assert(frames_are("3:q;"));
    cr_assert(eq(u32, next_sent(&pos, &payload), 0x8a));
    cr_assert(eq(int, dm_slice_eq(buf_slice(&payload), DM_SLICE("p")), 1));
    buf_fini(&payload);
}

Test(socket, a_close_is_told_and_answered) {
    cr_assert(eq(int, feed(DM_SLICE("\x88\x05\x03\xe9" "bye")), 0));
    cr_assert(eq(u32, close_code, 1001));
    cr_assert(frames_are("closing:bye;"));
    cr_assert(eq(u32, (unsigned char)output.data[0], 0x88));
}

Test(socket, an_empty_close_is_1005) {
    cr_assert(eq(int, feed(DM_SLICE("\x88\x00")), 0));
    cr_assert(eq(u32, close_code, 1005));
}

Test(socket, a_broken_server_is_noticed) {
    cr_assert(eq(int, feed(DM_SLICE("\x83\x00")), -1));
}

Test(socket, invalid_text_of_the_server_is_noticed) {
    cr_assert(eq(int, feed(DM_SLICE("\x81\x01\xff")), -1));
}

Test(socket, messages_go_out_cut) {
    struct cuts cuts = { .lengths = { 1, 0 }, .count = 2 };
    struct buf payload = BUF_INIT;
    size_t pos = 0;
    socket_send(sock, FRAME_TEXT, DM_SLICE("abc"), &cuts);
    cr_assert(eq(u32, next_sent(&pos, &payload), 0x01));
    cr_assert(eq(int, dm_slice_eq(buf_slice(&payload), DM_SLICE("a")), 1));
    cr_assert(eq(u32, next_sent(&pos, &payload), 0x00));
    cr_assert(eq(sz, payload.len, 0));
    cr_assert(eq(u32, next_sent(&pos, &payload), 0x80));
    cr_assert(eq(int, dm_slice_eq(buf_slice(&payload), DM_SLICE("bc")), 1));
    cr_assert(eq(sz, pos, output.len));
    buf_fini(&payload);
}

Test(socket, large_messages_go_out_whole) {
    static const struct cuts whole = { .count = 0 };
    static char text[100000];
    memset(text, 'x', sizeof(text));
    socket_send(sock, FRAME_BINARY, (struct dm_slice){ text, sizeof(text) }, &whole);
    cr_assert(eq(sz, output.len, sizeof(text) + 14));
    cr_assert(eq(int, output.data[output.len - 1] ^ output.data[10 + (sizeof(text) - 1) % 4],
                 'x'));
}

Test(socket, what_is_forbidden_goes_out_too) {
    static const struct cuts whole = { .count = 0 };
    struct buf payload = BUF_INIT;
    size_t pos = 0;
    socket_send(sock, FRAME_TEXT, DM_SLICE("\xff"), &whole);
    cr_assert(eq(u32, next_sent(&pos, &payload), 0x81));
    socket_close(sock, 0, DM_SLICE(""));
    cr_assert(eq(u32, next_sent(&pos, &payload), 0x88));
    cr_assert(eq(sz, payload.len, 0));
    buf_fini(&payload);
}
