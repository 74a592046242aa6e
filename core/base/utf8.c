#include "core/base/utf8.h"

#include <stdint.h>

static int in_range(unsigned char c, unsigned char min, unsigned char max) {
    return c >= min && c <= max;
}

static int is_tail(unsigned char c) {
    return (c & 0xc0) == 0x80;
}

static size_t sequence3(const unsigned char *p) {
    unsigned char min = p[0] == 0xe0 ? 0xa0 : 0x80;
    unsigned char max = p[0] == 0xed ? 0x9f : 0xbf;
    return in_range(p[1], min, max) && is_tail(p[2]) ? 3 : 0;
}

static size_t sequence4(const unsigned char *p) {
    unsigned char min = p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char max = p[0] == 0xf4 ? 0x8f : 0xbf;
    return in_range(p[1], min, max) && is_tail(p[2]) && is_tail(p[3]) ? 4 : 0;
}

static size_t sequence(const unsigned char *p, size_t left) {
    if (left == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (in_range(p[0], 0xc2, 0xdf))
        return left >= 2 && is_tail(p[1]) ? 2 : 0;
    if (in_range(p[0], 0xe0, 0xef))
        return left >= 3 ? sequence3(p) : 0;
    if (in_range(p[0], 0xf0, 0xf4))
        return left >= 4 ? sequence4(p) : 0;
    return 0;
}

static int is_ascii8(const unsigned char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return (word & 0x8080808080808080) == 0;
}

/* How many bytes from the front are whole sequences. */
static size_t valid_len(struct dm_slice text) {
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t left = text.len, step;
    for (; left > 0; p += step, left -= step) {
        step = left >= 8 && is_ascii8(p) ? 8 : sequence(p, left);
        if (step == 0)
            break;
    }
    return text.len - left;
}

int utf8_valid(struct dm_slice text) {
    return valid_len(text) == text.len;
}

/* Where the byte that is missing next has a narrower range, it still begins at the lowest tail or
 * ends at the highest. */
static int can_be_completed(const unsigned char *p, size_t len) {
    unsigned char lowest[4], highest[4];
    memset(lowest, 0x80, sizeof(lowest));
    memset(highest, 0xbf, sizeof(highest));
    memcpy(lowest, p, len);
    memcpy(highest, p, len);
    return sequence(lowest, sizeof(lowest)) > len || sequence(highest, sizeof(highest)) > len;
}

int utf8_valid_so_far(struct dm_slice text, size_t *ret_len) {
    *ret_len = valid_len(text);
    size_t rest = text.len - *ret_len;
    return rest == 0
           || (rest < 4 && can_be_completed((const unsigned char *)text.ptr + *ret_len, rest));
}

int text_storable(struct dm_slice text) {
    return text.len == 0 || (!memchr(text.ptr, '\0', text.len) && utf8_valid(text));
}

size_t utf8_sequence(struct dm_slice text) {
    return sequence((const unsigned char *)text.ptr, text.len);
}

struct dm_slice utf8_prefix(struct dm_slice text, size_t max) {
    if (text.len <= max)
        return text;
    for (size_t back = 1; back <= 3 && back <= max; back++) {
        struct dm_slice rest = { text.ptr + max - back, text.len - max + back };
        if (utf8_sequence(rest) > back)
            return (struct dm_slice){ text.ptr, max - back };
    }
    return (struct dm_slice){ text.ptr, max };
}
