#include "core/server/admin.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/net/conn.h"

struct admin {
    struct gateway *gateway;
    struct conn_server *server;
    char address[NET_ADDRESS_TEXT];
    int closed;
};

static void respond_text(struct http_exchange *exchange, unsigned status, const char *type,
                         struct dm_slice body) {
    struct http_field field = { DM_SLICE("Content-Type"), dm_slice_str(type) };
    http_respond(exchange, status, &field, 1, body);
}

static void respond_metrics(struct admin *admin, struct http_exchange *exchange) {
    struct buf text = BUF_INIT;
    gateway_measure(admin->gateway);
    metrics_write_prometheus(gateway_metrics(admin->gateway), &text);
    respond_text(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&text));
    buf_fini(&text);
}

static void handle(struct conn_server *server, struct http_exchange *exchange) {
    struct admin *admin = conn_server_userdata(server);
    const struct http_request *request = http_request(exchange);
    if (request->method != HTTP_METHOD_GET && request->method != HTTP_METHOD_HEAD)
        http_respond_not_allowed(exchange, "GET");
    else if (dm_slice_eq(request->path, DM_SLICE("/healthz")))
        respond_text(exchange, 200, "text/plain", DM_SLICE("ok\n"));
    else if (dm_slice_eq(request->path, DM_SLICE("/readyz")))
        respond_text(exchange, gateway_is_ready(admin->gateway) ? 200 : 503, "text/plain",
                     gateway_is_ready(admin->gateway) ? DM_SLICE("ready\n")
                                                      : DM_SLICE("not ready\n"));
    else if (dm_slice_eq(request->path, DM_SLICE("/metrics")))
        respond_metrics(admin, exchange);
    else
        http_respond_status(exchange, 404);
}

static const struct conn_handler admin_handler = { .request = handle };

int admin_open(struct gateway *gateway, struct dm_slice address, int fd,
               struct admin **ret_admin) {
    struct loop *loop = backend_loop(gateway_backend(gateway));
    struct admin *admin = mem_zalloc(sizeof(*admin));
    struct conn_config config = CONN_CONFIG_DEFAULT;
    struct listener_config listen = { .address = address, .fd = fd, .max_connections = 256 };
    struct listener *listener;
    admin->gateway = gateway;
    admin->server = conn_server_new(loop, &config, &admin_handler, admin);
    int r = conn_server_listen(admin->server, &listen, &listener);
    if (r) {
        admin_close(admin);
        return r;
    }
    net_address_format(listener_address(listener), admin->address);
    *ret_admin = admin;
    return 0;
}

const char *admin_address(const struct admin *admin) {
    return admin->address;
}

static void server_closed(void *userdata) {
    ((struct admin *)userdata)->closed = 1;
}

void admin_close(struct admin *admin) {
    if (!admin)
        return;
    struct loop *loop = conn_server_loop(admin->server);
    conn_server_close(admin->server, server_closed);
    while (!admin->closed)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    free(admin);
}
