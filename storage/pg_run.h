/* Statements that are run while nothing else goes on: they block. */
#ifndef DRAGOMAN_STORAGE_PG_RUN_H
#define DRAGOMAN_STORAGE_PG_RUN_H

#include <libpq-fe.h>

/* Logs that `task` failed at `step`, with the first line of the connection's last error. Returns
 * -EPROTO. */
int pg_run_failed(const PGconn *pg, const char *task, const char *step);

/* Runs any number of statements. Returns 0, or -EPROTO after it was logged. */
int pg_run(PGconn *pg, const char *task, const char *step, const char *sql);

#endif
