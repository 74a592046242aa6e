#include "core/adapter/observe.h"
#include "core/adapter/sio.h"

#include <stdlib.h>

#include "core/adapter/socketio.h"
#include "core/base/base64.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"

#define NAMESPACE_MAX 256
#define QUEUE_MAX 1048576
#define PING_INTERVAL_MS 25000
#define PING_TIMEOUT_MS 20000

/* ---- what all namespaces of a connection share ---- */

void sio_update_limit(struct sio *sio) {
    const struct instance *instance = sio->instance;
    int large = (instance->adapter.flags & DM_ADAPTER_ANONYMOUS) != 0;

    list_foreach(link, &sio->sessions)
        large |= session_of_seat(link)->pub.user != NULL;
    engineio_set_max_message(sio->eio, large ? instance->payload_max
                                             : instance->frame_max_unauthenticated);
}

void sio_update_pause(struct sio *sio) {
    list_foreach(link, &sio->sessions) {
        const struct session *session = session_of_seat(link);

        if (session->state == SESSION_OPEN && (session->flags & SESSION_PAUSED_ANY))
            return;
    }
    engineio_resume(sio->eio);
}

static void arm_connect_timeout(struct sio *sio) {
    struct loop *loop = sio->instance->host->loop;

    if (!list_is_empty(&sio->sessions) || sio->route->transport == DM_ENGINEIO)
        loop_timer_cancel(loop, &sio->timer);
    else if (sio->instance->connect_timeout_ms)
        loop_timer_arm(loop, &sio->timer, sio->instance->connect_timeout_ms);
}

/* ---- the end of sessions ---- */

static void end_session(struct session *session) {
    struct sio *sio = session->seat->sio;

    list_remove(&session->seat->link);
    sio->instance->host->socket_count--;
    session_end(session);
}

void sio_leave(struct session *session) {
    struct sio *sio = session->seat->sio;

    end_session(session);
    sio_update_pause(sio);
    arm_connect_timeout(sio);
}

static void on_turn(struct loop_hook *hook) {
    struct sio *sio = container_of(hook, struct sio, hook);

    list_foreach_safe(link, &sio->sessions) {
        struct session *session = session_of_seat(link);

        if (session->state == SESSION_CLOSING)
            end_session(session);
    }
    sio_update_pause(sio);
    arm_connect_timeout(sio);
}

static void on_no_connect(struct loop_timer *timer) {
    engineio_close(container_of(timer, struct sio, timer)->eio, WEBSOCKET_CODE_POLICY);
}

static int is_last(const struct sio *sio) {
    list_foreach(link, &sio->sessions)
        if (session_of_seat(link)->state == SESSION_OPEN)
            return 0;
    return 1;
}

/* A client that is told DISCONNECT does not come back by itself; these codes want it to. */
static int asks_back(uint16_t code) {
    return code == WEBSOCKET_CODE_GOING_AWAY
           || (code >= WEBSOCKET_CODE_INTERNAL && code <= WEBSOCKET_CODE_TRY_LATER);
}

static void send_packet(struct sio *sio, enum socketio_type type, struct dm_slice ns,
                        struct dm_slice data) {
    const struct socketio_packet packet = { .type = type, .ns = ns, .data = data };
    struct buf text = BUF_INIT;

    socketio_encode(&packet, &text);
    (void)engineio_send(sio->eio, buf_slice(&text));
    buf_fini(&text);
}

void sio_session_closing(struct session *session, uint16_t code) {
    struct sio *sio = session->seat->sio;

    if (session->seat->ns && !asks_back(code))
        send_packet(sio, SOCKETIO_DISCONNECT, dm_slice_str(session->seat->ns), DM_SLICE_NONE);
    if (is_last(sio))
        engineio_close(sio->eio, code);
    loop_hook_mark(sio->instance->host->loop, &sio->hook, LOOP_DEFER);
}

void sio_drain(struct sio *sio) {
    if (list_is_empty(&sio->sessions))
        engineio_close(sio->eio, WEBSOCKET_CODE_GOING_AWAY);
}

void sio_fail(struct sio *sio) {
    engineio_close(sio->eio, WEBSOCKET_CODE_PROTOCOL);
}

/* ---- joining a namespace ---- */

