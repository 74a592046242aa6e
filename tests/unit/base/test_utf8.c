#include <stdlib.h>

#include "core/base/utf8.h"
#include "tests/unit/check.h"

Test(utf8, accepts_every_length_of_sequence) {
    static const char *const good[] = {
        "", "a", "plain ASCII text, longer than a word", "\x7f", "\xc2\x80", "\xdf\xbf",
        "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf", "12345678\xc3\xa4", "1234567\xc3\xa4",
        "gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x91\x8b",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        cr_assert(eq(int, utf8_valid(dm_slice_str(good[i])), 1), "case %zu", i);
    cr_assert(eq(int, utf8_valid(DM_SLICE_NONE), 1));
    cr_assert(eq(int, utf8_valid(DM_SLICE("a\0b")), 1));
}

Test(utf8, refuses_what_the_rfc_refuses) {
    static const char *const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x20", "\xe0\x9f\xbf", "\xe0\xa0",
        "\xe0\xa0\x20", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
        "\xf0\x90\x80\x20", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xfe", "\xff", "12345678\xff", "1234567\xff", "\xc3\xa4\xa4", "ab\xe2\x82",
        "\xe2\xc3\xa4",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(eq(int, utf8_valid(dm_slice_str(bad[i])), 0), "case %zu", i);
}

static size_t encode(uint32_t c, char *out) {
    if (c < 0x80)
        return out[0] = (char)c, 1;
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 63));
    out[0] = (char)((0xf00 >> len) | c);
    return len;
}

Test(utf8, accepts_every_scalar_value_and_no_surrogate) {
    for (uint32_t c = 0; c < 0x120000; c++) {
        char text[4];
        struct dm_slice slice = { text, encode(c, text) };
        int expected = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
        if (utf8_valid(slice) != expected)
            cr_fatal("U+%X", c);
        if (utf8_sequence(slice) != (expected ? slice.len : 0))
            cr_fatal("length of U+%X", c);
    }
}

Test(utf8, a_cut_sequence_at_the_end_of_memory_is_not_overread) {
    static const char whole[] = "\xf0\x9f\x91\x8b";
    for (size_t len = 1; len < 4; len++) {
        char *text = malloc(len);
        memcpy(text, whole, len);
        cr_assert(eq(int, utf8_valid((struct dm_slice){ text, len }), 0));
        cr_assert(eq(sz, utf8_sequence((struct dm_slice){ text, len }), 0));
        free(text);
    }
    cr_assert(eq(sz, utf8_sequence(DM_SLICE_NONE), 0));
}

/* 1 when some bytes behind it make it valid. */
static int can_become_valid(const char *text, size_t len) {
    for (uint32_t c = 0; c < 0x110000; c++) {
        char whole[4];
        size_t whole_len = encode(c, whole);
        if (whole_len > len && !memcmp(whole, text, len)
            && utf8_valid((struct dm_slice){ whole, whole_len }))
            return 1;
    }
    return 0;
}

static void check_so_far(const char *text, size_t cut) {
    char behind[8] = "abc";
    size_t len;
    memcpy(behind + 3, text, cut);
    cr_assert(eq(int, utf8_valid_so_far((struct dm_slice){ behind, 3 + cut }, &len),
                 can_become_valid(text, cut)), "%x %x", (uint8_t)text[0], (uint8_t)text[1]);
    cr_assert(eq(sz, len, 3));
}

Test(utf8, text_in_pieces_is_judged_as_soon_as_can_be) {
    static const char leads[] = "\x80\xc0\xc2\xdf\xe0\xe1\xed\xee\xf0\xf1\xf4\xf5\xff";
    static const char seconds[] = "a\x80\x8f\x90\x9f\xa0\xbf\xc0";
    for (const char *lead = leads; *lead; lead++) {
        char text[2] = { *lead, 0 };
        check_so_far(text, 1);
        for (const char *second = seconds; *second; second++) {
            text[1] = *second;
            if (!utf8_valid((struct dm_slice){ text, 2 }))
                check_so_far(text, 2);
        }
    }
    size_t len;
    cr_assert(eq(int, utf8_valid_so_far(DM_SLICE_NONE, &len), 1));
    cr_assert(eq(int, utf8_valid_so_far(DM_SLICE("\xf4\x8f\xbf"), &len), 1));
    cr_assert(eq(int, utf8_valid_so_far(DM_SLICE("\xf4\x8f\xc0"), &len), 0));
    cr_assert(eq(int, utf8_valid_so_far(DM_SLICE("\xe2\x82\xac\xff"), &len), 0));
    cr_assert(eq(sz, len, 3));
}

Test(utf8, storable_text_has_no_nul) {
    cr_assert(eq(int, text_storable(DM_SLICE("")), 1));
    cr_assert(eq(int, text_storable(DM_SLICE_NONE), 1));
    cr_assert(eq(int, text_storable(DM_SLICE("gr\xc3\xbc\xc3\x9f")), 1));
    cr_assert(eq(int, text_storable(DM_SLICE("\0")), 0));
    cr_assert(eq(int, text_storable(DM_SLICE("eight by\0te run")), 0));
    cr_assert(eq(int, text_storable(DM_SLICE("\xff")), 0));
}

Test(utf8, a_prefix_never_cuts_a_sequence) {
    struct dm_slice text = DM_SLICE("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x91\x8b");
    static const size_t expected[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };
    for (size_t max = 0; max < ARRAY_LEN(expected); max++)
        cr_assert(eq(sz, utf8_prefix(text, max).len, expected[max]), "max %zu", max);
}

Test(utf8, a_prefix_of_damaged_text_is_cut_anywhere) {
    struct dm_slice text = DM_SLICE("\x80\x80\x80\x80\xf0\x9f\xff");
    for (size_t max = 0; max <= text.len; max++)
        cr_assert(eq(sz, utf8_prefix(text, max).len, max));
}

Test(utf8, a_prefix_of_valid_text_is_valid) {
    uint64_t state = 9;
    for (int round = 0; round < 20000; round++) {
        char bytes[64];
        size_t len = 0;
        while (len < 56) {
            uint32_t c = (uint32_t)(sequence_next(&state) >> (43 + sequence_next(&state) % 14));
            if (c < 0x110000 && (c < 0xd800 || c > 0xdfff))
                len += encode(c, bytes + len);
        }
        struct dm_slice text = { bytes, len };
        size_t max = sequence_next(&state) % (len + 4);
        struct dm_slice prefix = utf8_prefix(text, max);
        cr_assert(eq(int, utf8_valid(text), 1));
        cr_assert(eq(int, utf8_valid(prefix), 1));
        check_true(prefix.len <= max && (prefix.len + 4 > max || prefix.len == len));
    }
}
