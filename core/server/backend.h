/* What stands behind a gateway and behind the verbs of the command line alike: the database that
 * the configuration names (or the private one below the state directory), migrated, with a store
 * on it. */
#ifndef DRAGOMAN_SERVER_BACKEND_H
#define DRAGOMAN_SERVER_BACKEND_H

#include "core/engine/store.h"
#include "core/net/loop.h"
#include "core/server/config.h"
#include "core/server/database.h"

struct backend;

/* Brings the database up (for a private one: starts it unless it runs), migrates, connects. Blocks
 * until the database can serve or the wait limit has passed. Returns a CLI exit code, CLI_OK when
 * all is well; what went wrong was said on stderr. */
int backend_open(struct config *config, enum backend_use use, struct backend **ret_backend);

/* The same on a loop that is the caller's, and runs meanwhile. */
int backend_open_on(struct loop *loop, struct config *config, enum backend_use use,
                    struct backend **ret_backend);

/* Checks, in the pool, that a private server still runs, and brings it back if not. Does nothing
 * while a check is under way or without a private server. */
void backend_revive(struct backend *backend);

/* Creates the state directory and, if need be, starts the private database, and migrates. Writes
 * the versions before and after. For backend_open, and for `migrate` alone. */
int backend_migrate(struct config *config, int *ret_from, int *ret_to);

struct loop *backend_loop(struct backend *backend);
struct store *backend_store(struct backend *backend);

/* libpq connection string in use; borrowed. */
const char *backend_conninfo(const struct backend *backend);

enum store_state backend_state(const struct backend *backend);

struct store_pg_stats;
void backend_stats(const struct backend *backend, struct store_pg_stats *ret_stats);

/* Submits and runs the loop until the call is done; returns its status. Not while the loop runs. */
enum dm_status backend_call(struct backend *backend, struct store_call *call);

typedef void backend_closed_fn(void *owner);

/* Closes the store before all else: what it still has under way ends, within a bounded time,
 * DM_UNAVAILABLE if not otherwise. Then closed(owner; may be NULL) runs on the loop, and
 * backend_store and backend_stats may no longer be called. */
void backend_close_store(struct backend *backend, backend_closed_fn *closed, void *owner);

/* Disconnects, and stops a private database that nobody else uses. Runs the loop meanwhile. */
void backend_close(struct backend *backend);

/* For a process that ends where it stands: stops a private database that nobody else uses. Frees
 * nothing else, and is the last call. */
void backend_abandon(struct backend *backend);

#endif
