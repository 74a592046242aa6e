/* Bodies of multipart/form-data. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/adapter/multipart.h"

#define TYPE DM_SLICE("multipart/form-data; boundary=\"x y\"")
#define BODY \
    DM_SLICE("--x y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n" \
             "--x y\r\ncontent-disposition: form-data; name=\"files\"; filename=\"a;b.png\"\r\n" \
             "Content-Type: image/png\r\n\r\n\r\n--x\r\n--x y--\r\n")
#define HEAD "Content-Disposition: form-data; name=\"f\"\r\n\r\n"

static struct dm_part part;

/* Part number index, looked for from the beginning. */
static int find(const char *type, struct dm_slice body, size_t index) {
    struct multipart_cursor cursor = { 0, 0 };

    return multipart_part(dm_slice_str(type), body, index, &cursor, &part);
}

static int find_b(const char *body, size_t index) {
    return find("multipart/form-data; boundary=b", dm_slice_str(body), index);
}

static void expect_data(const char *data) {
    cr_expect(dm_slice_eq(part.data, dm_slice_str(data)) == 1, "%.*s", DM_SLICE_FMT(part.data));
}

Test(multipart, parts_are_found) {
    struct multipart_cursor cursor = { 0, 0 };

    for (int pass = 0; pass < 2; pass++) {
        cr_assert_eq(multipart_part(TYPE, BODY, 0, &cursor, &part), 1);
        cr_expect(dm_slice_eq(part.name, DM_SLICE("a")) == 1);
        cr_expect_null(part.filename.ptr);
        expect_data("1");
        cr_assert_eq(multipart_part(TYPE, BODY, 1, &cursor, &part), 1);
        cr_expect(dm_slice_eq(part.filename, DM_SLICE("a;b.png")) == 1);
        cr_expect(dm_slice_eq(part.content_type, DM_SLICE("image/png")) == 1);
        expect_data("\r\n--x");
        cr_expect_eq(multipart_part(TYPE, BODY, 2, &cursor, &part), 0);
        cr_expect_eq(multipart_part(TYPE, BODY, 9, &cursor, &part), 0);
    }
}

Test(multipart, what_is_cut_off_is_refused) {
    struct dm_slice body = BODY;

    for (size_t len = 0; len <= body.len; len++) {
        struct dm_slice cut = { body.ptr, len };
        struct multipart_cursor cursor = { 0, 0 };
        int last = 1;

        for (size_t i = 0; last == 1; i++)
            last = multipart_part(TYPE, cut, i, &cursor, &part);
        /* The line end behind the closing delimiter may be missing. */
        cr_expect_eq(last, len < body.len - 2 ? -1 : 0, "%zu", len);
    }
}

Test(multipart, what_surrounds_the_parts_is_passed_over) {
    cr_expect_eq(find_b("preamble\r\n--bad\r\n--b\r\n" HEAD "x\r\n--b--\r\nepilogue --b", 0),
                 1);
    expect_data("x");
    cr_expect_eq(find_b("\r\n--b \t\r\n" HEAD "x\r\n--b--", 0), 1);
    expect_data("x");
    cr_expect_eq(find_b("--b--", 0), 0);
    cr_expect_eq(find_b("--b\n" HEAD "all of it\r\n--b--", 0), 0);
}

Test(multipart, a_longer_line_is_no_delimiter) {
    cr_expect_eq(find_b("--b\r\n" HEAD "x\r\n--bc\r\n--b-\r\n--b--", 0), 1);
    expect_data("x\r\n--bc\r\n--b-");
    cr_expect_eq(find_b("--b\r\n" HEAD "\r\n--b--", 0), 1);
    expect_data("");
}

Test(multipart, names_may_hold_anything) {
    cr_expect_eq(find_b("--b\r\nContent-Disposition: form-data; name=f; "
                        "filename=\"a\\\";b=\xff\"\r\n\r\nx\r\n--b--", 0), 1);
    cr_expect(dm_slice_eq(part.filename, DM_SLICE("a\\\";b=\xff")) == 1);
    cr_expect_eq(find_b("--b\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n"
                        "\r\n\r\n--b--", 0), 1);
    cr_expect(part.filename.ptr && part.filename.len == 0);
}

Test(multipart, other_types_and_bad_heads_are_refused) {
    static const char *const bodies[] = {
        "", "--b", "--b\r\n", "--b\r\n--b--", "--b\r\n\r\nx\r\n--b--",
        "--b\r\nX: 1\r\n\r\nx\r\n--b--", "--b\r\nno field\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: attachment; name=f\r\n\r\nx\r\n--b--",
        "--b\r\n" HEAD "x--b--",
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        cr_expect_eq(find_b(bodies[i], 0), -1, "%s", bodies[i]);
    cr_expect_eq(find(NULL, BODY, 0), -1);
    cr_expect_eq(find("text/plain; boundary=\"x y\"", BODY, 0), -1);
    cr_expect_eq(find("multipart/form-data", BODY, 0), -1);
    cr_expect_eq(find("multipart/form-data; boundary=b", DM_SLICE_NONE, 0), -1);
}

Test(multipart, a_head_has_a_limit) {
    struct dm_slice type = DM_SLICE("multipart/form-data; boundary=b");
    static char body[8192];
    int len = snprintf(body, sizeof(body), "--b\r\nX: %05000d\r\n" HEAD "x\r\n--b--", 1);
    struct multipart_cursor cursor = { 0, 0 };

    cr_expect_eq(multipart_part(type, (struct dm_slice){ body, (size_t)len }, 0, &cursor, &part),
                 -1);
}
