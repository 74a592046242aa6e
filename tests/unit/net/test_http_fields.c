#include <errno.h>

#include "tests/unit/net/net_check.h"

static void check_decoded(const char *text, enum http_plus plus, int result,
                          const char *expected) {
    char out[64];
    size_t len = 0;
    int r = http_percent_decode(dm_slice_str(text), plus, out, &len);
    cr_assert(eq(int, r, result), "%s", text);
    if (r == 0)
        check_slice(((struct dm_slice){ out, len }), dm_slice_str(expected));
}

Test(http_fields, percent_decoding) {
    check_decoded("", HTTP_PLUS_LITERAL, 0, "");
    check_decoded("/a+b", HTTP_PLUS_LITERAL, 0, "/a+b");
    check_decoded("a+b", HTTP_PLUS_IS_SPACE, 0, "a b");
    check_decoded("%41%7a%2F%e4", HTTP_PLUS_LITERAL, 0, "Az/\xe4");
    check_decoded("%2541", HTTP_PLUS_LITERAL, 0, "%41");
    check_decoded("%", HTTP_PLUS_LITERAL, -EINVAL, NULL);
    check_decoded("%4", HTTP_PLUS_LITERAL, -EINVAL, NULL);
    check_decoded("%g1", HTTP_PLUS_LITERAL, -EINVAL, NULL);
    check_decoded("%1g", HTTP_PLUS_LITERAL, -EINVAL, NULL);
    check_decoded("a%00", HTTP_PLUS_LITERAL, -EINVAL, NULL);
}

Test(http_fields, decoding_in_place) {
    char text[] = "%41b%43";
    size_t len = 0;
    cr_assert(eq(int, http_percent_decode(dm_slice_str(text), HTTP_PLUS_LITERAL, text, &len), 0));
    check_slice(((struct dm_slice){ text, len }), DM_SLICE("AbC"));
}

Test(http_fields, pairs) {
    struct dm_slice rest = DM_SLICE("a=1&&b&c=&=d&e=f=g&");
    struct http_field pair;
    static const char *const names[] = { "a", "b", "c", "", "e" };
    static const char *const values[] = { "1", NULL, "", "d", "f=g" };
    size_t i = 0;
    for (; http_pair_next(rest, &rest, &pair); i++) {
        cr_assert(lt(sz, i, ARRAY_LEN(names)));
        check_slice(pair.name, dm_slice_str(names[i]));
        check_slice(pair.value, dm_slice_str(values[i]));
    }
    cr_assert(eq(sz, i, ARRAY_LEN(names)));
    check_true(!http_pair_next(DM_SLICE_NONE, &rest, &pair));
}

Test(http_fields, lists_run_over_all_fields_of_the_name) {
    struct http_field fields[] = {
        { DM_SLICE("Connection"), DM_SLICE("a,, b\t") },
        { DM_SLICE("Other"), DM_SLICE("x") },
        { DM_SLICE("connection"), DM_SLICE("") },
        { DM_SLICE("CONNECTION"), DM_SLICE(" , c ") },
    };
    struct http_request request = { .fields = fields, .field_count = ARRAY_LEN(fields) };
    struct http_list_cursor cursor = { 0, 0 };
    struct buf all = BUF_INIT;
    struct dm_slice token;
    while (http_list_next(&request, "connection", &cursor, &token))
        buf_printf(&all, "[%.*s]", DM_SLICE_FMT(token));
    check_slice(buf_slice(&all), DM_SLICE("[a][b][c]"));
    buf_fini(&all);
}

Test(http_fields, names_and_statuses) {
    check_true(http_name_is(DM_SLICE("HoSt"), "host"));
    check_true(!http_name_is(DM_SLICE("hos"), "host"));
    check_true(!http_name_is(DM_SLICE_NONE, "host"));
    cr_assert(eq(str, (char *)http_status_text(404), "Not Found"));
    cr_assert(eq(str, (char *)http_status_text(299), "Unknown"));
    cr_assert(eq(str, (char *)http_method_name(HTTP_METHOD_PATCH), "PATCH"));
    cr_assert(eq(str, (char *)http_method_name(HTTP_METHOD_COUNT), "unknown"));
}
