/* Responses: whole, in pieces, and the fields that a status obliges to. */
#include <errno.h>

#include "core/adapter/internal.h"
#include "core/adapter/observe.h"
#include "core/base/log.h"
#include "core/net/cors.h"

#define FIELDS_MAX 32

/* The host's own fields need room beside them. */
static int headers_are_good(const struct dm_response *response) {
    if (response->header_count > FIELDS_MAX || (response->header_count && !response->headers))
        return 0;
    for (size_t i = 0; i < response->header_count; i++)
        if (!response->headers[i].name
            || (response->headers[i].value.len && !response->headers[i].value.ptr))
            return 0;
    return 1;
}

static int has_header(const struct dm_response *response, const char *name) {
    for (size_t i = 0; i < response->header_count; i++)
        if (http_name_is(dm_slice_str(response->headers[i].name), name))
            return 1;
    return 0;
}

enum fields_body {
    FIELDS_ALONE, /* there is no body */
    FIELDS_BODY,
};

struct fields {
    struct http_field rows[FIELDS_MAX + CORS_FIELDS_MAX + 3];
    size_t count;
};

static void add_field(struct fields *fields, const char *name, struct dm_slice value) {
    fields->rows[fields->count++] = (struct http_field){ dm_slice_str(name), value };
}

/* What the status obliges to (RFC 9110, sections 11.6.1, 15.5.6; RFC 6585, section 4). */
static void add_owed_field(struct session *session, const struct dm_response *response,
                           struct buf *scratch, struct fields *fields) {
    const struct request *request = session->request;

    if (response->status == 401 && !has_header(response, "www-authenticate"))
        add_field(fields, "WWW-Authenticate", DM_SLICE("Bearer"));
    if (response->status == 405 && request->fault == 405 && !has_header(response, "allow")) {
        router_allow(session->instance->host->router, http_request(request->exchange)->path,
                     scratch);
        add_field(fields, "Allow", buf_slice(scratch));
    }
    if ((response->status == 429 || response->status == 503)
        && !has_header(response, "retry-after")) {
        buf_append_u64(scratch, request->retry_after ? request->retry_after : 1);
        add_field(fields, "Retry-After", buf_slice(scratch));
    }
}

/* The page of another origin that asked may see the answer, if the setting says so. */
static void add_cors_fields(const struct session *session, struct fields *fields) {
    fields->count += cors_fields(session->instance->cors_origins,
                                 http_request(session->request->exchange), DM_SLICE_NONE,
                                 fields->rows + fields->count);
}

/* The fields of the response, some of which live in `scratch`. */
static void fill_fields(struct session *session, const struct dm_response *response,
                        enum fields_body body, struct buf *scratch, struct fields *ret_fields) {
    ret_fields->count = 0;
    if (body == FIELDS_BODY || response->content_type)
        add_field(ret_fields, "Content-Type",
                  dm_slice_str(response->content_type ? response->content_type
                                                      : "application/json"));
    for (size_t i = 0; i < response->header_count; i++)
        add_field(ret_fields, response->headers[i].name, response->headers[i].value);
    add_owed_field(session, response, scratch, ret_fields);
    add_cors_fields(session, ret_fields);
}

int request_respond(struct session *session, const struct dm_response *response,
                    struct dm_slice body) {
    struct request *request = session->request;
    struct buf scratch = BUF_INIT;
    struct fields fields;
    int r;

    if (!headers_are_good(response))
        return -EINVAL;
    fill_fields(session, response, body.len ? FIELDS_BODY : FIELDS_ALONE, &scratch, &fields);
    r = http_respond(request->exchange, (unsigned)response->status, fields.rows, fields.count,
                     body);
    buf_fini(&scratch);
    if (r != 0)
        return r;
    request->status = response->status;
    session->state = SESSION_ANSWERED;
    loop_timer_cancel(session->instance->host->loop, &session->deadline);
    count_response(session);
    observe_response(session);
    return 0;
}

/* ---- in pieces ---- */

void request_arm_deadline(struct session *session) {
    struct host *host = session->instance->host;

    loop_timer_arm(host->loop, &session->deadline, host->config.request_timeout_ms);
}

int request_begin(struct session *session, const struct dm_response *response) {
    struct request *request = session->request;
    struct buf scratch = BUF_INIT;
    struct fields fields;
    int r;

    if (!headers_are_good(response))
        return -EINVAL;
    fill_fields(session, response, FIELDS_BODY, &scratch, &fields);
    r = http_respond_begin(request->exchange, (unsigned)response->status, fields.rows,
                           fields.count, HTTP_LENGTH_CHUNKED);
    buf_fini(&scratch);
    if (r != 0)
        return r;
    request->status = response->status;
    session->state = SESSION_PIECES;
    session->flags &= (uint16_t)~SESSION_BODY_OPEN;
    request_arm_deadline(session);
    return 0;
}

enum dm_piece request_piece(struct session *session, struct dm_slice piece) {
    request_arm_deadline(session);
    if (http_respond_chunk(session->request->exchange, piece) != HTTP_FULL)
        return DM_PIECE_TAKEN;
    session->flags |= SESSION_WAITS_FOR_PEER;
    return DM_PIECE_WAIT;
}

void request_end(struct session *session) {
    session->state = SESSION_ANSWERED;
    loop_timer_cancel(session->instance->host->loop, &session->deadline);
    count_response(session);
    observe_response(session);
    (void)http_respond_end(session->request->exchange);
}

void request_abort(struct session *session) {
    session->state = SESSION_ANSWERED;
    loop_timer_cancel(session->instance->host->loop, &session->deadline);
    count_response(session);
    observe_response(session);
    conn_abort(http_conn(session->request->exchange));
}

void request_writable(struct http_exchange *exchange) {
    struct session *session = http_userdata(exchange);

    if (session->state != SESSION_PIECES || !(session->flags & SESSION_WAITS_FOR_PEER))
        return;
    session->flags &= (uint16_t)~SESSION_WAITS_FOR_PEER;
    request_arm_deadline(session);
    hook_notice(session, DM_NOTICE_WRITABLE, NULL);
    request_check_answered(session);
}

void request_respond_plain(struct session *session, int status) {
    struct dm_response response = { .status = status, .content_type = "text/plain" };

    (void)request_respond(session, &response, dm_slice_str(http_status_text((unsigned)status)));
}
