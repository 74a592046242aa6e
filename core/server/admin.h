/* The admin listener: /healthz (the process turns its loop), /readyz (it can serve), /metrics
 * (Prometheus text format 0.0.4). */
#ifndef DRAGOMAN_SERVER_ADMIN_H
#define DRAGOMAN_SERVER_ADMIN_H

#include "core/server/gateway.h"

struct admin;

/* Listens at `address`, or on a listening socket `fd` that was inherited (-1: none), which becomes
 * its own. Returns 0 or a negative errno. */
int admin_open(struct gateway *gateway, struct dm_slice address, int fd,
               struct admin **ret_admin);

/* Where, "HOST:PORT"; borrowed. */
const char *admin_address(const struct admin *admin);

/* Runs the loop until it is gone. NULL does nothing. */
void admin_close(struct admin *admin);

#endif
