#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/adapter/out.h"
#include "tests/unit/check.h"

static struct out out;
static struct buf frames;
static int broken;

static void on_frame(struct out *from, enum dm_frame_kind kind, struct dm_slice payload,
                     const char *type) {
    (void)from;
    buf_printf(&frames, "%s %s ", kind == DM_FRAME_TEXT ? "text" : "binary", type);
    buf_append_slice(&frames, payload);
    buf_append_char(&frames, '\n');
}

static void on_file_url(struct out *from, const struct dm_attachment *attachment,
                        struct buf *ret_url) {
    (void)from;
    if (attachment->file_id != 666)
        buf_printf(ret_url, "https://own/%d", (int)attachment->file_id);
}

static void on_broken(struct out *from, const char *fault) {
    (void)from;
    cr_expect_not_null(fault);
    broken++;
}

static const struct out_sink sink = { on_frame, on_file_url, on_broken };

static void setup(void) {
    out_init(&out, NULL, &sink);
    buf_reset(&frames);
    broken = 0;
    out_begin(&out, NULL);
}

static void teardown(void) {
    (void)out_end(&out);
    out_fini(&out);
    buf_fini(&frames);
}

TestSuite(out, .init = setup, .fini = teardown);

static void expect_body(const char *expected) {
    struct dm_slice body;

    cr_assert_eq(out_body(&out, &body), 0, "%s", out.fault);
    check_slice(body, dm_slice_str(expected));
}

Test(out, writes_every_kind_of_value) {
    struct dm_out *base = &out.base;
    struct dm_uuid uuid = { { 0xa2, 0xd4 } };

    out_put_object(base, NULL);
    out_put_string(base, "s", DM_SLICE("a\"\\\n\0b\xc3\xa9"));
    out_put_string(base, "none", DM_SLICE_NONE);
    out_put_string(base, "empty", DM_SLICE(""));
    out_put_int(base, "i", INT64_MIN);
    out_put_bool(base, "b", 2);
    out_put_null(base, "n");
    out_put_json(base, "j", DM_SLICE("{\"x\": 1}"));
    out_put_uuid(base, "u", &uuid);
    out_put_uuid(base, "nou", NULL);
    out_put_array(base, "a");
    out_put_int(base, NULL, 1);
    out_put_object(base, NULL);
    out_put_end(base);
    out_put_end(base);
    out_put_end(base);
    expect_body("{\"s\":\"a\\\"\\\\\\n\\u0000b\xc3\xa9\",\"none\":null,\"empty\":\"\","
                "\"i\":-9223372036854775808,\"b\":true,\"n\":null,\"j\":{\"x\": 1},"
                "\"u\":\"a2d40000-0000-0000-0000-000000000000\",\"nou\":null,\"a\":[1,{}]}");
}

Test(out, writes_times_in_three_styles) {
    const int64_t us = INT64_C(1763627361766487);

    out_put_array(&out.base, NULL);
    out_put_time(&out.base, NULL, us, DM_TIME_BARE);
    out_put_time(&out.base, NULL, us, DM_TIME_Z);
    out_put_time(&out.base, NULL, us, DM_TIME_OFFSET);
    out_put_end(&out.base);
    expect_body("[\"2025-11-20T08:29:21.766487\",\"2025-11-20T08:29:21.766487Z\","
                "\"2025-11-20T08:29:21.766487+00:00\"]");
}

Test(out, puts_framing_around_values) {
    out_put_raw(&out.base, DM_SLICE("42/chat,"));
    out_put_array(&out.base, NULL);
    out_put_string(&out.base, NULL, DM_SLICE("x"));
    out_put_end(&out.base);
    out_put_raw(&out.base, DM_SLICE("\x1e"));
    out_put_int(&out.base, NULL, 5);
    expect_body("42/chat,[\"x\"]\x1e" "5");
}

Test(out, ends_frames_one_after_the_other) {
    out_put_int(&out.base, NULL, 1);
    out_frame_end(&out.base, DM_FRAME_TEXT, "one");
    out_put_raw(&out.base, DM_SLICE("xy"));
    out_frame_end(&out.base, DM_FRAME_BINARY, "two");
    buf_append_char(&frames, '\0');
    cr_expect_str_eq(frames.data, "text one 1\nbinary two xy\n");
    cr_expect_eq(out_end(&out), 0);
}

