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

/* One more than the digit's value; 0 for what is no digit. */
#define COMMON_DIGITS \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, \
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, \
    ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, \
    ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, \
    ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, \
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, \
    ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, \
    ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, \
    ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62

static const uint8_t digit_values[2][256] = {
    [BASE64_STD] = { COMMON_DIGITS, ['+'] = 63, ['/'] = 64 },
    [BASE64_URL] = { COMMON_DIGITS, ['-'] = 63, ['_'] = 64 },
};

/* Four digits as 24 bits; more than that when one of them is none. */
static uint32_t group_bits(const uint8_t *values, const char *text) {
    uint32_t a = values[(unsigned char)text[0]] - 1u;
    uint32_t b = values[(unsigned char)text[1]] - 1u;
    uint32_t c = values[(unsigned char)text[2]] - 1u;
    uint32_t d = values[(unsigned char)text[3]] - 1u;
    return (a | b | c | d) < 64 ? a << 18 | b << 12 | c << 6 | d : UINT32_MAX;
}

static int decode_tail(enum base64_alphabet alphabet, const char *text, size_t digits,
                       unsigned char *out) {
    char group[4] = { 'A', 'A', 'A', 'A' };
    memcpy(group, text, digits);
    uint32_t bits = group_bits(digit_values[alphabet], group);
    if (bits == UINT32_MAX || (bits & (digits == 2 ? 0xffff : 0xff)))
        return -EINVAL;
    out[0] = (unsigned char)(bits >> 16);
    if (digits == 3)
        out[1] = (unsigned char)(bits >> 8);
    return 0;
}

static int decode_groups(enum base64_alphabet alphabet, const char *text, size_t len,
                         unsigned char *out) {
    const uint8_t *values = digit_values[alphabet];
    for (; len >= 4; len -= 4, text += 4, out += 3) {
        uint32_t bits = group_bits(values, text);
        if (bits == UINT32_MAX)
            return -EINVAL;
        out[0] = (unsigned char)(bits >> 16);
        out[1] = (unsigned char)(bits >> 8);
        out[2] = (unsigned char)bits;
    }
    return len ? decode_tail(alphabet, text, len, out) : 0;
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
