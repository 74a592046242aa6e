#include <dragoman/adapter.h>

#define NUMBER_MAX ((INT64_C(1) << 53) - 1)

int64_t dm_number(struct dm_slice text) {
    int64_t number = 0;

    if (text.len == 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        if (number < NUMBER_MAX)
            number = number * 10 + (text.ptr[i] - '0');
    }
    return number < NUMBER_MAX ? number : NUMBER_MAX;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

int dm_slice_eq_nocase(struct dm_slice a, struct dm_slice b) {
    if (a.len != b.len || !a.ptr != !b.ptr)
        return 0;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return 0;
    return 1;
}

const void *dm_find(const struct dm_table *table, struct dm_slice name) {
    const char *row = table->rows;

    for (uint32_t i = 0; name.ptr && i < table->count; i++, row += table->row_size) {
        const char *found;

        memcpy(&found, row, sizeof(found));
        if (dm_slice_eq(name, dm_slice_str(found)))
            return row;
    }
    return NULL;
}
