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

/* ---- watching ---- */

/* Who speaks, in a call to the observer. */
struct host_peer {
    uint64_t id;                /* as host_session.id */
    const struct dm_instance *instance;
    const struct dm_user *user; /* NULL without a principal */
};

/* While nobody watches there is no observer, and each place costs one branch. Everything is
 * borrowed for the call, in which the host must not be called but for host_session_id. Frames are
 * as they came and go, secrets included: see host_redact. */
struct host_observer {
    /* A hook of another kind begins: what is sent from now on answers no frame and no command. */
    void (*other)(void *owner);
    /* A frame or HTTP request has come, and its hook runs next; commands and frames until the next
     * call of the observer come of it. */
    void (*begin)(void *owner);
    /* What it was, when its type is known: after the hook of a frame; before that of an HTTP
     * request, whose type is its route and whose frame is NULL. */
    void (*frame_in)(void *owner, const struct host_peer *peer, const char *type,
                     const struct dm_frame *frame);
    /* A frame was queued for the peer. corr: of the event that it tells; 0: it answers what runs
     * now. */
    void (*frame_out)(void *owner, const struct host_peer *peer, uint64_t corr, const char *type,
                      const struct dm_frame *frame);
    /* An HTTP request was answered. */
    void (*response)(void *owner, const struct host_peer *peer, int status);
    void *owner;
};

/* From now on; NULL: nobody. The observer must outlive its use. */
void host_observe(struct host *host, const struct host_observer *observer);

/* The id of a session that the engine names. */
uint64_t host_session_id(const struct engine_session *session);

/* Appends the frame as the adapter's `redact` shows it. Returns 0, or -ENOTSUP when the adapter
 * shows none. Not inside a hook or an observer. */
int host_redact(struct host *host, const struct dm_instance *instance,
                const struct dm_frame *frame, struct buf *ret_text);

#endif
