/* Requests: which are sound, what they ask for, and who may see the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/net/cors.h"
#include "core/net/engineio_internal.h"
#include "core/net/handoff.h"

#define VALUE_MAX 64

/* The first parameter of that name, decoded into text; absent when it is not there, empty when it
 * is too long or ill-formed. */
static struct dm_slice query_value(const struct http_request *request, const char *name,
                                   char text[static VALUE_MAX]) {
    struct dm_slice rest = request->query;
    struct http_field pair;
    size_t len = 0;
    while (http_pair_next(rest, &rest, &pair)) {
        if (!dm_slice_eq(pair.name, dm_slice_str(name)))
            continue;
        if (pair.value.len >= VALUE_MAX
            || (pair.value.len
                && http_percent_decode(pair.value, HTTP_PLUS_LITERAL, text, &len) != 0))
            return DM_SLICE("");
        return (struct dm_slice){ text, len };
    }
    return DM_SLICE_NONE;
}

int engineio_is_meant(const struct http_request *request) {
    char text[VALUE_MAX];
    return query_value(request, "EIO", text).ptr || query_value(request, "transport", text).ptr
           || query_value(request, "sid", text).ptr;
}

/* ---- answers ---- */

int engineio_respond(struct engineio *server, struct http_exchange *exchange, unsigned status,
                     const char *type, struct dm_slice body) {
    struct http_field fields[CORS_FIELDS_MAX + 2];
    size_t count = 0;
    if (type)
        fields[count++] = (struct http_field){ DM_SLICE("Content-Type"), dm_slice_str(type) };
    fields[count++] = (struct http_field){ DM_SLICE("Cache-Control"), DM_SLICE("no-store") };
    count += cors_fields(server->config.origins, http_request(exchange),
                         DM_SLICE("GET, POST, OPTIONS"), fields + count);
    return http_respond(exchange, status, fields, count, body);
}

void engineio_refuse(struct engineio *server, struct http_exchange *exchange,
                     enum engineio_error error) {
    static const char *const messages[] = {
        [ENGINEIO_UNKNOWN_TRANSPORT] = "Transport unknown",
        [ENGINEIO_UNKNOWN_SID] = "Session ID unknown",
        [ENGINEIO_BAD_HANDSHAKE_METHOD] = "Bad handshake method",
        [ENGINEIO_BAD_REQUEST] = "Bad request",
        [ENGINEIO_UNSUPPORTED_VERSION] = "Unsupported protocol version",
    };
    char text[96];
    int len = snprintf(text, sizeof(text), "{\"code\":%d,\"message\":\"%s\"}", (int)error,
                       messages[error]);
    (void)engineio_respond(server, exchange, 400, "application/json",
                           (struct dm_slice){ text, (size_t)len });
}

static void ignore_end(struct http_exchange *exchange, enum http_end how) {
    (void)exchange;
    (void)how;
}

static void ignore_body(struct http_exchange *exchange, struct dm_slice body) {
    (void)exchange;
    (void)body;
}

void engineio_let_go(struct http_exchange *exchange) {
    static const struct http_handler nobody = { .complete = ignore_body, .end = ignore_end };
    http_attach(exchange, &nobody, NULL);
}

/* ---- the ways in ---- */

static void handshake(struct engineio *server, struct http_exchange *exchange) {
    struct engineio_session *session = engineio_session_new(server);
    int status = server->handler->open(server, session, http_request(exchange));
    struct buf *text = &server->scratch;
    if (status) {
        engineio_session_free(session);
        (void)engineio_respond(server, exchange, (unsigned)status, NULL, DM_SLICE_NONE);
        return;
    }
    engineio_begin_heartbeat(session);
    buf_reset(text);
    engineio_put_open(session, "\"websocket\"", text);
    (void)engineio_respond(server, exchange, 200, "text/plain; charset=UTF-8", buf_slice(text));
    engineio_opened(session);
}

enum transport {
    TRANSPORT_POLLING,
    TRANSPORT_WEBSOCKET,
};

static void begin(struct engineio *server, struct http_exchange *exchange,
                  enum transport transport) {
    const struct http_request *request = http_request(exchange);
    char text[VALUE_MAX];
    if (request->method != HTTP_METHOD_GET)
        engineio_refuse(server, exchange, ENGINEIO_BAD_HANDSHAKE_METHOD);
    else if ((transport == TRANSPORT_WEBSOCKET) != (request->upgrade == HTTP_UPGRADE_WEBSOCKET))
        engineio_refuse(server, exchange, ENGINEIO_BAD_REQUEST);
    else if (!dm_slice_eq(query_value(request, "EIO", text), DM_SLICE("4")))
        engineio_refuse(server, exchange, ENGINEIO_UNSUPPORTED_VERSION);
    else if (transport == TRANSPORT_WEBSOCKET)
        engineio_websocket(server, exchange);
    else
        handshake(server, exchange);
}

static void go_on(struct engineio_session *session, struct http_exchange *exchange,
                  enum transport transport) {
    const struct http_request *request = http_request(exchange);
    int upgrade = request->upgrade == HTTP_UPGRADE_WEBSOCKET;
    char text[VALUE_MAX];
    if (!dm_slice_eq(query_value(request, "EIO", text), DM_SLICE("4")))
        engineio_refuse(session->server, exchange, ENGINEIO_UNSUPPORTED_VERSION);
    else if (transport == TRANSPORT_WEBSOCKET && upgrade)
        engineio_upgrade(session, exchange);
    else if (transport == TRANSPORT_WEBSOCKET || upgrade || session->ws)
        engineio_refuse(session->server, exchange, ENGINEIO_BAD_REQUEST);
    else if (request->method == HTTP_METHOD_GET)
        engineio_poll(session, exchange);
    else if (request->method == HTTP_METHOD_POST)
        engineio_post(session, exchange);
    else
        engineio_refuse(session->server, exchange, ENGINEIO_BAD_REQUEST);
}

void engineio_request(struct engineio *server, struct http_exchange *exchange) {
    const struct http_request *request = http_request(exchange);
    char transport_text[VALUE_MAX], sid_text[VALUE_MAX];
    struct dm_slice transport = query_value(request, "transport", transport_text);
    struct dm_slice sid = query_value(request, "sid", sid_text);
    enum transport kind = dm_slice_eq(transport, DM_SLICE("websocket")) ? TRANSPORT_WEBSOCKET
                                                                        : TRANSPORT_POLLING;
    struct engineio_session *session;
    if (cors_is_preflight(request) && cors_allows(server->config.origins, request)) {
        (void)engineio_respond(server, exchange, 204, NULL, DM_SLICE_NONE);
        return;
    }
    if (kind == TRANSPORT_POLLING && !dm_slice_eq(transport, DM_SLICE("polling"))) {
        engineio_refuse(server, exchange, ENGINEIO_UNKNOWN_TRANSPORT);
        return;
    }
    if (!sid.ptr) {
        begin(server, exchange, kind);
        return;
    }
    session = map_bytes_get(&server->sessions, sid);
    if (session && engineio_is_overdue(session)) {
        engineio_drop(session, ENGINEIO_END_TIMEOUT);
        session = NULL;
    }
    if (session)
        go_on(session, exchange, kind);
    else if (handoff_pass(server->config.handoff, sid, exchange) != 0)
        engineio_refuse(server, exchange, ENGINEIO_UNKNOWN_SID);
}
