/* Values out of a PGresult in binary format. NULL reads as zero, absent or empty. Slices and
 * arrays borrow the result. */
#ifndef DRAGOMAN_STORAGE_PG_READ_H
#define DRAGOMAN_STORAGE_PG_READ_H

#include <libpq-fe.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/uuid.h"

int64_t pg_read_int(const PGresult *res, int row, int col); /* int2, int4, int8, bool */
int64_t pg_read_time(const PGresult *res, int row, int col); /* microseconds since 1970 */
struct dm_slice pg_read_text(const PGresult *res, int row, int col);
void pg_read_uuid(const PGresult *res, int row, int col, struct dm_uuid *ret_uuid);

/* An array in binary format, read from front to back. Malformed ones end early. */
struct pg_array {
    const char *pos;
    const char *end;
    size_t count; /* as announced; 0 for NULL and for empty ones */
};

struct pg_array pg_read_array(const PGresult *res, int row, int col);

/* The next item; absent when it is NULL or there is none left. */
struct dm_slice pg_array_next(struct pg_array *array);

/* All integers of an array, in the arena. */
int64_t *pg_read_ints(const PGresult *res, int row, int col, struct arena *arena,
                      size_t *ret_count);

#endif
