/* Engine.IO sessions. Those of a Socket.IO route are connections with namespaces that their client
 * joins, each of which is a session of the host; one of an Engine.IO route is itself that session.
 * Private to core/adapter. */
#ifndef DRAGOMAN_ADAPTER_SIO_H
#define DRAGOMAN_ADAPTER_SIO_H

#include "core/adapter/internal.h"
#include "core/net/engineio.h"

struct sio_binary;
struct socketio_packet;

/*   Engine.IO:  (handshake) ──▶ its session ──▶ closing ──▶ gone
 *   Socket.IO:
 *   (handshake) ──▶ no namespace ◀──▶ some namespaces ──▶ closing ──▶ gone
 *                       └── too long: closed ────────────────▲
 */
struct sio {
    struct instance *instance;
    struct engineio_session *eio;
    const struct dm_route *route; /* one of its path's */
    struct list link;          /* among the host's */
    struct list sessions;      /* by their seats */
    struct loop_timer timer;   /* while no namespace is joined */
    struct loop_hook hook;     /* ends sessions that were closed */
    struct base_url *base;
    struct sio_binary *binary; /* a packet whose attachments are on their way */
    struct net_address remote;
};

/* The place of a session in its Socket.IO or Engine.IO connection. */
struct sio_seat {
    struct sio *sio;
    struct list link;    /* among the sessions of that */
    const char *ns;      /* of Socket.IO: the namespace */
    struct session *session;
};

static inline struct session *session_of_seat(struct list *link) {
    return container_of(link, struct sio_seat, link)->session;
}

/* The Engine.IO server of an instance that has such routes. */
struct engineio *sio_server_new(struct instance *instance);

/* Its settings have changed. */
void sio_server_configure(struct instance *instance);

/* A request for such a path. */
void sio_request(struct instance *instance, struct http_exchange *exchange);

/* The session is to be closed: tells the peer, and later ends it. */
void sio_session_closing(struct session *session, uint16_t code);

/* The largest limit of its sessions, and a pause as long as one of them asks for it. */
void sio_update_limit(struct sio *sio);
void sio_update_pause(struct sio *sio);

/* The host goes down: closes it when no namespace is joined. */
void sio_drain(struct sio *sio);

/* ---- between sio.c and sio_packet.c ---- */

/* The peer broke the protocol: the connection closes. */
void sio_fail(struct sio *sio);
struct session *sio_find_session(const struct sio *sio, struct dm_slice ns);
/* The client joins a namespace, or leaves it. */
void sio_connect(struct sio *sio, const struct socketio_packet *packet);
void sio_leave(struct session *session);
void sio_take_text(struct sio *sio, struct dm_slice text);
void sio_take_attachment(struct sio *sio, struct dm_slice data);
void sio_binary_free(struct sio *sio);

#endif
