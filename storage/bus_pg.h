/* The bus port on PostgreSQL: frames leave by NOTIFY over a connection of their own, which waits
 * for no disk, and arrive by LISTEN (listen_pg.h). While one transaction is on its way, what is
 * published meanwhile becomes the next; several frames share a payload. The write transactions of
 * the store never notify of messages.
 *
 * The same connection keeps this node's row in `nodes` fresh and tells who else is there.
 *
 *   DOWN ──ready──▶ IDLE ◀──▶ SENDING, BEATING        close: ... ──▶ LEAVING ──▶ closed
 *    ▲                └── lost, from anywhere: what was sent is sent again */
#ifndef DRAGOMAN_STORAGE_BUS_PG_H
#define DRAGOMAN_STORAGE_BUS_PG_H

#include <uv.h>

#include "core/base/buf.h"
#include "core/engine/bus.h"

/* The channel of frames. A payload is any number of: length in bytes, a space, the frame. */
#define BUS_PG_CHANNEL "dragoman_bus"

/* PostgreSQL carries less than 8000 bytes. */
#define BUS_PG_PAYLOAD_MAX 7900

struct bus_pg;

typedef void (*bus_pg_closed_fn)(void *owner);

/* Zero means the default in brackets. */
struct bus_pg_config {
    const char *conninfo;  /* may lead through a pooler in transaction mode; copied */
    size_t queue_bytes;    /* [32 MiB] of frames that wait; beyond: all that wait are dropped */
    uint32_t beat_ms;      /* [3000] */
    bus_notice_fn notice;  /* gets BUS_NODES */
    void *owner;
};

/* Starts connecting, and again with backoff whenever the connection is lost. Returns 0 or -EINVAL
 * for a bad conninfo. */
int bus_pg_open(uv_loop_t *loop, const struct bus_pg_config *config, struct bus_pg **ret_bus);

/* The port; valid until bus_pg_close. */
struct bus *bus_pg_port(struct bus_pg *bus);

/* Sends what waits, takes this node's row away, for at most two seconds, and frees; closed(owner)
 * runs last, on the loop. No notice after the call. */
void bus_pg_close(struct bus_pg *bus, bus_pg_closed_fn closed, void *owner);

/* Appends a frame to a payload. */
void bus_pg_pack(struct buf *payload, struct dm_slice frame);

/* Takes the next frame off the front of a payload: 1, 0 when there is none left, -EINVAL when the
 * rest is none. */
int bus_pg_unpack(struct dm_slice *payload, struct dm_slice *ret_frame);

#endif
