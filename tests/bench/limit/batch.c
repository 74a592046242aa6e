#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/random.h"
#include "storage/batch.h"
#include "tests/bench/limit/limit.h"

/* How often what was pushed is marked, as the gateway's engine does it. */
#define MARK_NS UINT64_C(50000000)

struct talk {
    int64_t id;
    int64_t pair[2];
    uint64_t seq;
    uint64_t marked;
};

struct batch_lane {
    int64_t writer, number;
    struct talk *talks;
    unsigned talk_count;
    unsigned next;
    uint64_t marked_ns;
    struct store_append *appends;
    struct store_mark *marks;
    size_t mark_count;
    struct batch batch;
    char *text;
};

static void prepare(const struct limit_options *options, PGconn *pg) {
    char sql[1024];
    PGresult *found = limit_query(pg, "SELECT 1 FROM threads LIMIT 1");
    if (!PQntuples(found)) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO users (id, uuid, username) SELECT 10000000 + i, gen_random_uuid(), "
                 "'limit' || i FROM generate_series(0, 2 * %u - 1) i", options->threads);
        PQclear(limit_query(pg, sql));
        snprintf(sql, sizeof(sql),
                 "INSERT INTO threads (id, lo_id, hi_id, opener_id, updated_at, created_at, uuid, "
                 "kind) SELECT nextval('thread_id_seq'), 10000000 + 2 * i, 10000001 + 2 * i, "
                 "10000000 + 2 * i, now(), now(), gen_random_uuid(), 0 "
                 "FROM generate_series(0, %u - 1) i", options->threads);
        PQclear(limit_query(pg, sql));
        PQclear(limit_query(pg, "INSERT INTO members (thread_id, user_id) "
                                "SELECT id, lo_id FROM threads UNION ALL "
                                "SELECT id, hi_id FROM threads"));
        PQclear(limit_query(pg, "ANALYZE"));
    }
    PQclear(found);
    /* What the last run pushed at its end. */
    PQclear(limit_query(pg, "DELETE FROM marks"));
    PQclear(limit_query(pg, "UPDATE threads SET delivered_lo = last_seq, delivered_hi = last_seq, "
                            "gaps_lo = false, gaps_hi = false"));
}

static void open_lane(struct limit_lane *lane) {
    const struct limit_options *options = lane->options;
    struct batch_lane *own = calloc(1, sizeof(*own));
    unsigned share = options->threads / options->lanes;
    char sql[256];
    lane->state = own;
    random_bytes(&own->writer, sizeof(own->writer));
    own->writer &= INT64_MAX;
    snprintf(sql, sizeof(sql), "INSERT INTO writer (id, number) VALUES (%" PRId64 ", 0)",
             own->writer);
    PQclear(limit_query(lane->pg, sql));
    snprintf(sql, sizeof(sql),
             "SELECT id, lo_id, hi_id, last_seq FROM threads ORDER BY id LIMIT %u OFFSET %u", share,
             lane->index * share);
    PGresult *rows = limit_query(lane->pg, sql);
    own->talk_count = (unsigned)PQntuples(rows);
    own->talks = calloc(own->talk_count + 1, sizeof(*own->talks));
    for (unsigned i = 0; i < own->talk_count; i++) {
        struct talk *talk = &own->talks[i];
        talk->id = atoll(PQgetvalue(rows, (int)i, 0));
        talk->pair[0] = atoll(PQgetvalue(rows, (int)i, 1));
        talk->pair[1] = atoll(PQgetvalue(rows, (int)i, 2));
        talk->seq = talk->marked = (uint64_t)atoll(PQgetvalue(rows, (int)i, 3));
    }
    PQclear(rows);
    if (!own->talk_count)
        limit_fail("batch", "no threads");
    own->appends = calloc(options->rows, sizeof(*own->appends));
    own->marks = calloc(2 * (size_t)own->talk_count, sizeof(*own->marks));
    own->text = malloc(options->bytes);
    memset(own->text, 'x', options->bytes);
    batch_init(&own->batch);
}

static void add_append(struct limit_lane *lane, struct list *requests, unsigned index) {
    struct batch_lane *own = lane->state;
    struct store_append *append = &own->appends[index];
    const struct talk *talk = &own->talks[own->next % own->talk_count];
    memset(append, 0, sizeof(*append));
    append->base.kind = STORE_APPEND;
    append->thread_id = talk->id;
    append->author_id = talk->pair[own->next / own->talk_count % 2];
    append->text = (struct dm_slice){ own->text, lane->options->bytes };
    uuid_new_v7(&append->uuid);
    list_init(&append->base.link);
    list_push_back(requests, &append->base.link);
    own->next++;
}

/* Both members of a thread have been pushed what the other one wrote. */
static void add_marks(struct batch_lane *own, struct list *requests) {
    own->mark_count = 0;
    own->marked_ns = limit_now_ns();
    for (unsigned i = 0; i < 2 * own->talk_count; i++) {
        struct talk *talk = &own->talks[i / 2];
        if (talk->seq == talk->marked)
            continue;
        struct store_mark *mark = &own->marks[own->mark_count++];
        memset(mark, 0, sizeof(*mark));
        mark->base.kind = STORE_MARK_DELIVERED;
        mark->thread_id = talk->id;
        mark->user_id = talk->pair[i % 2];
        mark->from = talk->marked + 1;
        mark->to = talk->seq;
        list_init(&mark->base.link);
        list_push_back(requests, &mark->base.link);
        if (i % 2)
            talk->marked = talk->seq;
    }
}

static const char *fill(struct limit_lane *lane, const char **ret_sql) {
    struct batch_lane *own = lane->state;
    struct list requests;
    list_init(&requests);
    own->mark_count = 0;
    if (limit_now_ns() - own->marked_ns > MARK_NS)
        add_marks(own, &requests);
    for (unsigned i = 0; i < lane->options->rows; i++)
        add_append(lane, &requests, i);
    batch_load(&own->batch, &requests, own->mark_count + lane->options->rows);
    pg_args_int8(&lane->args, own->writer);
    pg_args_int8(&lane->args, own->number + 1);
    enum store_statement statement = batch_encode(&own->batch, &lane->args);
    *ret_sql = store_statements[statement].sql;
    return store_statements[statement].name;
}

static void answered(struct limit_lane *lane, const PGresult *result) {
    struct batch_lane *own = lane->state;
    if (batch_decode(&own->batch, result))
        limit_fail("batch", "an answer that does not fit");
    own->number++;
    for (unsigned i = 0; i < lane->options->rows; i++) {
        const struct store_append *append = &own->appends[i];
        if (append->ret_outcome != STORE_APPENDED)
            limit_fail("batch", "a message was refused");
        struct talk *talk = &own->talks[(own->next - lane->options->rows + i) % own->talk_count];
        talk->seq = append->ret_seq > talk->seq ? append->ret_seq : talk->seq;
    }
    lane->done += lane->options->rows;
}

const struct limit_work limit_batch = {
    .name = "batch", .prepare = prepare, .open = open_lane, .fill = fill, .answered = answered,
};
