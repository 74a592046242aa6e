/* The frames of one WebSocket, client side (RFC 6455): bytes in, frames out, and back. */
#ifndef DRAGOMAN_REPLAY_SOCKET_H
#define DRAGOMAN_REPLAY_SOCKET_H

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/transcript/transcript.h"

struct socket;

struct socket_hooks {
    /* A whole message or a control frame came. Pings are answered already and not told. */
    void (*frame)(void *owner, enum frame_kind kind, struct dm_slice bytes);
    /* A Close frame came: its code (1005: it had none) and reason. It is answered already. */
    void (*closing)(void *owner, unsigned code, struct dm_slice reason);
    /* Bytes to be sent. */
    void (*output)(void *owner, struct dm_slice bytes);
};

/* Hooks run inside the calls below only. */
struct socket *socket_new(const struct socket_hooks *hooks, void *owner);
void socket_free(struct socket *socket);

/* What came from the server. Returns 0, or -1 when the server breaks the protocol. */
int socket_feed(struct socket *socket, struct dm_slice bytes);

/* Sends a message, cut into frames as cuts says, or a control frame. Its content is not looked
 * at: what the protocol forbids goes out as well. */
void socket_send(struct socket *socket, enum frame_kind kind, struct dm_slice bytes,
                 const struct cuts *cuts);

/* Sends a message in WebSocket frames of so many bytes each; piece > 0. */
void socket_send_pieces(struct socket *socket, enum frame_kind kind, struct dm_slice bytes,
                        size_t piece);

/* Sends a Close frame, once: with the code, or empty when it is 0. */
void socket_close(struct socket *socket, unsigned code, struct dm_slice reason);

#endif
