#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "storage/pg_fault.h"
#include "storage/pg_run.h"
#include "storage/transfer/sql.h"
#include "storage/transfer/transfer.h"

/* Any number, the same in every version of the gateway. */
#define IMPORT_LOCK "4919131752989213"
#define TASK "import failed"
#define TRIES_MAX 5
#define WHY_MAX 200

struct transfer {
    PGconn *pg;
    struct buf json; /* of the batch under way */
};

/* One call of transfer_put. */
struct batch {
    struct transfer *transfer;
    enum transfer_kind kind;
    const struct dm_slice *lines;
    char text_max[16];
    transfer_said_fn *said;
    void *owner;
};

static const char *const statements[TRANSFER_KIND_COUNT] = {
    [TRANSFER_USERS] = "SELECT said FROM pg_temp.import_users($1)",
    [TRANSFER_FRIENDS] = "SELECT said FROM pg_temp.import_friends($1)",
    [TRANSFER_THREADS] = "SELECT said FROM pg_temp.import_threads($1)",
    [TRANSFER_MESSAGES] = "SELECT said FROM pg_temp.import_messages($1, $2)",
};

static int run(PGconn *pg, const char *step, const char *sql) {
    return pg_run(pg, TASK, step, sql);
}

/* 1 when the first column of the first row is true, 0 when not (or there is none). */
static int ask(PGconn *pg, const char *sql) {
    PGresult *result = PQexec(pg, sql);
    int yes = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result)
              && !strcmp(PQgetvalue(result, 0, 0), "t");
    PQclear(result);
    return yes;
}

static int prepare(PGconn *pg) {
    if (PQstatus(pg) != CONNECTION_OK) {
        pg_run_failed(pg, TASK, "connect");
        return -ECONNREFUSED;
    }
    /* Plans for tables that were never looked at, such as the temporary one, and grow. */
    if (run(pg, "settings", "SET client_min_messages = warning; SET timezone = 'UTC'; "
                            "SET client_encoding = 'UTF8'; SET enable_seqscan = off; "
                            "SET plan_cache_mode = force_custom_plan; SET jit = off"))
        return -EPROTO;
    if (!ask(pg, "SELECT pg_try_advisory_lock(" IMPORT_LOCK ")"))
        return -EBUSY;
    return run(pg, "functions", embedded_text(transfer_sql, "import"));
}

int transfer_open(const char *conninfo, struct transfer **ret_transfer) {
    struct transfer *transfer = mem_zalloc(sizeof(*transfer));
    transfer->pg = PQconnectdb(conninfo);
    int r = prepare(transfer->pg);
    if (r) {
        transfer_close(transfer);
        return r;
    }
    *ret_transfer = transfer;
    return 0;
}

void transfer_close(struct transfer *transfer) {
    if (!transfer)
        return;
    PQfinish(transfer->pg);
    buf_fini(&transfer->json);
    free(transfer);
}

int transfer_begin_messages(struct transfer *transfer) {
    PGconn *pg = transfer->pg;
    /* One whose making was cut short is never used, and never mended. */
    if (ask(pg, "SELECT NOT indisvalid FROM pg_index "
                "WHERE indexrelid = to_regclass('messages_uuid')")
        && transfer_finish_messages(transfer))
        return -EPROTO;
    return run(pg, "index",
               "CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_uuid ON messages (uuid)");
}

int transfer_finish_messages(struct transfer *transfer) {
    return run(transfer->pg, "index", "DROP INDEX CONCURRENTLY IF EXISTS messages_uuid");
}

static void tell(const struct batch *batch, size_t index, const char *said) {
    if (!strcmp(said, "new"))
        batch->said(batch->owner, index, TRANSFER_NEW, NULL);
    else if (!strcmp(said, "known"))
        batch->said(batch->owner, index, TRANSFER_KNOWN, NULL);
    else
        batch->said(batch->owner, index, TRANSFER_BAD, said);
}

static void tell_all(const struct batch *batch, size_t from, const PGresult *result) {
    for (int i = 0; i < PQntuples(result); i++)
        tell(batch, from + (size_t)i, PQgetvalue(result, i, 0));
}

static PGresult *send(const struct batch *batch, size_t from, size_t count) {
    struct buf *json = &batch->transfer->json;
    const char *values[2];
    buf_reset(json);
    for (size_t i = 0; i < count; i++) {
        buf_append_char(json, i ? ',' : '[');
        buf_append_slice(json, batch->lines[from + i]);
    }
    buf_append(json, "]", 2);
    values[0] = json->data;
    values[1] = batch->text_max;
    return PQexecParams(batch->transfer->pg, statements[batch->kind],
                        batch->kind == TRANSFER_MESSAGES ? 2 : 1, NULL, values, NULL, NULL, 0);
}

static PGresult *send_until(const struct batch *batch, size_t from, size_t count) {
    PGresult *result = send(batch, from, count);
    for (int tries = 1; tries < TRIES_MAX && pg_result_fault(result) == PG_FAULT_RETRY; tries++) {
        PQclear(result);
        result = send(batch, from, count);
    }
    return result;
}

static void tell_refusal(const struct batch *batch, size_t index, const PGresult *result) {
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char why[WHY_MAX];
    snprintf(why, sizeof(why), "%s", text ? text : "refused");
    batch->said(batch->owner, index, TRANSFER_BAD, why);
}

/* The database is gone or cannot now: no line is to blame. */
static int is_halted(const PGconn *pg, const PGresult *result) {
    return PQstatus(pg) != CONNECTION_OK || pg_result_fault(result) == PG_FAULT_RESOURCE;
}

static int put(const struct batch *batch, size_t from, size_t count) {
    PGresult *result = send_until(batch, from, count);
    int good = PQresultStatus(result) == PGRES_TUPLES_OK && (size_t)PQntuples(result) == count;
    int r = 0;
    if (is_halted(batch->transfer->pg, result))
        r = pg_run_failed(batch->transfer->pg, TASK, "lines");
    else if (good)
        tell_all(batch, from, result);
    else if (count == 1)
        tell_refusal(batch, from, result);
    PQclear(result);
    if (r || good || count == 1)
        return r;
    r = put(batch, from, count / 2);
    return r ? r : put(batch, from + count / 2, count - count / 2);
}

int transfer_put(struct transfer *transfer, enum transfer_kind kind, const struct dm_slice *lines,
                 size_t count, int text_max, transfer_said_fn *said, void *owner) {
    struct batch batch = { transfer, kind, lines, "", said, owner };
    snprintf(batch.text_max, sizeof(batch.text_max), "%d", text_max);
    return count ? put(&batch, 0, count) : 0;
}
