#include "core/net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/net/conn_internal.h"
#include "core/net/conn_server.h"
#include "core/net/stream_proxy.h"
#include "core/net/tls.h"

/* ---- what was read and not taken ---- */

static size_t backlog_len(const struct conn *conn) {
    return conn->backlog ? conn->backlog->len - conn->backlog_at : 0;
}

static void backlog_append(struct conn *conn, const uint8_t *data, size_t len) {
    size_t kept = backlog_len(conn);
    struct blob *blob = blob_alloc(kept + len);
    if (kept)
        memcpy(blob->data, conn->backlog->data + conn->backlog_at, kept);
    memcpy(blob->data + kept, data, len);
    blob_unref(conn->backlog);
    conn->backlog = blob;
    conn->backlog_at = 0;
}

static void backlog_consume(struct conn *conn, size_t len) {
    conn->backlog_at += (uint32_t)len;
    if (backlog_len(conn))
        return;
    conn->backlog = blob_unref(conn->backlog);
    conn->backlog_at = 0;
}

/* ---- bytes to protocols ---- */

static void exchange_over(struct conn *conn) {
    struct http_exchange *http = conn->http;
    uint16_t flags = http->flags;
    enum http_end how = HTTP_END_SENT;
    if (flags & HTTP_NET_ANSWERED)
        how = HTTP_END_ANSWERED;
    else if (flags & HTTP_UPGRADED)
        how = HTTP_END_UPGRADED;
    conn->http = NULL;
    http_exchange_end(http, how);
    http_exchange_free(http);
    if (flags & HTTP_UPGRADED)
        return;
    if (flags & HTTP_KEEP && conn->server->state == SERVER_OPEN)
        stream_set_deadline(&conn->stream, conn->server->config.http.idle_timeout_ms);
    else
        conn_close(conn);
}

static size_t feed_http(struct conn *conn, const uint8_t *data, size_t len) {
    if (!conn->http) {
        /* Who does not read the responses before gets no further one: it would have to be kept. */
        if (len == 0 || stream_is_full(&conn->stream))
            return 0;
        conn->http = http_exchange_new(conn);
        stream_set_deadline(&conn->stream, conn->server->config.http.head_timeout_ms);
    }
    return http_exchange_feed(conn->http, data, len);
}

/* Returns how many bytes were taken; all of them once the connection is closing. */
static size_t process(struct conn *conn, uint8_t *data, size_t len) {
    size_t used = 0;
    while (conn_is_open(conn)) {
        if (conn->http && http_exchange_is_over(conn->http)) {
            exchange_over(conn);
            continue;
        }
        if (conn->flags & CONN_WEBSOCKET && !conn->http)
            return used + websocket_feed(&conn->ws, data + used, len - used);
        used += feed_http(conn, data + used, len - used);
        if (!conn->http || !http_exchange_is_over(conn->http))
            return used;
    }
    return len;
}

/* Reading goes on while a response is awaited, so that the peer's end is noticed. */
static void update_reading(struct conn *conn) {
    int blocked = backlog_len(conn) >= CONN_BACKLOG_MAX;
    if (!conn->http && conn->flags & CONN_WEBSOCKET)
        blocked |= websocket_is_blocked(&conn->ws);
    if (blocked)
        stream_pause(&conn->stream);
    else
        stream_resume(&conn->stream);
}

/* The peer has ended its direction, and all that it sent before was looked at. */
static void process_eof(struct conn *conn) {
    if (!(conn->flags & CONN_EOF) || !conn_is_open(conn))
        return;
    if (conn->http && !http_exchange_wants_input(conn->http))
        http_exchange_gone(conn->http);
    else if (backlog_len(conn))
        return;
    else if (!conn->http && conn->flags & CONN_WEBSOCKET)
        websocket_eof(&conn->ws);
    else
        conn_close(conn);
}

static void on_turn(struct loop_hook *hook) {
    struct conn *conn = container_of(hook, struct conn, hook);
    if (conn->pass) {
        conn_pass_turn(conn);
        return;
    }
    if (conn->backlog) {
        /* Held by itself: what is called may not free it under the reader. */
        struct blob *blob = conn->backlog;
        size_t len = backlog_len(conn);
        backlog_consume(conn, process(conn, (uint8_t *)blob->data + conn->backlog_at, len));
    } else {
        process(conn, (uint8_t *)"", 0);
    }
    update_reading(conn);
    process_eof(conn);
}

void conn_mark(struct conn *conn) {
    if (conn_is_open(conn))
        loop_hook_mark(conn->server->loop, &conn->hook, LOOP_DEFER);
}

/* ---- the stream ---- */

static struct conn *conn_of(struct stream *stream) {
    return container_of(stream, struct conn, stream);
}

static void on_data(struct stream *stream, uint8_t *data, size_t len) {
    struct conn *conn = conn_of(stream);
    if (conn->pass && conn_pass_data(conn, data, len))
        return;
    size_t used = conn->backlog || conn->pass ? 0 : process(conn, data, len);
    if (used < len && conn_is_open(conn))
        backlog_append(conn, data + used, len - used);
    update_reading(conn);
}

