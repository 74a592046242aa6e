/* The opening handshake (RFC 6455, section 4.2). */
#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "core/base/base64.h"
#include "core/net/conn_internal.h"
#include "core/net/http_exchange.h"

#define KEY_BYTES 16
#define KEY_TEXT 24
#define ACCEPT_TEXT 28
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* The value of a field that must be there exactly once, else the absent slice. */
static struct dm_slice single(const struct http_request *request, const char *name) {
    struct dm_slice value = DM_SLICE_NONE;
    for (size_t i = 0; i < request->field_count; i++) {
        if (!http_name_is(request->fields[i].name, name))
            continue;
        if (value.ptr)
            return DM_SLICE_NONE;
        value = request->fields[i].value;
    }
    return value;
}

static int key_is_valid(struct dm_slice key) {
    char bytes[KEY_BYTES];
    size_t len = 0;
    if (!key.ptr || key.len != KEY_TEXT)
        return 0;
    return base64_decode(BASE64_STD, key, bytes, sizeof(bytes), &len) == 0 && len == KEY_BYTES;
}

enum http_upgrade websocket_detect(const struct http_request *request) {
    if (!http_list_has(request, "upgrade", "websocket") ||
        !http_list_has(request, "connection", "upgrade"))
        return HTTP_UPGRADE_NONE;
    if (request->method != HTTP_METHOD_GET || request->minor == 0 || request->length != 0)
        return HTTP_UPGRADE_BAD;
    if (!dm_slice_eq(single(request, "sec-websocket-version"), DM_SLICE("13")))
        return HTTP_UPGRADE_BAD_VERSION;
    if (!key_is_valid(single(request, "sec-websocket-key")))
        return HTTP_UPGRADE_BAD;
    return HTTP_UPGRADE_WEBSOCKET;
}

int websocket_is_offered(const struct http_request *request, struct dm_slice protocol) {
    struct http_list_cursor cursor = { 0, 0 };
    struct dm_slice element;
    while (http_list_next(request, "sec-websocket-protocol", &cursor, &element))
        if (dm_slice_eq(element, protocol))
            return 1;
    return 0;
}

int websocket_respond_invalid(struct http_exchange *exchange) {
    static const struct http_field fields[] = {
        { { "Upgrade", 7 }, { "websocket", 9 } },
        { { "Sec-WebSocket-Version", 21 }, { "13", 2 } },
    };
    if (http_request(exchange)->upgrade == HTTP_UPGRADE_BAD)
        return http_respond_status(exchange, 400);
    return http_respond(exchange, 426, fields, 2, DM_SLICE("426 Upgrade Required\n"));
}

/* Section 4.2.2, item 5.4. */
static size_t accept_value(struct dm_slice key, char *ret_text) {
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned char text[KEY_TEXT + sizeof(GUID) - 1];
    memcpy(text, key.ptr, KEY_TEXT);
    memcpy(text + KEY_TEXT, GUID, sizeof(GUID) - 1);
    SHA1(text, sizeof(text), digest);
    return base64_encode(BASE64_STD, digest, sizeof(digest), ret_text);
}

static uint32_t or_default(uint32_t value, uint32_t fallback) {
    return value ? value : fallback;
}

static void websocket_init(struct websocket *ws, const struct websocket_options *options) {
    *ws = (struct websocket){
        .handler = options->handler,
        .userdata = options->userdata,
        .max_message = or_default(options->max_message, 65536),
        .close_timeout = or_default(options->close_timeout_ms, 5000),
    };
    websocket_set_keepalive(ws, options->ping_interval_ms, options->pong_timeout_ms);
}

int websocket_accept(struct http_exchange *exchange, const struct websocket_options *options,
                     struct websocket **ret_ws) {
    const struct http_request *request = http_request(exchange);
    struct conn *conn = exchange->conn;
    if (request->upgrade != HTTP_UPGRADE_WEBSOCKET)
        return -EINVAL;
    if (conn->flags & CONN_EOF)
        return -EPIPE;
    char accept[ACCEPT_TEXT];
    struct http_field own[3] = {
        { DM_SLICE("Upgrade"), DM_SLICE("websocket") },
        { DM_SLICE("Sec-WebSocket-Accept"),
          { accept, accept_value(single(request, "sec-websocket-key"), accept) } },
        { DM_SLICE("Sec-WebSocket-Protocol"), options->protocol },
    };
    int r = http_respond_switching(exchange, own, options->protocol.ptr ? 3 : 2, options->fields,
                                   options->field_count);
    if (r < 0)
        return r;
    conn->flags |= CONN_WEBSOCKET;
    stream_set_limits(&conn->stream, &conn->server->config.write);
    websocket_init(&conn->ws, options);
    *ret_ws = &conn->ws;
    return 0;
}
