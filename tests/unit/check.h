/* Helpers for unit tests; includes Criterion. */
#ifndef DRAGOMAN_TESTS_UNIT_CHECK_H
#define DRAGOMAN_TESTS_UNIT_CHECK_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>

#include "core/base/slice.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Criterion's own cr_assert takes no bare condition, and needs 1 where any truth should do. */
#define check_true(condition) cr_assert(eq(int, !!(condition), 1))

#define check_slice(actual, expected) \
    do { \
        struct dm_slice actual_ = (actual); \
        struct dm_slice expected_ = (expected); \
        cr_assert(eq(int, dm_slice_eq(actual_, expected_), 1), "\"%.*s\" is not \"%.*s\"", \
                  DM_SLICE_FMT(actual_), DM_SLICE_FMT(expected_)); \
    } while (0)

/* A fixed sequence, so that a failure can be repeated (splitmix64). */
static inline uint64_t sequence_next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

#endif
