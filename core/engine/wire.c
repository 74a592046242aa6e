#include "core/engine/wire.h"

void wire_put_int(struct buf *buf, int64_t value) {
    buf_append_i64(buf, value);
    buf_append_char(buf, ' ');
}

void wire_put_uint(struct buf *buf, uint64_t value) {
    buf_append_u64(buf, value);
    buf_append_char(buf, ' ');
}

void wire_put_text(struct buf *buf, struct dm_slice text) {
    if (!text.ptr) {
        buf_append_char(buf, '-');
        return;
    }
    buf_append_u64(buf, text.len);
    buf_append_char(buf, ':');
    buf_append_slice(buf, text);
}

void wire_put_uuid(struct buf *buf, const struct dm_uuid *uuid) {
    static const char digits[] = "0123456789abcdef";
    char *p = buf_reserve(buf, 2 * sizeof(uuid->bytes));
    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        *p++ = digits[uuid->bytes[i] >> 4];
        *p++ = digits[uuid->bytes[i] & 15];
    }
    buf->len += 2 * sizeof(uuid->bytes);
}

void wire_reader_init(struct wire_reader *reader, struct dm_slice bytes) {
    *reader = (struct wire_reader){ .at = bytes.ptr, .end = bytes.ptr + bytes.len };
}

static void fail(struct wire_reader *reader) {
    reader->failed = 1;
    reader->at = reader->end;
}

/* Digits up to that mark. */
static uint64_t number(struct wire_reader *reader, char mark) {
    uint64_t value = 0;
    const char *begin = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        unsigned digit = (unsigned)(*reader->at++ - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            fail(reader);
            return 0;
        }
        value = value * 10 + digit;
    }
    if (reader->at == begin || reader->at == reader->end || *reader->at != mark) {
        fail(reader);
        return 0;
    }
    reader->at++;
    return value;
}

uint64_t wire_uint(struct wire_reader *reader) {
    return number(reader, ' ');
}

int64_t wire_int(struct wire_reader *reader) {
    uint64_t value;
    int negative = reader->at < reader->end && *reader->at == '-';
    reader->at += negative;
    value = number(reader, ' ');
    if (value > (uint64_t)INT64_MAX) {
        fail(reader);
        return 0;
    }
    return negative ? -(int64_t)value : (int64_t)value;
}

size_t wire_count(struct wire_reader *reader) {
    uint64_t count = wire_uint(reader);
    if (count > (uint64_t)(reader->end - reader->at)) {
        fail(reader);
        return 0;
    }
    return (size_t)count;
}

struct dm_slice wire_text(struct wire_reader *reader) {
    struct dm_slice text;
    uint64_t len;
    if (reader->at < reader->end && *reader->at == '-') {
        reader->at++;
        return DM_SLICE_NONE;
    }
    len = number(reader, ':');
    if (reader->failed || len > (uint64_t)(reader->end - reader->at)) {
        fail(reader);
        return DM_SLICE_NONE;
    }
    text = (struct dm_slice){ reader->at, (size_t)len };
    reader->at += len;
    return text;
}

void wire_uuid(struct wire_reader *reader, struct dm_uuid *ret_uuid) {
    *ret_uuid = (struct dm_uuid){ { 0 } };
    if (reader->end - reader->at < (ptrdiff_t)(2 * sizeof(ret_uuid->bytes))) {
        fail(reader);
        return;
    }
    for (size_t i = 0; i < sizeof(ret_uuid->bytes); i++) {
        int hi = dm_hex_value(*reader->at++);
        int lo = dm_hex_value(*reader->at++);
        if (hi < 0 || lo < 0) {
            *ret_uuid = (struct dm_uuid){ { 0 } };
            fail(reader);
            return;
        }
        ret_uuid->bytes[i] = (uint8_t)(hi << 4 | lo);
    }
}