static const struct dm_route *find_route(const struct sio *sio, struct dm_slice ns,
                                         struct dm_route *ret_route) {
    const struct dm_table *routes = &sio->instance->adapter.routes;

    for (uint32_t i = 0; i < routes->count; i++) {
        adapter_row(routes, i, ret_route, sizeof(*ret_route));
        if (ret_route->transport == DM_SOCKETIO && strcmp(ret_route->path, sio->route->path) == 0
            && dm_slice_eq(ns, dm_slice_str(ret_route->ns)))
            return ret_route;
    }
    return NULL;
}

struct session *sio_find_session(const struct sio *sio, struct dm_slice ns) {
    list_foreach(link, &sio->sessions) {
        struct session *session = session_of_seat(link);

        if (dm_slice_eq(ns, dm_slice_str(session->seat->ns)))
            return session;
    }
    return NULL;
}

static void confirm(struct session *session) {
    uint8_t random[15];
    char text[64] = "{\"sid\":\"";
    size_t len = strlen(text);

    random_bytes(random, sizeof(random));
    len += base64_encode(BASE64_URL, random, sizeof(random), text + len);
    memcpy(text + len, "\"}", 2);
    send_packet(session->seat->sio, SOCKETIO_CONNECT, dm_slice_str(session->seat->ns),
                (struct dm_slice){ text, len + 2 });
}

static enum dm_session_kind kind_of(const struct dm_route *route) {
    return route->transport == DM_SOCKETIO ? DM_SESSION_SOCKETIO : DM_SESSION_ENGINEIO;
}

static void run_open(struct session *session, const struct dm_route *route,
                     struct dm_slice auth) {
    const struct dm_request request = {
        .route = route->id, .auth = DM_UNAUTHENTICATED,
        .method = session->seat->ns ? DM_SLICE("CONNECT") : DM_SLICE_NONE,
        .path = dm_slice_str(session->seat->ns), .body = auth,
    };

    if (!session->instance->adapter.open)
        return;
    observe_other(session->instance->host);
    hook_enter(session->instance, session, HOOK_JOIN);
    session->instance->adapter.open(&session->pub, &request);
    hook_leave(session->instance->host, session);
}

/* auth is absent for an Engine.IO route. */
static void join(struct sio *sio, const struct dm_route *route, struct dm_slice auth) {
    struct instance *instance = sio->instance;
    struct host *host = instance->host;
    struct session *session = session_new(instance, kind_of(route), &sio->remote, route);

    session->seat->sio = sio;
    session->seat->ns = route->transport == DM_SOCKETIO ? route->ns : NULL;
    session->base = base_ref(sio->base);
    session->state = SESSION_OPEN;
    list_push_back(&sio->sessions, &session->seat->link);
    host->socket_count++;
    metrics_inc(instance->opened);
    loop_timer_cancel(host->loop, &sio->timer);
    session_opened(session);
    if (session->seat->ns)
        confirm(session);
    run_open(session, route, auth);
}

void sio_connect(struct sio *sio, const struct socketio_packet *packet) {
    struct host *host = sio->instance->host;
    struct dm_slice auth = packet->data.ptr ? packet->data : DM_SLICE("{}");
    struct dm_route route;

    json_reader_reset(&host->reader);
    if (json_value_type(json_reader_parse(&host->reader, auth)) != DM_JSON_OBJECT
        || packet->ns.len > NAMESPACE_MAX || sio_find_session(sio, packet->ns))
        sio_fail(sio);
    else if (!find_route(sio, packet->ns, &route))
        send_packet(sio, SOCKETIO_CONNECT_ERROR, packet->ns,
                    DM_SLICE("{\"message\":\"Invalid namespace\"}"));
    else if (host->phase != HOST_ACCEPTING)
        engineio_close(sio->eio, WEBSOCKET_CODE_GOING_AWAY);
    else if (host->config.sockets_max && host->socket_count >= host->config.sockets_max)
        send_packet(sio, SOCKETIO_CONNECT_ERROR, packet->ns,
                    DM_SLICE("{\"message\":\"Service Unavailable\"}"));
    else
        join(sio, &route, auth);
}

/* ---- what comes from Engine.IO ---- */

/* Engine.IO sessions count before they have joined anything, and this one already does. */
static int has_room(const struct host *host, const struct engineio *server) {
    uint32_t most = host->config.sockets_max;

    return !most || (host->socket_count < most && engineio_count(server) <= most);
}

