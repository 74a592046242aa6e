#include "core/net/http_exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/net/conn_internal.h"

#define POOL_MAX 32

/* ---- life ---- */

struct http_exchange *http_exchange_new(struct conn *conn) {
    struct conn_server *server = conn->server;
    struct list *link = list_pop_front(&server->exchanges);
    struct http_exchange *exchange;
    if (link) {
        server->exchange_count--;
        exchange = container_of(link, struct http_exchange, link);
    } else {
        exchange = mem_zalloc(sizeof(*exchange));
        exchange->parser = http_parser_new(&server->config.http);
    }
    exchange->conn = conn;
    list_init(&exchange->link);
    return exchange;
}

static void exchange_destroy(struct http_exchange *exchange) {
    http_parser_free(exchange->parser);
    free(exchange->fields);
    free(exchange);
}

void http_exchange_free(struct http_exchange *exchange) {
    struct conn_server *server = exchange->conn->server;
    buf_fini(&exchange->body);
    if (server->exchange_count == POOL_MAX) {
        exchange_destroy(exchange);
        return;
    }
    struct http_exchange fresh = { .parser = exchange->parser, .fields = exchange->fields,
                                   .field_cap = exchange->field_cap };
    *exchange = fresh;
    http_parser_reset(exchange->parser);
    list_push_front(&server->exchanges, &exchange->link);
    server->exchange_count++;
}

void http_exchange_pool_drain(struct conn_server *server) {
    struct list *link;
    while ((link = list_pop_front(&server->exchanges)))
        exchange_destroy(container_of(link, struct http_exchange, link));
    server->exchange_count = 0;
}

static int is_complete(const struct http_exchange *exchange) {
    return exchange->answer == HTTP_ANSWER_FINISHED && exchange->phase == HTTP_PHASE_DONE;
}

/* Whoever counts exchanges bounds with them what slow readers hold. */
static int is_unread(const struct http_exchange *exchange) {
    return !(exchange->flags & (HTTP_UPGRADED | HTTP_NET_ANSWERED))
           && stream_is_full(&exchange->conn->stream);
}

int http_exchange_is_over(const struct http_exchange *exchange) {
    return is_complete(exchange) && !is_unread(exchange);
}

void http_exchange_await_reader(struct http_exchange *exchange) {
    struct stream *stream = &exchange->conn->stream;
    exchange->unread = stream_queued(stream);
    stream_set_deadline(stream, is_unread(exchange)
                                    ? exchange->conn->server->config.http.body_timeout_ms : 0);
}

/* The rest of the body waits until it is asked for. */
static int is_paused(const struct http_exchange *exchange) {
    return exchange->mode == HTTP_BODY_PIECES && !(exchange->flags & HTTP_PIECE_OWED);
}

int http_exchange_wants_input(const struct http_exchange *exchange) {
    return exchange->phase == HTTP_PHASE_HEAD
           || (exchange->phase == HTTP_PHASE_BODY && !is_paused(exchange));
}

void http_exchange_end(struct http_exchange *exchange, enum http_end how) {
    if (exchange->handler)
        exchange->handler->end(exchange, how);
}

void http_exchange_refuse(struct http_exchange *exchange, unsigned status) {
    if (exchange->answer == HTTP_ANSWER_BEGUN) {
        conn_abort(exchange->conn);
        return;
    }
    exchange->flags &= (uint16_t)~HTTP_KEEP;
    if (exchange->answer == HTTP_ANSWER_NONE) {
        exchange->flags |= HTTP_NET_ANSWERED;
        http_respond_status(exchange, status);
    }
    exchange->phase = HTTP_PHASE_DONE;
    conn_mark(exchange->conn);
}

/* ---- the body ---- */

static uint64_t now_of(const struct http_exchange *exchange) {
    return loop_now(exchange->conn->server->loop);
}

/* For the next piece, and at most what is left for the whole. */
static void arm_body_deadline(struct http_exchange *exchange) {
    uint64_t ms = exchange->conn->server->config.http.body_timeout_ms, now = now_of(exchange);
    uint64_t left = exchange->body_until > now ? exchange->body_until - now : 1;
    if (exchange->body_until && left < ms)
        ms = left;
    stream_set_deadline(&exchange->conn->stream, ms);
}

