/* Brings the schema up to what this binary needs. */
#ifndef DRAGOMAN_STORAGE_MIGRATE_H
#define DRAGOMAN_STORAGE_MIGRATE_H

#include "core/base/embedded.h"

/* The steps, from migrations/NNNN_name.sql: the first leads to version 1. */
extern const struct embedded migrations[];

/* The version this binary needs. */
int migrate_wanted(void);

/* Applies what is missing, each step in a transaction of its own, under an advisory lock so that
 * nodes that start together do it once. Blocks: call it before the loop runs, or in the pool.
 * ret_from and ret_to (either may be NULL) get the version before and after; 0 is an empty
 * database. Returns 0, -ECONNREFUSED when the server cannot be reached, -EPROTO when a step
 * fails, -ENOTSUP when the database is newer than this binary knows or PostgreSQL is older than
 * 13. The reason is logged. */
int migrate_run(const char *conninfo, int *ret_from, int *ret_to);

/* Only looks: the version of the database, 0 for an empty one. Blocks. Returns 0 or an error as
 * above. */
int migrate_check(const char *conninfo, int *ret_version);

#endif