static int on_open(struct engineio *server, struct engineio_session *eio,
                   const struct http_request *request) {
    struct instance *instance = engineio_server_userdata(server);
    struct host *host = instance->host;
    struct router_match match;
    struct sio *sio;

    if (host->phase != HOST_ACCEPTING
        || !has_room(host, server)
        || router_find(host->router, DM_SOCKETIO, HTTP_METHOD_GET, request->path, &match)
               != ROUTER_FOUND)
        return 503;
    if (!address_take(host, ADDRESS_LIMIT_ANONYMOUS,
                      address_limit_key(host->config.addresses, request->remote)))
        return 429;
    sio = mem_zalloc(sizeof(*sio));
    sio->instance = instance;
    sio->eio = eio;
    sio->route = match.route;
    sio->remote = *request->remote;
    sio->base = base_of(instance, request);
    list_init(&sio->sessions);
    loop_timer_init(&sio->timer, on_no_connect);
    loop_hook_init(&sio->hook, on_turn);
    list_push_back(&host->sios, &sio->link);
    metrics_move(instance->connections, 1);
    engineio_set_userdata(eio, sio);
    sio_update_limit(sio);
    arm_connect_timeout(sio);
    return 0;
}

static void on_opened(struct engineio_session *eio) {
    struct sio *sio = engineio_userdata(eio);

    if (sio->route->transport == DM_ENGINEIO)
        join(sio, sio->route, DM_SLICE_NONE);
}

/* A message of an Engine.IO route is a frame as it is. */
static void take_raw(struct sio *sio, enum websocket_kind kind, struct dm_slice data) {
    struct list *link = list_front(&sio->sessions);
    const struct dm_frame frame = {
        .kind = kind == WEBSOCKET_BINARY ? DM_FRAME_BINARY : DM_FRAME_TEXT, .data = data,
    };

    if (link)
        socket_take(session_of_seat(link), &frame);
}

static void on_message(struct engineio_session *eio, enum websocket_kind kind,
                       struct dm_slice data) {
    struct sio *sio = engineio_userdata(eio);

    if (sio->route->transport == DM_ENGINEIO)
        take_raw(sio, kind, data);
    else if (kind == WEBSOCKET_BINARY)
        sio_take_attachment(sio, data);
    else
        sio_take_text(sio, data);
}

static void on_closed(struct engineio_session *eio, enum engineio_end end) {
    struct sio *sio = engineio_userdata(eio);
    struct host *host = sio->instance->host;
    struct list *link;

    log_event(LOG_LEVEL_DEBUG, "connection closed", LOG_STR("adapter", sio->instance->name),
              LOG_STR("end", engineio_end_name(end)));
    while ((link = list_front(&sio->sessions)))
        end_session(session_of_seat(link));
    loop_timer_cancel(host->loop, &sio->timer);
    loop_hook_cancel(&sio->hook);
    sio_binary_free(sio);
    list_remove(&sio->link);
    metrics_move(sio->instance->connections, -1);
    base_unref(host, sio->base);
    free(sio);
    host_check_drained(host);
}

static const struct engineio_handler handler = {
    .open = on_open,
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static uint32_t or_default(uint32_t value, uint32_t fallback) {
    return value ? value : fallback;
}

static struct engineio_config server_config(const struct instance *instance) {
    return (struct engineio_config){
        .ping_interval_ms = or_default(instance->heartbeat_ms, PING_INTERVAL_MS),
        .ping_timeout_ms = or_default(instance->ping_timeout_ms, PING_TIMEOUT_MS),
        .max_payload = instance->payload_max,
        .max_message = instance->frame_max_unauthenticated,
        .queue_max = or_default(instance->host->config.send_queue_max, QUEUE_MAX),
        .handoff = instance->host->config.handoff,
        .origins = instance->cors_origins,
    };
}

struct engineio *sio_server_new(struct instance *instance) {
    const struct engineio_config config = server_config(instance);

    return engineio_new(instance->host->loop, &config, &handler, instance);
}

void sio_server_configure(struct instance *instance) {
    const struct engineio_config config = server_config(instance);

    engineio_configure(instance->engineio, &config);
}

void sio_request(struct instance *instance, struct http_exchange *exchange) {
    struct host *host = instance->host;
    uint64_t key = address_limit_key(host->config.addresses, http_request(exchange)->remote);

    if (address_take(host, ADDRESS_LIMIT_ALL, key))
        engineio_request(instance->engineio, exchange);
    else
        (void)http_respond_status(exchange, 429);
}
