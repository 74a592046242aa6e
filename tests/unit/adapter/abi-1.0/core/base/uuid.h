/* UUIDs (RFC 9562). Part of the adapter contract. */
#ifndef DRAGOMAN_BASE_UUID_H
#define DRAGOMAN_BASE_UUID_H

#include <stdint.h>

#include "slice.h"

#define DM_UUID_TEXT_LEN 36

/* Sixteen bytes in network order. All zero (the Nil UUID, RFC 9562 section 5.9) means "none". */
struct dm_uuid {
    uint8_t bytes[16];
};

static inline int dm_uuid_eq(const struct dm_uuid *a, const struct dm_uuid *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static inline int dm_uuid_is_nil(const struct dm_uuid *u) {
    static const struct dm_uuid nil;
    return dm_uuid_eq(u, &nil);
}

/* Writes the 36 lower-case characters of RFC 9562 section 4 and a NUL. */
static inline void dm_uuid_format(const struct dm_uuid *u, char ret_text[DM_UUID_TEXT_LEN + 1]) {
    static const char digits[] = "0123456789abcdef";
    char *p = ret_text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[u->bytes[i] >> 4];
        *p++ = digits[u->bytes[i] & 15];
    }
    *p = '\0';
}

static inline int dm_hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Reads exactly the 8-4-4-4-12 form, upper or lower case. Returns 0, or -1 when the text is
 * anything else (ret_uuid is then untouched). */
static inline int dm_uuid_parse(struct dm_slice text, struct dm_uuid *ret_uuid) {
    struct dm_uuid u;
    size_t pos = 0;
    if (text.len != DM_UUID_TEXT_LEN)
        return -1;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text.ptr[pos++] != '-')
            return -1;
        int hi = dm_hex_value(text.ptr[pos]);
        int lo = dm_hex_value(text.ptr[pos + 1]);
        if (hi < 0 || lo < 0)
            return -1;
        u.bytes[i] = (uint8_t)(hi << 4 | lo);
        pos += 2;
    }
    *ret_uuid = u;
    return 0;
}

#endif
