/* What stands behind a gateway and behind the verbs of the command line alike: the database that
 * the configuration names (or the private one below the state directory), migrated, with a store
 * on it. */
#ifndef DRAGOMAN_SERVER_BACKEND_H
#define DRAGOMAN_SERVER_BACKEND_H

#include "core/engine/store.h"
#include "core/net/loop.h"
#include "core/server/config.h"

struct backend;

/* Brings the database up and connects. Blocks until it can serve. For the private database: starts
 * it unless it runs; whoever started it stops it in backend_close. Returns a CLI exit code, 0 when
 * all is well; what went wrong was then said on stderr. */
int backend_open(struct config *config, struct backend **ret_backend);

/* Creates the state directory and, if need be, starts the private database, and migrates. Writes
 * the versions before and after. For backend_open, and for `migrate` alone. */
int backend_migrate(struct config *config, int *ret_from, int *ret_to);

struct loop *backend_loop(struct backend *backend);
struct store *backend_store(struct backend *backend);

/* libpq connection string in use; borrowed. */
const char *backend_conninfo(const struct backend *backend);

/* Submits and runs the loop until the call is done; returns its status. Not while the loop runs. */
enum dm_status backend_call(struct backend *backend, struct store_call *call);

/* Disconnects, and stops a private database that backend_open started. */
void backend_close(struct backend *backend);

#endif
