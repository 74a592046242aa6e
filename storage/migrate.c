#include "storage/migrate.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "storage/pg_run.h"

#define TASK "migration failed"
#define SERVER_VERSION_MIN 130000

/* Any number, the same in every version of the gateway. */
#define MIGRATE_LOCK "4919131752989212"

int migrate_wanted(void) {
    int count = 0;
    while (migrations[count].name)
        count++;
    return count;
}

static int run(PGconn *pg, const char *step, const char *sql) {
    return pg_run(pg, TASK, step, sql);
}

static int read_version(PGconn *pg, int *ret_version) {
    PGresult *result = PQexec(pg, "SELECT coalesce(max(version), 0) FROM versions");
    int error = 0;
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        *ret_version = atoi(PQgetvalue(result, 0, 0));
    } else {
        error = pg_run_failed(pg, TASK, "version");
    }
    PQclear(result);
    return error;
}

static int has_versions(PGconn *pg) {
    PGresult *result = PQexec(pg, "SELECT to_regclass('versions')");
    int has = PQresultStatus(result) == PGRES_TUPLES_OK && !PQgetisnull(result, 0, 0);
    PQclear(result);
    return has;
}

/* One transaction: the lock, a look at where the database is, and the next step, if any. */
static int step(PGconn *pg, int *ret_before, int *ret_after) {
    char note[160];
    int error = run(pg, "begin", "BEGIN");
    if (!error)
        error = run(pg, "lock", "SELECT pg_advisory_xact_lock(" MIGRATE_LOCK ")");
    if (!error)
        error = run(pg, "versions",
                    "SET LOCAL client_min_messages = warning;"
                    "CREATE TABLE IF NOT EXISTS versions (version integer PRIMARY KEY, "
                    "name text NOT NULL, at timestamptz NOT NULL DEFAULT now())");
    if (!error)
        error = read_version(pg, ret_before);
    *ret_after = *ret_before;
    if (!error && *ret_before < migrate_wanted()) {
        const struct embedded *next = &migrations[*ret_before];
        *ret_after = *ret_before + 1;
        snprintf(note, sizeof(note), "INSERT INTO versions (version, name) VALUES (%d, '%s')",
                 *ret_after, next->name);
        error = run(pg, next->name, next->data.ptr);
        if (!error)
            error = run(pg, next->name, note);
    }
    if (error)
        run(pg, "rollback", "ROLLBACK");
    else
        error = run(pg, "commit", "COMMIT");
    return error;
}

static int steps(PGconn *pg, int *ret_from, int *ret_to) {
    int before = 0;
    int error = step(pg, &before, ret_to);
    *ret_from = before;
    while (!error && *ret_to > before)
        error = step(pg, &before, ret_to);
    if (!error && *ret_to > migrate_wanted()) {
        log_event(LOG_LEVEL_ERROR, "the database is newer than this binary",
                  LOG_INT("database", *ret_to), LOG_INT("binary", migrate_wanted()));
        error = -ENOTSUP;
    }
    return error;
}

static int look(PGconn *pg) {
    if (PQstatus(pg) != CONNECTION_OK) {
        pg_run_failed(pg, TASK, "connect");
        return -ECONNREFUSED;
    }
    if (PQserverVersion(pg) >= SERVER_VERSION_MIN)
        return 0;
    log_event(LOG_LEVEL_ERROR, "PostgreSQL 13 or later is needed",
              LOG_INT("server", PQserverVersion(pg)));
    return -ENOTSUP;
}

int migrate_check(const char *conninfo, int *ret_version) {
    PGconn *pg = PQconnectdb(conninfo);
    int error = look(pg);
    *ret_version = 0;
    if (!error && has_versions(pg))
        error = read_version(pg, ret_version);
    PQfinish(pg);
    return error;
}

int migrate_run(const char *conninfo, int *ret_from, int *ret_to) {
    int from = 0;
    int to = 0;
    PGconn *pg = PQconnectdb(conninfo);
    int error = look(pg);
    if (!error)
        error = steps(pg, &from, &to);
    PQfinish(pg);
    if (error)
        return error;
    if (to > from)
        log_event(LOG_LEVEL_INFO, "schema migrated", LOG_INT("from", from), LOG_INT("to", to));
    if (ret_from)
        *ret_from = from;
    if (ret_to)
        *ret_to = to;
    return 0;
}
