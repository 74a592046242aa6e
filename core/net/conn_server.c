#include "core/net/conn_server.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/net/conn_internal.h"

/* What a connection over a listener's limit is told, when the owner has named nothing else. */
static const char surplus[] =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 24\r\n"
    "Retry-After: 5\r\n"
    "Connection: close\r\n"
    "\r\n"
    "503 Service Unavailable\n";

static void finish_closing(struct loop_hook *hook) {
    struct conn_server *server = container_of(hook, struct conn_server, hook);
    conn_server_closed_fn *closed = server->closed;
    void *userdata = server->userdata;
    http_exchange_pool_drain(server);
    buf_fini(&server->text);
    free(server->listeners);
    free(server);
    if (closed)
        closed(userdata);
}

static void finish_if_done(struct conn_server *server) {
    if (server->state == SERVER_CLOSING && server->count == 0)
        loop_hook_mark(server->loop, &server->hook, LOOP_DEFER);
}

struct conn_server *conn_server_new(struct loop *loop, const struct conn_config *config,
                                    const struct conn_handler *handler, void *userdata) {
    assert(handler->request);
    struct conn_server *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    server->config = *config;
    server->http_write = config->write;
    server->http_write.max = UINT32_MAX;
    server->handler = handler;
    server->userdata = userdata;
    list_init(&server->conns);
    list_init(&server->exchanges);
    loop_hook_init(&server->hook, finish_closing);
    return server;
}

void *conn_server_userdata(const struct conn_server *server) {
    return server->userdata;
}

struct loop *conn_server_loop(const struct conn_server *server) {
    return server->loop;
}

uint32_t conn_server_count(const struct conn_server *server) {
    return server->count;
}

/* ---- listeners ---- */

static void on_accept(struct listener *listener, int fd, const struct net_address *peer,
                      void *userdata) {
    struct conn *conn;
    int r = conn_open(userdata, fd, peer, NULL, &conn);
    if (r < 0) {
        close(fd);
        listener_release(listener);
        return;
    }
    conn->listener = listener;
}

int conn_server_listen(struct conn_server *server, const struct listener_config *config,
                       struct listener **ret_listener) {
    struct listener_config own = *config;
    if (!own.surplus.ptr)
        own.surplus = (struct dm_slice){ surplus, sizeof(surplus) - 1 };
    struct listener *listener;
    int r = listener_open(server->loop, &own, on_accept, server, &listener);
    if (r < 0)
        return r;
    size_t size = (server->listener_count + 1) * sizeof(*server->listeners);
    server->listeners = mem_realloc(server->listeners, size);
    server->listeners[server->listener_count++] = listener;
    *ret_listener = listener;
    return 0;
}

void conn_server_unlisten(struct conn_server *server, enum listener_file file) {
    for (size_t i = 0; i < server->listener_count; i++)
        listener_close(server->listeners[i], file);
    server->listener_count = 0;
}

/* ---- the end ---- */

void conn_server_gone(struct conn *conn) {
    struct conn_server *server = conn->server;
    if (server->handler->closed)
        server->handler->closed(server, conn);
    list_remove(&conn->link);
    server->count--;
    if (conn->listener)
        listener_release(conn->listener);
    finish_if_done(server);
}

void conn_server_drain(struct conn_server *server) {
    if (server->state != SERVER_OPEN)
        return;
    server->state = SERVER_DRAINING;
    list_foreach(link, &server->conns) {
        struct conn *conn = container_of(link, struct conn, link);
        if (!conn->http && !(conn->flags & CONN_WEBSOCKET))
            conn_close(conn);
    }
}

void conn_server_close(struct conn_server *server, conn_server_closed_fn *closed) {
    server->state = SERVER_CLOSING;
    server->closed = closed;
    conn_server_unlisten(server, LISTENER_UNLINK);
    list_foreach(link, &server->conns)
        conn_abort(container_of(link, struct conn, link));
    finish_if_done(server);
}
