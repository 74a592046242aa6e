/* The store port on PostgreSQL: libpq on the loop, pipeline mode, group commit.
 *
 * Each write connection has one unit of work in flight: a batch of hot requests (one statement,
 * one transaction) or one call. A request goes to the connection that has earlier ones of its lane,
 * else to the first that is not late and has not too many waiting; what arrives while a unit is in
 * flight becomes the next one. When the connection is idle a request leaves at the end of the same
 * turn of the loop. Nothing waits for a timer, and one that is stuck holds up only its own lanes.
 *
 * Every unit bears the next number of its connection's `writer` row and moves that row from
 * number - 1 to number in its own transaction. After a lost connection the same unit is sent again
 * under the same number: the row lock waits for an orphaned backend, and whoever comes second
 * finds the number taken. So a unit is carried out once, whichever of the two commits; one that
 * was carried out already is answered from what it left behind. */
#ifndef DRAGOMAN_STORAGE_STORE_PG_H
#define DRAGOMAN_STORAGE_STORE_PG_H

#include <stdint.h>
#include <uv.h>

#include "core/base/metrics.h"
#include "core/engine/store.h"

struct store_pg;

/* Runs on the loop whenever the state changes, never inside store_pg_open or _close. */
typedef void (*store_pg_state_fn)(void *owner, enum store_state state);
typedef void (*store_pg_closed_fn)(void *owner);

/* Zero means the default in brackets. Strings are copied. */
struct store_pg_config {
    const char *conninfo;        /* libpq's, keywords or URI; required. Host names are resolved in
                                    the pool */
    unsigned write_connections;  /* [2], at most 16 */
    unsigned read_connections;   /* [2], at most 16 */
    size_t queue_count;          /* [100000] requests waiting or under way ... */
    size_t queue_bytes;          /* [256 MiB] ... and the bytes of their texts: beyond either a
                                    request ends DM_UNAVAILABLE */
    uint32_t wait_ms;            /* [10000] how long a request waits for the database: a read for
                                    its answer, a write until it is sent */
    size_t batch_rows;           /* [1024] messages in one batch, at most 2047 */
    size_t batch_bytes;          /* [4 MiB] text in one batch */
    uint32_t chat_members;       /* [2000] in one chat; beyond: DM_TOO_LARGE */
    uint32_t connect_timeout_ms; /* [5000] */
    uint32_t close_timeout_ms;   /* [10000] how long close waits for what is under way */
    store_pg_state_fn on_state;  /* may be NULL */
    void *owner;                 /* of on_state */
};

/* What the store has done since it was opened, for metrics. */
struct store_pg_stats {
    struct metric_histogram batch_rows; /* hot units committed, by their requests */
    struct metric_histogram batch_us;   /* ... by their round trips */
    uint64_t calls;         /* cold units and reads completed */
    uint64_t retries;       /* units sent again after a serialization failure or a deadlock */
    uint64_t splits;        /* batches cut in two because of a bad row */
    uint64_t reconnects;    /* connections made again after they were lost */
    uint64_t uncertain;     /* units whose connection was lost between send and answer */
    uint64_t recovered;     /* ... of which so many had been committed */
    uint64_t unavailable;   /* requests refused or expired */
    size_t waiting;         /* requests now queued */
    size_t under_way;       /* requests now sent */
    size_t queued_bytes;    /* texts of both */
};

/* Starts connecting and returns at once; the first on_state(STORE_UP) tells when there is one
 * usable connection of each kind. The schema must be there (migrate.h): until it is, connections
 * are retried. Returns 0 or -EINVAL for a conninfo that libpq cannot parse or a limit out of
 * range. The loop must outlive the store. */
int store_pg_open(uv_loop_t *loop, const struct store_pg_config *config,
                  struct store_pg **ret_store);

/* The port. Valid until closed() has run. */
struct store *store_pg_port(struct store_pg *store);

/* The counters. */
void store_pg_stats(const struct store_pg *store, struct store_pg_stats *ret_stats);

/* Takes no further request (they end DM_UNAVAILABLE), finishes what was submitted, for at most
 * close_timeout_ms, ends the rest DM_UNAVAILABLE, removes its writer rows, closes the connections
 * and frees the store; then closed(owner) runs, last, on the loop. */
void store_pg_close(struct store_pg *store, store_pg_closed_fn closed, void *owner);

#endif
