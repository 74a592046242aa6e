/* HTTP exchanges: routing, authentication, and refusals. */
#include <stdlib.h>

#include "core/adapter/body.h"
#include "core/adapter/observe.h"
#include "core/adapter/sio.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/net/cors.h"

static void on_end(struct http_exchange *exchange, enum http_end how);

static const struct http_handler exchange_handler = {
    .complete = body_complete,
    .piece = body_piece,
    .too_large = body_too_large,
    .writable = request_writable,
    .end = on_end,
};

void request_free(struct host *host, struct request *request) {
    if (!request)
        return;
    request_count_out(host, request);
    free(request->content_type);
    free(request->subprotocol);
    free(request);
}

/* The token of "Authorization: Bearer TOKEN" (RFC 6750, section 2.1); absent for another scheme or
 * none; present, maybe empty, for this one. */
static struct dm_slice bearer_of(const struct http_request *request) {
    struct dm_slice value = http_header(request, "authorization");
    const char *blank = value.len ? memchr(value.ptr, ' ', value.len) : NULL;
    size_t scheme = blank ? (size_t)(blank - value.ptr) : value.len;

    if (!http_name_is((struct dm_slice){ value.ptr, scheme }, "bearer"))
        return DM_SLICE_NONE;
    while (scheme < value.len && value.ptr[scheme] == ' ')
        scheme++;
    return (struct dm_slice){ value.ptr + scheme, value.len - scheme };
}

/* The type alone, lower-cased: "application/json" of "Application/JSON; charset=utf-8". */
static char *copy_content_type(const struct http_request *request) {
    struct dm_slice value = http_header(request, "content-type");
    size_t len = 0;
    char *copy;

    if (!value.ptr)
        return NULL;
    while (len < value.len && value.ptr[len] != ';' && value.ptr[len] != ' ')
        len++;
    copy = mem_dup(value.ptr, len);
    for (size_t i = 0; i < len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + ('a' - 'A'));
    return copy;
}

/* What the adapter sees of the request. */
void request_fill(struct session *session) {
    struct request *request = session->request;
    const struct http_request *http = http_request(request->exchange);
    struct dm_request *pub = &request->pub;

    if (!request->content_type)
        request->content_type = copy_content_type(http);
    pub->route = request->match.route ? request->match.route->id : 0;
    pub->auth = session->pub.user ? DM_OK : request->auth;
    pub->credentials = session->flags & SESSION_HAS_TOKEN ? DM_SLICE("") : DM_SLICE_NONE;
    pub->method = dm_slice_str(http_method_name(http->method));
    pub->path = request->match.path;
    pub->params = request->match.params;
    pub->param_count = request->match.param_count;
    pub->content_type = dm_slice_str(request->content_type);
}

void request_fault(struct session *session, int status) {
    const struct dm_adapter *adapter = &session->instance->adapter;
    struct host *host = session->instance->host;

    session->request->fault = status;
    if (adapter->fault) {
        request_fill(session);
        hook_enter(session->instance, session, HOOK_FAULT);
        adapter->fault(&session->pub, &session->request->pub, status);
        hook_leave(host, session);
    }
    if (session->state != SESSION_ANSWERED)
        request_respond_plain(session, status);
}

/* ---- a request's way to the adapter ---- */

void request_check_answered(struct session *session) {
    if ((session->state != SESSION_WAITING && session->state != SESSION_PIECES)
        || (session->flags & SESSION_WAITS_FOR_PEER)
        || http_piece_is_owed(session->request->exchange)
        || loop_timer_is_armed(&session->timer)
        || engine_session_backlog(&session->engine) > 0)
        return;
    log_event(LOG_LEVEL_ERROR, "adapter left a request unanswered",
              LOG_STR("adapter", session->instance->name),
              LOG_STR("route", session->request->match.route->path));
    if (session->state == SESSION_PIECES)
        request_abort(session);
    else
        request_respond_plain(session, 500);
}

void request_run(struct session *session, struct dm_slice body) {
    struct host *host = session->instance->host;

    session->state = SESSION_WAITING;
    request_fill(session);
    session->request->pub.body = body.len ? body : DM_SLICE_NONE;
    observe_begin(host);
    observe_frame_in(session, session->request->match.route->path, NULL);
    hook_enter(session->instance, session, HOOK_REQUEST);
    session->instance->adapter.request(&session->pub, &session->request->pub);
    hook_leave(host, session);
    request_check_answered(session);
}

