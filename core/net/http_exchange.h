/* One request and its response: what the HTTP files of this folder share. Private to them, conn.c
 * and the handshake of WebSocket.
 *
 * Request side:   HEAD -> CHOICE -> BODY -> DONE        (CHOICE: request() was called, the caller
 *                            \______________^            has not said yet what becomes of the body)
 * Response side:  NONE -> BEGUN -> FINISHED
 *
 * The exchange ends when the response is FINISHED, the peer has read it down to the queue's high
 * mark, and the request is DONE, or given up. */
#ifndef DRAGOMAN_NET_HTTP_EXCHANGE_H
#define DRAGOMAN_NET_HTTP_EXCHANGE_H

#include "core/base/list.h"
#include "core/net/conn.h"
#include "core/net/http.h"
#include "core/net/http_parser.h"

enum http_phase {
    HTTP_PHASE_HEAD,
    HTTP_PHASE_CHOICE,
    HTTP_PHASE_BODY,
    HTTP_PHASE_DONE,
};

enum http_answer {
    HTTP_ANSWER_NONE,
    HTTP_ANSWER_BEGUN,
    HTTP_ANSWER_FINISHED,
};

enum http_body_mode {
    HTTP_BODY_UNDECIDED,
    HTTP_BODY_COLLECT,
    HTTP_BODY_PIECES,
    HTTP_BODY_DISCARD,
};

enum http_flag {
    HTTP_KEEP = 1,          /* the client wants the connection kept */
    HTTP_EXPECTS = 2,       /* it waits for 100 (Continue) */
    HTTP_CHUNKED = 4,       /* the response is sent in chunks */
    HTTP_BODYLESS = 8,      /* the response has no body: HEAD, 204, 304 */
    HTTP_WAITS_ROOM = 16,   /* writable() is owed */
    HTTP_NET_ANSWERED = 32, /* the response is not the caller's */
    HTTP_UPGRADED = 64,
    HTTP_GONE_TOLD = 128,
    HTTP_PIECE_OWED = 256,  /* http_next was called */
};

struct http_exchange {
    struct conn *conn;
    struct list link; /* in the server's pool */
    struct http_parser *parser;
    struct http_request request;
    struct net_address client;
    struct http_field *fields;
    size_t field_cap;
    const struct http_handler *handler;
    void *userdata;
    struct buf body;
    uint64_t body_max;
    uint64_t body_seen;
    uint64_t body_until; /* loop_now when it is too late for the rest; 0: no limit */
    uint64_t body_paused; /* loop_now when the last piece was given */
    size_t unread;       /* of the response, when the time for the reader began */
    int64_t left; /* of a response of given length */
    uint16_t flags;
    uint8_t phase;
    uint8_t answer;
    uint8_t mode;
};

/* From the server's pool, ready for a head; and back. */
struct http_exchange *http_exchange_new(struct conn *conn);
void http_exchange_free(struct http_exchange *exchange);
void http_exchange_pool_drain(struct conn_server *server);

/* Parses at most len bytes and calls back; returns how many were taken. Fewer than len: it waits
 * for the caller, or has ended (see http_exchange_is_over). */
size_t http_exchange_feed(struct http_exchange *exchange, const uint8_t *data, size_t len);

/* 1 when end() is due, or nothing of it is left to do. */
int http_exchange_is_over(const struct http_exchange *exchange);

/* 1 when the peer must send more before anything can go on. */
int http_exchange_wants_input(const struct http_exchange *exchange);

/* Calls end() where there is a handler. The exchange may be freed afterwards. */
void http_exchange_end(struct http_exchange *exchange, enum http_end how);

/* Answers for net itself and ends the connection afterwards; the caller's handler gets
 * HTTP_END_ANSWERED. Where a response was begun the connection is aborted instead. */
void http_exchange_refuse(struct http_exchange *exchange, unsigned status);

/* The response is complete: the time in which the peer may take nothing of it begins to run, where
 * the exchange waits for that. */
void http_exchange_await_reader(struct http_exchange *exchange);

/* The deadline has passed; the send queue has drained; the peer has ended its direction. */
void http_exchange_timeout(struct http_exchange *exchange);
void http_exchange_drained(struct http_exchange *exchange);
void http_exchange_gone(struct http_exchange *exchange);

/* Fills exchange->request from the head. Returns 0, or the status to answer with. */
unsigned http_request_build(struct http_exchange *exchange);

/* Writes 101 with both sets of fields; returns as http_respond does. */
int http_respond_switching(struct http_exchange *exchange, const struct http_field *own,
                           size_t own_count, const struct http_field *fields,
                           size_t field_count);

/* Section 4.2.1 of RFC 6455. */
enum http_upgrade websocket_detect(const struct http_request *request);

#endif
