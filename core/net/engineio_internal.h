/* What the Engine.IO files share. Private to this folder. */
#ifndef DRAGOMAN_NET_ENGINEIO_INTERNAL_H
#define DRAGOMAN_NET_ENGINEIO_INTERNAL_H

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/net/engineio.h"

#define ENGINEIO_SEPARATOR '\x1e'

/* Section "Packet encoding" of the protocol. */
enum engineio_packet {
    PACKET_OPEN = '0',
    PACKET_CLOSE = '1',
    PACKET_PING = '2',
    PACKET_PONG = '3',
    PACKET_MESSAGE = ENGINEIO_MESSAGE,
    PACKET_UPGRADE = '5',
    PACKET_NOOP = '6',
    PACKET_BINARY = 'b', /* a message in base64: by polling, or as text of a WebSocket */
};

enum engineio_error {
    ENGINEIO_UNKNOWN_TRANSPORT = 0,
    ENGINEIO_UNKNOWN_SID = 1,
    ENGINEIO_BAD_HANDSHAKE_METHOD = 2,
    ENGINEIO_BAD_REQUEST = 3,
    ENGINEIO_UNSUPPORTED_VERSION = 5,
};

enum engineio_flag {
    ENGINEIO_PAUSED = 1,
    ENGINEIO_PINGED = 2, /* a pong is owed */
    ENGINEIO_FULL = 4,   /* to be ended at the end of this turn */
    ENGINEIO_POSTED = 8, /* the body of the post is whole */
    ENGINEIO_COLLECTING = 16, /* ... or on its way */
};

/* A WebSocket that wants to take over, until it does. */
struct engineio_probe {
    struct engineio_session *session;
    struct websocket *ws;
    struct loop_timer timer;
    uint32_t waited_ms;
    enum { PROBE_SILENT = 0, PROBE_ANSWERED } state;
};

struct engineio_session {
    struct engineio *server;
    void *userdata;
    struct list link;
    struct loop_timer timer; /* OPEN: heartbeat. CLOSING: for the last poll */
    uint64_t deadline;       /* loop time at which a peer without a pong is gone */
    struct loop_hook hook;
    struct websocket *ws;    /* NULL: polling */
    struct engineio_probe *probe;
    struct http_exchange *poll;
    struct http_exchange *post;
    struct dm_slice post_rest; /* what was not taken yet; absent: nothing */
    struct blob **queue;     /* what waits for a poll */
    uint32_t queue_count, queue_cap;
    uint32_t queued;         /* bytes */
    uint32_t max_message;
    uint8_t state;           /* enum engineio_state */
    uint8_t flags;           /* enum engineio_flag */
    char sid[ENGINEIO_SID_MAX + 1];
};

enum engineio_state {
    ENGINEIO_OPEN = 0,
    ENGINEIO_CLOSING,
};

struct engineio {
    struct loop *loop;
    struct engineio_config config;
    const struct engineio_handler *handler;
    void *userdata;
    struct map_bytes sessions;
    struct list all;
    struct buf scratch; /* for payloads under way */
};

/* What a packet leads to. */
enum engineio_taken {
    ENGINEIO_TAKEN = 0,
    ENGINEIO_TAKEN_CLOSE, /* the peer wants to end */
    ENGINEIO_TAKEN_BAD,
};

/* engineio.c */
struct engineio_session *engineio_session_new(struct engineio *server);
/* Ends it: answers what is open, runs closed(), frees. Only from callbacks of the loop. */
void engineio_drop(struct engineio_session *session, enum engineio_end end);
/* Frees a session that was refused. */
void engineio_session_free(struct engineio_session *session);
/* Frees what waits, one reference each. */
void engineio_queue_clear(struct engineio_session *session);
enum engineio_taken engineio_take(struct engineio_session *session, struct dm_slice packet);
void engineio_mark(struct engineio_session *session);
/* The open packet with its "0". */
void engineio_put_open(const struct engineio_session *session, const char *upgrades,
                       struct buf *ret_text);
void engineio_begin_heartbeat(struct engineio_session *session);
int engineio_is_overdue(const struct engineio_session *session);
/* Tells the handler. */
void engineio_opened(struct engineio_session *session);

/* engineio_request.c */
int engineio_respond(struct engineio *server, struct http_exchange *exchange, unsigned status,
                     const char *type, struct dm_slice body);
void engineio_refuse(struct engineio *server, struct http_exchange *exchange,
                     enum engineio_error error);
/* Nobody waits for this exchange's end any more. */
void engineio_let_go(struct http_exchange *exchange);

/* engineio_polling.c */
void engineio_poll(struct engineio_session *session, struct http_exchange *exchange);
void engineio_post(struct engineio_session *session, struct http_exchange *exchange);
/* Answers the open poll, if there is one, with one packet or with all that waits. */
void engineio_poll_answer(struct engineio_session *session, struct dm_slice payload);
void engineio_poll_flush(struct engineio_session *session);
/* Reads a post, or takes what is left of it. Returns 0, or -1 when the session was dropped. */
int engineio_post_run(struct engineio_session *session);
/* The post gets that answer, whatever was left of it. */
void engineio_post_end(struct engineio_session *session, unsigned status);

/* engineio_websocket.c */
void engineio_websocket(struct engineio *server, struct http_exchange *exchange);
void engineio_upgrade(struct engineio_session *session, struct http_exchange *exchange);
void engineio_probe_drop(struct engineio_session *session);
/* A poll that comes while the WebSocket is about to take over is not kept waiting. */
void engineio_probe_polled(struct engineio_session *session);

#endif
