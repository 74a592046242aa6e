/* Parameters of a prepared statement in PostgreSQL's binary format. */
#ifndef DRAGOMAN_STORAGE_PG_ARGS_H
#define DRAGOMAN_STORAGE_PG_ARGS_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/uuid.h"

#define PG_ARGS_MAX 24

/* Object identifiers of the built-in types used (src/include/catalog/pg_type.dat). */
enum pg_type {
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_UUID = 2950,
};

/* PostgreSQL counts microseconds from 2000-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)

struct pg_args {
    struct buf data;
    int count;
    size_t starts[PG_ARGS_MAX];
    int lengths[PG_ARGS_MAX]; /* -1: NULL */
    const char *values[PG_ARGS_MAX];
    int formats[PG_ARGS_MAX];
    size_t array; /* where the array under way has its number of elements */
    uint32_t array_count;
};

/* Empties; keeps the memory. A zeroed struct is also an empty one. */
void pg_args_reset(struct pg_args *args);
void pg_args_fini(struct pg_args *args);

/* Each adds the next parameter. Absent slices, and UUID pointers that are NULL or nil, are NULL.
 * Everything is copied. */
void pg_args_null(struct pg_args *args);
void pg_args_int8(struct pg_args *args, int64_t value);
void pg_args_int4(struct pg_args *args, int32_t value);
void pg_args_bool(struct pg_args *args, int value);
void pg_args_text(struct pg_args *args, struct dm_slice text);
void pg_args_bytea(struct pg_args *args, const void *data, size_t len);
void pg_args_uuid(struct pg_args *args, const struct dm_uuid *uuid);
void pg_args_time(struct pg_args *args, int64_t us); /* 0: infinity */
void pg_args_int8s(struct pg_args *args, const int64_t *values, size_t count);

/* A one-dimensional array, item by item. */
void pg_args_array(struct pg_args *args, enum pg_type type);
void pg_args_item(struct pg_args *args, const void *data, size_t len);
void pg_args_item_null(struct pg_args *args);
void pg_args_item_int8(struct pg_args *args, int64_t value);
void pg_args_array_end(struct pg_args *args);

/* Fills values and formats; call it once before sending. */
void pg_args_finish(struct pg_args *args);

#endif
