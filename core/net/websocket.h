/* WebSocket, server side (RFC 6455).
 *
 *     OPEN --websocket_close--> CLOSING --peer's Close, timeout--> over() --stream ends--> closed()
 *       \------ peer's Close (answered), or a violation (Close sent) ---/
 *
 * Messages are delivered whole. Control frames are dealt with here: a ping is answered (not while
 * the send queue is full), a Close is answered with the same code. Violations end the connection
 * with 1002 (masking, reserved bits and kinds, fragmentation, control frames, close codes), 1007
 * (text that is no UTF-8) or 1009 (too big, decided on the frame's header; what is left of that
 * frame is thrown away, for as long as a closing connection lingers, before the stream ends). While
 * the send queue is full nothing more is read from the peer.
 *
 * An idle connection holds no buffer. Callbacks come from the loop, never from inside a call of
 * this header. */
#ifndef DRAGOMAN_NET_WEBSOCKET_H
#define DRAGOMAN_NET_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/net/http.h"
#include "core/net/stream.h"

struct conn;
struct websocket;

enum websocket_kind {
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

/* Close codes (section 7.4.1, and the IANA registry). */
enum websocket_code {
    WEBSOCKET_CODE_EMPTY = 0, /* to websocket_close: a Close without a code */
    WEBSOCKET_CODE_NORMAL = 1000,
    WEBSOCKET_CODE_GOING_AWAY = 1001,
    WEBSOCKET_CODE_PROTOCOL = 1002,
    WEBSOCKET_CODE_UNSUPPORTED = 1003,
    WEBSOCKET_CODE_NONE = 1005,     /* only reported: the Close had no code */
    WEBSOCKET_CODE_ABNORMAL = 1006, /* only reported: the connection ended without a Close */
    WEBSOCKET_CODE_INVALID_DATA = 1007,
    WEBSOCKET_CODE_POLICY = 1008,
    WEBSOCKET_CODE_TOO_BIG = 1009,
    WEBSOCKET_CODE_INTERNAL = 1011,
    WEBSOCKET_CODE_RESTART = 1012,
    WEBSOCKET_CODE_TRY_LATER = 1013,
};

/* How a connection ended. reason is borrowed for the call. */
struct websocket_ending {
    uint16_t code;          /* the first Close, whoever sent it; 1005 or 1006 without one */
    struct dm_slice reason; /* of the peer's Close; empty otherwise */
    enum stream_end end;    /* what became of the stream */
};

struct websocket_handler {
    /* A whole message of kind text (valid UTF-8) or binary. data is gone after the call, and
     * usually lies in the loop's scratch buffer. Not called after websocket_close. Required. */
    void (*message)(struct websocket *ws, enum websocket_kind kind, struct dm_slice data);
    /* The send queue has drained after websocket_is_full was true. May be NULL. */
    void (*drained)(struct websocket *ws);
    /* The conversation is over, by the peer's Close or end or a violation: nothing is delivered or
     * sent any more. closed() follows when the stream has ended, which a peer may put off. At most
     * once, and not when the stream breaks off; ending->end is STREAM_END_CLOSED. May be NULL. */
    void (*over)(struct websocket *ws, const struct websocket_ending *ending);
    /* Always last, exactly once; ws is gone afterwards. Required. */
    void (*closed)(struct websocket *ws, const struct websocket_ending *ending);
};

struct websocket_options {
    const struct websocket_handler *handler;
    void *userdata;
    struct dm_slice protocol;        /* the subprotocol chosen, one of those offered; or absent */
    const struct http_field *fields; /* further fields of the 101 response */
    size_t field_count;
    uint32_t max_message;            /* bytes; 0 means 65536 */
    uint32_t ping_interval_ms;       /* of silence from the peer before a ping; 0: no pings */
    uint32_t pong_timeout_ms;        /* without a byte after the ping: ended with 1006; 0: 20 s */
    uint32_t close_timeout_ms;       /* for the peer's Close, and then for flushing; 0: 5 s */
};

/* Accepts the upgrade that an exchange asks for, within request() or any time later; bytes that
 * came meanwhile are kept. The 101 response is queued at once, the exchange ends with
 * HTTP_END_UPGRADED, messages come from the end of this turn on. Returns 0;
 * -EINVAL when the request is no valid handshake or a field of the response is bad (respond
 * otherwise); -EALREADY when a response was begun; -EPIPE when the connection is gone.
 * Refusing is http_respond with any status. */
int websocket_accept(struct http_exchange *exchange, const struct websocket_options *options,
                     struct websocket **ret_ws);

/* Answers a request that is not, or not a valid, handshake: 426 with the version spoken here for
 * HTTP_UPGRADE_NONE and HTTP_UPGRADE_BAD_VERSION, else 400 (sections 4.2.2 and 4.4). Returns as
 * http_respond does. */
int websocket_respond_invalid(struct http_exchange *exchange);

/* 1 when the client offered that subprotocol, else 0. Walk all with http_list_next and
 * "sec-websocket-protocol". */
int websocket_is_offered(const struct http_request *request, struct dm_slice protocol);

void *websocket_userdata(const struct websocket *ws);
void websocket_set_userdata(struct websocket *ws, void *userdata);
struct conn *websocket_conn(const struct websocket *ws);

/* ---- sending: 0; -EPIPE after a Close was sent or the connection ended (nothing queued);
 *      -ENOBUFS when the queue's hard limit is passed: the connection is aborted ---- */

/* One message for one peer; kind is text or binary. That text is valid UTF-8 is the caller's
 * word. */
int websocket_send(struct websocket *ws, enum websocket_kind kind, struct dm_slice payload);

/* A complete unmasked frame with one reference, owned by the caller: encode once, send to many. */
struct blob *websocket_frame_blob(enum websocket_kind kind, struct dm_slice payload);

/* Queues such a frame (or several in one blob) with a further reference. */
int websocket_send_blob(struct websocket *ws, struct blob *frame);

/* 1 while the send queue is at or above its high mark: producers should wait for drained(). */
int websocket_is_full(const struct websocket *ws);

/* Bytes in the send queue. */
size_t websocket_queued(const struct websocket *ws);

/* ---- receiving ---- */

/* The limit for messages that begin from now on, also for the next frame of one under way. */
void websocket_set_max_message(struct websocket *ws, uint32_t bytes);

/* As in websocket_options, from now on. */
void websocket_set_keepalive(struct websocket *ws, uint32_t ping_interval_ms,
                             uint32_t pong_timeout_ms);

/* No message() until resumed; may be called inside message(). What was read already is kept
 * (64 KiB at most), then TCP pushes back. While paused the peer's silence is not counted.
 * Idempotent. */
void websocket_pause(struct websocket *ws);
void websocket_resume(struct websocket *ws);

/* ---- ending ---- */

/* Sends a Close and waits for the peer's. code: WEBSOCKET_CODE_EMPTY, or one that may be sent
 * (1000 to 1003, 1007 to 1014, 3000 to 4999; another is sent as 1011); reason is UTF-8 and cut to
 * 123 bytes. Does nothing when a Close was sent before. */
void websocket_close(struct websocket *ws, uint16_t code, struct dm_slice reason);

/* Ends the connection without a Close: closed() reports 1006. */
void websocket_abort(struct websocket *ws);

#endif
