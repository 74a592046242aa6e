/* One libpq connection on the loop: non-blocking, in pipeline mode, made again whenever it is
 * lost.
 *
 *   open ──▶ RESOLVING ──▶ CONNECTING ──▶ READY
 *                ▲             │ failed     │ lost
 *                └── WAITING ◀─┴────────────┘        close: from anywhere to CLOSED
 *
 * Statements are prepared on a connection when first used there, by the protocol and with
 * binary parameters and results; nothing else lasts in the session, so a pooler in transaction
 * mode that knows prepared statements may stand between. */
#ifndef DRAGOMAN_STORAGE_PG_CONN_H
#define DRAGOMAN_STORAGE_PG_CONN_H

#include <libpq-fe.h>
#include <stdint.h>
#include <uv.h>

#include "storage/pg_args.h"

#define PG_STATEMENTS_MAX 64

enum pg_conn_state {
    PG_CONN_RESOLVING,
    PG_CONN_CONNECTING,
    PG_CONN_READY,
    PG_CONN_WAITING,
    PG_CONN_CLOSED,
};

/* What is prepared under its index; name and sql are static. */
struct pg_statement {
    const char *name;
    const char *sql;
};

struct pg_conn;

/* All run on the loop, never inside a call to this interface. */
struct pg_conn_events {
    void (*ready)(struct pg_conn *conn, void *owner);
    /* What was sent and not answered is uncertain. A new connection is on its way. */
    void (*lost)(struct pg_conn *conn, void *owner);
    /* The answer to one pg_conn_send, in order; borrowed. Never a fatal one: that is a loss. */
    void (*result)(struct pg_conn *conn, void *owner, const PGresult *result);
    /* The answer to one pg_conn_sync: what was sent before it is committed or rolled back. */
    void (*sync)(struct pg_conn *conn, void *owner);
    /* A NOTIFY; may be NULL. */
    void (*notify)(struct pg_conn *conn, void *owner, const PGnotify *notify);
    /* After pg_conn_close; conn is freed next. */
    void (*closed)(void *owner);
};

/* What operators are told when connections to one database are lost or cannot be made: of one
 * outage the first failure, and one a minute, are warnings; all others are for debugging. It lasts
 * until all who share this are ready. Zeroed; outlives its connections. */
struct pg_outage {
    unsigned away;       /* connections that are not ready */
    uint64_t tell_at_ms; /* loop time from which on a failure is news again */
};

struct pg_conn_config {
    const char *conninfo;
    const struct pg_statement *statements; /* static */
    size_t statement_count;                /* at most PG_STATEMENTS_MAX */
    const struct pg_conn_events *events;   /* static */
    void *owner;
    uint32_t connect_timeout_ms;
    struct pg_outage *outage;              /* NULL: shared with no other */
    const char *label;                     /* static, for the log */
};

/* Starts connecting. Returns 0, or -EINVAL for a conninfo that libpq cannot parse. */
int pg_conn_open(uv_loop_t *loop, const struct pg_conn_config *config, struct pg_conn **ret_conn);

enum pg_conn_state pg_conn_state(const struct pg_conn *conn);

/* Queues one statement (READY only). Returns 0 or -EIO; then the connection is as good as lost,
 * and events->lost follows. */
int pg_conn_send(struct pg_conn *conn, size_t statement, struct pg_args *args);

/* Ends the implicit transaction of what was sent since the last sync, and flushes. */
int pg_conn_sync(struct pg_conn *conn);

/* Gives the connection up because of what a result said; events->lost follows. */
void pg_conn_drop(struct pg_conn *conn);

/* Closes; closed(owner) runs last. No other event after the call. */
void pg_conn_close(struct pg_conn *conn);

#endif
