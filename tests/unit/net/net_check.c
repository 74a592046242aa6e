#include "tests/unit/net/net_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/websocket_frame.h"
#include "core/net/websocket_wslay.h"

static void on_request(struct conn_server *server, struct http_exchange *exchange) {
    struct net *net = conn_server_userdata(server);
    const struct http_request *request = http_request(exchange);
    net_log(net, "%s:%.*s ", http_method_name(request->method), DM_SLICE_FMT(request->path));
    net->on_request(net, exchange);
}

static void on_conn_closed(struct conn_server *server, struct conn *conn) {
    (void)conn;
    net_log(conn_server_userdata(server), "closed ");
}

static const struct conn_handler conn_handler = {
    .request = on_request,
    .closed = on_conn_closed,
};

static void connect_peer(struct net *net) {
    static const struct net_address nowhere = { .family = NET_UNIX };
    int pair[2];
    int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair);
    cr_assert(eq(int, r, 0));
    net->peer = pair[1];
    net->peer_eof = 0;
    net->peer_reset = 0;
    r = conn_open(net->server, pair[0], &nowhere, NULL, NULL);
    cr_assert(eq(int, r, 0));
}

void net_open(struct net *net, net_request_fn *request) {
    static const struct conn_config config = CONN_CONFIG_DEFAULT;
    if (net->config.write.max == 0)
        net->config = config;
    net->on_request = request;
    if (!net->ws_options.handler)
        net->ws_options.handler = &net_ws_handler;
    net->ws_options.userdata = net;
    cr_assert(eq(int, loop_new(&net->loop), 0));
    net->server = conn_server_new(net->loop, &net->config, &conn_handler, net);
    connect_peer(net);
}

void net_reconnect(struct net *net) {
    close(net->peer);
    net_turn(net);
    buf_reset(&net->in);
    buf_reset(&net->log);
    connect_peer(net);
}

static void on_server_closed(void *userdata) {
    struct net *net = userdata;
    net->server_closed = 1;
}

void net_close(struct net *net) {
    close(net->peer);
    conn_server_close(net->server, on_server_closed);
    for (int i = 0; i < 1000 && !net->server_closed; i++)
        loop_run_once(net->loop);
    check_true(net->server_closed);
    loop_free(net->loop);
    frame_reader_pool_drain();
    blob_pool_drain();
    buf_fini(&net->log);
    buf_fini(&net->in);
}

static int peer_read(struct net *net) {
    char *place = buf_reserve(&net->in, 65536);
    ssize_t n = net->peer_eof ? 0 : recv(net->peer, place, 65536, 0);
    if (n > 0)
        net->in.len += (size_t)n;
    else if (n == 0)
        net->peer_eof = 1;
    else if (errno != EAGAIN)
        net->peer_eof = net->peer_reset = 1;
    return n > 0;
}

void net_turn(struct net *net) {
    for (int i = 0; i < 8; i++)
        loop_run_once(net->loop);
}

void net_settle(struct net *net) {
    do
        net_turn(net);
    while (peer_read(net));
}

void net_wait_end(struct net *net) {
    while (!net->peer_eof) {
        loop_nap(net->loop);
        net_settle(net);
    }
}

void net_wait_log(struct net *net, const char *word) {
    for (;;) {
        buf_append_char(&net->log, '\0');
        net->log.len--;
        if (strstr(net->log.data, word))
            return;
        loop_nap(net->loop);
    }
}

