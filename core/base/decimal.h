/* Whole numbers written in decimal. Digits are ASCII's; there are no blanks and no "+". Leading
 * zeros change nothing: who allows one spelling only looks for them himself. */
#ifndef DRAGOMAN_BASE_DECIMAL_H
#define DRAGOMAN_BASE_DECIMAL_H

#include <stdint.h>

#include "core/base/slice.h"

/* 1 when text is digits, one at least, and nothing else. */
int decimal_is(struct dm_slice text);

/* Takes the digits off the front of *text. Returns how many there are. The number is 0 when there
 * are none, and INT64_MAX when it is larger than that. */
size_t decimal_cut(struct dm_slice *text, int64_t *ret_number);

/* Reads text that is digits and nothing else. Returns 0; -EINVAL when it is anything else, or empty
 * or absent; -ERANGE when the number is larger than `max`, which is not negative. *ret_number is
 * set only at 0. */
int decimal_parse(struct dm_slice text, int64_t max, int64_t *ret_number);

/* The same with a "-" in front, or none, and any number that is an int64_t. */
int decimal_parse_signed(struct dm_slice text, int64_t *ret_number);

#endif
