#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "core/base/clock.h"
#include "tests/unit/check.h"

static void check_format(int64_t us, enum time_zone_suffix suffix, const char *expected) {
    char text[TIME_ISO_SIZE];
    memset(text, '!', sizeof(text));
    cr_assert(eq(sz, time_format_iso(us, suffix, text), strlen(expected)));
    check_slice(dm_slice_str(text), dm_slice_str(expected));
}

static void check_parse(const char *text, int64_t expected) {
    int64_t us = 0x5a5a;
    cr_assert(eq(int, time_parse_iso(dm_slice_str(text), &us), 0), "%s", text);
    cr_assert(eq(i64, us, expected), "%s", text);
}

static void check_refused(struct dm_slice text) {
    int64_t us = 0x5a5a;
    cr_assert(eq(int, time_parse_iso(text, &us), -EINVAL), "%.*s", DM_SLICE_FMT(text));
    cr_assert(eq(i64, us, 0x5a5a));
}

Test(clock, the_monotonic_clock_does_not_go_back) {
    uint64_t last = clock_mono_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_mono_ns();
        cr_assert(ge(u64, now, last));
        last = now;
    }
    cr_assert(ge(u64, clock_mono_ms(), last / 1000000));
}

Test(clock, the_time_of_day_is_that_of_libc) {
    int64_t before = (int64_t)time(NULL) - 1;
    int64_t now = clock_real_us() / 1000000;
    cr_assert(ge(i64, now, before));
    cr_assert(le(i64, now, (int64_t)time(NULL)));
}

Test(time_format, has_three_suffixes_and_six_digits) {
    check_format(1795163361766487, TIME_BARE, "2026-11-20T08:29:21.766487");
    check_format(1795163361766487, TIME_Z, "2026-11-20T08:29:21.766487Z");
    check_format(1795163361766487, TIME_OFFSET, "2026-11-20T08:29:21.766487+00:00");
    check_format(1795163361000000, TIME_Z, "2026-11-20T08:29:21.000000Z");
    check_format(0, TIME_Z, "1970-01-01T00:00:00.000000Z");
    check_format(1, TIME_Z, "1970-01-01T00:00:00.000001Z");
}

Test(time_format, goes_before_the_epoch) {
    check_format(-1, TIME_Z, "1969-12-31T23:59:59.999999Z");
    check_format(INT64_C(-86400000000), TIME_Z, "1969-12-31T00:00:00.000000Z");
    check_format(INT64_C(-86400000001), TIME_Z, "1969-12-30T23:59:59.999999Z");
}

Test(time_format, clamps_what_four_digits_cannot_say) {
    check_format(INT64_MIN, TIME_Z, "0000-01-01T00:00:00.000000Z");
    check_format(INT64_MAX, TIME_Z, "9999-12-31T23:59:59.999999Z");
    check_format(INT64_C(253402300799999999), TIME_Z, "9999-12-31T23:59:59.999999Z");
    check_format(INT64_C(253402300800000000), TIME_Z, "9999-12-31T23:59:59.999999Z");
}

Test(time_format, agrees_with_gmtime_and_the_parser) {
    uint64_t state = 5;
    for (int i = 0; i < 100000; i++) {
        int64_t us = (int64_t)(sequence_next(&state) % 315569520000000000) - 62167219200000000;
        time_t second = (time_t)(us / 1000000 - (us % 1000000 < 0));
        struct tm tm;
        char expected[64], actual[TIME_ISO_SIZE];
        gmtime_r(&second, &tm);
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int)(us - (int64_t)second * 1000000));
        time_format_iso(us, TIME_Z, actual);
        check_slice(dm_slice_str(actual), dm_slice_str(expected));
        check_parse(actual, us);
    }
}

Test(time_parse, reads_what_others_write) {
    check_parse("2026-11-20T08:29:21.766487Z", 1795163361766487);
    check_parse("2026-11-20t08:29:21.766487z", 1795163361766487);
    check_parse("2026-11-20 08:29:21.766487+00", 1795163361766487);
    check_parse("2026-11-20T08:29:21.766487", 1795163361766487);
    check_parse("2026-11-20T10:29:21.766487+02:00", 1795163361766487);
    check_parse("2026-11-20T02:59:21.766487-0530", 1795163361766487);
    check_parse("2026-11-20T08:29:21Z", 1795163361000000);
    check_parse("2026-11-20T08:29:21.7Z", 1795163361700000);
    check_parse("2026-11-20T08:29:21.766487999Z", 1795163361766487);
    check_parse("2016-12-31T23:59:60Z", INT64_C(1483228800000000));
    check_parse("2000-02-29T00:00:00Z", INT64_C(951782400000000));
    check_parse("0000-01-01T00:00:00Z", INT64_C(-62167219200000000));
    check_parse("9999-12-31T23:59:59.999999-23:59", INT64_C(253402387139999999));
}

Test(time_parse, refuses_bad_text) {
    static const char *const bad[] = {
        "", "2026", "2026-11-20", "2026-11-20T", "2026-11-20T08:29", "2026-11-20T08:29:2",
        "2026-11-20T08:29:21.", "2026-11-20T08:29:21.Z", "2026-11-20T08:29:21.1234567890Z",
        "2026-11-20T08:29:21,5Z", "2026-11-20T08:29:21Zx", "2026-11-20T08:29:21Z ",
        " 2026-11-20T08:29:21Z", "2026-11-20T08:29:21+", "2026-11-20T08:29:21+1",
        "2026-11-20T08:29:21+24:00", "2026-11-20T08:29:21+01:60", "2026-11-20T08:29:21+01:",
        "2026-11-20T08:29:21+01:0", "2026-11-20T08:29:21+01:000", "2026-13-20T08:29:21Z",
        "2026-00-20T08:29:21Z", "2026-11-00T08:29:21Z", "2026-11-31T08:29:21Z",
        "2026-02-29T08:29:21Z", "1900-02-29T08:29:21Z", "2026-11-20T24:00:00Z",
        "2026-11-20T08:60:21Z", "2026-11-20T08:29:61Z", "2026-11-20X08:29:21Z",
        "2026/11/20T08:29:21Z", "02026-11-20T08:29:21Z", "-026-11-20T08:29:21Z",
        "2026-1a-20T08:29:21Z", "+026-11-20T08:29:21Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check_refused(dm_slice_str(bad[i]));
    check_refused(DM_SLICE_NONE);
    check_refused(DM_SLICE("2026-11-20T08:29:21\0"));
    check_refused(DM_SLICE("2026-11-20\00008:29:21Z"));
}

Test(time_parse, survives_any_damage_and_every_prefix) {
    static const char good[] = "2026-11-20T08:29:21.766487+02:00";
    uint64_t state = 11;
    for (size_t len = 0; len < 26; len++) {
        int64_t us;
        struct dm_slice text = { good, len };
        int expected = len == 19 || len > 20 ? 0 : -EINVAL;
        cr_assert(eq(int, time_parse_iso(text, &us), expected));
    }
    for (int i = 0; i < 100000; i++) {
        char text[sizeof(good) - 1];
        int64_t us;
        memcpy(text, good, sizeof(text));
        for (int k = 0; k < 3; k++)
            text[sequence_next(&state) % sizeof(text)] = (char)sequence_next(&state);
        time_parse_iso((struct dm_slice){ text, sequence_next(&state) % sizeof(text) }, &us);
    }
}