static void on_eof(struct stream *stream) {
    struct conn *conn = conn_of(stream);
    conn->flags |= CONN_EOF;
    if (!conn->pass || !conn_pass_eof(conn))
        process_eof(conn);
}

static void on_drained(struct stream *stream) {
    struct conn *conn = conn_of(stream);
    if (conn->pass)
        conn_pass_drained(conn);
    else if (conn->http)
        http_exchange_drained(conn->http);
    else if (conn->flags & CONN_WEBSOCKET)
        websocket_drained(&conn->ws);
    else
        conn_mark(conn);
}

static void on_timeout(struct stream *stream) {
    struct conn *conn = conn_of(stream);
    if (conn->http)
        http_exchange_timeout(conn->http);
    else if (conn->flags & CONN_WEBSOCKET)
        websocket_timeout(&conn->ws);
    else
        conn_close(conn);
}

static void http_lost(struct conn *conn) {
    struct http_exchange *http = conn->http;
    enum http_end how = HTTP_END_LOST;
    if (http->answer == HTTP_ANSWER_FINISHED && http->flags & HTTP_UPGRADED)
        how = HTTP_END_UPGRADED;
    else if (http->answer == HTTP_ANSWER_FINISHED && http->flags & HTTP_NET_ANSWERED)
        how = HTTP_END_ANSWERED;
    conn->http = NULL;
    http_exchange_end(http, how);
    http_exchange_free(http);
}

static void on_closed(struct stream *stream, enum stream_end why) {
    struct conn *conn = conn_of(stream);
    loop_hook_cancel(&conn->hook);
    if (conn->pass)
        conn_pass_end(conn);
    if (conn->http)
        http_lost(conn);
    if (conn->flags & CONN_WEBSOCKET)
        websocket_end(&conn->ws, why);
    blob_unref(conn->backlog);
    conn_server_gone(conn);
    free(conn);
}

static const struct stream_handler stream_handler = {
    .data = on_data,
    .eof = on_eof,
    .drained = on_drained,
    .timeout = on_timeout,
    .closed = on_closed,
};

/* ---- the owner's calls ---- */

static struct conn *conn_new(struct conn_server *server, const struct net_address *peer) {
    struct conn *conn = mem_zalloc(sizeof(*conn));
    conn->server = server;
    conn->peer = *peer;
    loop_hook_init(&conn->hook, on_turn);
    return conn;
}

/* On failure the connection is freed; fd and layer are still the caller's. */
static int conn_start(struct conn *conn, int fd, struct stream_layer *layer) {
    struct conn_server *server = conn->server;
    int r = stream_init(&conn->stream, server->loop, fd, layer, &server->http_write,
                        &stream_handler);
    if (r < 0) {
        free(conn);
        return r;
    }
    list_push_back(&server->conns, &conn->link);
    server->count++;
    stream_set_deadline(&conn->stream, server->config.http.head_timeout_ms);
    return 0;
}

int conn_open(struct conn_server *server, int fd, const struct net_address *peer,
              struct stream_layer *layer, struct conn **ret_conn) {
    struct conn *conn = conn_new(server, peer);
    int r = conn_start(conn, fd, layer);
    if (r == 0 && ret_conn)
        *ret_conn = conn;
    return r;
}

int conn_adopt(struct conn_server *server, int fd, const struct conn_passed *passed) {
    struct conn *conn = NULL;
    if (server->state == SERVER_CLOSING)
        return -ESHUTDOWN;
    int is_full = conn_server_is_full(server);
    int r = conn_open(server, fd, &passed->peer, NULL, &conn);
    if (r < 0)
        return r;
    if (is_full) {
        conn_server_turn_away(conn);
        return 0;
    }
    if (passed->is_tls)
        conn->flags |= CONN_TLS;
    backlog_append(conn, (const uint8_t *)passed->bytes.ptr, passed->bytes.len);
    conn_mark(conn);
    return 0;
}

static int wrap(struct conn *conn, struct stream_layer **ret_layer) {
    const struct conn_door *door = &conn->entrance->door;
    const struct address_set *trusted = conn->server->config.trusted;
    struct stream_layer *layer = NULL;
    if (door->tls && !(layer = tls_layer(door->tls)))
        return -ENOMEM;
    if (door->tls)
        conn->flags |= CONN_TLS;
    if (door->header == CONN_DOOR_PROXIED && trusted && address_set_has(trusted, &conn->peer))
        layer = stream_proxy_layer(layer, &conn->peer);
    *ret_layer = layer;
    return 0;
}

int conn_enter(struct conn_entrance *entrance, int fd, const struct net_address *peer) {
    struct conn *conn = conn_new(entrance->server, peer);
    struct stream_layer *layer;
    conn->entrance = entrance;
    int r = wrap(conn, &layer);
    if (r < 0) {
        free(conn);
        return r;
    }
    r = conn_start(conn, fd, layer);
    if (r < 0 && layer)
        layer->ops->free(layer);
    return r;
}

struct conn_server *conn_server_of(const struct conn *conn) {
    return conn->server;
}

void conn_close(struct conn *conn) {
    stream_close(&conn->stream, conn->server->config.http.body_timeout_ms,
                 conn->server->config.linger_ms);
}

void conn_abort(struct conn *conn) {
    stream_abort(&conn->stream, STREAM_END_ABORTED);
}
