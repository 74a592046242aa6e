/* A server and its raw peer in one process: the peer writes bytes and reads bytes. */
#ifndef DRAGOMAN_TESTS_UNIT_NET_CHECK_H
#define DRAGOMAN_TESTS_UNIT_NET_CHECK_H

#include "core/base/buf.h"
#include "core/net/conn.h"
#include "tests/unit/check.h"
#include "tests/unit/net/nap.h"

struct net;
typedef void net_request_fn(struct net *net, struct http_exchange *exchange);

/* `log` gathers what the server's side was told, one word after the other. */
struct net {
    struct loop *loop;
    struct conn_server *server;
    struct conn_config config;
    net_request_fn *on_request;
    struct http_exchange *held;
    struct websocket *ws;
    struct websocket_options ws_options;
    struct buf log;
    struct buf in; /* what the peer has read */
    int peer;
    int peer_eof;
    int peer_reset;
    int server_closed;
    int echoes;
};

/* Starts a loop and a server; the peer is connected. Set config before, where another one than
 * the default is wanted (zero means default). */
void net_open(struct net *net, net_request_fn *on_request);

/* Ends all that, and checks that the server frees itself. */
void net_close(struct net *net);

/* Another connection of the same server: the peer is the new one, the old one is closed. */
void net_reconnect(struct net *net);

/* Runs the loop until nothing is ready any more. The peer reads meanwhile, but for net_turn. */
void net_settle(struct net *net);
void net_turn(struct net *net);

/* Waits for events (deadlines included) until the peer has met the end, or the server's log has
 * the word. */
void net_wait_end(struct net *net);
void net_wait_log(struct net *net, const char *word);

/* The peer sends, and everything settles; at once, or byte by byte. */
void net_send(struct net *net, struct dm_slice data);
void net_send_str(struct net *net, const char *text);
void net_send_slow(struct net *net, struct dm_slice data);

/* Only puts the bytes into the socket. */
void net_put(struct net *net, struct dm_slice data);

/* What the peer has read since the last call, NUL-terminated and with the dates taken out; valid
 * until the next. */
const char *net_take(struct net *net);
struct dm_slice net_take_bytes(struct net *net);

/* The server's log since the last call. */
const char *net_take_log(struct net *net);
void net_log(struct net *net, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Handlers that log everything: "complete:hello end:sent ". */
extern const struct http_handler net_http_handler;
extern const struct websocket_handler net_ws_handler;
struct net *net_of(struct http_exchange *exchange);

/* 200 with the path as body. */
void net_answer_path(struct net *net, struct http_exchange *exchange);
/* Collects at most 1000 bytes and answers them. */
void net_answer_body(struct net *net, struct http_exchange *exchange);
/* Keeps it in net->held. */
void net_hold(struct net *net, struct http_exchange *exchange);
/* Accepts a WebSocket with net->ws_options. */
void net_accept(struct net *net, struct http_exchange *exchange);

/* 1 when text begins with / contains the other. */
int text_begins(const char *text, const char *with);
int text_has(const char *text, const char *part);

/* A frame as a client sends it, masked unless the flag says so; first is the first byte. */
enum frame_mask { FRAME_MASKED, FRAME_UNMASKED };
void frame_append(struct buf *buf, uint8_t first, enum frame_mask mask, struct dm_slice payload);

/* Opens a WebSocket: net_open, handshake, and the response taken. */
void net_open_ws(struct net *net);
extern const char net_handshake[];

/* Sends one client frame. */
void net_send_frame(struct net *net, uint8_t first, struct dm_slice payload);

#endif
