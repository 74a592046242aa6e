/* Hot requests as the arrays of the batch statement, and its answer as theirs. The layout of the
 * arrays is told in migrations/0002_batch.sql. */
#ifndef DRAGOMAN_STORAGE_BATCH_H
#define DRAGOMAN_STORAGE_BATCH_H

#include <libpq-fe.h>

#include "core/engine/store.h"
#include "storage/pg_args.h"
#include "storage/statements.h"

#define BATCH_ROWS_MAX 2047

enum batch_side {
    SIDE_A,
    SIDE_B,
    SIDE_OTHER,
};

/* An append, or a mark. */
struct batch_row {
    struct store_request *request;
    int64_t thread_id;
    size_t thread; /* index */
    size_t order;
    int undecided;
    enum batch_side side;
    uint32_t rank_a, rank_b; /* of the thread's messages up to this one, by author */
    /* marks */
    int64_t user_id;
    uint64_t from, to;
};

/* What one user was pushed: the last run, and a bit for each position up to 62 below `to`. */
struct batch_pushed {
    int64_t user_id;
    uint64_t from, to, bits;
};

struct batch_thread {
    int64_t id;
    int64_t a, b; /* authors, a < b; 0 for none */
    uint32_t count_a, count_b;
    uint64_t bits; /* who wrote them, the newest in bit 0, 1 for b */
    struct batch_pushed pushed[2];
    size_t first, count; /* its rows */
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

/* Adds the parameters after writer and number, and returns the statement they are for: there are
 * lean ones for the batch that is a single row. */
enum store_statement batch_encode(const struct batch *batch, struct pg_args *args);

/* Fills the ret_ members of every append from the statement's answer. Returns 0, or -EPROTO when
 * the answer does not fit the batch. */
int batch_decode(struct batch *batch, const PGresult *result);

/* A batch names two authors of each thread, which are all there can be in a direct one, unless
 * strangers try. Moves what they kept from a decision to the end of ret_requests and returns how
 * many; each further batch decides at least one. After either decode. */
size_t batch_take_undecided(struct batch *batch, struct list *ret_requests);

/* The same for a batch that is found committed: parameters of the look-up, and its answer. */
void batch_lookup_encode(const struct batch *batch, struct pg_args *args);
int batch_lookup_decode(struct batch *batch, const PGresult *result);

#endif
