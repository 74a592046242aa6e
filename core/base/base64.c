#include "core/base/base64.h"

#include <errno.h>
#include <stdint.h>

static const char alphabets[2][65] = {
    [BASE64_STD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static size_t encode_tail(const char *digits, const unsigned char *in, size_t left, char *out) {
    uint32_t bits = (uint32_t)in[0] << 16 | (left == 2 ? (uint32_t)in[1] << 8 : 0);
    out[0] = digits[bits >> 18];
    out[1] = digits[bits >> 12 & 63];
    if (left == 2)
        out[2] = digits[bits >> 6 & 63];
    return left + 1;
}

size_t base64_encode(enum base64_alphabet alphabet, const void *ptr, size_t len, char *ret_text) {
    const char *digits = alphabets[alphabet];
    const unsigned char *in = ptr;
    char *out = ret_text;
    for (; len >= 3; len -= 3, in += 3) {
        uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = digits[bits >> 6 & 63];
        *out++ = digits[bits & 63];
    }
    if (len > 0) {
        out += encode_tail(digits, in, len, out);
        for (; alphabet == BASE64_STD && len < 3; len++)
            *out++ = '=';
    }
    return (size_t)(out - ret_text);
}

static int value_of(enum base64_alphabet alphabet, char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == alphabets[alphabet][62])
        return 62;
    if (c == alphabets[alphabet][63])
        return 63;
    return -1;
}

/* Gathers count digits into the upper end of 24 bits; 0, or -1 when one is none. */
static int read_group(enum base64_alphabet alphabet, const char *text, size_t count,
                      uint32_t *ret_bits) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < count ? value_of(alphabet, text[i]) : 0;
        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
    }
    *ret_bits = bits;
    return 0;
}

static int decode_groups(enum base64_alphabet alphabet, const char *text, size_t len,
                         unsigned char *out) {
    while (len > 0) {
        size_t digits = len < 4 ? len : 4;
        uint32_t bits;
        if (read_group(alphabet, text, digits, &bits) < 0)
            return -EINVAL;
        for (size_t i = 0; i < digits - 1; i++) {
            *out++ = (unsigned char)(bits >> 16);
            bits = bits << 8 & 0xffffff;
        }
        if (bits != 0)
            return -EINVAL;
        text += digits;
        len -= digits;
    }
    return 0;
}

int base64_decode(enum base64_alphabet alphabet, struct dm_slice text, void *ret_data, size_t cap,
                  size_t *ret_len) {
    size_t digits = text.len;
    if (alphabet == BASE64_STD) {
        if (text.len % 4 != 0)
            return -EINVAL;
        for (int i = 0; i < 2 && digits > 0 && text.ptr[digits - 1] == '='; i++)
            digits--;
    }
    if (digits % 4 == 1)
        return -EINVAL;
    size_t len = digits / 4 * 3 + (digits % 4 ? digits % 4 - 1 : 0);
    if (len > cap)
        return -ENOSPC;
    int r = decode_groups(alphabet, text.ptr, digits, ret_data);
    if (r == 0)
        *ret_len = len;
    return r;
}
