/* From a parsed head to a valid request (RFC 9112, sections 3, 6 and 7). */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "core/base/decimal.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/net/conn_internal.h"
#include "core/net/forwarded.h"
#include "core/net/http_exchange.h"

static struct dm_slice slice_at(const struct http_head *head, struct http_span span) {
    return (struct dm_slice){ span.len ? head->text.data + span.at : "", span.len };
}

static void fill_fields(struct http_exchange *exchange, const struct http_head *head) {
    if (head->mark_count > exchange->field_cap) {
        exchange->field_cap = head->mark_count;
        exchange->fields = mem_realloc(exchange->fields,
                                       exchange->field_cap * sizeof(*exchange->fields));
    }
    for (uint32_t i = 0; i < head->mark_count; i++) {
        struct dm_slice value = slice_at(head, head->marks[i].value);
        while (value.len && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t'))
            value.len--;
        exchange->fields[i] = (struct http_field){ slice_at(head, head->marks[i].name), value };
    }
    exchange->request.fields = exchange->fields;
    exchange->request.field_count = head->mark_count;
}

/* ---- target ---- */

static int is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Of a name (RFC 3986, section 3.2.2). */
static int is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           (c && strchr("-._~!$&'()*+,;=%", c));
}

/* A name, or an address in brackets, and maybe ":" and a port. */
static int host_is_valid(struct dm_slice host) {
    size_t i = 0;
    int is_bracketed = host.len && host.ptr[0] == '[';
    if (is_bracketed)
        i++;
    while (i < host.len && (is_name_char(host.ptr[i]) || (is_bracketed && host.ptr[i] == ':')))
        i++;
    if (is_bracketed && (i == host.len || host.ptr[i++] != ']'))
        return 0;
    if (i < host.len && host.ptr[i++] != ':')
        return 0;
    while (i < host.len && is_digit(host.ptr[i]))
        i++;
    return i == host.len;
}

/* Cuts "http://host" off an absolute target (section 3.2.2); its host rules over the field. */
static int strip_authority(struct dm_slice *target, struct dm_slice *ret_host) {
    static const char *const schemes[] = { "http://", "https://", "ws://", "wss://" };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        size_t len = strlen(schemes[i]);
        if (target->len <= len || strncasecmp(target->ptr, schemes[i], len) != 0)
            continue;
        struct dm_slice rest = { target->ptr + len, target->len - len };
        size_t host_len = 0;
        while (host_len < rest.len && rest.ptr[host_len] != '/' && rest.ptr[host_len] != '?')
            host_len++;
        *ret_host = (struct dm_slice){ rest.ptr, host_len };
        *target = (struct dm_slice){ rest.ptr + host_len, rest.len - host_len };
        return host_len > 0 && host_is_valid(*ret_host);
    }
    return 0;
}

static void replace_what_is_no_text(char *text, size_t len) {
    for (size_t at = 0, step; at < len; at += step) {
        step = utf8_sequence((struct dm_slice){ text + at, len - at });
        if (step == 0) {
            text[at] = '?';
            step = 1;
        }
    }
}

/* The decoded path goes behind the rest of the head's text. */
static unsigned decode_path(struct http_head *head, struct dm_slice raw,
                            struct dm_slice *ret_path) {
    size_t at = head->text.len;
    size_t len;
    /* Room was made before any slice into the text was taken. */
    if (http_percent_decode(raw, HTTP_PLUS_LITERAL, head->text.data + at, &len) < 0)
        return 400;
    replace_what_is_no_text(head->text.data + at, len);
    head->text.len += len;
    *ret_path = (struct dm_slice){ head->text.data + at, len };
    return 0;
}

static unsigned build_target(struct http_head *head, struct http_request *request) {
    struct dm_slice target = request->target;
    if (memchr(target.ptr, '#', target.len))
        return 400;
    if (target.len == 1 && target.ptr[0] == '*') {
        request->path = target;
        return request->method == HTTP_METHOD_OPTIONS ? 0 : 400;
    }
    if (target.len && target.ptr[0] != '/' && !strip_authority(&target, &request->host))
        return 400;
    const char *mark = target.len ? memchr(target.ptr, '?', target.len) : NULL;
    size_t path_len = mark ? (size_t)(mark - target.ptr) : target.len;
    if (mark)
        request->query = (struct dm_slice){ mark + 1, target.len - path_len - 1 };
    if (path_len == 0) {
        request->path = DM_SLICE("/");
        return 0;
    }
    return decode_path(head, (struct dm_slice){ target.ptr, path_len }, &request->path);
}

