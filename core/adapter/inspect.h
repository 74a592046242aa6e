/* What the host shows of itself to operators. */
#ifndef DRAGOMAN_ADAPTER_INSPECT_H
#define DRAGOMAN_ADAPTER_INSPECT_H

#include "core/adapter/host.h"

/* One session as it is now; borrowed for the call. */
struct host_session {
    uint64_t id;                /* grows with every session of the process, never used again */
    const char *adapter;        /* as configured */
    enum dm_session_kind kind;
    const char *ns;             /* Socket.IO: its namespace; NULL otherwise */
    const struct dm_user *user; /* the principal; NULL without one */
    struct dm_slice address;    /* of the peer, without port */
    int64_t since_us;           /* since the epoch */
    uint64_t queued;            /* bytes that the peer has not taken */
    uint32_t backlog;           /* commands not answered */
};

/* Nonzero ends the walk. The callee must not close sessions. */
typedef int host_session_fn(void *owner, const struct host_session *session);

/* Shows every session whose id is above `after`, oldest first, HTTP exchanges left out. Returns
 * what fn returned last, 0 when it was never asked. */
int host_each_session(const struct host *host, uint64_t after, host_session_fn *fn, void *owner);

/* Closes a session with that code of a Close frame; its adapter hears of it by `close` alone.
 * Returns 0, or -ENOENT when there is no such session, or it is ending already. */
int host_close_session(struct host *host, uint64_t id, uint16_t code);

/* Sessions now of one adapter, HTTP exchanges left out; index as in host_instance_at. */
uint32_t host_sessions_at(const struct host *host, size_t index);

/* The settings in effect of one adapter; index as in host_instance_at, below the count. */
const struct adapter_values *host_values_at(const struct host *host, size_t index);

#endif
