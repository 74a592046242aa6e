/* Base64, strict (RFC 4648). Pure functions. Not constant-time. */
#ifndef DRAGOMAN_BASE_BASE64_H
#define DRAGOMAN_BASE_BASE64_H

#include <stddef.h>

#include "core/base/slice.h"

enum base64_alphabet {
    BASE64_STD, /* section 4: + and /, padded with = */
    BASE64_URL, /* section 5: - and _, never padded (as RFC 7515 section 2 has it) */
};

/* Length of the encoding of len bytes. */
static inline size_t base64_encoded_len(enum base64_alphabet alphabet, size_t len) {
    if (alphabet == BASE64_STD)
        return (len + 2) / 3 * 4;
    return len / 3 * 4 + (len % 3 ? len % 3 + 1 : 0);
}

/* An upper bound of what decoding len characters yields. */
static inline size_t base64_decoded_max(size_t len) {
    return len / 4 * 3 + 2;
}

/* Writes base64_encoded_len() characters to ret_text, without a NUL, and returns their number.
 * ptr may be NULL when len is 0. */
size_t base64_encode(enum base64_alphabet alphabet, const void *ptr, size_t len, char *ret_text);

/* Decodes text into ret_data, which has room for cap bytes, and sets ret_len. Returns 0; -EINVAL
 * for a character outside the alphabet (white space included), a wrong length, missing, surplus
 * or misplaced padding, or non-zero unused bits (section 3.5); -ENOSPC when the result is longer
 * than cap. On failure ret_len is untouched and the content of ret_data unspecified. */
int base64_decode(enum base64_alphabet alphabet, struct dm_slice text, void *ret_data, size_t cap,
                  size_t *ret_len);

#endif
