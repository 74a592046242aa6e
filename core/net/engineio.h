/* Engine.IO, protocol 4, server side: message sessions over HTTP long-polling and WebSocket.
 *
 * A session is not a connection. It begins by a handshake over either transport, may move from
 * polling to a WebSocket once, and outlives the single requests of its polling; only an open poll
 * whose connection breaks ends it.
 *
 *     GET transport=polling ──▶ OPEN, polling ──2probe 3probe 5──▶ OPEN, WebSocket
 *     GET transport=websocket (Upgrade) ────────────────────────────────▲
 *     OPEN ──engineio_close──▶ CLOSING ──told, or too late──▶ closed()
 *       └── close packet, lost poll or WebSocket, no pong, violation ──▲
 *
 * Packets keep their order across the move; what waited for a poll leaves by the WebSocket.
 * Heartbeats go from here (2) to the peer (3). Violations end the session: an unknown or empty
 * packet, a ping of the peer's, text that is no UTF-8, two polls or two posts at a time.
 *
 * Refused requests get 400 and {"code":n,"message":…}: 0 unknown transport, 1 unknown session, 2
 * handshake that is no GET, 3 any other bad request, 5 protocol other than 4.
 *
 * Callbacks come from the loop, never from inside a call of this header. */
#ifndef DRAGOMAN_NET_ENGINEIO_H
#define DRAGOMAN_NET_ENGINEIO_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/net/http.h"
#include "core/net/loop.h"
#include "core/net/websocket.h"

struct engineio;
struct engineio_session;
struct handoff;

/* 128 random bits in base64url, behind the prefix of the process that owns the session. */
#define ENGINEIO_SID_MAX 63

/* Why a session ended. */
enum engineio_end {
    ENGINEIO_END_PEER = 0, /* close packet, or its connection ended */
    ENGINEIO_END_TIMEOUT,  /* no pong in time */
    ENGINEIO_END_INVALID,  /* a violation by the peer */
    ENGINEIO_END_CLOSED,   /* engineio_close, and the peer was told or did not come in time */
    ENGINEIO_END_FULL,     /* what waited for a poll grew over the limit */
    ENGINEIO_END_ABORTED,  /* engineio_abort_all */
};

/* "peer", ...; static storage. */
const char *engineio_end_name(enum engineio_end end);

struct engineio_handler {
    /* A sound handshake: the request lives for the call. Returns 0, with the session to be used
     * from now on (its userdata is to be set here), or the HTTP status that refuses it; closed()
     * does not follow then. Required. */
    int (*open)(struct engineio *server, struct engineio_session *session,
                const struct http_request *request);
    /* The handshake is answered. May be NULL. */
    void (*opened)(struct engineio_session *session);
    /* One message of kind text (valid UTF-8) or binary; data is gone after the call. Required. */
    void (*message)(struct engineio_session *session, enum websocket_kind kind,
                    struct dm_slice data);
    /* Always last, exactly once; the session is gone afterwards. Required. */
    void (*closed)(struct engineio_session *session, enum engineio_end end);
};

struct engineio_config {
    uint32_t ping_interval_ms;
    uint32_t ping_timeout_ms;
    uint32_t max_payload;     /* bytes: told to clients as maxPayload */
    uint32_t max_message;     /* bytes of a POST or WebSocket message of a new session */
    uint32_t queue_max;       /* bytes that may wait for a poll; one message may pass it while less
                                 than half of it waits */
    struct handoff *handoff;  /* to other processes whose sessions requests name; NULL: there are
                                 none. Outlives the server */
    struct dm_slice origins;  /* of which pages may speak to us, as cors.h has it. Borrowed */
};

/* A server without sessions. config is copied; handler must outlive the server. */
struct engineio *engineio_new(struct loop *loop, const struct engineio_config *config,
                              const struct engineio_handler *handler, void *userdata);

/* Another configuration, for what comes from now on; origins are borrowed again. */
void engineio_configure(struct engineio *server, const struct engineio_config *config);

/* Requires that no session is left. NULL does nothing. */
void engineio_free(struct engineio *server);

void *engineio_server_userdata(const struct engineio *server);

/* Sessions now. */
uint32_t engineio_count(const struct engineio *server);

/* 1 when the query names one of EIO, transport and sid, so that the request speaks this protocol;
 * else 0. */
int engineio_is_meant(const struct http_request *request);

/* Deals with a request; within its request() callback. */
void engineio_request(struct engineio *server, struct http_exchange *exchange);

/* Ends every session at once; all closed() come before it returns. For the end of a process, when
 * the connections are gone. */
void engineio_abort_all(struct engineio *server);

/* ---- sessions ---- */

void *engineio_userdata(const struct engineio_session *session);
void engineio_set_userdata(struct engineio_session *session, void *userdata);

/* The type of a text message's packet. */
#define ENGINEIO_MESSAGE '4'

/* Queues messages with a further reference: the blob holds one or several complete WebSocket
 * frames as websocket_frame_blob makes them, each of which is one packet: text with its type in
 * front ("4hello"), or binary. So the same bytes serve both transports. Returns 0; -EPIPE when the
 * session is closing; -ENOBUFS when too much waits: the session ends. */
int engineio_send_blob(struct engineio_session *session, struct blob *frames);

/* One text message, its type put in front. */
int engineio_send(struct engineio_session *session, struct dm_slice text);

/* Bytes that the client has not taken. */
uint64_t engineio_queued(const struct engineio_session *session);

/* The limit for what comes from now on. */
void engineio_set_max_message(struct engineio_session *session, uint32_t bytes);

/* No message() until resumed; may be called inside message(). A POST is answered when all of it
 * was delivered. While paused the peer's silence is not counted. Idempotent. */
void engineio_pause(struct engineio_session *session);
void engineio_resume(struct engineio_session *session);

/* Ends the session after what was queued: a WebSocket by a Close with that code, polling by a close
 * packet in the next poll after what was queued, which is awaited for 2 s. Does nothing when it is
 * closing already. */
void engineio_close(struct engineio_session *session, uint16_t code);

#endif