/* Authentication is over, or there was nothing to authenticate. */
static void proceed(struct session *session) {
    if (!session->pub.user && !session_take_address(session, ADDRESS_LIMIT_ANONYMOUS))
        request_fault(session, 429);
    else if (session->pub.kind == DM_SESSION_SOCKET)
        socket_continue(session);
    else
        body_take(session);
}

static void refuse_stranger(struct session *session) {
    int may = session_take_address(session, ADDRESS_LIMIT_ANONYMOUS);

    request_fault(session, may ? 401 : 429);
}

void request_continue(struct session *session, const struct dm_result *result) {
    struct request *request = session->request;

    request->auth = result->status;
    request->retry_after = result->retry_after;
    if (result->status == DM_UNAVAILABLE || result->status == DM_INTERNAL)
        request_fault(session, 503);
    else if (result->status == DM_LIMITED)
        request_fault(session, 429);
    else if (!session->pub.user && request->match.route->auth == DM_AUTH_REQUIRED)
        refuse_stranger(session);
    else
        proceed(session);
}

/* The value of that parameter of the query, decoded; absent when it is missing or empty. */
static struct dm_slice query_token(struct session *session, const char *name) {
    struct dm_slice rest = http_request(session->request->exchange)->query;
    struct http_field pair;

    while (http_pair_next(rest, &rest, &pair)) {
        char *text;
        size_t len;

        if (!dm_slice_eq(pair.name, dm_slice_str(name)) || pair.value.len == 0)
            continue;
        text = arena_alloc(&session->instance->host->reader.arena, pair.value.len);
        if (http_percent_decode(pair.value, HTTP_PLUS_LITERAL, text, &len) != 0)
            return DM_SLICE("");
        return (struct dm_slice){ text, len };
    }
    return DM_SLICE_NONE;
}

/* The token that the route allows for; absent when there is none. Where it may stand in the query,
 * that one was put there on purpose; a header may come along from whatever the client does else. */
static struct dm_slice find_token(struct session *session) {
    const struct dm_route *route = session->request->match.route;
    struct dm_slice token = DM_SLICE_NONE;

    if (route->auth == DM_AUTH_NONE)
        return DM_SLICE_NONE;
    if (route->auth_query)
        token = query_token(session, route->auth_query);
    return token.ptr ? token : bearer_of(http_request(session->request->exchange));
}

/* Credentials come first, before a body is read or a hook runs. */
static void authenticate(struct session *session) {
    struct host *host = session->instance->host;
    struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_AUTHENTICATE };
    struct dm_slice token;

    json_reader_reset(&host->reader);
    token = find_token(session);
    if (token.ptr)
        session->flags |= SESSION_HAS_TOKEN;
    if (token.len) {
        command.token = token;
        engine_submit(&session->engine, &command, DM_SLICE_NONE);
    } else if (session->request->match.route->auth == DM_AUTH_REQUIRED) {
        refuse_stranger(session);
    } else {
        proceed(session);
    }
}

/* ---- what comes from the network ---- */

static struct session *begin(struct host *host, struct http_exchange *exchange,
                             enum dm_session_kind kind, const struct router_match *match) {
    struct session *session = session_new(match->owner, kind, http_request(exchange)->remote,
                                          match->route);
    uint32_t ms = kind == DM_SESSION_SOCKET ? host->config.handshake_timeout_ms
                                            : host->config.request_timeout_ms;

    session->request = mem_zalloc(sizeof(struct request));
    session->request->exchange = exchange;
    session->request->match = *match;
    session->request->auth = DM_UNAUTHENTICATED;
    http_attach(exchange, &exchange_handler, session);
    loop_timer_arm(host->loop, &session->deadline, ms);
    return session;
}

static void refuse(struct host *host, struct http_exchange *exchange, int status,
                   const struct router_match *match) {
    struct buf allow = BUF_INIT;

    if (match->owner) {
        struct session *session = begin(host, exchange, DM_SESSION_REQUEST, match);

        request_fault(session, session_take_address(session, ADDRESS_LIMIT_ALL) ? status : 429);
        return;
    }
    if (status == 405) {
        router_allow(host->router, http_request(exchange)->path, &allow);
        buf_append_char(&allow, '\0');
        (void)http_respond_not_allowed(exchange, allow.data);
    } else {
        (void)http_respond_status(exchange, (unsigned)status);
    }
    buf_fini(&allow);
}

