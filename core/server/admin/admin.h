/* The admin listener: an address of its own, apart from the clients'.
 *
 *   STARTING ──admin_serve──▶ SERVES ──admin_close──▶ CLOSED
 *
 * While STARTING there is no gateway yet (the database is brought up, migrated, waited for):
 * /healthz, /readyz and /metrics are answered as far as they go, all else with 503.
 *
 *  - /healthz (the process turns its loop), /readyz (it can serve, or why not) and /metrics
 *    (Prometheus text format 0.0.4) need no credentials.
 *  - / is the console, a page that asks for the token itself.
 *  - /api/v1/…: JSON, described by proto-docs/admin/openapi.yaml; for whom guard.h says. */
#ifndef DRAGOMAN_SERVER_ADMIN_H
#define DRAGOMAN_SERVER_ADMIN_H

#include "core/server/gateway.h"

struct admin;

/* Permissions of the file when it listens at unix:PATH. */
#define ADMIN_SOCKET_MODE 0600

/* What operators ask of the process; all run on the loop. */
struct admin_events {
    /* Drain and end, as SIGTERM would have it. */
    void (*drain)(void *owner);
};

/* Listens at `address`, or on the inherited socket `fd` when it is not -1. Returns 0 or a negative
 * errno; fd is the caller's only on failure. */
int admin_open(struct loop *loop, struct dm_slice address, int fd, struct admin **ret_admin);

/* Answers for the gateway, on the same loop, from now on; it must outlive the admin listener.
 * Returns 0, or -EINVAL with config_error when the token cannot be had. */
int admin_serve(struct admin *admin, struct gateway *gateway, const struct admin_events *events,
                void *owner);

/* Adds its listening socket, to be passed to another process; it stays its own. NULL adds none. */
void admin_pass(const struct admin *admin, struct inherit *sockets);

/* Listens no more, because another process does on the same socket; requests under way are
 * answered. NULL does nothing. */
void admin_unlisten(struct admin *admin);

/* Where, "HOST:PORT"; borrowed. */
const char *admin_address(const struct admin *admin);

/* Runs the loop until it is gone. NULL does nothing. */
void admin_close(struct admin *admin);

#endif
