/* The adapter host: it honours the contract of adapter.h towards adapters, and stands between
 * them, the engine and the network.
 *
 *     conn_server ──request──▶ host ──hooks──▶ adapter ──dm_submit──▶ host ──▶ engine
 *     conn_server ◀──frames─── host ◀─dm_out── adapter ◀──hooks────── host ◀── engine_client
 *
 * Life: host_new, host_add for each adapter, host_attach_engine, host_start, requests …,
 * host_drain, host_stop, host_free. Everything runs on the loop's thread. */
#ifndef DRAGOMAN_ADAPTER_HOST_H
#define DRAGOMAN_ADAPTER_HOST_H

#include "core/adapter/adapter.h"
#include "core/adapter/values.h"
#include "core/base/buf.h"
#include "core/engine/engine.h"
#include "core/net/address_limit.h"
#include "core/net/conn.h"

struct host;
struct handoff;
struct metrics;

#define HOST_READS_ON UINT32_MAX

/* What all adapters have in common; 0 or absent means what stands behind. */
struct host_config {
    uint32_t handshake_timeout_ms; /* from a request's head to the open WebSocket; 10 s */
    uint32_t request_timeout_ms;   /* from a request's head to its response; 60 s */
    uint32_t sockets_max;          /* WebSockets at a time, and Engine.IO sessions of an adapter,
                                      503 above; no limit */
    uint32_t backlog_max;          /* unanswered commands of a session at which its frames are
                                      dropped with DM_NOTICE_BACKLOG; 512. At most what the engine
                                      takes */
    uint32_t backlog_pause;        /* ... at which its peer is not read; 64, and at most half of
                                      backlog_max. HOST_READS_ON: it is read on, so that a peer
                                      alone can get to backlog_max */
    uint32_t send_queue_max;       /* bytes that may wait for a Socket.IO client's poll; 1 MiB */
    uint32_t user_requests_max;    /* HTTP requests of one user under way, until their responses are
                                      read, 429 above; no limit */
    uint64_t response_bytes_max;   /* of responses that clients have not read yet, all together;
                                      at it further requests get 503; no limit */
    uint64_t address_response_bytes_max; /* the same of one client address, 429; no limit */
    struct address_limit *addresses; /* how often one client address may come; no limit. Outlives
                                        the host */
    struct handoff *handoff;       /* for sessions that live in other processes; NULL: none do.
                                      Outlives the host */
    struct dm_slice public_url;    /* "https://chat.example": base of absolute URLs, for adapters
                                      whose own setting is not given. Absent: scheme and host of
                                      the request that opened the session */
};

/* How one adapter is configured. Borrowed for the call. */
struct host_instance_config {
    const char *name;  /* for settings, metrics, logs; NULL: the descriptor's name */
    const char *mount; /* "" or like "/chat"; NULL: "/" and the name */
    const struct adapter_values *values; /* NULL: every setting has its default */
};

/* A host without adapters. config is copied and may be NULL; loop and metrics (may be NULL) must
 * outlive the host. */
struct host *host_new(const struct host_config *config, struct loop *loop,
                      struct metrics *metrics);

/* Requires that no session is left and host_stop has run. NULL does nothing. */
void host_free(struct host *host);

/* Every adapter, built-in or loaded, comes through here. Checks the descriptor (adapter_check), the
 * name and mount, and that no route meets another adapter's. Runs no hook. The descriptor must
 * outlive the host. Returns 0, or -EINVAL with one line in ret_error: the host is then as before.
 * Only before host_start. */
int host_add(struct host *host, const struct dm_adapter *adapter,
             const struct host_instance_config *config, struct adapter_error *ret_error);

/* What the engine calls: pass it to engine_new. */
const struct engine_client *host_engine_client(void);

/* The engine that sessions are opened on. Must be called before the first request, and the engine
 * must outlive every session. */
void host_attach_engine(struct host *host, struct engine *engine);

/* Runs the `start` hooks in the order added. All or nothing: when one fails, those that had
 * started are stopped, ret_error says which one failed, and -EINVAL is returned. The host may be
 * started again. */
int host_start(struct host *host, struct adapter_error *ret_error);

/* Runs the `stop` hooks in reverse order. Requires that no session is left. Idempotent. */
void host_stop(struct host *host);

/* One request. To be called within a conn_handler's request(). */
void host_request(struct host *host, struct http_exchange *exchange);

/* Takes other limits and another public URL for what comes from now on. */
void host_configure(struct host *host, const struct host_config *config);

/* Gives the adapter configured under that name other values (copied) and, when one of them differs,
 * runs its `configure` hook. Sockets keep their keep-alive interval. Returns 1 when it was told, 0
 * when nothing differs or there is no such adapter, -ENOTSUP when the adapter has read its settings
 * in `start` and cannot be told, or when the values are another adapter's. */
int host_set_values(struct host *host, const char *name, const struct adapter_values *values);

typedef void host_drained_fn(void *userdata);

/* From now on new requests are answered 503. Each socket is told (DM_NOTICE_DRAINING) and closed
 * with 1001 as soon as its commands are answered; nothing more is read from it meanwhile. At most
 * `pace` sockets a second are told, at odd moments; until then they are served as before. 0: all at
 * once. `done` runs once, later, when no session is left. Commands of sessions already gone may
 * still be under way: see engine_busy. */
void host_drain(struct host *host, uint32_t pace, host_drained_fn *done, void *userdata);

/* While it drains: how many are to be told yet, at most. */
uint32_t host_drain_left(const struct host *host);

/* Ends the sessions that live without a connection (Socket.IO between two polls); for the end, when
 * the connections are closed. */
void host_hang_up(struct host *host);

/* Sessions now, HTTP exchanges included. */
uint32_t host_session_count(const struct host *host);

/* Told of a hook of that name that took more than the limit of the thread's own time; runs before
 * what the hook asked for is acted on. */
typedef void host_slow_hook_fn(void *owner, const char *hook, uint64_t us);

/* Looks at the clock around every hook from now on: a system call each, so not for serving. */
void host_watch_hooks(struct host *host, uint64_t limit_us, host_slow_hook_fn *fn, void *owner);

/* Appends the absolute URL of one of the gateway's own files. `base` is scheme and host, without
 * trailing slash. */
typedef void host_file_url_fn(void *userdata, const struct dm_attachment *attachment,
                              struct dm_slice base, struct buf *ret_url);

/* Who makes those URLs. Until then such attachments are written as null. */
void host_set_file_url(struct host *host, host_file_url_fn *fn, void *userdata);

/* The configured adapters, in the order added; NULL past the last. For `adapter list`, the matrix
 * and the inspector. */
const struct dm_instance *host_instance_at(const struct host *host, size_t index);
const struct dm_adapter *host_adapter_at(const struct host *host, size_t index);

#endif