/* A page of another origin asks what it may. 1 when that was all, else 0. */
static int answer_preflight(struct host *host, struct http_exchange *exchange,
                            const struct instance *instance) {
    const struct http_request *request = http_request(exchange);
    struct http_field fields[CORS_FIELDS_MAX];
    struct buf methods = BUF_INIT;
    size_t count;

    if (!cors_is_preflight(request) || !cors_allows(instance->cors_origins, request))
        return 0;
    router_allow(host->router, request->path, &methods);
    count = cors_fields(instance->cors_origins, request, buf_slice(&methods), fields);
    (void)http_respond(exchange, 204, fields, count, DM_SLICE_NONE);
    buf_fini(&methods);
    return 1;
}

/* 1 when it can be had now. */
static int has_room(const struct host *host, const struct http_exchange *exchange,
                    enum dm_session_kind kind) {
    const struct host_config *config = &host->config;

    if (host->phase != HOST_ACCEPTING)
        return 0;
    if (kind == DM_SESSION_SOCKET)
        return !config->sockets_max || host->socket_count < config->sockets_max;
    return !config->response_bytes_max
           || conn_server_queued(conn_server_of(http_conn(exchange)))
                  < config->response_bytes_max;
}

/* What the connection is answered counts from now on for whom the request came from. Returns how
 * many bytes that address has not read. */
static uint64_t charge(const struct host *host, struct http_exchange *exchange) {
    uint64_t key = address_limit_key(host->config.addresses, http_request(exchange)->remote);

    return conn_charge(http_conn(exchange),
                       key == ADDRESS_NOT_COUNTED ? CONN_CHARGE_NOBODY : key);
}

/* One address does not fill the room that is for all. 1 when its requests are served, else 0. */
static int has_share(struct session *session) {
    struct host *host = session->instance->host;
    uint64_t most = host->config.address_response_bytes_max;

    if (!most || session->pub.kind == DM_SESSION_SOCKET
        || charge(host, session->request->exchange) < most)
        return 1;
    count_address_limited(host, "responses");
    return 0;
}

static void serve(struct host *host, struct http_exchange *exchange, enum dm_session_kind kind,
                  const struct router_match *match) {
    struct session *session = begin(host, exchange, kind, match);

    if (!session_take_address(session, ADDRESS_LIMIT_ALL) || !has_share(session))
        request_fault(session, 429);
    else if (!has_room(host, exchange, kind))
        request_fault(session, 503);
    else
        authenticate(session);
}

void host_request(struct host *host, struct http_exchange *exchange) {
    const struct http_request *http = http_request(exchange);
    struct router_match match, socket;
    struct router_match sio;
    int is_socket = router_find(host->router, DM_WEBSOCKET, http->method, http->path, &socket)
                    == ROUTER_FOUND;

    if (router_find(host->router, DM_SOCKETIO, http->method, http->path, &sio) == ROUTER_FOUND
        && (!is_socket || engineio_is_meant(http))) {
        (void)charge(host, exchange);
        sio_request(sio.owner, exchange);
        return;
    }
    if (is_socket && http->upgrade == HTTP_UPGRADE_WEBSOCKET) {
        serve(host, exchange, DM_SESSION_SOCKET, &socket);
        return;
    }
    if (is_socket && http->upgrade != HTTP_UPGRADE_NONE) {
        (void)websocket_respond_invalid(exchange);
        return;
    }
    switch (router_find(host->router, DM_HTTP, http->method, http->path, &match)) {
    case ROUTER_FOUND:
        serve(host, exchange, DM_SESSION_REQUEST, &match);
        break;
    case ROUTER_NO_METHOD:
        if (!answer_preflight(host, exchange, match.owner))
            refuse(host, exchange, 405, &match);
        break;
    case ROUTER_NO_ROUTE:
        if (is_socket)
            (void)websocket_respond_invalid(exchange);
        else
            refuse(host, exchange, 404, &match);
        break;
    }
}

static void on_end(struct http_exchange *exchange, enum http_end how) {
    struct session *session = http_userdata(exchange);

    if (how != HTTP_END_UPGRADED || !session->ws) {
        session_end(session);
        return;
    }
    request_free(session->instance->host, session->request);
    session->request = NULL;
}