static void body_too_large(struct http_exchange *exchange) {
    if (!exchange->handler->too_large) {
        http_exchange_refuse(exchange, 413);
        return;
    }
    stream_set_deadline(&exchange->conn->stream, 0);
    exchange->phase = HTTP_PHASE_CHOICE;
    exchange->mode = HTTP_BODY_DISCARD;
    exchange->flags &= (uint16_t)~HTTP_PIECE_OWED;
    exchange->handler->too_large(exchange);
}

static void give_piece(struct http_exchange *exchange, struct dm_slice piece) {
    exchange->flags &= (uint16_t)~HTTP_PIECE_OWED;
    exchange->handler->piece(exchange, piece);
}

static void body_piece(struct http_exchange *exchange, struct dm_slice piece) {
    exchange->body_seen += piece.len;
    if (exchange->mode != HTTP_BODY_DISCARD && exchange->body_seen > exchange->body_max) {
        body_too_large(exchange);
        return;
    }
    if (exchange->mode == HTTP_BODY_PIECES) {
        exchange->body_paused = now_of(exchange);
        stream_set_deadline(&exchange->conn->stream, 0);
        give_piece(exchange, piece);
        return;
    }
    arm_body_deadline(exchange);
    if (exchange->mode == HTTP_BODY_COLLECT)
        buf_append_slice(&exchange->body, piece);
}

static void body_end(struct http_exchange *exchange) {
    exchange->phase = HTTP_PHASE_DONE;
    http_exchange_await_reader(exchange);
    if (exchange->mode == HTTP_BODY_COLLECT)
        exchange->handler->complete(exchange, buf_slice(&exchange->body));
    else if (exchange->mode == HTTP_BODY_PIECES)
        give_piece(exchange, DM_SLICE_NONE);
}

/* What can only be said once the caller has named its limit. */
static int body_begin(struct http_exchange *exchange) {
    int64_t length = exchange->request.length;
    uint32_t total_ms = exchange->conn->server->config.http.body_total_ms;
    exchange->phase = HTTP_PHASE_BODY;
    exchange->body_until = total_ms ? now_of(exchange) + total_ms : 0;
    if (exchange->mode != HTTP_BODY_DISCARD && length > 0 &&
        (uint64_t)length > exchange->body_max) {
        body_too_large(exchange);
        return -1;
    }
    if (exchange->flags & HTTP_EXPECTS) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        exchange->flags &= (uint16_t)~HTTP_EXPECTS;
        stream_write(&exchange->conn->stream, go_on, sizeof(go_on) - 1);
    }
    arm_body_deadline(exchange);
    return 0;
}

/* ---- feeding ---- */

static void head_end(struct http_exchange *exchange) {
    struct conn_server *server = exchange->conn->server;
    unsigned status = http_request_build(exchange);
    stream_set_deadline(&exchange->conn->stream, 0);
    if (status) {
        http_exchange_refuse(exchange, status);
        return;
    }
    http_parser_set_length(exchange->parser, exchange->request.length);
    exchange->phase = HTTP_PHASE_CHOICE;
    server->handler->request(server, exchange);
}

/* Takes what the phase allows; 0 when it can go no further with these bytes. */
static int step(struct http_exchange *exchange, const uint8_t *data, size_t len,
                size_t *ret_used) {
    struct dm_slice piece;
    *ret_used = 0;
    if (exchange->phase == HTTP_PHASE_DONE)
        return 0;
    if (exchange->phase == HTTP_PHASE_CHOICE) {
        if (exchange->mode == HTTP_BODY_UNDECIDED || exchange->mode == HTTP_BODY_DISCARD)
            return 0;
        return body_begin(exchange) == 0;
    }
    if (is_paused(exchange))
        return 0;
    switch (http_parser_execute(exchange->parser, data, len, ret_used, &piece)) {
    case HTTP_EVENT_MORE:
        return 0;
    case HTTP_EVENT_HEAD:
        head_end(exchange);
        break;
    case HTTP_EVENT_BODY:
        body_piece(exchange, piece);
        break;
    case HTTP_EVENT_END:
        body_end(exchange);
        break;
    case HTTP_EVENT_FAILED:
        http_exchange_refuse(exchange, http_parser_status(exchange->parser));
        break;
    }
    return 1;
}

