/* HTTP/1.1 requests and their responses, server side (RFC 9110, RFC 9112).
 *
 * The connection parses one request at a time: the next one of a pipeline waits, bounded, until
 * the response before it is complete. A request that is malformed, too large or too slow is
 * answered here and never seen by the caller:
 *
 *   400 malformed, also: bare CR or LF, obs-fold, blank before a colon, two lengths or a length
 *       with a transfer-coding, chunked not last, NUL, Host missing, doubled or ill-formed, a
 *       fragment or bad percent-encoding in the target
 *   408 head or body too slow          413 body over its limit      414 request line too long
 *   417 unknown expectation            431 head too large, too many fields
 *   501 unknown method or transfer-coding                           505 version other than 1.0, 1.1
 *
 * Life of an exchange, from the caller's side:
 *
 *   request() - choose: http_collect | http_next | http_respond… | websocket_accept
 *      |          at once or later; until then the body waits in the kernel
 *      +- complete()                  the body, after http_collect
 *      +- piece()                     some of it, after each http_next
 *      +- http_respond, or begin chunk* end
 *      +- end()                       always, exactly once, last; the exchange is gone afterwards
 *
 * Callbacks come from the loop, never from inside a call of this header. */
#ifndef DRAGOMAN_NET_HTTP_H
#define DRAGOMAN_NET_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/net/address.h"

struct conn;
struct http_exchange;

/* Any other method is answered 501. */
enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_COUNT,
};

/* "GET", ...; static storage. */
const char *http_method_name(enum http_method method);

/* The reason phrase of a status code; "Unknown" for one that has none. Static storage. */
const char *http_status_text(unsigned status);

/* A header field. Names from requests are as the client wrote them; compare with
 * http_name_is. */
struct http_field {
    struct dm_slice name;
    struct dm_slice value; /* without white space around it */
};

/* What a request asks to be upgraded to (RFC 6455, section 4.2.1). */
enum http_upgrade {
    HTTP_UPGRADE_NONE,
    HTTP_UPGRADE_WEBSOCKET,   /* a complete and valid opening handshake */
    HTTP_UPGRADE_BAD_VERSION, /* one of another version than 13 */
    HTTP_UPGRADE_BAD,         /* one with a missing or bad key, not GET, or not HTTP/1.1 */
};

#define HTTP_LENGTH_CHUNKED ((int64_t)-1)

enum http_scheme {
    HTTP_SCHEME_HTTP,
    HTTP_SCHEME_HTTPS,
};

/* All slices live as long as the exchange. */
struct http_request {
    enum http_method method;
    uint8_t minor;             /* 0 or 1 */
    enum http_upgrade upgrade;
    struct dm_slice target;    /* as sent */
    struct dm_slice path;      /* percent-decoded, begins with '/' (or is "*" for OPTIONS);
                                  valid UTF-8, with '?' for each byte that is none; never with a
                                  NUL; dot segments are not resolved */
    struct dm_slice query;     /* as sent, without the '?'; absent when there is no '?' */
    struct dm_slice host;      /* the Host field, or that of an absolute target; may be absent */
    int64_t length;            /* of the body: >= 0, or HTTP_LENGTH_CHUNKED */
    const struct http_field *fields;
    size_t field_count;
    const struct net_address *remote; /* the client's, as far as trusted proxies tell */
    enum http_scheme scheme;          /* what the client speaks, likewise */
};

/* Valid until end(). */
const struct http_request *http_request(const struct http_exchange *exchange);

/* The value of the first field of that name (any case), or the absent slice. */
struct dm_slice http_header(const struct http_request *request, const char *name);

/* 1 when both are the same without case (ASCII), else 0. */
int http_name_is(struct dm_slice name, const char *other);

/* Walks a comma-separated list in every field of that name: 1 with the next non-empty element,
 * trimmed, in ret_token; 0 at the end. Start with a zeroed cursor. */
struct http_list_cursor {
    size_t field;
    size_t offset;
};
int http_list_next(const struct http_request *request, const char *name,
                   struct http_list_cursor *cursor, struct dm_slice *ret_token);

/* 1 when that list has the token (any case), else 0. */
int http_list_has(const struct http_request *request, const char *name, const char *token);

/* Percent-decodes from `text` into `ret_text` (as long as text at least; may be the same memory)
 * and sets ret_len. '+' stays as it is unless plus is HTTP_PLUS_IS_SPACE. Returns 0, or -EINVAL
 * for a '%' without two hex digits or for %00. */
enum http_plus {
    HTTP_PLUS_LITERAL,
    HTTP_PLUS_IS_SPACE,
};
int http_percent_decode(struct dm_slice text, enum http_plus plus, char *ret_text,
                        size_t *ret_len);

/* Walks "a=1&b=2" (queries and form bodies): 1 with the next pair, raw, its value absent when
 * there is no '='; 0 at the end. ret_rest is what to pass next time. */
int http_pair_next(struct dm_slice text, struct dm_slice *ret_rest, struct http_field *ret_pair);

/* ---- what the caller of an exchange provides ---- */

enum http_end {
    HTTP_END_SENT,     /* the response was taken, but for what the queue's high mark allows */
    HTTP_END_UPGRADED, /* the connection speaks WebSocket now */
    HTTP_END_ANSWERED, /* net answered instead: body too large, too slow or malformed */
    HTTP_END_LOST,     /* the connection ended first */
};

