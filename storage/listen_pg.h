/* The connection that is always there: LISTEN on the channel by which the store's transactions
 * and the command line tell running nodes of accounts and tokens. Cannot go through a pooler in
 * transaction mode; give it a conninfo of its own there. */
#ifndef DRAGOMAN_STORAGE_LISTEN_PG_H
#define DRAGOMAN_STORAGE_LISTEN_PG_H

#include <uv.h>

#include "core/engine/bus.h"

/* The channel. A payload is one word for the kind and one argument: user_created ID, user_changed
 * ID, user_deactivated ID, token_revoked HEX. Unknown kinds are ignored: newer nodes may speak. */
#define LISTEN_PG_CHANNEL "dragoman"

struct listen_pg;

typedef void (*listen_pg_closed_fn)(void *owner);

/* Starts connecting, and again with backoff whenever the connection is lost. With the id of a node
 * that is on the bus (bus_pg.h) frames are heard, too, and the connection holds the lock by which
 * others see that it lives; 0: accounts and tokens only. notice(owner, ...) runs on the loop for
 * every notification; BUS_DEAF when the connection is lost; BUS_RESYNC with each successful LISTEN,
 * the first included, because what was sent before it is lost. Returns 0 or -EINVAL for a bad
 * conninfo. */
int listen_pg_open(uv_loop_t *loop, const char *conninfo, int64_t node, bus_notice_fn notice,
                   void *owner, struct listen_pg **ret_listen);

/* Closes and frees; closed(owner) runs last, on the loop. No notice after the call. */
void listen_pg_close(struct listen_pg *listen, listen_pg_closed_fn closed, void *owner);

/* 1 while the connection is there, else 0. */
int listen_pg_is_up(const struct listen_pg *listen);

/* Reads one payload. Returns 0, or -EINVAL for anything malformed or unknown. */
int listen_pg_parse(const char *payload, struct bus_notice *ret_notice);

#endif
