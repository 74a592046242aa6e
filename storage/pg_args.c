#include "storage/pg_args.h"

#include <assert.h>
#include <endian.h>

void pg_args_reset(struct pg_args *args) {
    buf_trim(&args->data, (size_t)1 << 20);
    args->count = 0;
}

void pg_args_fini(struct pg_args *args) {
    buf_fini(&args->data);
    args->count = 0;
}

static void put32(struct buf *buf, uint32_t value) {
    uint32_t net = htobe32(value);
    buf_append(buf, &net, sizeof(net));
}

static void put64(struct buf *buf, int64_t value) {
    uint64_t net = htobe64((uint64_t)value);
    buf_append(buf, &net, sizeof(net));
}

static void arg_begin(struct pg_args *args) {
    assert(args->count < PG_ARGS_MAX);
    args->starts[args->count] = args->data.len;
}

static void arg_end(struct pg_args *args) {
    args->lengths[args->count] = (int)(args->data.len - args->starts[args->count]);
    args->count++;
}

void pg_args_null(struct pg_args *args) {
    arg_begin(args);
    args->lengths[args->count++] = -1;
}

void pg_args_int8(struct pg_args *args, int64_t value) {
    arg_begin(args);
    put64(&args->data, value);
    arg_end(args);
}

void pg_args_int4(struct pg_args *args, int32_t value) {
    arg_begin(args);
    put32(&args->data, (uint32_t)value);
    arg_end(args);
}

void pg_args_bool(struct pg_args *args, int value) {
    arg_begin(args);
    buf_append_char(&args->data, value ? 1 : 0);
    arg_end(args);
}

void pg_args_bytea(struct pg_args *args, const void *data, size_t len) {
    arg_begin(args);
    buf_append(&args->data, data, len);
    arg_end(args);
}

void pg_args_text(struct pg_args *args, struct dm_slice text) {
    if (text.ptr)
        pg_args_bytea(args, text.ptr, text.len);
    else
        pg_args_null(args);
}

void pg_args_uuid(struct pg_args *args, const struct dm_uuid *uuid) {
    if (uuid && !dm_uuid_is_nil(uuid))
        pg_args_bytea(args, uuid->bytes, sizeof(uuid->bytes));
    else
        pg_args_null(args);
}

void pg_args_time(struct pg_args *args, int64_t us) {
    pg_args_int8(args, us ? us - PG_EPOCH_US : INT64_MAX);
}

void pg_args_int8s(struct pg_args *args, const int64_t *values, size_t count) {
    pg_args_array(args, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_args_item_int8(args, values[i]);
    pg_args_array_end(args);
}

void pg_args_array(struct pg_args *args, enum pg_type type) {
    arg_begin(args);
    put32(&args->data, 1); /* dimensions */
    put32(&args->data, 1); /* may hold nulls */
    put32(&args->data, type);
    args->array = args->data.len;
    args->array_count = 0;
    put32(&args->data, 0);
    put32(&args->data, 1); /* lower bound */
}

void pg_args_item(struct pg_args *args, const void *data, size_t len) {
    put32(&args->data, (uint32_t)len);
    buf_append(&args->data, data, len);
    args->array_count++;
}

void pg_args_item_null(struct pg_args *args) {
    put32(&args->data, UINT32_MAX);
    args->array_count++;
}

void pg_args_item_int8(struct pg_args *args, int64_t value) {
    char *place = buf_reserve(&args->data, 12);
    uint32_t len = htobe32(8);
    uint64_t net = htobe64((uint64_t)value);
    memcpy(place, &len, 4);
    memcpy(place + 4, &net, 8);
    args->data.len += 12;
    args->array_count++;
}

void pg_args_array_end(struct pg_args *args) {
    uint32_t net = htobe32(args->array_count);
    memcpy(args->data.data + args->array, &net, sizeof(net));
    arg_end(args);
}

void pg_args_finish(struct pg_args *args) {
    for (int i = 0; i < args->count; i++) {
        args->formats[i] = 1;
        args->values[i] = args->lengths[i] < 0 ? NULL
                          : args->data.data    ? args->data.data + args->starts[i]
                                               : "";
        if (args->lengths[i] < 0)
            args->lengths[i] = 0;
    }
}
