/* What PostgreSQL takes when nothing stands before it: batches of messages on a few connections,
 * one under way on each, the next sent as soon as the last one is answered. */
#ifndef DRAGOMAN_BENCH_LIMIT_H
#define DRAGOMAN_BENCH_LIMIT_H

#include <libpq-fe.h>
#include <stdint.h>

#include "storage/pg_args.h"

#define LANES_MAX 16

struct limit_options {
    const char *conninfo;
    const struct limit_work *work;
    unsigned rows;    /* a batch */
    unsigned lanes;   /* connections */
    unsigned threads; /* of all lanes */
    unsigned bytes;   /* a text */
    double seconds, warmup;
};

/* One connection. */
struct limit_lane {
    const struct limit_options *options;
    unsigned index;
    PGconn *pg;
    struct pg_args args;
    void *state; /* of the work */
    uint64_t done; /* rows committed */
};

/* What a batch is. Failures end the program (limit_fail). */
struct limit_work {
    const char *name;
    /* Makes what the batches need, once. */
    void (*prepare)(const struct limit_options *options, PGconn *pg);
    void (*open)(struct limit_lane *lane);
    /* Fills lane->args; returns the statement's name, and its SQL. */
    const char *(*fill)(struct limit_lane *lane, const char **ret_sql);
    /* Takes the answer in. */
    void (*answered)(struct limit_lane *lane, const PGresult *result);
};

extern const struct limit_work limit_batch; /* the gateway's statement, on its schema */
extern const struct limit_work limit_rows;  /* bare rows by unnest: two indexes, no counters */

_Noreturn void limit_fail(const char *what, const char *why);

/* Runs SQL that must succeed; the result is the caller's. */
PGresult *limit_query(PGconn *pg, const char *sql);

uint64_t limit_now_ns(void);

#endif
