/* Validity of text. Pure functions. */
#ifndef DRAGOMAN_BASE_UTF8_H
#define DRAGOMAN_BASE_UTF8_H

#include <stddef.h>

#include "core/base/slice.h"

/* 1 when the bytes are UTF-8 as RFC 3629 section 4 defines it (no overlong form, no surrogate,
 * nothing above U+10FFFF, nothing cut off at the end), else 0. The empty and the absent slice
 * are valid. */
int utf8_valid(struct dm_slice text);

/* For text that comes in pieces: ret_len is how many of its bytes are whole sequences. Returns 1
 * when what follows them, if anything, may be the beginning of a sequence; 0 when no further bytes
 * can make the text valid. */
int utf8_valid_so_far(struct dm_slice text, size_t *ret_len);

/* 1 when PostgreSQL's text type can hold it: valid UTF-8 without a NUL character; else 0. */
int text_storable(struct dm_slice text);

/* Length in bytes (1 to 4) of the valid UTF-8 sequence that text begins with; 0 when it begins
 * with none, or is empty. For walking text that may be invalid. */
size_t utf8_sequence(struct dm_slice text);

/* The longest prefix of at most max bytes that does not cut a sequence apart. Invalid bytes count
 * as characters of their own. */
struct dm_slice utf8_prefix(struct dm_slice text, size_t max);

#endif