struct http_handler {
    /* The body, which lives until end(); after http_collect. */
    void (*complete)(struct http_exchange *exchange, struct dm_slice body);
    /* Some of the body, once for each http_next: not empty, and gone when this returns; absent when
     * the body is whole. */
    void (*piece)(struct http_exchange *exchange, struct dm_slice piece);
    /* The body passes the limit given. NULL: answered 413. Else the caller must respond, at once
     * or later; neither complete nor piece follows. */
    void (*too_large)(struct http_exchange *exchange);
    /* A response in pieces may go on after HTTP_FULL. */
    void (*writable)(struct http_exchange *exchange);
    /* The peer has closed its direction: it may still read, or be gone. Responding is allowed.
     * NULL: the exchange goes on. */
    void (*gone)(struct http_exchange *exchange);
    /* Required. */
    void (*end)(struct http_exchange *exchange, enum http_end how);
};

/* Names who is called from now on. Must be called within request(); may be called again. An
 * exchange that is responded to within request() needs no handler. */
void http_attach(struct http_exchange *exchange, const struct http_handler *handler,
                 void *userdata);
void *http_userdata(const struct http_exchange *exchange);
struct conn *http_conn(const struct http_exchange *exchange);

/* Have the body collected, at most max bytes; complete() brings it. A request without a body gets
 * complete() with an empty slice. Sends 100 (Continue) where the client waits for it. Once per
 * exchange, after http_attach with complete() set; does nothing when a response was begun. */
void http_collect(struct http_exchange *exchange, size_t max);

/* Have the next piece of the body, of at most max bytes in all (as the first call says): piece()
 * brings it. Until the next call no more is read than what fits into the backlog of the connection,
 * and the body's time stands still. Sends 100 (Continue) where the client waits for it. Instead of
 * http_collect, after http_attach with piece() set; does nothing while a piece is owed, after the
 * end, or when a response was begun. */
void http_next(struct http_exchange *exchange, size_t max);

/* 1 from http_next until piece(), too_large() or a response, and for good when net answers
 * instead; else 0. */
int http_piece_is_owed(const struct http_exchange *exchange);

/* ---- responding ----
 *
 * Date, Connection, Content-Length and Transfer-Encoding are written here and must not be among
 * the fields. For HEAD, 204 and 304 no body leaves, whatever is given. Responding before the body
 * is complete is allowed: the rest is thrown away when it is small, else the connection closes
 * after the response.
 *
 * All return 0; -EINVAL for a field name that is no token, a value with CR, LF or NUL, one of the
 * reserved names, or a status outside 200 to 599 (nothing was queued: respond otherwise);
 * -EALREADY when a response was begun before (or, for chunk and end, was not); -EPIPE when the
 * connection is gone: end() comes with HTTP_END_LOST. */

/* How large a whole response may be is the caller's to bound; until the peer has read it, the
 * exchange stays, and no further request of its is taken. */
int http_respond(struct http_exchange *exchange, unsigned status, const struct http_field *fields,
                 size_t field_count, struct dm_slice body);

/* The reason phrase as a small text/plain body. */
int http_respond_status(struct http_exchange *exchange, unsigned status);

/* 405 with the Allow field, e.g. "GET, POST" (RFC 9110, section 15.5.6). */
int http_respond_not_allowed(struct http_exchange *exchange, const char *allow);

/* A response in pieces: length bytes, or HTTP_LENGTH_CHUNKED (towards HTTP/1.0: until the
 * connection closes). */
int http_respond_begin(struct http_exchange *exchange, unsigned status,
                       const struct http_field *fields, size_t field_count, int64_t length);

/* A piece was taken, but the queue is full: wait for writable(). */
#define HTTP_FULL 1

/* Next piece. An empty one does nothing. Also returns HTTP_FULL. -EMSGSIZE when it would exceed
 * the length given (nothing queued). */
int http_respond_chunk(struct http_exchange *exchange, struct dm_slice piece);

/* The last piece was given. When fewer bytes than promised were given, the connection is aborted,
 * so that the client cannot take the rest for whole. */
int http_respond_end(struct http_exchange *exchange);

/* After this response the connection is closed, whatever the client wants. Before it begins. */
void http_close_after(struct http_exchange *exchange);

/* ---- limits, shared by the connections of a server ---- */

struct http_limits {
    uint32_t request_line;    /* bytes; 414 above */
    uint32_t head;            /* bytes of the fields and the request line; 431 above */
    uint32_t fields;          /* number; 431 above */
    uint32_t drain;           /* bytes of an unwanted body that are read to keep the connection */
    uint32_t head_timeout_ms; /* from a head's first byte to its last, and for the first byte of
                                 a connection: 408, or silence when nothing came */
    uint32_t idle_timeout_ms; /* between two requests: closed in silence */
    uint32_t body_timeout_ms; /* between two pieces of a body that is waited for: 408. Also the
                                 most in which a peer may take nothing of a response: aborted */
    uint32_t body_total_ms;   /* from a body's first byte to its last, without the time in which
                                 it is paused: 408; 0: no limit */
};

/* 8192, 16384, 100, 65536, 10 s, 75 s, 30 s, 5 min. */
#define HTTP_LIMITS_DEFAULT { 8192, 16384, 100, 65536, 10000, 75000, 30000, 300000 }

#endif
