/* The file store port on PostgreSQL, on connections of its own.
 *
 * Every step (one piece written or read, one look-up) is a transaction of its own, and after each
 * a request goes to the end of the queue: a large file delays neither messages nor, for longer
 * than a piece takes, other files. At most one piece for each connection is in memory beside what
 * the askers hold.
 *
 * Files that no message refers to are removed when they are old enough: a few at a time, while
 * nothing else waits. */
#ifndef DRAGOMAN_STORAGE_FILE_PG_H
#define DRAGOMAN_STORAGE_FILE_PG_H

#include <stdint.h>
#include <uv.h>

#include "core/engine/file_store.h"

struct file_pg;

typedef void (*file_pg_closed_fn)(void *owner);

/* Zero means the default in brackets. Strings are copied. */
struct file_pg_config {
    const char *conninfo;        /* as in store_pg.h */
    unsigned connections;        /* [2], at most 16 */
    size_t queue_max;            /* [4096] requests waiting; beyond: DM_UNAVAILABLE */
    uint32_t wait_ms;            /* [10000] how long a step of a request waits */
    uint32_t connect_timeout_ms; /* [5000] */
    uint32_t unused_age_s;       /* [86400] of a file that no message refers to */
    uint32_t collect_ms;         /* [600000] between two looks for such files */
};

/* What it has done since it was opened, for metrics. */
struct file_pg_stats {
    uint64_t written;       /* bytes of complete files */
    uint64_t read;          /* bytes */
    uint64_t collected;     /* files removed unused */
    uint64_t unavailable;   /* requests refused or expired */
    size_t waiting;         /* requests now pending */
};

/* Starts connecting and returns at once. Returns 0 or -EINVAL for a conninfo that libpq cannot
 * parse or too many connections. The loop must outlive it. */
int file_pg_open(uv_loop_t *loop, const struct file_pg_config *config, struct file_pg **ret_store);

/* The port. Valid until closed() has run. */
struct file_store *file_pg_port(struct file_pg *store);

void file_pg_stats(const struct file_pg *store, struct file_pg_stats *ret_stats);

/* Takes no further request, ends all pending ones DM_UNAVAILABLE (a file being put may be left
 * behind, complete or not), closes the connections and frees the store; then closed(owner) runs,
 * last, on the loop. */
void file_pg_close(struct file_pg *store, file_pg_closed_fn closed, void *owner);

#endif
