#include <stdlib.h>
#include <string.h>

#include "tests/bench/limit/limit.h"

static void prepare(const struct limit_options *options, PGconn *pg) {
    PQclear(limit_query(pg, "CREATE TABLE IF NOT EXISTS limit_rows ("
                            "id bigserial PRIMARY KEY, thread_id bigint NOT NULL, "
                            "author_id bigint NOT NULL, text text NOT NULL, "
                            "created_at timestamptz NOT NULL DEFAULT now())"));
    PQclear(limit_query(pg, "CREATE INDEX IF NOT EXISTS limit_rows_thread "
                            "ON limit_rows (thread_id, id)"));
}

static void open_lane(struct limit_lane *lane) {
    lane->state = malloc(lane->options->bytes);
    memset(lane->state, 'x', lane->options->bytes);
}

static const char *fill(struct limit_lane *lane, const char **ret_sql) {
    const struct limit_options *options = lane->options;
    unsigned share = options->threads / options->lanes;
    pg_args_array(&lane->args, PG_INT8);
    for (unsigned i = 0; i < options->rows; i++)
        pg_args_item_int8(&lane->args, lane->index * share + i % share);
    pg_args_array_end(&lane->args);
    pg_args_array(&lane->args, PG_INT8);
    for (unsigned i = 0; i < options->rows; i++)
        pg_args_item_int8(&lane->args, i);
    pg_args_array_end(&lane->args);
    pg_args_array(&lane->args, PG_TEXT);
    for (unsigned i = 0; i < options->rows; i++)
        pg_args_item(&lane->args, lane->state, options->bytes);
    pg_args_array_end(&lane->args);
    *ret_sql = "INSERT INTO limit_rows (thread_id, author_id, text) "
               "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[]) RETURNING id";
    return "limit_rows";
}

static void answered(struct limit_lane *lane, const PGresult *result) {
    if (PQntuples(result) != (int)lane->options->rows)
        limit_fail("rows", "not all are there");
    lane->done += lane->options->rows;
}

const struct limit_work limit_rows = {
    .name = "rows", .prepare = prepare, .open = open_lane, .fill = fill, .answered = answered,
};
