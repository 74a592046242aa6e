#include "core/net/conn_server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/net/conn_internal.h"

/* At a time; more are cut off without a word. */
#define TURNED_AWAY_MAX 64

/* What a connection without room is told, when the owner has named nothing else. */
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
    for (size_t i = 0; i < server->entrance_count; i++)
        free(server->entrances[i]);
    free(server->entrances);
    conn_shares_free(server);
    free(server);
    if (closed)
        closed(userdata);
}

void conn_server_check_end(struct conn_server *server) {
    if (server->state == SERVER_CLOSING && server->count == 0 && list_is_empty(&server->passes))
        loop_hook_mark(server->loop, &server->hook, LOOP_DEFER);
}

static void take_config(struct conn_server *server, const struct conn_config *config) {
    server->config = *config;
    server->http_write = config->write;
    server->http_write.max = UINT32_MAX;
    server->http_write.total = &server->unread;
    conn_shares_configure(server);
}

struct conn_server *conn_server_new(struct loop *loop, const struct conn_config *config,
                                    const struct conn_handler *handler, void *userdata) {
    assert(handler->request);
    struct conn_server *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    take_config(server, config);
    server->handler = handler;
    server->userdata = userdata;
    list_init(&server->conns);
    list_init(&server->passes);
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

int conn_server_relays(const struct conn_server *server) {
    return !list_is_empty(&server->passes);
}

uint64_t conn_server_queued(const struct conn_server *server) {
    return server->unread.bytes;
}

/* ---- listeners ---- */

int conn_server_is_full(const struct conn_server *server) {
    return server->config.max_connections && server->count >= server->config.max_connections;
}

void conn_server_turn_away(struct conn *conn) {
    const struct conn_server *server = conn->server;
    if (server->count > (uint64_t)server->config.max_connections + TURNED_AWAY_MAX) {
        conn_abort(conn);
        return;
    }
    stream_write(&conn->stream, surplus, sizeof(surplus) - 1);
    conn_close(conn);
}

static int on_accept(struct listener *listener, int fd, const struct net_address *peer,
                     void *userdata) {
    struct conn_entrance *entrance = userdata;
    return conn_server_is_full(entrance->server) ? -EUSERS : conn_enter(entrance, fd, peer);
}

int conn_server_listen_at(struct conn_server *server, const struct listener_config *config,
                          const struct conn_door *door, struct listener **ret_listener) {
    struct listener_config own = *config;
    struct conn_entrance *entrance = mem_zalloc(sizeof(*entrance));
    if (!own.surplus.ptr && !door->tls)
        own.surplus = (struct dm_slice){ surplus, sizeof(surplus) - 1 };
    entrance->server = server;
    entrance->door = *door;
    int r = listener_open(server->loop, &own, on_accept, entrance, &entrance->listener);
    if (r < 0) {
        free(entrance);
        return r;
    }
    size_t size = (server->entrance_count + 1) * sizeof(*server->entrances);
    server->entrances = mem_realloc(server->entrances, size);
    server->entrances[server->entrance_count++] = entrance;
    *ret_listener = entrance->listener;
    return 0;
}

int conn_server_listen(struct conn_server *server, const struct listener_config *config,
                       struct listener **ret_listener) {
    static const struct conn_door bare;
    return conn_server_listen_at(server, config, &bare, ret_listener);
}

void conn_server_configure(struct conn_server *server, const struct conn_config *config) {
    take_config(server, config);
}

int conn_server_listener_fd(const struct conn_server *server, size_t index) {
    if (index >= server->entrance_count || server->entrances[index]->state == ENTRANCE_CLOSED)
        return -1;
    return listener_fd(server->entrances[index]->listener);
}

void conn_server_unlisten(struct conn_server *server, enum listener_file file) {
    for (size_t i = 0; i < server->entrance_count; i++) {
        struct conn_entrance *entrance = server->entrances[i];
        if (entrance->state == ENTRANCE_CLOSED)
            continue;
        entrance->state = ENTRANCE_CLOSED;
        listener_close(entrance->listener, file);
    }
}

/* ---- the end ---- */

void conn_server_gone(struct conn *conn) {
    struct conn_server *server = conn->server;
    if (server->handler->closed)
        server->handler->closed(server, conn);
    list_remove(&conn->link);
    server->count--;
    if (conn->entrance)
        listener_release(conn->entrance->listener);
    conn_server_check_end(server);
}

void conn_server_retire(struct conn_server *server) {
    if (server->state == SERVER_OPEN)
        server->state = SERVER_DRAINING;
}

void conn_server_drain(struct conn_server *server) {
    conn_server_retire(server);
    list_foreach(link, &server->conns) {
        struct conn *conn = container_of(link, struct conn, link);
        if (!conn->http && !conn->pass && !(conn->flags & CONN_WEBSOCKET))
            conn_close(conn);
    }
}

void conn_server_close(struct conn_server *server, conn_server_closed_fn *closed) {
    server->state = SERVER_CLOSING;
    server->closed = closed;
    conn_server_unlisten(server, LISTENER_UNLINK);
    list_foreach(link, &server->conns)
        conn_abort(container_of(link, struct conn, link));
    conn_pass_abort_all(server);
    conn_server_check_end(server);
}