size_t http_exchange_feed(struct http_exchange *exchange, const uint8_t *data, size_t len) {
    size_t used = 0;
    size_t n = 0;
    while (conn_is_open(exchange->conn) && step(exchange, data + used, len - used, &n)) {
        used += n;
        n = 0;
    }
    return used + n;
}

/* ---- what happens to the connection ---- */

/* A peer that takes something, however little, is waited for. */
static void reader_timeout(struct http_exchange *exchange) {
    struct stream *stream = &exchange->conn->stream;
    if (stream_queued(stream) < exchange->unread)
        http_exchange_await_reader(exchange);
    else
        stream_abort(stream, STREAM_END_TIMEOUT);
}

void http_exchange_timeout(struct http_exchange *exchange) {
    if (is_complete(exchange))
        reader_timeout(exchange);
    else if (exchange->flags & HTTP_WAITS_ROOM)
        stream_abort(&exchange->conn->stream, STREAM_END_TIMEOUT);
    else if (exchange->phase == HTTP_PHASE_HEAD && !http_parser_is_begun(exchange->parser))
        conn_close(exchange->conn);
    else
        http_exchange_refuse(exchange, 408);
}

void http_exchange_drained(struct http_exchange *exchange) {
    if (is_complete(exchange))
        conn_mark(exchange->conn);
    if (!(exchange->flags & HTTP_WAITS_ROOM))
        return;
    exchange->flags &= (uint16_t)~HTTP_WAITS_ROOM;
    stream_set_deadline(&exchange->conn->stream, 0);
    if (exchange->handler && exchange->handler->writable)
        exchange->handler->writable(exchange);
}

void http_exchange_gone(struct http_exchange *exchange) {
    if (exchange->flags & HTTP_GONE_TOLD)
        return;
    exchange->flags |= HTTP_GONE_TOLD;
    if (exchange->handler && exchange->handler->gone)
        exchange->handler->gone(exchange);
}

/* ---- the caller's side ---- */

const struct http_request *http_request(const struct http_exchange *exchange) {
    return &exchange->request;
}

void http_attach(struct http_exchange *exchange, const struct http_handler *handler,
                 void *userdata) {
    exchange->handler = handler;
    exchange->userdata = userdata;
}

void *http_userdata(const struct http_exchange *exchange) {
    return exchange->userdata;
}

struct conn *http_conn(const struct http_exchange *exchange) {
    return exchange->conn;
}

void http_collect(struct http_exchange *exchange, size_t max) {
    assert(exchange->handler && exchange->handler->complete);
    if (exchange->mode != HTTP_BODY_UNDECIDED || exchange->answer != HTTP_ANSWER_NONE)
        return;
    exchange->mode = HTTP_BODY_COLLECT;
    exchange->body_max = max;
    conn_mark(exchange->conn);
}

static void resume_body(struct http_exchange *exchange) {
    if (exchange->body_until)
        exchange->body_until += now_of(exchange) - exchange->body_paused;
    arm_body_deadline(exchange);
}

void http_next(struct http_exchange *exchange, size_t max) {
    assert(exchange->handler && exchange->handler->piece);
    if (exchange->mode == HTTP_BODY_UNDECIDED) {
        exchange->mode = HTTP_BODY_PIECES;
        exchange->body_max = max;
    }
    if (exchange->mode != HTTP_BODY_PIECES || exchange->phase == HTTP_PHASE_DONE
        || exchange->answer != HTTP_ANSWER_NONE || exchange->flags & HTTP_PIECE_OWED)
        return;
    exchange->flags |= HTTP_PIECE_OWED;
    if (exchange->phase == HTTP_PHASE_BODY)
        resume_body(exchange);
    conn_mark(exchange->conn);
}

int http_piece_is_owed(const struct http_exchange *exchange) {
    return !!(exchange->flags & (HTTP_PIECE_OWED | HTTP_NET_ANSWERED));
}
