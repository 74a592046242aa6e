/* The array of numbers by which every operation of the schema answers (migrations/0004). */
#ifndef DRAGOMAN_STORAGE_OUTCOME_H
#define DRAGOMAN_STORAGE_OUTCOME_H

#include <libpq-fe.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/status.h"

/* One message named by an outcome. */
struct outcome_message {
    int64_t thread_id, seq, id, author_id;
};

struct outcome {
    enum dm_status status;
    uint32_t flags; /* enum dm_result_flag */
    int64_t thread_id;
    uint64_t count;
    uint64_t cursor;
    uint64_t rev; /* of the thread, after the operation changed it; else 0 */
    const int64_t *users;
    size_t user_count;
    const int64_t *threads;
    size_t thread_count;
    const struct outcome_message *messages;
    size_t message_count;
    const struct outcome_message *read;
    size_t read_count;
};

/* Reads the single value of a result; arrays go to the arena. Returns 0, or -EPROTO for anything
 * that is no outcome. A NULL value (a writer row without one) is -ENODATA. */
int outcome_read(const PGresult *result, struct arena *arena, struct outcome *ret_outcome);

/* The same of one column of a row of many. */
int outcome_read_at(const PGresult *result, int row, int col, struct arena *arena,
                    struct outcome *ret_outcome);

#endif
