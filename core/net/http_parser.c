#include "core/net/http_parser.h"

#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#define METHOD_MAX 15
#define LEADING_MAX 4
#define KEPT_TEXT 4096
#define KEPT_MARKS 64

enum parser_phase {
    PHASE_METHOD, /* gathered here, because llhttp does not tell an unknown method from garbage */
    PHASE_LINE,
    PHASE_FIELDS,
    PHASE_BODY,
    PHASE_FAILED,
};

struct http_parser {
    llhttp_t llhttp;
    const struct http_limits *limits;
    struct http_head head;
    enum parser_phase phase;
    unsigned status;
    size_t head_bytes;
    size_t chunk_extra; /* bytes of chunk extensions and trailer fields */
    size_t framing;     /* bytes since the last piece of the body: a size may have endless zeros */
    int64_t body_left;  /* HTTP_LENGTH_CHUNKED while llhttp knows the end */
    struct dm_slice piece;
    uint8_t has_version;
    uint8_t is_complete;
    uint8_t has_piece;
    uint8_t in_value;
    uint8_t leading;
    uint8_t method_len;
    char method[METHOD_MAX];
};

static struct http_parser *parser_of(llhttp_t *llhttp) {
    return llhttp->data;
}

static int fail(struct http_parser *parser, unsigned status) {
    parser->status = status;
    return HPE_USER;
}

/* ---- what llhttp reports ---- */

static void span_extend(struct http_parser *parser, struct http_span *span, const char *at,
                        size_t len) {
    struct buf *text = &parser->head.text;
    if (span->len == 0)
        span->at = (uint32_t)text->len;
    buf_append(text, at, len);
    span->len += (uint32_t)len;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t len) {
    struct http_parser *parser = parser_of(llhttp);
    span_extend(parser, &parser->head.target, at, len);
    return 0;
}

static int on_url_complete(llhttp_t *llhttp) {
    parser_of(llhttp)->phase = PHASE_FIELDS;
    return 0;
}

static int on_version_complete(llhttp_t *llhttp) {
    struct http_parser *parser = parser_of(llhttp);
    uint8_t major = llhttp_get_http_major(llhttp);
    uint8_t minor = llhttp_get_http_minor(llhttp);
    if (major != 1 || minor > 1)
        return fail(parser, 505);
    parser->head.minor = minor;
    parser->has_version = 1;
    return 0;
}

static int count_extra(struct http_parser *parser, size_t len) {
    parser->chunk_extra += len;
    return parser->chunk_extra > parser->limits->head ? fail(parser, 431) : 0;
}

static int mark_push(struct http_parser *parser) {
    struct http_head *head = &parser->head;
    if (head->mark_count == parser->limits->fields)
        return fail(parser, 431);
    if (head->mark_count == head->mark_cap) {
        head->mark_cap = head->mark_cap ? head->mark_cap * 2 : 16;
        head->marks = mem_realloc(head->marks, head->mark_cap * sizeof(*head->marks));
    }
    head->marks[head->mark_count++] = (struct http_mark){ { 0, 0 }, { 0, 0 } };
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len) {
    struct http_parser *parser = parser_of(llhttp);
    if (parser->phase == PHASE_BODY)
        return count_extra(parser, len);
    if (parser->in_value || parser->head.mark_count == 0) {
        int r = mark_push(parser);
        if (r)
            return r;
        parser->in_value = 0;
    }
    span_extend(parser, &parser->head.marks[parser->head.mark_count - 1].name, at, len);
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len) {
    struct http_parser *parser = parser_of(llhttp);
    if (parser->phase == PHASE_BODY)
        return count_extra(parser, len);
    span_extend(parser, &parser->head.marks[parser->head.mark_count - 1].value, at, len);
    return 0;
}

static int on_header_value_complete(llhttp_t *llhttp) {
    parser_of(llhttp)->in_value = 1;
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp) {
    struct http_parser *parser = parser_of(llhttp);
    /* Without one llhttp takes the line for HTTP/0.9. */
    if (!parser->has_version)
        return fail(parser, 400);
    parser->phase = PHASE_BODY;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len) {
    struct http_parser *parser = parser_of(llhttp);
    if (len == 0)
        return 0;
    parser->piece = (struct dm_slice){ at, len };
    parser->has_piece = 1;
    return HPE_PAUSED;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t len) {
    (void)at;
    return count_extra(parser_of(llhttp), len);
}

