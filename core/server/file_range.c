#include "core/server/file_range.h"

#include <strings.h>

#include "core/base/decimal.h"

static struct dm_slice behind(struct dm_slice text, size_t count) {
    return (struct dm_slice){ text.ptr + count, text.len - count };
}

static struct file_range part(int64_t begin, int64_t end) {
    return (struct file_range){ begin < end ? FILE_RANGE_PART : FILE_RANGE_UNSATISFIABLE, begin,
                                end };
}

/* "-N": the last N bytes. */
static struct file_range read_suffix(struct dm_slice text, int64_t size,
                                     struct file_range whole) {
    int64_t count;
    if (!decimal_cut(&text, &count) || text.len)
        return whole;
    return part(count < size ? size - count : 0, count ? size : 0);
}

static struct file_range read_range(struct dm_slice text, int64_t size,
                                    struct file_range whole) {
    int64_t begin, last = INT64_MAX - 1;
    if (text.len && text.ptr[0] == '-')
        return read_suffix(behind(text, 1), size, whole);
    if (!decimal_cut(&text, &begin) || !text.len || text.ptr[0] != '-')
        return whole;
    text = behind(text, 1);
    if (text.len && (!decimal_cut(&text, &last) || text.len || last < begin))
        return whole;
    return part(begin, last < size ? last + 1 : size);
}

struct file_range file_range_of(const struct http_request *request, struct dm_slice etag,
                                int64_t size) {
    struct file_range whole = { FILE_RANGE_WHOLE, 0, size };
    struct dm_slice range = http_header(request, "Range");
    struct dm_slice condition = http_header(request, "If-Range");
    if (request->method != HTTP_METHOD_GET || range.len < 6 ||
        strncasecmp(range.ptr, "bytes=", 6) != 0)
        return whole;
    /* A date cannot match: none is given out. */
    if (condition.ptr && !dm_slice_eq(condition, etag))
        return whole;
    return read_range(behind(range, 6), size, whole);
}

int file_range_is_known(const struct http_request *request, struct dm_slice etag) {
    struct http_list_cursor cursor = { 0 };
    struct dm_slice token;
    while (http_list_next(request, "If-None-Match", &cursor, &token)) {
        if (token.len > 2 && memcmp(token.ptr, "W/", 2) == 0)
            token = behind(token, 2);
        if (dm_slice_eq(token, DM_SLICE("*")) || dm_slice_eq(token, etag))
            return 1;
    }
    return 0;
}
