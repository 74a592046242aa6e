/* One client of a transcript: its WebSocket, its HTTP connection, and what came over them. */
#ifndef DRAGOMAN_REPLAY_PEER_H
#define DRAGOMAN_REPLAY_PEER_H

#include <uv.h>

#include "core/base/list.h"
#include "core/replay/answer.h"
#include "core/replay/socket.h"
#include "core/replay/target.h"
#include "core/replay/wire.h"

/* NONE -> UPGRADING -> OPEN -> ENDED
 *             +-> REFUSED         +-> (peer_connect: UPGRADING again) */
enum peer_socket {
    PEER_NONE,
    PEER_UPGRADING,
    PEER_OPEN,
    PEER_REFUSED, /* upgrade_answer tells how; NULL: there was no answer */
    PEER_ENDED,   /* close_code and close_reason tell how */
};

struct arrival {
    struct list link;
    enum frame_kind kind;
    struct buf bytes;
};

struct peer {
    struct dm_slice name; /* borrowed */
    uv_loop_t *loop;
    const struct target *target;
    size_t cut;

    enum peer_socket state;
    enum { PEER_SENDS, PEER_HOLDS } flow; /* of the WebSocket */
    struct buf held;
    struct wire *socket_wire;
    struct socket *socket;
    struct answer_reader upgrade;
    struct answer *upgrade_answer;
    struct list arrivals; /* struct arrival, messages and pongs */
    unsigned close_code;  /* of the Close that came; 1006 without one */
    struct buf close_reason;
    int broken;     /* the server broke the WebSocket protocol */
    int wire_error; /* libuv's, when the socket's connection could not be made or failed */

    struct wire *http_wire;
    struct answer_reader reader;
    struct list answers; /* struct answer */
    unsigned open_requests;
    unsigned lost_answers;       /* requests whose connection ended before their answer */
    const char *lost_reason;     /* static */
    unsigned long long no_bodies; /* one bit for each open request, the oldest lowest: HEAD */
};

void peer_init(struct peer *peer, struct dm_slice name, uv_loop_t *loop,
               const struct target *target, size_t cut);

/* Cuts all connections and frees what came. */
void peer_fini(struct peer *peer);

/* Begins to open the WebSocket with this request, which holds `Sec-WebSocket-Key: PEER_KEY`. */
#define PEER_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define PEER_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
void peer_connect(struct peer *peer, struct dm_slice request);

/* From now on what is sent on the WebSocket is held back, until peer_release sends it in one
 * write. */
void peer_hold(struct peer *peer);
void peer_release(struct peer *peer);

/* Sends a request; its answer will be appended to answers, or counted as lost. At most 64 may be
 * open; a further one is refused with -1. */
enum peer_answer { PEER_BODY, PEER_NO_BODY };
int peer_request(struct peer *peer, struct dm_slice request, enum peer_answer answer);

/* Cuts the connections; nothing more comes. The WebSocket is PEER_ENDED, or as it was. */
void peer_drop(struct peer *peer);

/* The oldest message or pong, or NULL; it is the caller's to free when it takes it. */
struct arrival *peer_front(const struct peer *peer);
size_t peer_arrival_count(const struct peer *peer);
void peer_take(struct peer *peer, struct arrival *arrival);
void arrival_free(struct arrival *arrival);

#endif
