/* One HTTP/1 request as a sequence of parse events, over llhttp. Pull style: calls nobody back.
 * Private to the HTTP files of this folder. */
#ifndef DRAGOMAN_NET_HTTP_PARSER_H
#define DRAGOMAN_NET_HTTP_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/net/http.h"

struct http_parser;

struct http_span {
    uint32_t at;
    uint32_t len;
};

struct http_mark {
    struct http_span name;
    struct http_span value;
};

/* The head of a request. Spans are places in text. */
struct http_head {
    enum http_method method;
    uint8_t minor;
    struct http_span target;
    struct http_mark *marks;
    uint32_t mark_count;
    uint32_t mark_cap;
    struct buf text;
};

enum http_event {
    HTTP_EVENT_MORE,   /* all bytes were taken, none of the below yet */
    HTTP_EVENT_HEAD,   /* the head is complete */
    HTTP_EVENT_BODY,   /* a piece of the body, not empty */
    HTTP_EVENT_END,    /* the request is complete; the parser must be reset before more */
    HTTP_EVENT_FAILED, /* see http_parser_status; the parser is good for a reset only */
};

/* limits must outlive the parser. */
struct http_parser *http_parser_new(const struct http_limits *limits);
void http_parser_free(struct http_parser *parser);

/* Ready for another request; keeps memory up to a moderate size. */
void http_parser_reset(struct http_parser *parser);

/* Takes at most len bytes, up to and including those of the event returned; ret_used says how
 * many. ret_piece is set with HTTP_EVENT_BODY and lies in data. */
enum http_event http_parser_execute(struct http_parser *parser, const uint8_t *data, size_t len,
                                    size_t *ret_used, struct dm_slice *ret_piece);

/* After HTTP_EVENT_HEAD: how long the body will be, found by the caller. With 0 the parser is at
 * its end. */
void http_parser_set_length(struct http_parser *parser, int64_t length);

/* The response status that names the failure. */
unsigned http_parser_status(const struct http_parser *parser);

/* 1 once a byte of the request (other than a leading empty line) was taken. */
int http_parser_is_begun(const struct http_parser *parser);

struct http_head *http_parser_head(struct http_parser *parser);

#endif
