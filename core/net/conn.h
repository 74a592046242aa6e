/* Accepted connections: one stream each, speaking HTTP until it is upgraded, then WebSocket.
 *
 *     HTTP idle <-> HTTP exchange --websocket_accept--> WebSocket
 *
 * A server is a set of connections with common limits and one who answers their requests. It
 * owns its listeners. An idle connection of either kind holds no buffers. */
#ifndef DRAGOMAN_NET_CONN_H
#define DRAGOMAN_NET_CONN_H

#include <stdint.h>

#include "core/net/address_set.h"
#include "core/net/http.h"
#include "core/net/listener.h"
#include "core/net/loop.h"
#include "core/net/stream.h"
#include "core/net/websocket.h"

struct conn;
struct conn_server;
struct tls;

struct conn_handler {
    /* The head of a request is complete and valid. See http.h for what to do with it. Required. */
    void (*request)(struct conn_server *server, struct http_exchange *exchange);
    /* A connection is gone, after its last exchange's or WebSocket's end. May be NULL. */
    void (*closed)(struct conn_server *server, struct conn *conn);
};

struct conn_config {
    struct stream_limits write; /* the send queue of each connection; max is for WebSockets */
    struct http_limits http;
    uint32_t linger_ms;         /* the most that a closing connection waits for the peer's end */
    uint32_t max_connections;   /* at once, however they came; 0: no limit. A further one is told
                                   503 and closed */
    const struct address_set *trusted; /* proxies that are believed about their clients; NULL:
                                          none. Borrowed */
};

/* low 16 KiB, high 64 KiB, max 1 MiB; HTTP_LIMITS_DEFAULT; 2 s; no limit. */
#define CONN_CONFIG_DEFAULT \
    { .write = { 16384, 65536, 1048576, NULL }, .http = HTTP_LIMITS_DEFAULT, .linger_ms = 2000, \
      .max_connections = 0, .trusted = NULL }

/* A server without listeners. config is copied; handler must outlive the server. */
struct conn_server *conn_server_new(struct loop *loop, const struct conn_config *config,
                                    const struct conn_handler *handler, void *userdata);

void *conn_server_userdata(const struct conn_server *server);
struct loop *conn_server_loop(const struct conn_server *server);

/* What the bytes of a listener's connections are wrapped in; zeroed: nothing. */
struct conn_door {
    struct tls *tls; /* NULL: plain. Borrowed, outlives the listener */
    enum {
        CONN_DOOR_BARE = 0,
        CONN_DOOR_PROXIED, /* trusted proxies put a PROXY protocol header in front; others do not */
    } header;
};

/* Opens a listener that feeds this server; any number of them. config->surplus, when absent, is a
 * 503 response, but nothing to who expects TLS. Returns 0 or a negative errno, as listener_open.
 * The listener may be asked, paused and resumed; it is closed through conn_server_unlisten or
 * _close only. */
int conn_server_listen(struct conn_server *server, const struct listener_config *config,
                       struct listener **ret_listener);

/* The same for another door than a bare one. */
int conn_server_listen_at(struct conn_server *server, const struct listener_config *config,
                          const struct conn_door *door, struct listener **ret_listener);

/* Other limits, for what comes and what connections do from now on. */
void conn_server_configure(struct conn_server *server, const struct conn_config *config);

/* The descriptor of its listener number `index`, borrowed; -1 past the last, and for a closed
 * one. */
int conn_server_listener_fd(const struct conn_server *server, size_t index);

/* Closes every listener of the server; connections stay. */
void conn_server_unlisten(struct conn_server *server, enum listener_file file);

/* Takes over a connected non-blocking stream socket, e.g. from another process. layer may be NULL
 * (plain). Returns 0, or a negative errno: fd and layer are then still the caller's. ret_conn may
 * be NULL. */
int conn_open(struct conn_server *server, int fd, const struct net_address *peer,
              struct stream_layer *layer, struct conn **ret_conn);

/* From now on no HTTP connection outlives its current or next exchange: responses say Connection:
 * close. */
void conn_server_retire(struct conn_server *server);

/* The same, and idle ones close at once. WebSockets are their owners' to close. */
void conn_server_drain(struct conn_server *server);

/* Connections now. */
uint32_t conn_server_count(const struct conn_server *server);

/* 1 while it carries bytes of connections that other processes answer. */
int conn_server_relays(const struct conn_server *server);

/* Bytes of responses that clients have not taken yet, of all connections together. */
uint64_t conn_server_queued(const struct conn_server *server);

typedef void conn_server_closed_fn(void *userdata);

/* Closes the listeners (unlinking), aborts every connection (all their last callbacks come), and
 * then, later, calls closed (may be NULL) once and frees the server. */
void conn_server_close(struct conn_server *server, conn_server_closed_fn *closed);

struct conn_server *conn_server_of(const struct conn *conn);

/* What the connection has queued as responses counts from now on for that client (a key that is
 * spread uniformly; clients whose keys fall together are one). Returns how many bytes it, by all
 * its connections, has not read. */
#define CONN_CHARGE_NOBODY UINT64_C(0)
uint64_t conn_charge(struct conn *conn, uint64_t key);

/* Ends the connection at once, whatever it does; all last callbacks come. */
void conn_abort(struct conn *conn);

#endif
