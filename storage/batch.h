/* Hot requests as the arrays of the batch statement, and its answer as theirs. The layout of the
 * arrays is told in migrations/0009_batch.sql. */
#ifndef DRAGOMAN_STORAGE_BATCH_H
#define DRAGOMAN_STORAGE_BATCH_H

#include <libpq-fe.h>

#include "core/engine/store.h"
#include "storage/pg_args.h"
#include "storage/statements.h"

#define BATCH_ROWS_MAX 2047

enum batch_side {
    SIDE_LO,
    SIDE_HI,
    SIDE_OTHER, /* of a chat, or a stranger */
};

/* An append, or a mark. */
struct batch_row {
    struct store_request *request;
    int64_t thread_id;
    size_t thread; /* index */
    size_t order;
    enum batch_side side;
    uint32_t rank; /* of the thread's messages of that side up to this one */
    /* marks */
    int64_t user_id;
    uint64_t from, to;
};

/* What one side was pushed. */
struct batch_pushed {
    uint64_t from, to; /* to 0: nothing; of several ranges, from is too large for a join */
};

struct batch_thread {
    int64_t id;
    int64_t lo, hi; /* the pair, 0 when it is not known or not alone */
    uint32_t count[2];
    struct batch_pushed pushed[2];
    size_t first, count_all; /* its rows */
};

/* One batch under way. A zeroed struct is an empty one. */
struct batch {
    struct arena arena;
    struct batch_thread *threads; /* ascending by id */
    size_t thread_count;
    struct batch_row *rows;       /* appends: by thread, then as submitted */
    size_t row_count;
    struct batch_row *marks;
    size_t mark_count;
};

void batch_init(struct batch *batch);
void batch_fini(struct batch *batch);

/* Takes in the requests of a list (STORE_APPEND and STORE_MARK_DELIVERED only, at most
 * BATCH_ROWS_MAX, linked by store_request.link), which must stay as they are until the next
 * batch_load. */
void batch_load(struct batch *batch, const struct list *requests, size_t count);

/* Gives each row of a thread its side and rank by the thread's pair; returns how many rows are of
 * neither side. */
size_t batch_rank(struct batch *batch, struct batch_thread *thread);

/* Adds the parameters after writer and number, and returns the statement they are for: there are
 * lean ones for the batch that is a single row, and for a message with marks of its thread. */
enum store_statement batch_encode(const struct batch *batch, struct pg_args *args);

/* Fills the ret_ members of every append from the statement's answer. Returns 0, or -EPROTO when
 * the answer does not fit the batch. */
int batch_decode(struct batch *batch, const PGresult *result);

/* Of a batch that is found committed: parameters of the look-up, and its answer. */
void batch_lookup_encode(const struct batch *batch, struct pg_args *args);
int batch_lookup_decode(struct batch *batch, const PGresult *result);

#endif