Test(out, drops_a_frame_that_was_put_wrongly_and_goes_on) {
    out_put_object(&out.base, NULL);
    out_put_int(&out.base, NULL, 1); /* no key */
    out_put_end(&out.base);
    out_frame_end(&out.base, DM_FRAME_TEXT, "bad");
    out_put_end(&out.base); /* nothing open */
    out_frame_end(&out.base, DM_FRAME_TEXT, "bad");
    out_put_array(&out.base, NULL); /* left open */
    out_frame_end(&out.base, DM_FRAME_TEXT, "bad");
    out_put_string(&out.base, NULL, DM_SLICE("\xed\xa0\x80")); /* no UTF-8 */
    out_frame_end(&out.base, DM_FRAME_TEXT, "bad");
    out_put_array(&out.base, NULL);
    out_put_raw(&out.base, DM_SLICE("x")); /* inside a value */
    out_frame_end(&out.base, DM_FRAME_TEXT, "bad");
    cr_expect_eq(broken, 5);
    cr_expect_eq(frames.len, 0);
    out_put_int(&out.base, NULL, 3);
    out_frame_end(&out.base, DM_FRAME_TEXT, "good");
    buf_append_char(&frames, '\0');
    cr_expect_str_eq(frames.data, "text good 3\n");
}

Test(out, bounds_the_depth) {
    for (int i = 0; i < OUT_DEPTH_MAX + 10; i++)
        out_put_array(&out.base, NULL);
    out_frame_end(&out.base, DM_FRAME_TEXT, "deep");
    cr_expect_eq(broken, 1);
}

Test(out, takes_nothing_while_idle) {
    struct dm_slice body;

    (void)out_end(&out);
    out_put_object(&out.base, NULL);
    out_put_end(&out.base);
    out_frame_end(&out.base, DM_FRAME_TEXT, "x");
    cr_expect_eq(frames.len, 0);
    cr_expect_eq(broken, 0);
    cr_expect_neq(out_body(&out, &body), 0);
    out_put_int(NULL, NULL, 1);
}

Test(out, notices_what_was_left_over) {
    out_put_int(&out.base, NULL, 1);
    cr_expect_eq(out_end(&out), 1);
    out_begin(&out, NULL);
    cr_expect_eq(out_end(&out), 0);
}

Test(out, writes_large_values) {
    struct dm_slice body;

    out_put_array(&out.base, NULL);
    for (int i = 0; i < 50000; i++)
        out_put_string(&out.base, NULL, DM_SLICE("a string of some length"));
    out_put_end(&out.base);
    cr_assert_eq(out_body(&out, &body), 0);
    cr_expect_eq(body.len, 50000 * 26 + 1);
}

Test(out, shows_attachments_as_urls_and_as_lines) {
    const struct dm_attachment foreign = { .url = DM_SLICE("http://x/a.png") };
    const struct dm_attachment own = { .file_id = 17 }, lost = { .file_id = 666 };
    const struct dm_attachment *const list[] = { &foreign, &lost, &own };
    struct dm_message message = { .text = DM_SLICE("see"), .attachments = list,
                                  .attachment_count = 3 };

    out_put_array(&out.base, NULL);
    out_put_url(&out.base, NULL, &foreign);
    out_put_url(&out.base, NULL, &own);
    out_put_url(&out.base, NULL, &lost);
    out_put_url(&out.base, NULL, NULL);
    out_put_message_text(&out.base, NULL, &message);
    message.text = DM_SLICE("");
    out_put_message_text(&out.base, NULL, &message);
    message.attachment_count = 0;
    out_put_message_text(&out.base, NULL, &message);
    out_put_end(&out.base);
    expect_body("[\"http://x/a.png\",\"https://own/17\",null,null,"
                "\"see\\nhttp://x/a.png\\nhttps://own/17\",\"http://x/a.png\\nhttps://own/17\","
                "\"\"]");
}
