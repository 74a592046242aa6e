#include "storage/pg_read.h"

#include <endian.h>

#include "storage/pg_args.h"

static int64_t int_of(struct dm_slice bytes) {
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    switch (bytes.len) {
    case 8:
        memcpy(&u64, bytes.ptr, 8);
        return (int64_t)be64toh(u64);
    case 4:
        memcpy(&u32, bytes.ptr, 4);
        return (int32_t)be32toh(u32);
    case 2:
        memcpy(&u16, bytes.ptr, 2);
        return (int16_t)be16toh(u16);
    case 1:
        return bytes.ptr[0];
    default:
        return 0;
    }
}

struct dm_slice pg_read_text(const PGresult *res, int row, int col) {
    if (PQgetisnull(res, row, col))
        return DM_SLICE_NONE;
    return (struct dm_slice){ PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col) };
}

int64_t pg_read_int(const PGresult *res, int row, int col) {
    return int_of(pg_read_text(res, row, col));
}

int64_t pg_read_time(const PGresult *res, int row, int col) {
    return PQgetisnull(res, row, col) ? 0 : pg_read_int(res, row, col) + PG_EPOCH_US;
}

void pg_read_uuid(const PGresult *res, int row, int col, struct dm_uuid *ret_uuid) {
    struct dm_slice bytes = pg_read_text(res, row, col);
    if (bytes.len == sizeof(ret_uuid->bytes))
        memcpy(ret_uuid->bytes, bytes.ptr, bytes.len);
    else
        memset(ret_uuid, 0, sizeof(*ret_uuid));
}

static uint32_t next32(struct pg_array *array) {
    uint32_t net;
    if (array->end - array->pos < 4) {
        array->pos = array->end;
        return 0;
    }
    memcpy(&net, array->pos, 4);
    array->pos += 4;
    return be32toh(net);
}

struct pg_array pg_read_array(const PGresult *res, int row, int col) {
    struct dm_slice bytes = pg_read_text(res, row, col);
    struct pg_array array = { 0 };
    if (!bytes.ptr)
        return array;
    array.pos = bytes.ptr;
    array.end = bytes.ptr + bytes.len;
    uint32_t dimensions = next32(&array);
    next32(&array); /* has nulls */
    next32(&array); /* element type */
    if (dimensions != 1)
        return (struct pg_array){ 0 };
    array.count = next32(&array);
    next32(&array); /* lower bound */
    if (array.count > (size_t)(array.end - array.pos) / 4)
        array.count = (size_t)(array.end - array.pos) / 4;
    return array;
}

struct dm_slice pg_array_next(struct pg_array *array) {
    if (array->end - array->pos < 4)
        return DM_SLICE_NONE;
    uint32_t len = next32(array);
    if (len == UINT32_MAX || len > (size_t)(array->end - array->pos))
        return DM_SLICE_NONE;
    struct dm_slice item = { array->pos, len };
    array->pos += len;
    return item;
}

static int64_t array_next_int(struct pg_array *array) {
    return int_of(pg_array_next(array));
}

int64_t *pg_read_ints(const PGresult *res, int row, int col, struct arena *arena,
                      size_t *ret_count) {
    struct pg_array array = pg_read_array(res, row, col);
    int64_t *values = arena_alloc(arena, array.count * sizeof(*values));
    for (size_t i = 0; i < array.count; i++)
        values[i] = array_next_int(&array);
    *ret_count = array.count;
    return values;
}