/* ---- fields ---- */

static size_t count_fields(const struct http_request *request, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < request->field_count; i++)
        count += (size_t)http_name_is(request->fields[i].name, name);
    return count;
}

/* Section 3.2: exactly one Host in 1.1, at most one in 1.0, and a plausible one. */
static unsigned check_host(struct http_request *request) {
    size_t count = count_fields(request, "host");
    struct dm_slice host = http_header(request, "host");
    if (count > 1 || (count == 0 && request->minor > 0))
        return 400;
    if (count && !host_is_valid(host))
        return 400;
    if (!request->host.ptr)
        request->host = host;
    return 0;
}

/* Section 6.1. Chunked anywhere but last, or twice, is an attack on the framing, and so are empty
 * elements around it: not all who pass requests on skip those. Any other coding is one that is not
 * spoken here. */
static unsigned check_codings(const struct http_request *request) {
    struct http_list_cursor cursor = { 0, 0 };
    struct dm_slice coding;
    size_t codings = 0;
    size_t chunked = 0;
    int is_last = 0;
    if (count_fields(request, "transfer-encoding") == 1
        && http_name_is(http_header(request, "transfer-encoding"), "chunked"))
        return 0;
    while (http_list_next(request, "transfer-encoding", &cursor, &coding)) {
        is_last = http_name_is(coding, "chunked");
        chunked += (size_t)is_last;
        codings++;
    }
    return codings == chunked || chunked > 1 || (chunked == 1 && !is_last) ? 400 : 501;
}

static unsigned parse_length(struct dm_slice text, int64_t *ret_length) {
    int r = decimal_parse(text, INT64_MAX, ret_length);
    return r == 0 ? 0 : r == -ERANGE ? 413 : 400;
}

/* Section 6.3; a request without either field has no body. */
static unsigned check_length(struct http_request *request) {
    size_t lengths = count_fields(request, "content-length");
    if (count_fields(request, "transfer-encoding")) {
        if (lengths || request->minor == 0)
            return 400;
        request->length = HTTP_LENGTH_CHUNKED;
        return check_codings(request);
    }
    request->length = 0;
    if (lengths > 1)
        return 400;
    return lengths ? parse_length(http_header(request, "content-length"), &request->length) : 0;
}

static unsigned check_connection(struct http_exchange *exchange) {
    const struct http_request *request = &exchange->request;
    int closes = http_list_has(request, "connection", "close");
    int keeps = request->minor > 0 || http_list_has(request, "connection", "keep-alive");
    if (keeps && !closes)
        exchange->flags |= HTTP_KEEP;
    struct dm_slice expect = http_header(request, "expect");
    if (!expect.ptr || request->minor == 0)
        return 0;
    if (!http_name_is(expect, "100-continue"))
        return 417;
    if (request->length != 0)
        exchange->flags |= HTTP_EXPECTS;
    return 0;
}

static void find_client(struct http_exchange *exchange) {
    const struct conn *conn = exchange->conn;
    const struct address_set *trusted = conn->server->config.trusted;
    struct http_request *request = &exchange->request;
    forwarded_client(request, trusted, &conn->peer, &exchange->client);
    request->scheme = forwarded_scheme(request, trusted, &conn->peer,
                                       conn->flags & CONN_TLS ? HTTP_SCHEME_HTTPS
                                                              : HTTP_SCHEME_HTTP);
}

unsigned http_request_build(struct http_exchange *exchange) {
    struct http_head *head = http_parser_head(exchange->parser);
    struct http_request *request = &exchange->request;
    /* The last growth of the text; slices into it stay valid from here on. */
    buf_reserve(&head->text, (size_t)head->target.len + 1);
    *request = (struct http_request){
        .method = head->method,
        .minor = head->minor,
        .target = slice_at(head, head->target),
        .remote = &exchange->client,
    };
    fill_fields(exchange, head);
    find_client(exchange);
    unsigned status = check_length(request);
    if (!status)
        status = build_target(head, request);
    if (!status)
        status = check_host(request);
    if (!status)
        status = check_connection(exchange);
    if (!status)
        request->upgrade = websocket_detect(request);
    return status;
}
