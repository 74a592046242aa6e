/* Connection parameters, with the host names in them resolved in the pool: libpq would block the
 * loop for it. */
#ifndef DRAGOMAN_STORAGE_PG_PARAMS_H
#define DRAGOMAN_STORAGE_PG_PARAMS_H

#include <uv.h>

struct pg_params;

/* Reads libpq's conninfo and adds what the loop needs (client encoding, keep-alives). Returns 0
 * or -EINVAL, logged. */
int pg_params_parse(const char *conninfo, struct pg_params **ret_params);
void pg_params_free(struct pg_params *params);

/* status: 0, or negative errno when no host could be resolved; -ECANCELED after pg_params_cancel.
 * Runs on the loop, never inside pg_params_resolve. */
typedef void (*pg_params_fn)(void *owner, int status);

/* Looks up every host anew. Returns 1 when done(owner) follows, 0 when there is nothing to look up
 * (sockets, addresses), negative errno. */
int pg_params_resolve(struct pg_params *params, uv_loop_t *loop, pg_params_fn done, void *owner);

/* Makes the look-up under way end as soon as it can; done() still runs. */
void pg_params_cancel(struct pg_params *params);

/* For PQconnectStartParams; valid until the next resolve or free. */
const char *const *pg_params_keys(const struct pg_params *params);
const char *const *pg_params_values(const struct pg_params *params);

#endif
