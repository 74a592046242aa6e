#include "storage/outcome.h"

#include <errno.h>

#include "storage/pg_read.h"

#define HEAD 10

static const struct outcome_message *messages_of(const int64_t *values) {
    _Static_assert(sizeof(struct outcome_message) == 4 * sizeof(int64_t), "four numbers");
    return (const struct outcome_message *)(const void *)values;
}

int outcome_read(const PGresult *result, struct arena *arena, struct outcome *ret_outcome) {
    if (PQntuples(result) != 1 || PQnfields(result) != 1)
        return -EPROTO;
    return outcome_read_at(result, 0, 0, arena, ret_outcome);
}

int outcome_read_at(const PGresult *result, int row, int col, struct arena *arena,
                    struct outcome *ret_outcome) {
    size_t count;
    if (PQgetisnull(result, row, col))
        return -ENODATA;
    const int64_t *values = pg_read_ints(result, row, col, arena, &count);
    if (count < HEAD || values[0] < 0 || values[0] >= DM_STATUS_COUNT)
        return -EPROTO;
    struct outcome outcome = {
        .status = (enum dm_status)values[0],
        .flags = (uint32_t)values[1],
        .thread_id = values[2],
        .count = (uint64_t)values[3],
        .cursor = (uint64_t)values[4],
        .user_count = (size_t)values[5],
        .thread_count = (size_t)values[6],
        .message_count = (size_t)values[7],
        .read_count = (size_t)values[8],
        .rev = (uint64_t)values[9],
    };
    for (size_t i = 5; i < HEAD - 1; i++)
        if (values[i] < 0 || values[i] > (int64_t)count)
            return -EPROTO;
    if (count != HEAD + outcome.user_count + outcome.thread_count +
                     4 * (outcome.message_count + outcome.read_count))
        return -EPROTO;
    outcome.users = values + HEAD;
    outcome.threads = outcome.users + outcome.user_count;
    outcome.messages = messages_of(outcome.threads + outcome.thread_count);
    outcome.read = outcome.messages + outcome.message_count;
    *ret_outcome = outcome;
    return 0;
}
