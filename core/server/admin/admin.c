#include "core/server/admin/admin.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/server/admin/internal.h"
#include "core/server/admin/trace.h"

#define CONNECTIONS_MAX 256
#define ARENA_CHUNK 4096

static struct admin_request *request_new(struct admin *admin, struct http_exchange *exchange,
                                         const struct admin_route *route, struct dm_slice param) {
    struct admin_request *request = mem_zalloc(sizeof(*request));
    request->admin = admin;
    request->exchange = exchange;
    request->route = route;
    arena_init(&request->arena, ARENA_CHUNK);
    request->param = arena_slice(&request->arena, param);
    list_push_back(&admin->requests, &request->link);
    return request;
}

void admin_request_free(struct admin_request *request) {
    list_remove(&request->link);
    yyjson_doc_free(request->document);
    arena_fini(&request->arena);
    free(request);
}

static void exchange_ended(struct http_exchange *exchange, enum http_end how) {
    struct admin_request *request = http_userdata(exchange);
    request->exchange = NULL;
    if (request->state == ADMIN_IDLE)
        admin_request_free(request);
}

static int is_json(const struct http_request *http) {
    struct dm_slice type = http_header(http, "content-type");
    static const char json[] = "application/json";
    size_t len = sizeof(json) - 1;
    return type.len >= len && !strncasecmp(type.ptr, json, len)
           && (type.len == len || type.ptr[len] == ';' || type.ptr[len] == ' ');
}

static void body_complete(struct http_exchange *exchange, struct dm_slice body) {
    struct admin_request *request = http_userdata(exchange);
    if (body.len && !is_json(http_request(exchange))) {
        admin_reply_error(request, 415, "the body must be application/json", NULL);
        return;
    }
    if (body.len)
        request->document = yyjson_read(body.ptr, body.len, 0);
    if (body.len && !yyjson_is_obj(yyjson_doc_get_root(request->document)))
        admin_reply_error(request, 400, "the body must be a JSON object", NULL);
    else
        request->route->handle(request);
}

static void body_too_large(struct http_exchange *exchange) {
    admin_reply_error(http_userdata(exchange), 413, "the body is too large", NULL);
}

static const struct http_handler exchange_handler = {
    .complete = body_complete,
    .too_large = body_too_large,
    .end = exchange_ended,
};

static void begin(struct admin *admin, struct http_exchange *exchange,
                  const struct admin_route *route, struct dm_slice param) {
    struct admin_request *request = request_new(admin, exchange, route, param);
    http_attach(exchange, &exchange_handler, request);
    if (route->body == ADMIN_BODY)
        http_collect(exchange, ADMIN_BODY_MAX);
    else if (http_request(exchange)->length)
        admin_reply_error(request, 400, "this request has no body", NULL);
    else
        route->handle(request);
}

/* 1 when the request may go on; else it was answered. */
static int is_let_in(struct admin *admin, struct http_exchange *exchange) {
    switch (guard_judge(&admin->guard, http_request(exchange))) {
    case GUARD_PASSES:
        return 1;
    case GUARD_UNKNOWN:
        admin_refuse(exchange, 401, "a bearer token is wanted: see admin_token_file");
        break;
    case GUARD_FOREIGN:
        admin_refuse(exchange, 403, "pages of other origins may not ask");
        break;
    case GUARD_MISDIRECTED:
        admin_refuse(exchange, 421, "this listener has another name: see admin_names");
        break;
    }
    return 0;
}

static void refuse_method(struct http_exchange *exchange, const char *allow) {
    const struct http_field fields[] = {
        { DM_SLICE("Content-Type"), DM_SLICE("application/json") },
        { DM_SLICE("Allow"), dm_slice_str(allow) },
    };
    http_respond(exchange, 405, fields, 2,
                 DM_SLICE("{\"error\":{\"code\":\"method_not_allowed\",\"message\":"
                          "\"the path knows other methods: see Allow\"}}\n"));
}

static void handle(struct conn_server *server, struct http_exchange *exchange) {
    struct admin *admin = conn_server_userdata(server);
    const struct http_request *http = http_request(exchange);
    struct dm_slice param;
    enum admin_access access;
    char allow[64];
    const struct admin_route *route = admin_route_find(http, &param, &access, allow);
    if (admin->state == ADMIN_STARTING && access != ADMIN_EARLY) {
        admin_refuse(exchange, 503, "the gateway starts still");
        return;
    }
    if (access == ADMIN_GUARDED && !is_let_in(admin, exchange))
        return;
    if (route)
        begin(admin, exchange, route, param);
    else if (*allow)
        refuse_method(exchange, allow);
    else
        admin_refuse(exchange, 404, "there is nothing here");
}

static const struct conn_handler admin_handler = { .request = handle };

static int listen_at(struct admin *admin, struct dm_slice address, int fd) {
    struct listener_config config = {
        .address = address, .fd = fd, .mode = ADMIN_SOCKET_MODE,
    };
    struct listener *listener;
    int r = conn_server_listen(admin->server, &config, &listener);
    if (!r)
        net_address_format(listener_address(listener), admin->address);
    return r;
}

int admin_open(struct loop *loop, struct dm_slice address, int fd, struct admin **ret_admin) {
    struct admin *admin = mem_zalloc(sizeof(*admin));
    struct conn_config config = CONN_CONFIG_DEFAULT;
    config.max_connections = CONNECTIONS_MAX;
    admin->loop = loop;
    list_init(&admin->requests);
    admin->server = conn_server_new(loop, &config, &admin_handler, admin);
    int r = listen_at(admin, address, fd);
    if (r) {
        admin_close(admin);
        return r;
    }
    *ret_admin = admin;
    return 0;
}

int admin_serve(struct admin *admin, struct gateway *gateway, const struct admin_events *events,
                void *owner) {
    int r = guard_init(&admin->guard, gateway_config(gateway));
    if (r)
        return r;
    admin->gateway = gateway;
    admin->events = events;
    admin->events_owner = owner;
    admin->trace = trace_new(gateway);
    admin->state = ADMIN_SERVES;
    return 0;
}

void admin_pass(const struct admin *admin, struct inherit *sockets) {
    if (admin)
        inherit_add_listeners(sockets, INHERIT_ADMIN, admin->server);
}

void admin_unlisten(struct admin *admin) {
    if (admin)
        conn_server_unlisten(admin->server, LISTENER_KEEP);
}

const char *admin_address(const struct admin *admin) {
    return admin->address;
}

static void server_closed(void *userdata) {
    ((struct admin *)userdata)->state = ADMIN_CLOSED;
}

/* What still waits for the store frees itself when its answer comes. */
static void leave_requests(struct admin *admin) {
    struct list *link;
    while ((link = list_pop_front(&admin->requests)))
        container_of(link, struct admin_request, link)->admin = NULL;
}

void admin_close(struct admin *admin) {
    if (!admin)
        return;
    conn_server_close(admin->server, server_closed);
    while (admin->state != ADMIN_CLOSED)
        uv_run(loop_uv(admin->loop), UV_RUN_ONCE);
    leave_requests(admin);
    trace_free(admin->trace);
    free(admin);
}
