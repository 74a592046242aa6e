#include <errno.h>

#include "core/base/decimal.h"
#include "tests/unit/check.h"

#define UNTOUCHED 77

static void check_parse(const char *text, int64_t max, int result, int64_t number) {
    int64_t got = UNTOUCHED;
    cr_assert(eq(int, decimal_parse(dm_slice_str(text), max, &got), result));
    cr_assert(eq(i64, got, result ? UNTOUCHED : number));
}

static void check_signed(const char *text, int result, int64_t number) {
    int64_t got = UNTOUCHED;
    cr_assert(eq(int, decimal_parse_signed(dm_slice_str(text), &got), result));
    cr_assert(eq(i64, got, result ? UNTOUCHED : number));
}

static void check_cut(const char *text, size_t count, int64_t number, const char *rest) {
    struct dm_slice slice = dm_slice_str(text);
    int64_t got = UNTOUCHED;
    cr_assert(eq(sz, decimal_cut(&slice, &got), count));
    cr_assert(eq(i64, got, number));
    check_slice(slice, dm_slice_str(rest));
}

Test(decimal, digits_are_a_number) {
    check_parse("0", 9, 0, 0);
    check_parse("1234567890", INT64_MAX, 0, 1234567890);
    check_parse("007", 7, 0, 7);
    check_parse("0000000000000000000000000000000000000042", 42, 0, 42);
}

Test(decimal, anything_else_is_none) {
    static const char *const texts[] = { NULL, "", "-", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1",
                                         "/", ":", "1:", "\xd9\xa1" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_parse(texts[i], INT64_MAX, -EINVAL, 0);
    int64_t number = UNTOUCHED;
    cr_assert(eq(int, decimal_parse(DM_SLICE("1\0" "2"), INT64_MAX, &number), -EINVAL));
    cr_assert(eq(int, decimal_parse(DM_SLICE("9999999999999999999999x"), 9, &number), -EINVAL));
    cr_assert(eq(i64, number, UNTOUCHED));
}

Test(decimal, numbers_end_at_the_largest) {
    check_parse("65535", 65535, 0, 65535);
    check_parse("65536", 65535, -ERANGE, 0);
    check_parse("1", 0, -ERANGE, 0);
    check_parse("9223372036854775807", INT64_MAX, 0, INT64_MAX);
    check_parse("9223372036854775808", INT64_MAX, -ERANGE, 0);
    check_parse("18446744073709551615", INT64_MAX, -ERANGE, 0);
    check_parse("18446744073709551616", INT64_MAX, -ERANGE, 0); /* 2^64: not 0 again */
    check_parse("18446744073709551617", INT64_MAX, -ERANGE, 0);
    check_parse("184467440737095516150", INT64_MAX, -ERANGE, 0);
}

Test(decimal, a_minus_makes_it_negative) {
    check_signed("12", 0, 12);
    check_signed("-12", 0, -12);
    check_signed("-0", 0, 0);
    check_signed("-007", 0, -7);
    check_signed("9223372036854775807", 0, INT64_MAX);
    check_signed("9223372036854775808", -ERANGE, 0);
    check_signed("-9223372036854775808", 0, INT64_MIN);
    check_signed("-9223372036854775809", -ERANGE, 0);
    check_signed("-18446744073709551616", -ERANGE, 0);
    check_signed("", -EINVAL, 0);
    check_signed(NULL, -EINVAL, 0);
    check_signed("-", -EINVAL, 0);
    check_signed("--1", -EINVAL, 0);
    check_signed("+1", -EINVAL, 0);
    check_signed("-1x", -EINVAL, 0);
}

Test(decimal, digits_are_cut_off_the_front) {
    check_cut("12-34", 2, 12, "-34");
    check_cut("0012", 4, 12, "");
    check_cut("-1", 0, 0, "-1");
    check_cut("", 0, 0, "");
    check_cut(NULL, 0, 0, NULL);
    check_cut("9223372036854775807,", 19, INT64_MAX, ",");
    check_cut("9223372036854775808,", 19, INT64_MAX, ",");
    check_cut("184467440737095516160000,", 24, INT64_MAX, ",");
}

Test(decimal, digits_alone_are_told) {
    cr_assert(eq(int, decimal_is(DM_SLICE("0")), 1));
    cr_assert(eq(int, decimal_is(DM_SLICE("184467440737095516160000")), 1));
    cr_assert(eq(int, decimal_is(DM_SLICE("")), 0));
    cr_assert(eq(int, decimal_is(DM_SLICE_NONE), 0));
    cr_assert(eq(int, decimal_is(DM_SLICE("-1")), 0));
    cr_assert(eq(int, decimal_is(DM_SLICE("1 ")), 0));
}
