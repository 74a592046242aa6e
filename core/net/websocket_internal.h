/* What the WebSocket files share, and what conn.c sees of them. Private to this folder. */
#ifndef DRAGOMAN_NET_WEBSOCKET_INTERNAL_H
#define DRAGOMAN_NET_WEBSOCKET_INTERNAL_H

#include "core/base/buf.h"
#include "core/net/websocket.h"
#include "core/net/websocket_frame.h"

struct frame_reader;

enum websocket_flag {
    WEBSOCKET_CLOSE_SENT = 1,
    WEBSOCKET_DEAF = 2,     /* what still comes is thrown away */
    WEBSOCKET_PAUSED = 4,   /* by the user */
    WEBSOCKET_FULL = 8,     /* reading waits until the send queue has drained */
    WEBSOCKET_PINGED = 16,  /* nothing was heard since */
    WEBSOCKET_HAS_CODE = 32, /* a Close was sent or received */
    WEBSOCKET_OVERSIZE = 64, /* at the end of the frame under way the stream closes */
    WEBSOCKET_OVER = 128     /* the handler was told so */
};

/* What lies between two reads only while a frame or a fragmented message is under way. */
struct websocket_partial {
    struct frame_reader *reader; /* NULL at the boundary of frames */
    struct buf message;
    size_t checked;              /* bytes of it that are whole UTF-8 sequences; text only */
    uint8_t kind;                /* of the message under way; 0: none */
    uint8_t control_len;
    uint8_t control[WEBSOCKET_CONTROL_MAX];
};

struct websocket {
    const struct websocket_handler *handler;
    void *userdata;
    struct websocket_partial *partial;
    struct blob *reason;
    uint32_t max_message;
    uint32_t ping_interval;
    uint32_t pong_timeout;
    uint32_t close_timeout;
    uint32_t heard; /* loop time of the last byte, its low bits */
    uint16_t code;
    uint8_t flags;
};

/* ---- for conn.c ---- */

/* Takes at most len bytes; fewer while paused or full. */
size_t websocket_feed(struct websocket *ws, uint8_t *data, size_t len);

/* 1 while reading would lead nowhere. */
int websocket_is_blocked(const struct websocket *ws);

void websocket_timeout(struct websocket *ws);
void websocket_drained(struct websocket *ws);

/* The peer has ended its direction. */
void websocket_eof(struct websocket *ws);

/* The stream is closed: frees what is held and calls closed(). */
void websocket_end(struct websocket *ws, enum stream_end end);

/* ---- among the WebSocket files ---- */

/* Sends a Close with that code (0: empty) and records it as the connection's. */
void websocket_send_close(struct websocket *ws, uint16_t code, struct dm_slice reason);

/* Tells the handler, once, that nothing is delivered or sent any more. */
void websocket_over(struct websocket *ws);

/* Close was sent and received, or need not be waited for: the stream may end. */
void websocket_hang_up(struct websocket *ws);

/* The peer has given a sign of life. */
void websocket_heard(struct websocket *ws);

#endif
