/* Clocks, and times as ISO 8601 text. Times of day are microseconds since 1970-01-01T00:00:00Z,
 * without leap seconds. All functions are thread-safe. */
#ifndef DRAGOMAN_BASE_CLOCK_H
#define DRAGOMAN_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"

/* CLOCK_MONOTONIC: for durations and deadlines; means nothing outside this machine's boot. */
uint64_t clock_mono_ns(void);
uint64_t clock_mono_ms(void);

/* CLOCK_REALTIME, microseconds since the epoch; may be set back by the administrator. */
int64_t clock_real_us(void);

/* What stands behind the time of day; the time written is UTC with each of them. */
enum time_zone_suffix {
    TIME_BARE,   /* 2026-11-20T08:29:21.766487 */
    TIME_Z,      /* 2026-11-20T08:29:21.766487Z */
    TIME_OFFSET, /* 2026-11-20T08:29:21.766487+00:00 */
};

#define TIME_ISO_SIZE 33

/* Writes the text, always with six digits of fraction, and a NUL; returns its length (26, 27 or
 * 32). Times outside the years 0000 to 9999 are clamped to the nearest one inside. The date is
 * cached, so that a run of times on one day costs the digits only. */
size_t time_format_iso(int64_t us, enum time_zone_suffix suffix, char ret_text[TIME_ISO_SIZE]);

/* Reads a date-time of RFC 3339 section 5.6, and what PostgreSQL and ISO 8601 add to it: a blank
 * for the T, no zone at all (read as UTC), and a zone without colon or minutes (+0000, +00).
 * Fractions of 1 to 9 digits; digits past the sixth are cut. Second 60 is the next minute's
 * first. Returns 0, or -EINVAL (ret_us untouched) for any other text, also for dates that do not
 * exist and for anything behind the end. */
int time_parse_iso(struct dm_slice text, int64_t *ret_us);

#endif
