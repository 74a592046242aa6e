#include "core/base/decimal.h"

#include <errno.h>

/* UINT64_MAX stands for all that is larger, too. */
static size_t cut(struct dm_slice *text, uint64_t *ret_number) {
    uint64_t number = 0;
    size_t count = 0;
    for (; count < text->len && text->ptr[count] >= '0' && text->ptr[count] <= '9'; count++)
        if (__builtin_mul_overflow(number, 10u, &number)
            || __builtin_add_overflow(number, (uint64_t)(text->ptr[count] - '0'), &number))
            number = UINT64_MAX;
    if (count)
        *text = (struct dm_slice){ text->ptr + count, text->len - count };
    *ret_number = number;
    return count;
}

static int parse(struct dm_slice text, uint64_t max, uint64_t *ret_number) {
    size_t count = cut(&text, ret_number);
    if (!count || text.len)
        return -EINVAL;
    return *ret_number <= max ? 0 : -ERANGE;
}

int decimal_is(struct dm_slice text) {
    uint64_t number;
    return cut(&text, &number) && !text.len;
}

size_t decimal_cut(struct dm_slice *text, int64_t *ret_number) {
    uint64_t number;
    size_t count = cut(text, &number);
    *ret_number = number < INT64_MAX ? (int64_t)number : INT64_MAX;
    return count;
}

int decimal_parse(struct dm_slice text, int64_t max, int64_t *ret_number) {
    uint64_t number;
    int r = parse(text, (uint64_t)max, &number);
    if (r == 0)
        *ret_number = (int64_t)number;
    return r;
}

int decimal_parse_signed(struct dm_slice text, int64_t *ret_number) {
    uint64_t number;
    if (!text.len || text.ptr[0] != '-')
        return decimal_parse(text, INT64_MAX, ret_number);
    text = (struct dm_slice){ text.ptr + 1, text.len - 1 };
    int r = parse(text, (uint64_t)INT64_MAX + 1, &number);
    if (r == 0)
        *ret_number = (int64_t)(0 - number);
    return r;
}
