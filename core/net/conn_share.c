/* Whose unread responses they are: what a connection has queued counts for whom its last request
 * came from, and for the server. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/net/conn_internal.h"
#include "core/net/conn_server.h"

#define SHARES 4096 /* a power of two */

struct conn_share {
    struct stream_limits limits;
    struct stream_total unread;
};

static void take_limits(struct conn_server *server, struct conn_share *share) {
    share->limits = server->http_write;
    share->limits.total = &share->unread;
}

void conn_shares_configure(struct conn_server *server) {
    for (size_t i = 0; server->shares && i < SHARES; i++)
        take_limits(server, &server->shares[i]);
}

static void open_shares(struct conn_server *server) {
    server->shares = mem_calloc(SHARES, sizeof(*server->shares));
    for (size_t i = 0; i < SHARES; i++)
        server->shares[i].unread.whole = &server->unread;
    conn_shares_configure(server);
}

uint64_t conn_charge(struct conn *conn, uint64_t key) {
    struct conn_server *server = conn->server;
    if (key == CONN_CHARGE_NOBODY) {
        stream_set_limits(&conn->stream, &server->http_write);
        return 0;
    }
    if (!server->shares)
        open_shares(server);
    struct conn_share *share = &server->shares[key & (SHARES - 1)];
    stream_set_limits(&conn->stream, &share->limits);
    return share->unread.bytes;
}

void conn_shares_free(struct conn_server *server) {
    free(server->shares);
}
