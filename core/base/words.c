#include "core/base/words.h"

static int is_separator(char c) {
    return c == ' ' || c == ',' || c == '\t' || c == '\n';
}

static void skip(struct dm_slice *rest, size_t count) {
    rest->ptr += count;
    rest->len -= count;
}

int words_next(struct dm_slice *rest, struct dm_slice *ret_word) {
    size_t len = 0;
    while (rest->len && is_separator(*rest->ptr))
        skip(rest, 1);
    while (len < rest->len && !is_separator(rest->ptr[len]))
        len++;
    *ret_word = (struct dm_slice){ rest->ptr, len };
    if (!len)
        return 0;
    skip(rest, len);
    return 1;
}

int words_have(struct dm_slice text, struct dm_slice word) {
    struct dm_slice next;
    while (words_next(&text, &next))
        if (dm_slice_eq(next, word))
            return 1;
    return 0;
}
