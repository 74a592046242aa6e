/* Passing a connection to another process of the same machine: to the one that owns what a request
 * names. Each process has a name, which ids it gives out begin with, and a datagram socket
 * DIR/NAME. Whoever gets a request with the id of another one sends it the connection's descriptor
 * (unix(7), SCM_RIGHTS) with all that was read and not answered; the connection lives on there, and
 * may be passed on again. One that this process must stay in, because it holds its TLS session, is
 * passed as one end of a socket pair, between which and the peer it carries bytes from then on.
 *
 *     peer ══ A ──descriptor, request──▶ B          peer ═══════════ B
 *     peer ═TLS═ A ──end of a pair, request──▶ B    peer ═TLS═ A ─── B
 */
#ifndef DRAGOMAN_NET_HANDOFF_H
#define DRAGOMAN_NET_HANDOFF_H

#include "core/base/slice.h"
#include "core/net/conn.h"
#include "core/net/loop.h"

struct handoff;

/* Random characters of base64url. */
#define HANDOFF_NAME_LEN 8
#define HANDOFF_PLACE_MAX 16

/* A process with a fresh name. place (at most HANDOFF_PLACE_MAX letters and digits, may be empty)
 * tells its machine from others: ids begin with "PLACE." then. */
struct handoff *handoff_new(struct loop *loop, struct dm_slice place);

/* Takes connections in from now on, into that server. dir: the directory of all processes, owned by
 * the caller, who keeps it open. Returns 0 or a negative errno. */
int handoff_listen(struct handoff *handoff, int dir, struct conn_server *server);

/* What ids of this process begin with. Borrowed. */
struct dm_slice handoff_prefix(const struct handoff *handoff);

/* Passes the exchange's connection to the process that the id names. Within request(). Returns 0:
 * the exchange is not to be touched again; or -ENOENT when that is this process, or none that
 * lives on this machine. */
int handoff_pass(struct handoff *handoff, struct dm_slice id, struct http_exchange *exchange);

/* Takes nothing in any more, and frees. What others have sent meanwhile is closed. Runs the loop.
 * NULL does nothing. */
void handoff_close(struct handoff *handoff);

#endif
