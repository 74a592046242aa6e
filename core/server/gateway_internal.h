/* What the files of the gateway share: gateway.c puts it together, gateway_end.c takes it down. */
#ifndef DRAGOMAN_SERVER_GATEWAY_INTERNAL_H
#define DRAGOMAN_SERVER_GATEWAY_INTERNAL_H

#include "core/net/address_limit.h"
#include "core/net/conn.h"
#include "core/net/handoff.h"
#include "core/server/entry.h"
#include "core/server/file_service.h"
#include "core/server/gateway.h"
#include "core/server/loadout.h"
#include "core/server/measure.h"
#include "storage/bus_pg.h"
#include "storage/listen_pg.h"

/*   OPEN ──gateway_drain──▶ DRAINING (sessions) ──all gone──▶ FLUSHING ──idle──▶ DRAINED
 *    │                       ▲  └────────────────drain_ms passed───────────────────▲
 *    └─succeeded─▶ LEAVING ──┘ (what was accepted is served)
 *
 * FLUSHING: the store writes what was put off, and others answer whom this process carries. */
enum gateway_state {
    GATEWAY_OPEN,
    GATEWAY_LEAVING,
    GATEWAY_DRAINING,
    GATEWAY_FLUSHING,
    GATEWAY_DRAINED,
    GATEWAY_CUT_OFF, /* closing, without a store */
};

struct gateway {
    enum gateway_state state;
    struct config *config;     /* in effect */
    struct config *own_config; /* the same after a reload, else NULL */
    struct gateway_reload *reload; /* under way, or NULL */
    struct backend *backend;
    struct metrics *metrics;
    struct measure measure;
    struct auth *auth;
    struct file_service *files;
    struct engine *engine;
    struct engine_client client; /* the host's, and the loop for engine_run */
    struct loop_hook turn;
    struct loop_timer wake;
    struct loadout loadout;
    struct host *host;
    struct address_limit *addresses;
    struct entry *entry;
    struct conn_server *server; /* the entry's */
    struct handoff *handoff;
    int nodes_dir; /* where the processes of this machine find each other */
    struct listen_pg *listen;
    struct bus_pg *bus;       /* NULL: this gateway is alone by configuration */
    struct loop_timer watch;  /* looks after the database */
    struct loop_timer drain;
    uint64_t drain_until;
    gateway_drained_fn *drained;
    void *drained_owner;
    unsigned closing;         /* parts whose end is awaited */
};

/* What the configuration in effect says to the parts. */
void gateway_engine_config(const struct gateway *gateway, struct engine_config *ret_config);
void gateway_host_config(const struct gateway *gateway, struct host_config *ret_config);

/* Hears of accounts and tokens, and of the other nodes unless `bus` is local (gateway_bus.c).
 * Returns when all others have been heard of, or after a while. A CLI exit code. */
int gateway_bus_open(struct gateway *gateway);

/* Says good-bye to the others; raises gateway->closing until that is out. When the engine is no
 * longer busy. */
void gateway_bus_close(struct gateway *gateway);

#endif
