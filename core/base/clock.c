#include "core/base/clock.h"

#include <errno.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)
#define DATE_LEN 10
/* 0000-01-01T00:00:00 and 9999-12-31T23:59:59.999999. */
#define US_MIN (INT64_C(-62167219200) * US_PER_S)
#define US_MAX (INT64_C(253402300800) * US_PER_S - 1)

uint64_t clock_mono_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_mono_ms(void) {
    return clock_mono_ns() / 1000000;
}

int64_t clock_real_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static void put_digits(char *out, int count, int64_t value) {
    while (count-- > 0) {
        out[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* The year of March to February makes the leap day the last one, and 400 of them a cycle of
 * 146097 days; day 0 of the cycle that holds 1970 is 719468 days before the epoch. */
static void date_of_day(int64_t day, char out[DATE_LEN]) {
    int64_t shifted = day + 719468;
    int64_t cycle = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_cycle = shifted - cycle * 146097;
    int64_t year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
    int64_t of_year = of_cycle - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t month_day = of_year - (153 * month + 2) / 5 + 1;
    int64_t calendar_month = month < 10 ? month + 3 : month - 9;
    put_digits(out, 4, year + cycle * 400 + (calendar_month <= 2));
    out[4] = '-';
    put_digits(out + 5, 2, calendar_month);
    out[7] = '-';
    put_digits(out + 8, 2, month_day);
}

static int64_t day_of_date(int64_t year, int64_t month, int64_t month_day) {
    year -= month <= 2;
    int64_t cycle = (year >= 0 ? year : year - 399) / 400;
    int64_t of_cycle = year - cycle * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + month_day - 1;
    return cycle * 146097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719468;
}

static const char *date_cached(int64_t day) {
    static _Thread_local int64_t cached_day = INT64_MIN;
    static _Thread_local char text[DATE_LEN];
    if (day != cached_day) {
        date_of_day(day, text);
        cached_day = day;
    }
    return text;
}

size_t time_format_iso(int64_t us, enum time_zone_suffix suffix, char ret_text[TIME_ISO_SIZE]) {
    static const char *const suffixes[] = { [TIME_BARE] = "", [TIME_Z] = "Z",
                                            [TIME_OFFSET] = "+00:00" };
    us = us < US_MIN ? US_MIN : us > US_MAX ? US_MAX : us;
    int64_t of_day = us % (S_PER_DAY * US_PER_S);
    if (of_day < 0)
        of_day += S_PER_DAY * US_PER_S;
    int64_t second = of_day / US_PER_S;
    memcpy(ret_text, date_cached((us - of_day) / (S_PER_DAY * US_PER_S)), DATE_LEN);
    ret_text[10] = 'T';
    put_digits(ret_text + 11, 2, second / 3600);
    ret_text[13] = ':';
    put_digits(ret_text + 14, 2, second / 60 % 60);
    ret_text[16] = ':';
    put_digits(ret_text + 17, 2, second % 60);
    ret_text[19] = '.';
    put_digits(ret_text + 20, 6, of_day % US_PER_S);
    size_t suffix_len = strlen(suffixes[suffix]);
    memcpy(ret_text + 26, suffixes[suffix], suffix_len + 1);
    return 26 + suffix_len;
}

struct cursor {
    const char *pos;
    const char *end;
};

static int peek(const struct cursor *c) {
    return c->pos < c->end ? (unsigned char)*c->pos : -1;
}

static int is_digit(int c) {
    return c >= '0' && c <= '9';
}

/* Reads exactly count digits whose value lies in [min, max]; 0, or -1. */
static int read_number(struct cursor *c, int count, int64_t min, int64_t max, int64_t *ret_value) {
    int64_t value = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit(peek(c)))
            return -1;
        value = value * 10 + (*c->pos++ - '0');
    }
    if (value < min || value > max)
        return -1;
    *ret_value = value;
    return 0;
}

static int read_char(struct cursor *c, const char *allowed) {
    int next = peek(c);
    if (next <= 0 || !strchr(allowed, next))
        return -1;
    c->pos++;
    return 0;
}

static int64_t month_len(int64_t year, int64_t month) {
    static const int8_t lens[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lens[month - 1] + (month == 2 && leap);
}

static int read_date(struct cursor *c, int64_t *ret_day) {
    int64_t year, month, month_day;
    if (read_number(c, 4, 0, 9999, &year) < 0 || read_char(c, "-") < 0 ||
        read_number(c, 2, 1, 12, &month) < 0 || read_char(c, "-") < 0 ||
        read_number(c, 2, 1, month_len(year, month), &month_day) < 0)
        return -1;
    *ret_day = day_of_date(year, month, month_day);
    return 0;
}

static int read_time(struct cursor *c, int64_t *ret_second) {
    int64_t hour, minute, second;
    if (read_number(c, 2, 0, 23, &hour) < 0 || read_char(c, ":") < 0 ||
        read_number(c, 2, 0, 59, &minute) < 0 || read_char(c, ":") < 0 ||
        read_number(c, 2, 0, 60, &second) < 0)
        return -1;
    *ret_second = hour * 3600 + minute * 60 + second;
    return 0;
}

static int read_fraction(struct cursor *c, int64_t *ret_us) {
    int64_t us = 0;
    int count = 0;
    *ret_us = 0;
    if (peek(c) != '.')
        return 0;
    c->pos++;
    for (; is_digit(peek(c)); count++, c->pos++) {
        if (count < 6)
            us = us * 10 + (*c->pos - '0');
    }
    if (count < 1 || count > 9)
        return -1;
    for (int i = count; i < 6; i++)
        us *= 10;
    *ret_us = us;
    return 0;
}

static int read_zone(struct cursor *c, int64_t *ret_second) {
    int64_t hour, minute = 0;
    *ret_second = 0;
    if (peek(c) < 0 || read_char(c, "Zz") == 0)
        return 0;
    int sign = peek(c) == '-' ? -1 : 1;
    if (read_char(c, "+-") < 0 || read_number(c, 2, 0, 23, &hour) < 0)
        return -1;
    if (peek(c) == ':' && read_char(c, ":") == 0 && peek(c) < 0)
        return -1;
    if (peek(c) >= 0 && read_number(c, 2, 0, 59, &minute) < 0)
        return -1;
    *ret_second = sign * (hour * 3600 + minute * 60);
    return 0;
}

int time_parse_iso(struct dm_slice text, int64_t *ret_us) {
    if (text.len == 0)
        return -EINVAL;
    struct cursor c = { text.ptr, text.ptr + text.len };
    int64_t day, second, us, zone;
    if (read_date(&c, &day) < 0 || read_char(&c, "Tt ") < 0 || read_time(&c, &second) < 0 ||
        read_fraction(&c, &us) < 0 || read_zone(&c, &zone) < 0 || c.pos != c.end)
        return -EINVAL;
    *ret_us = (day * S_PER_DAY + second - zone) * US_PER_S + us;
    return 0;
}
