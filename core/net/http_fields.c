/* The pure helpers of http.h: names, lists, percent-encoding, pairs. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/net/http.h"

const char *http_method_name(enum http_method method) {
    static const char *const names[HTTP_METHOD_COUNT] = {
        [HTTP_METHOD_GET] = "GET",       [HTTP_METHOD_HEAD] = "HEAD",
        [HTTP_METHOD_POST] = "POST",     [HTTP_METHOD_PUT] = "PUT",
        [HTTP_METHOD_DELETE] = "DELETE", [HTTP_METHOD_PATCH] = "PATCH",
        [HTTP_METHOD_OPTIONS] = "OPTIONS",
    };
    return (unsigned)method < HTTP_METHOD_COUNT ? names[method] : "unknown";
}

struct status_text {
    unsigned status;
    const char *text;
};

static const struct status_text status_texts[] = {
    { 100, "Continue" },
    { 101, "Switching Protocols" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 421, "Misdirected Request" },
    { 422, "Unprocessable Content" },
    { 426, "Upgrade Required" },
    { 428, "Precondition Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

const char *http_status_text(unsigned status) {
    for (size_t i = 0; i < sizeof(status_texts) / sizeof(*status_texts); i++)
        if (status_texts[i].status == status)
            return status_texts[i].text;
    return "Unknown";
}

int http_name_is(struct dm_slice name, const char *other) {
    return name.len == strlen(other) && strncasecmp(name.ptr, other, name.len) == 0;
}

struct dm_slice http_header(const struct http_request *request, const char *name) {
    for (size_t i = 0; i < request->field_count; i++)
        if (http_name_is(request->fields[i].name, name))
            return request->fields[i].value;
    return DM_SLICE_NONE;
}

static struct dm_slice trim(struct dm_slice text) {
    while (text.len && (*text.ptr == ' ' || *text.ptr == '\t'))
        text = (struct dm_slice){ text.ptr + 1, text.len - 1 };
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* The next element of one field's list; 0 at its end. */
static int element_next(struct dm_slice value, size_t *offset, struct dm_slice *ret_token) {
    while (*offset < value.len) {
        struct dm_slice rest = { value.ptr + *offset, value.len - *offset };
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        *offset += len + (comma ? 1 : 0);
        *ret_token = trim((struct dm_slice){ rest.ptr, len });
        if (ret_token->len)
            return 1;
    }
    return 0;
}

int http_list_next(const struct http_request *request, const char *name,
                   struct http_list_cursor *cursor, struct dm_slice *ret_token) {
    for (; cursor->field < request->field_count; cursor->field++, cursor->offset = 0) {
        const struct http_field *field = &request->fields[cursor->field];
        if (http_name_is(field->name, name) &&
            element_next(field->value, &cursor->offset, ret_token))
            return 1;
    }
    return 0;
}

int http_list_has(const struct http_request *request, const char *name, const char *token) {
    struct http_list_cursor cursor = { 0, 0 };
    struct dm_slice element;
    while (http_list_next(request, name, &cursor, &element))
        if (http_name_is(element, token))
            return 1;
    return 0;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int percent_byte(struct dm_slice rest, char *ret_byte) {
    if (rest.len < 3)
        return -EINVAL;
    int high = hex_digit(rest.ptr[1]);
    int low = hex_digit(rest.ptr[2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0))
        return -EINVAL;
    *ret_byte = (char)(high * 16 + low);
    return 0;
}

int http_percent_decode(struct dm_slice text, enum http_plus plus, char *ret_text,
                        size_t *ret_len) {
    size_t out = 0;
    for (size_t in = 0; in < text.len; in++) {
        char c = text.ptr[in];
        if (c == '%') {
            if (percent_byte((struct dm_slice){ text.ptr + in, text.len - in }, &c) < 0)
                return -EINVAL;
            in += 2;
        } else if (c == '+' && plus == HTTP_PLUS_IS_SPACE) {
            c = ' ';
        }
        ret_text[out++] = c;
    }
    *ret_len = out;
    return 0;
}

int http_pair_next(struct dm_slice text, struct dm_slice *ret_rest, struct http_field *ret_pair) {
    while (text.len) {
        const char *end = memchr(text.ptr, '&', text.len);
        struct dm_slice pair = { text.ptr, end ? (size_t)(end - text.ptr) : text.len };
        size_t taken = pair.len + (end ? 1 : 0);
        text = (struct dm_slice){ text.ptr + taken, text.len - taken };
        if (pair.len == 0)
            continue;
        const char *equals = memchr(pair.ptr, '=', pair.len);
        size_t name_len = equals ? (size_t)(equals - pair.ptr) : pair.len;
        ret_pair->name = (struct dm_slice){ pair.ptr, name_len };
        ret_pair->value = equals ? (struct dm_slice){ equals + 1, pair.len - name_len - 1 }
                                 : DM_SLICE_NONE;
        *ret_rest = text;
        return 1;
    }
    return 0;
}