static int on_message_complete(llhttp_t *llhttp) {
    parser_of(llhttp)->is_complete = 1;
    return HPE_PAUSED;
}

static const llhttp_settings_t *settings(void) {
    static llhttp_settings_t all;
    if (!all.on_url) {
        llhttp_settings_init(&all);
        all.on_url = on_url;
        all.on_url_complete = on_url_complete;
        all.on_version_complete = on_version_complete;
        all.on_header_field = on_header_field;
        all.on_header_value = on_header_value;
        all.on_header_value_complete = on_header_value_complete;
        all.on_headers_complete = on_headers_complete;
        all.on_body = on_body;
        all.on_chunk_extension_name = on_chunk_extension;
        all.on_chunk_extension_value = on_chunk_extension;
        all.on_message_complete = on_message_complete;
    }
    return &all;
}

/* ---- life ---- */

struct http_parser *http_parser_new(const struct http_limits *limits) {
    struct http_parser *parser = mem_zalloc(sizeof(*parser));
    parser->limits = limits;
    http_parser_reset(parser);
    return parser;
}

void http_parser_free(struct http_parser *parser) {
    if (!parser)
        return;
    buf_fini(&parser->head.text);
    free(parser->head.marks);
    free(parser);
}

void http_parser_reset(struct http_parser *parser) {
    struct http_parser fresh = { .limits = parser->limits };
    fresh.head.text = parser->head.text;
    buf_trim(&fresh.head.text, KEPT_TEXT);
    fresh.head.marks = parser->head.marks;
    fresh.head.mark_cap = parser->head.mark_cap;
    if (fresh.head.mark_cap > KEPT_MARKS) {
        free(fresh.head.marks);
        fresh.head.marks = NULL;
        fresh.head.mark_cap = 0;
    }
    *parser = fresh;
    llhttp_init(&parser->llhttp, HTTP_REQUEST, settings());
    parser->llhttp.data = parser;
}

unsigned http_parser_status(const struct http_parser *parser) {
    return parser->status;
}

int http_parser_is_begun(const struct http_parser *parser) {
    return parser->method_len > 0;
}

struct http_head *http_parser_head(struct http_parser *parser) {
    return &parser->head;
}

void http_parser_set_length(struct http_parser *parser, int64_t length) {
    parser->body_left = length;
    parser->is_complete = length == 0;
}

/* ---- feeding ---- */

static enum http_event failed(struct http_parser *parser, unsigned status) {
    parser->phase = PHASE_FAILED;
    parser->status = status;
    return HTTP_EVENT_FAILED;
}

/* llhttp has one error for all it finds wrong with a version. */
static unsigned status_of_error(struct http_parser *parser, llhttp_errno_t error) {
    if (parser->status)
        return parser->status;
    const char *reason = llhttp_get_error_reason(&parser->llhttp);
    if (error == HPE_INVALID_VERSION && reason && strcmp(reason, "Invalid HTTP version") == 0)
        return 505;
    return 400;
}

/* Feeds llhttp and takes away a pause, which only says that a callback has left an event. */
static enum http_event feed(struct http_parser *parser, const char *data, size_t len,
                            size_t *ret_used) {
    enum parser_phase phase = parser->phase;
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, data, len);
    *ret_used = len;
    if (error == HPE_OK)
        return HTTP_EVENT_MORE;
    if (error != HPE_PAUSED)
        return failed(parser, status_of_error(parser, error));
    *ret_used = (size_t)(llhttp_get_error_pos(&parser->llhttp) - data);
    llhttp_resume(&parser->llhttp);
    return phase == PHASE_BODY ? HTTP_EVENT_BODY : HTTP_EVENT_HEAD;
}

static int is_token_char(uint8_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* llhttp is always told PUT: it treats all methods alike but CONNECT, except that for GET, POST
 * and OPTIONS it takes RTSP/1.0 for a version, too. */
static enum http_event method_done(struct http_parser *parser) {
    struct dm_slice word = { parser->method, parser->method_len };
    for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (!dm_slice_eq(word, dm_slice_str(http_method_name((enum http_method)i))))
            continue;
        size_t used;
        parser->head.method = (enum http_method)i;
        parser->phase = PHASE_LINE;
        return feed(parser, "PUT ", 4, &used);
    }
    return failed(parser, 501);
}

