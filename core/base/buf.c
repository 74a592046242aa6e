#include "core/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"

#define BUF_CAP_MIN 64
#define DECIMAL_MAX 20

void buf_init(struct buf *buf) {
    *buf = (struct buf)BUF_INIT;
}

void buf_fini(struct buf *buf) {
    free(buf->data);
    buf_init(buf);
}

void buf_reset(struct buf *buf) {
    buf->len = 0;
}

void buf_trim(struct buf *buf, size_t max_cap) {
    if (buf->cap > max_cap)
        buf_fini(buf);
    buf->len = 0;
}

static void buf_grow(struct buf *buf, size_t need) {
    size_t cap = buf->cap ? buf->cap : BUF_CAP_MIN;
    if (need > SIZE_MAX / 2)
        abort();
    while (cap < need)
        cap *= 2;
    buf->data = mem_realloc(buf->data, cap);
    buf->cap = cap;
}

char *buf_reserve(struct buf *buf, size_t extra) {
    if (extra > SIZE_MAX - buf->len)
        abort();
    if (!buf->data || buf->cap - buf->len < extra)
        buf_grow(buf, buf->len + extra);
    return buf->data + buf->len;
}

void buf_append(struct buf *buf, const void *ptr, size_t len) {
    if (len == 0)
        return;
    memcpy(buf_reserve(buf, len), ptr, len);
    buf->len += len;
}

void buf_append_slice(struct buf *buf, struct dm_slice slice) {
    buf_append(buf, slice.ptr, slice.len);
}

void buf_append_str(struct buf *buf, const char *str) {
    buf_append_slice(buf, dm_slice_str(str));
}

void buf_append_char(struct buf *buf, char c) {
    *buf_reserve(buf, 1) = c;
    buf->len++;
}

void buf_printf(struct buf *buf, const char *format, ...) {
    va_list args;
    char *place = buf_reserve(buf, 1);
    size_t room = buf->cap - buf->len;
    va_start(args, format);
    int len = vsnprintf(place, room, format, args);
    va_end(args);
    assert(len >= 0);
    if ((size_t)len >= room) {
        place = buf_reserve(buf, (size_t)len + 1);
        va_start(args, format);
        vsnprintf(place, (size_t)len + 1, format, args);
        va_end(args);
    }
    buf->len += (size_t)len;
}

void buf_append_u64(struct buf *buf, uint64_t value) {
    char digits[DECIMAL_MAX];
    size_t pos = sizeof(digits);
    do {
        digits[--pos] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_append(buf, digits + pos, sizeof(digits) - pos);
}

void buf_append_i64(struct buf *buf, int64_t value) {
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        buf_append_char(buf, '-');
        magnitude = 0 - magnitude;
    }
    buf_append_u64(buf, magnitude);
}

void buf_consume(struct buf *buf, size_t count) {
    assert(count <= buf->len);
    buf->len -= count;
    if (count > 0 && buf->len > 0)
        memmove(buf->data, buf->data + count, buf->len);
}