void net_put(struct net *net, struct dm_slice data) {
    while (data.len) {
        ssize_t n = send(net->peer, data.ptr, data.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return;
        if (n > 0)
            data = (struct dm_slice){ data.ptr + n, data.len - (size_t)n };
        else
            net_turn(net);
    }
}

void net_send(struct net *net, struct dm_slice data) {
    net_put(net, data);
    net_settle(net);
}

void net_send_str(struct net *net, const char *text) {
    net_send(net, dm_slice_str(text));
}

void net_send_slow(struct net *net, struct dm_slice data) {
    for (size_t i = 0; i < data.len; i++) {
        net_put(net, (struct dm_slice){ data.ptr + i, 1 });
        loop_run_once(net->loop);
    }
    net_settle(net);
}

static void drop_dates(char *text) {
    char *date;
    while ((date = strstr(text, "Date: "))) {
        char *end = strstr(date, "\r\n");
        memmove(date, end + 2, strlen(end + 2) + 1);
    }
}

struct dm_slice net_take_bytes(struct net *net) {
    struct dm_slice bytes = buf_slice(&net->in);
    net->in.len = 0;
    return bytes;
}

const char *net_take(struct net *net) {
    buf_append_char(&net->in, '\0');
    net->in.len = 0;
    drop_dates(net->in.data);
    return net->in.data;
}

const char *net_take_log(struct net *net) {
    buf_append_char(&net->log, '\0');
    net->log.len = 0;
    return net->log.data;
}

void net_log(struct net *net, const char *format, ...) {
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_append_str(&net->log, text);
}

int text_begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

int text_has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

/* ---- HTTP ---- */

struct net *net_of(struct http_exchange *exchange) {
    return http_userdata(exchange);
}

static void log_complete(struct http_exchange *exchange, struct dm_slice body) {
    struct net *net = net_of(exchange);
    net_log(net, "complete:%.*s ", DM_SLICE_FMT(body));
    if (net->echoes)
        http_respond(exchange, 200, NULL, 0, body);
}

static void log_piece(struct http_exchange *exchange, struct dm_slice piece) {
    if (piece.ptr)
        net_log(net_of(exchange), "piece:%.*s ", DM_SLICE_FMT(piece));
    else
        net_log(net_of(exchange), "whole ");
}

static void log_writable(struct http_exchange *exchange) {
    net_log(net_of(exchange), "writable ");
}

static void log_gone(struct http_exchange *exchange) {
    net_log(net_of(exchange), "gone ");
}

static void log_end(struct http_exchange *exchange, enum http_end how) {
    static const char *const words[] = { "sent", "upgraded", "answered", "lost" };
    struct net *net = net_of(exchange);
    if (net->held == exchange)
        net->held = NULL;
    net_log(net, "end:%s ", words[how]);
}

const struct http_handler net_http_handler = {
    .complete = log_complete,
    .piece = log_piece,
    .writable = log_writable,
    .gone = log_gone,
    .end = log_end,
};

void net_answer_path(struct net *net, struct http_exchange *exchange) {
    (void)net;
    http_respond(exchange, 200, NULL, 0, http_request(exchange)->path);
}

void net_answer_body(struct net *net, struct http_exchange *exchange) {
    net->echoes = 1;
    http_attach(exchange, &net_http_handler, net);
    http_collect(exchange, 1000);
}

void net_hold(struct net *net, struct http_exchange *exchange) {
    http_attach(exchange, &net_http_handler, net);
    net->held = exchange;
}

/* ---- WebSocket ---- */

const char net_handshake[] =
    "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

static void log_message(struct websocket *ws, enum websocket_kind kind, struct dm_slice data) {
    struct net *net = websocket_userdata(ws);
    if (net->echoes)
        websocket_send(ws, kind, data);
    else if (data.len > 100)
        net_log(net, "%s#%zu ", kind == WEBSOCKET_TEXT ? "text" : "binary", data.len);
    else
        net_log(net, "%s:%.*s ", kind == WEBSOCKET_TEXT ? "text" : "binary", DM_SLICE_FMT(data));
}

static void log_drained(struct websocket *ws) {
    net_log(websocket_userdata(ws), "drained ");
}

static void log_ws_closed(struct websocket *ws, const struct websocket_ending *ending) {
    struct net *net = websocket_userdata(ws);
    net->ws = NULL;
    net_log(net, "ws:%d:%.*s:%s ", ending->code, DM_SLICE_FMT(ending->reason),
            stream_end_name(ending->end));
}

const struct websocket_handler net_ws_handler = {
    .message = log_message,
    .drained = log_drained,
    .closed = log_ws_closed,
};

void net_accept(struct net *net, struct http_exchange *exchange) {
    int r = websocket_accept(exchange, &net->ws_options, &net->ws);
    cr_assert(eq(int, r, 0));
}

void frame_append(struct buf *buf, uint8_t first, enum frame_mask mask, struct dm_slice payload) {
    static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
    uint8_t header[WEBSOCKET_HEADER_MAX];
    size_t len = websocket_header_write(0, payload.len, header);
    header[0] = first;
    if (mask == FRAME_MASKED)
        header[1] |= 0x80;
    buf_append(buf, header, len);
    if (mask == FRAME_MASKED)
        buf_append(buf, key, 4);
    size_t at = buf->len;
    buf_append_slice(buf, payload);
    for (size_t i = 0; mask == FRAME_MASKED && i < payload.len; i++)
        buf->data[at + i] = (char)(buf->data[at + i] ^ key[i % 4]);
}

void net_open_ws(struct net *net) {
    net_open(net, net_accept);
    net_send_str(net, net_handshake);
    check_true(text_begins(net_take(net), "HTTP/1.1 101 "));
    net_take_log(net);
}

void net_send_frame(struct net *net, uint8_t first, struct dm_slice payload) {
    struct buf buf = BUF_INIT;
    frame_append(&buf, first, FRAME_MASKED, payload);
    net_send(net, buf_slice(&buf));
    buf_fini(&buf);
}