static enum http_event take_leading(struct http_parser *parser) {
    return ++parser->leading > LEADING_MAX ? failed(parser, 400) : HTTP_EVENT_MORE;
}

static enum http_event take_method(struct http_parser *parser, const uint8_t *data, size_t len,
                                   size_t *ret_used) {
    enum http_event event = HTTP_EVENT_MORE;
    size_t i = 0;
    while (i < len && parser->phase == PHASE_METHOD) {
        uint8_t c = data[i++];
        /* RFC 9112, section 2.2: an empty line before the request is ignored. */
        if (parser->method_len == 0 && c == "\r\n"[parser->leading % 2])
            event = take_leading(parser);
        else if (parser->leading % 2)
            event = failed(parser, 400);
        else if (parser->method_len && c == ' ')
            event = method_done(parser);
        else if (!is_token_char(c))
            event = failed(parser, 400);
        else if (parser->method_len == METHOD_MAX)
            event = failed(parser, 501);
        else
            parser->method[parser->method_len++] = (char)c;
    }
    *ret_used = i;
    return event;
}

/* How many bytes of the head may still come, in the phase that it is in. */
static size_t head_room(const struct http_parser *parser) {
    size_t limit = parser->limits->head;
    if (parser->phase == PHASE_LINE && parser->limits->request_line < limit)
        limit = parser->limits->request_line;
    return parser->head_bytes < limit ? limit - parser->head_bytes : 0;
}

static enum http_event take_head(struct http_parser *parser, const uint8_t *data, size_t len,
                                 size_t *ret_used) {
    size_t used = 0;
    enum http_event event = HTTP_EVENT_MORE;
    while (used < len && event == HTTP_EVENT_MORE && parser->phase != PHASE_BODY) {
        size_t room = head_room(parser);
        size_t n = 0;
        if (room == 0)
            return failed(parser, parser->phase == PHASE_LINE ? 414 : 431);
        event = feed(parser, (const char *)data + used, len - used < room ? len - used : room, &n);
        parser->head_bytes += n;
        used += n;
    }
    *ret_used = used;
    return event;
}

static enum http_event take_body(struct http_parser *parser, const uint8_t *data, size_t len,
                                 size_t *ret_used, struct dm_slice *ret_piece) {
    if (parser->is_complete)
        return HTTP_EVENT_END;
    if (len == 0)
        return HTTP_EVENT_MORE;
    enum http_event event = feed(parser, (const char *)data, len, ret_used);
    parser->framing = event == HTTP_EVENT_MORE ? parser->framing + *ret_used : 0;
    if (parser->framing > parser->limits->head)
        return failed(parser, 400);
    if (event != HTTP_EVENT_BODY)
        return event;
    if (!parser->has_piece)
        return HTTP_EVENT_END;
    parser->has_piece = 0;
    *ret_piece = parser->piece;
    if (parser->body_left != HTTP_LENGTH_CHUNKED) {
        parser->body_left -= (int64_t)ret_piece->len;
        parser->is_complete = parser->body_left == 0;
    }
    return event;
}

enum http_event http_parser_execute(struct http_parser *parser, const uint8_t *data, size_t len,
                                    size_t *ret_used, struct dm_slice *ret_piece) {
    enum http_event event = HTTP_EVENT_MORE;
    *ret_used = 0;
    if (parser->phase == PHASE_FAILED)
        return HTTP_EVENT_FAILED;
    if (parser->phase == PHASE_BODY)
        return take_body(parser, data, len, ret_used, ret_piece);
    if (parser->phase == PHASE_METHOD) {
        event = take_method(parser, data, len, ret_used);
        parser->head_bytes += *ret_used;
    }
    if (event != HTTP_EVENT_MORE || parser->phase == PHASE_METHOD)
        return event;
    size_t used = 0;
    event = take_head(parser, data + *ret_used, len - *ret_used, &used);
    *ret_used += used;
    return event;
}
