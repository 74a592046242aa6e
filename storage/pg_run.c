#include "storage/pg_run.h"

#include <errno.h>
#include <string.h>

#include "core/base/log.h"

int pg_run_failed(const PGconn *pg, const char *task, const char *step) {
    const char *message = PQerrorMessage(pg);
    struct dm_slice reason = { message, strcspn(message, "\n") };
    log_event(LOG_LEVEL_ERROR, task, LOG_STR("step", step), LOG_SLICE("reason", reason));
    return -EPROTO;
}

int pg_run(PGconn *pg, const char *task, const char *step, const char *sql) {
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
               ? 0 : pg_run_failed(pg, task, step);
}
