/* One connection on its way to another process: what is sent with its descriptor, and carrying its
 * bytes afterwards where it has to stay. Private to this folder.
 *
 *     (request) ──▶ WAITS ──sent, plain──▶ the connection ends here
 *                     └──sent, a pair's end──▶ RELAYS ──either side ends──▶ OVER
 */
#ifndef DRAGOMAN_NET_CONN_PASS_H
#define DRAGOMAN_NET_CONN_PASS_H

#include "core/base/buf.h"
#include "core/net/conn.h"

/* A message at most: a head, a backlog that is full, and one read more. */
#define CONN_PASS_MAX (196u << 10)

/* What comes with a descriptor. */
struct conn_passed {
    struct net_address peer;
    int is_tls;
    struct dm_slice bytes; /* read from the peer, not answered yet. Borrowed */
};

/* Reads a message. Returns 0, or -EPROTO for one of another version or a broken one. */
int conn_passed_read(const void *data, size_t len, struct conn_passed *ret_passed);

/* Opens a connection of the server on the descriptor, as if what comes with it had just been read.
 * Returns 0, or a negative errno: fd is then still the caller's. */
int conn_adopt(struct conn_server *server, int fd, const struct conn_passed *passed);

/* Sends the exchange's connection to whom `target`, a datagram socket that becomes its own, is
 * connected with, at the end of this turn. The exchange is not to be touched again. */
void conn_pass(struct http_exchange *exchange, int target);

/* ---- for conn.c; conn->pass is there ---- */

/* The turn's end: sends, unless it has been sent. */
void conn_pass_turn(struct conn *conn);

/* The peer's bytes, its end, room in its queue. Return 1 when that was taken, 0 while it waits. */
int conn_pass_data(struct conn *conn, const uint8_t *data, size_t len);
int conn_pass_eof(struct conn *conn);
void conn_pass_drained(struct conn *conn);

/* The connection is gone. */
void conn_pass_end(struct conn *conn);

/* Cuts the pairs of all connections of the server, of those too that are gone. */
void conn_pass_abort_all(struct conn_server *server);

#endif
