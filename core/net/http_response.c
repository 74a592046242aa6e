/* Responses: whole, or in pieces. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/net/conn_internal.h"
#include "core/net/http_exchange.h"

/* ---- checks ---- */

static int name_is_valid(struct dm_slice name) {
    static const char *const reserved[] = { "date", "connection", "content-length",
                                            "transfer-encoding" };
    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
        if (http_name_is(name, reserved[i]))
            return 0;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] == 127 || strchr("()<>@,;:\\\"/[]?={}", name.ptr[i]))
            return 0;
    return name.len > 0;
}

static int value_is_valid(struct dm_slice value) {
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == '\0')
            return 0;
    return 1;
}

static int check_begin(const struct http_exchange *exchange, unsigned status,
                       const struct http_field *fields, size_t count) {
    if (exchange->answer != HTTP_ANSWER_NONE)
        return -EALREADY;
    if (!conn_is_open(exchange->conn))
        return -EPIPE;
    if (status < 200 || status > 599)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!name_is_valid(fields[i].name) || !value_is_valid(fields[i].value))
            return -EINVAL;
    return 0;
}

/* ---- the head ---- */

/* RFC 9110, section 5.6.7; formatted once per second, and not by strftime: that follows the
 * locale. */
static const char *date_now(void) {
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static char text[64];
    static time_t formatted = -1;
    time_t now = (time_t)(clock_real_us() / 1000000);
    if (now == formatted)
        return text;
    struct tm tm;
    gmtime_r(&now, &tm);
    snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
             tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    formatted = now;
    return text;
}

/* Whether what is left of the request's body is worth reading to keep the connection. */
static int body_can_be_drained(const struct http_exchange *exchange) {
    if (exchange->phase == HTTP_PHASE_DONE)
        return 1;
    if ((exchange->flags & HTTP_EXPECTS) || exchange->request.length == HTTP_LENGTH_CHUNKED)
        return 0;
    uint64_t left = (uint64_t)exchange->request.length - exchange->body_seen;
    return left <= exchange->conn->server->config.http.drain;
}

static void decide_keep(struct http_exchange *exchange) {
    if (exchange->conn->server->state != SERVER_OPEN || !body_can_be_drained(exchange))
        exchange->flags &= (uint16_t)~HTTP_KEEP;
}

static void text_field(struct buf *text, struct dm_slice name, struct dm_slice value) {
    buf_append_slice(text, name);
    buf_append(text, ": ", 2);
    buf_append_slice(text, value);
    buf_append(text, "\r\n", 2);
}

static void text_begin(struct buf *text, unsigned status, const struct http_field *fields,
                       size_t count) {
    buf_reset(text);
    buf_append_str(text, "HTTP/1.1 ");
    buf_append_u64(text, status);
    buf_append_char(text, ' ');
    buf_append_str(text, http_status_text(status));
    buf_append_str(text, "\r\nDate: ");
    buf_append_str(text, date_now());
    buf_append(text, "\r\n", 2);
    for (size_t i = 0; i < count; i++)
        text_field(text, fields[i].name, fields[i].value);
}

static void text_framing(const struct http_exchange *exchange, struct buf *text, unsigned status,
                         int64_t length) {
    if (exchange->flags & HTTP_CHUNKED) {
        buf_append_str(text, "Transfer-Encoding: chunked\r\n");
    } else if (length >= 0 && status != 204 && status != 304) {
        buf_append_str(text, "Content-Length: ");
        buf_append_i64(text, length);
        buf_append(text, "\r\n", 2);
    }
    if (!(exchange->flags & HTTP_KEEP))
        buf_append_str(text, "Connection: close\r\n");
    else if (exchange->request.minor == 0)
        buf_append_str(text, "Connection: keep-alive\r\n");
    buf_append(text, "\r\n", 2);
}

/* Any failure to queue means that the connection is gone. */
static int gone_if(int r) {
    return r < 0 ? -EPIPE : 0;
}

static int send_head(struct http_exchange *exchange, unsigned status,
                     const struct http_field *fields, size_t count, int64_t length) {
    struct buf *text = &exchange->conn->server->text;
    if (exchange->request.method == HTTP_METHOD_HEAD || status == 204 || status == 304)
        exchange->flags |= HTTP_BODYLESS;
    decide_keep(exchange);
    if (exchange->flags & HTTP_PIECE_OWED) {
        exchange->flags &= (uint16_t)~HTTP_PIECE_OWED;
        stream_set_deadline(&exchange->conn->stream, 0);
    }
    exchange->answer = HTTP_ANSWER_BEGUN;
    text_begin(text, status, fields, count);
    text_framing(exchange, text, status, length);
    return gone_if(stream_write(&exchange->conn->stream, text->data, text->len));
}

static void finish(struct http_exchange *exchange) {
    exchange->answer = HTTP_ANSWER_FINISHED;
    exchange->flags &= (uint16_t)~HTTP_WAITS_ROOM;
    exchange->mode = HTTP_BODY_DISCARD;
    if (exchange->phase != HTTP_PHASE_DONE && (exchange->flags & HTTP_KEEP) &&
        exchange->request.length > (int64_t)exchange->body_seen) {
        exchange->phase = HTTP_PHASE_BODY;
        stream_set_deadline(&exchange->conn->stream,
                            exchange->conn->server->config.http.body_timeout_ms);
    } else {
        exchange->phase = HTTP_PHASE_DONE;
        http_exchange_await_reader(exchange);
    }
    conn_mark(exchange->conn);
}

