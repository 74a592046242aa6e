/* What conn.c shares with the protocols it carries. Private to this folder. */
#ifndef DRAGOMAN_NET_CONN_INTERNAL_H
#define DRAGOMAN_NET_CONN_INTERNAL_H

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/net/conn.h"
#include "core/net/conn_pass.h"
#include "core/net/http_exchange.h"
#include "core/net/stream_internal.h"
#include "core/net/websocket_internal.h"

/* Bytes read while the protocol waits for its user: at most this and one read. */
#define CONN_BACKLOG_MAX 65536

enum conn_flag {
    CONN_WEBSOCKET = 1, /* upgraded */
    CONN_EOF = 2,       /* the peer has ended its direction */
    CONN_TLS = 4,       /* the stream is encrypted up to here */
};

struct conn {
    struct stream stream;
    struct conn_server *server;
    struct conn_entrance *entrance; /* to be told of the end; NULL for conn_open */
    struct list link;
    struct loop_hook hook;
    struct http_exchange *http; /* NULL while idle and after an upgrade */
    struct blob *backlog;       /* what was read and not taken yet: [backlog_at, len) */
    struct conn_pass *pass;     /* on its way to another process; NULL: it stays */
    struct websocket ws;
    uint32_t backlog_at;
    struct net_address peer;
    uint8_t flags;
};

/* A listener of a server, and what its connections are wrapped in. */
struct conn_entrance {
    struct conn_server *server;
    struct listener *listener; /* the memory lives until its last connection is gone */
    struct conn_door door;
    enum { ENTRANCE_OPEN, ENTRANCE_CLOSED } state;
};

struct conn_server {
    struct loop *loop;
    struct conn_config config;
    struct stream_limits http_write; /* no max: who responds in pieces waits for writable(), and
                                        no request is taken while the queue is full */
    struct stream_total unread; /* by http_write */
    struct conn_share *shares;  /* see conn_share.c; NULL: nobody was charged yet */
    const struct conn_handler *handler;
    void *userdata;
    struct list conns;
    uint32_t count;
    struct list passes; /* that carry bytes, or still have some to bring: see conn_pass.c */
    struct conn_entrance **entrances; /* closed ones too: their connections know them */
    size_t entrance_count;
    struct list exchanges; /* the pool */
    size_t exchange_count;
    struct buf text;       /* for writing heads of responses */
    struct loop_hook hook;
    conn_server_closed_fn *closed;
    enum { SERVER_OPEN, SERVER_DRAINING, SERVER_CLOSING } state;
};

/* Something that was waited for is there: goes on at the end of this turn. */
void conn_mark(struct conn *conn);

/* 1 while bytes can still be written. */
static inline int conn_is_open(const struct conn *conn) {
    return stream_get_state(&conn->stream) == STREAM_OPEN;
}

/* As conn_open, for a connection that a listener accepted; the PROXY protocol's header is awaited
 * where the peer is one that may send it. */
int conn_enter(struct conn_entrance *entrance, int fd, const struct net_address *peer);

/* Graceful. */
void conn_close(struct conn *conn);

#endif
