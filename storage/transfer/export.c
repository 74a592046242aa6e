#include <errno.h>
#include <libpq-fe.h>
#include <string.h>

#include "storage/pg_run.h"
#include "storage/transfer/sql.h"
#include "storage/transfer/transfer.h"

#define TASK "export failed"

static const struct {
    enum transfer_kind kind;
    const char *file;
    int params;
} parts[] = {
    { TRANSFER_USERS, "export_users", 1 },
    { TRANSFER_THREADS, "export_threads", 0 },
    { TRANSFER_MESSAGES, "export_messages", 0 },
};

#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

/* One row at a time: a table is larger than memory. After a failure the connection is of no use. */
static int take_rows(PGconn *pg, enum transfer_kind kind, transfer_line_fn *line, void *owner) {
    PGresult *result;
    while ((result = PQgetResult(pg))) {
        ExecStatusType status = PQresultStatus(result);
        int r = 0;
        if (status == PGRES_SINGLE_TUPLE)
            r = line(owner, kind, (struct dm_slice){ PQgetvalue(result, 0, 0),
                                                     (size_t)PQgetlength(result, 0, 0) });
        else if (status != PGRES_TUPLES_OK)
            r = pg_run_failed(pg, TASK, "rows");
        PQclear(result);
        if (r)
            return r;
    }
    return 0;
}

static int export_all(PGconn *pg, enum transfer_secrets secrets, transfer_line_fn *line,
                      void *owner) {
    const char *values[] = { secrets == TRANSFER_WITH_SECRETS ? "t" : "f" };
    int r = pg_run(pg, TASK, "settings", "SET timezone = 'UTC'; SET client_encoding = 'UTF8'");
    if (!r)
        r = pg_run(pg, TASK, "begin", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    for (size_t i = 0; !r && i < PART_COUNT; i++) {
        const char *sql = embedded_text(transfer_sql, parts[i].file);
        if (!PQsendQueryParams(pg, sql, parts[i].params, NULL, values, NULL, NULL, 0)
            || !PQsetSingleRowMode(pg))
            r = pg_run_failed(pg, TASK, "rows");
        else
            r = take_rows(pg, parts[i].kind, line, owner);
    }
    return r;
}

int transfer_export(const char *conninfo, enum transfer_secrets secrets, transfer_line_fn *line,
                    void *owner) {
    PGconn *pg = PQconnectdb(conninfo);
    int r;
    if (PQstatus(pg) == CONNECTION_OK) {
        r = export_all(pg, secrets, line, owner);
    } else {
        pg_run_failed(pg, TASK, "connect");
        r = -ECONNREFUSED;
    }
    PQfinish(pg);
    return r;
}