/* ---- whole responses ---- */

int http_respond(struct http_exchange *exchange, unsigned status, const struct http_field *fields,
                 size_t field_count, struct dm_slice body) {
    int r = check_begin(exchange, status, fields, field_count);
    if (r < 0)
        return r;
    r = send_head(exchange, status, fields, field_count, (int64_t)body.len);
    if (r == 0 && !(exchange->flags & HTTP_BODYLESS) && body.len)
        r = gone_if(stream_write(&exchange->conn->stream, body.ptr, body.len));
    finish(exchange);
    return r;
}

static int respond_text(struct http_exchange *exchange, unsigned status,
                        const struct http_field *more) {
    struct http_field fields[2] = {
        { DM_SLICE("Content-Type"), DM_SLICE("text/plain; charset=utf-8") },
    };
    char text[64];
    if (more)
        fields[1] = *more;
    int len = snprintf(text, sizeof(text), "%u %s\n", status, http_status_text(status));
    return http_respond(exchange, status, fields, more ? 2 : 1,
                        (struct dm_slice){ text, (size_t)len });
}

int http_respond_status(struct http_exchange *exchange, unsigned status) {
    return respond_text(exchange, status, NULL);
}

int http_respond_not_allowed(struct http_exchange *exchange, const char *allow) {
    struct http_field field = { DM_SLICE("Allow"), dm_slice_str(allow) };
    return respond_text(exchange, 405, &field);
}

int http_respond_switching(struct http_exchange *exchange, const struct http_field *own,
                           size_t own_count, const struct http_field *fields,
                           size_t field_count) {
    int r = check_begin(exchange, 200, own, own_count);
    if (r == 0)
        r = check_begin(exchange, 200, fields, field_count);
    if (r < 0)
        return r;
    struct buf *text = &exchange->conn->server->text;
    text_begin(text, 101, own, own_count);
    for (size_t i = 0; i < field_count; i++)
        text_field(text, fields[i].name, fields[i].value);
    buf_append_str(text, "Connection: Upgrade\r\n\r\n");
    exchange->flags |= HTTP_UPGRADED;
    exchange->answer = HTTP_ANSWER_FINISHED;
    exchange->phase = HTTP_PHASE_DONE;
    conn_mark(exchange->conn);
    return gone_if(stream_write(&exchange->conn->stream, text->data, text->len));
}

/* ---- responses in pieces ---- */

int http_respond_begin(struct http_exchange *exchange, unsigned status,
                       const struct http_field *fields, size_t field_count, int64_t length) {
    int r = check_begin(exchange, status, fields, field_count);
    if (r < 0)
        return r;
    exchange->left = length;
    if (length == HTTP_LENGTH_CHUNKED && exchange->request.minor > 0 && status != 204 &&
        status != 304)
        exchange->flags |= HTTP_CHUNKED;
    else if (length == HTTP_LENGTH_CHUNKED)
        exchange->flags &= (uint16_t)~HTTP_KEEP;
    return send_head(exchange, status, fields, field_count, length);
}

static int check_piece(const struct http_exchange *exchange, size_t len) {
    if (exchange->answer != HTTP_ANSWER_BEGUN)
        return -EALREADY;
    if (!conn_is_open(exchange->conn))
        return -EPIPE;
    if (exchange->left != HTTP_LENGTH_CHUNKED && len > (uint64_t)exchange->left)
        return -EMSGSIZE;
    return 0;
}

static int piece_sent(struct http_exchange *exchange, size_t len, int r) {
    if (r < 0)
        return -EPIPE;
    if (exchange->left != HTTP_LENGTH_CHUNKED)
        exchange->left -= (int64_t)len;
    if (!stream_is_full(&exchange->conn->stream))
        return 0;
    exchange->flags |= HTTP_WAITS_ROOM;
    stream_set_deadline(&exchange->conn->stream,
                        exchange->conn->server->config.http.body_timeout_ms);
    return HTTP_FULL;
}

int http_respond_chunk(struct http_exchange *exchange, struct dm_slice piece) {
    int r = check_piece(exchange, piece.len);
    if (r < 0 || piece.len == 0)
        return r;
    if (exchange->flags & HTTP_BODYLESS)
        return piece_sent(exchange, piece.len, 0);
    if (!(exchange->flags & HTTP_CHUNKED))
        return piece_sent(exchange, piece.len,
                          stream_write(&exchange->conn->stream, piece.ptr, piece.len));
    char size[24];
    int len = snprintf(size, sizeof(size), "%zx\r\n", piece.len);
    struct dm_slice parts[] = { { size, (size_t)len }, piece, DM_SLICE("\r\n") };
    return piece_sent(exchange, piece.len, stream_write_parts(&exchange->conn->stream, parts, 3));
}

int http_respond_end(struct http_exchange *exchange) {
    int r = check_piece(exchange, 0);
    if (r < 0)
        return r;
    if (exchange->left > 0 && !(exchange->flags & HTTP_BODYLESS)) {
        conn_abort(exchange->conn);
        return -EPIPE;
    }
    if ((exchange->flags & HTTP_CHUNKED) && !(exchange->flags & HTTP_BODYLESS))
        r = gone_if(stream_write(&exchange->conn->stream, "0\r\n\r\n", 5));
    finish(exchange);
    return r;
}

void http_close_after(struct http_exchange *exchange) {
    exchange->flags &= (uint16_t)~HTTP_KEEP;
}
