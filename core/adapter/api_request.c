/* What adapters ask of a request, and how they answer it. */
#include <errno.h>

#include "core/adapter/api.h"
#include "core/adapter/body.h"
#include "core/base/utf8.h"

static struct session *request_session(struct dm_session *pub, const char *name) {
    struct session *session = api_session(pub, "request data: no session");

    if (!session || !name || session->seat)
        return NULL;
    if (session->instance->host->hook > HOOK_FAULT
        || session->instance->host->hook_session != session || !session->request) {
        api_complain(session->instance->name, "request data: not in this hook");
        return NULL;
    }
    return session;
}

struct dm_slice api_request_header(struct dm_session *pub, const char *name) {
    struct session *session = request_session(pub, name);

    return session ? http_header(http_request(session->request->exchange), name) : DM_SLICE_NONE;
}

static int decode_into(struct arena *arena, struct dm_slice raw, enum http_plus plus,
                       struct dm_slice *ret_text) {
    char *text = arena_alloc(arena, raw.len + 1);
    size_t len = 0;

    if (raw.len && http_percent_decode(raw, plus, text, &len) != 0)
        return -1;
    *ret_text = (struct dm_slice){ text, len };
    return 0;
}

/* The first pair of that name, decoded. */
static struct dm_slice find_pair(struct session *session, struct dm_slice text,
                                 enum http_plus plus, const char *name) {
    struct arena *arena = &session->instance->host->reader.arena;
    struct http_field pair;

    while (http_pair_next(text, &text, &pair)) {
        struct dm_slice decoded;

        if (decode_into(arena, pair.name, plus, &decoded) != 0
            || !dm_slice_eq(decoded, dm_slice_str(name)))
            continue;
        if (decode_into(arena, pair.value, plus, &decoded) == 0 && utf8_valid(decoded))
            return decoded;
    }
    return DM_SLICE_NONE;
}

struct dm_slice api_request_query(struct dm_session *pub, const char *name) {
    struct session *session = request_session(pub, name);

    if (!session)
        return DM_SLICE_NONE;
    return find_pair(session, http_request(session->request->exchange)->query,
                     HTTP_PLUS_IS_SPACE, name);
}

struct dm_slice api_request_form(struct dm_session *pub, const char *name) {
    struct session *session = request_session(pub, name);
    const struct dm_request *request;

    if (!session)
        return DM_SLICE_NONE;
    request = &session->request->pub;
    if (!dm_slice_eq(request->content_type, DM_SLICE("application/x-www-form-urlencoded")))
        return DM_SLICE_NONE;
    return find_pair(session, request->body, HTTP_PLUS_IS_SPACE, name);
}

int api_request_part(struct dm_session *pub, size_t index, struct dm_part *ret_part) {
    struct session *session = request_session(pub, "part");

    if (!session || !ret_part)
        return -1;
    return multipart_part(http_header(http_request(session->request->exchange), "content-type"),
                          session->request->pub.body, index, &session->request->parts, ret_part);
}

void api_body_next(struct dm_session *pub) {
    struct session *session = api_session(pub, "body_next: no session");

    if (!session)
        return;
    if (session->state != SESSION_WAITING || !(session->flags & SESSION_BODY_OPEN))
        api_complain(session->instance->name, "body_next: not now");
    else
        body_next(session);
}

/* ---- answering ---- */

void api_respond(struct dm_session *pub, const struct dm_response *response,
                        struct dm_out *out) {
    struct session *session = api_session(pub, "respond: no session");
    struct dm_slice body = DM_SLICE_NONE;
    struct host *host;

    if (!session)
        return;
    host = session->instance->host;
    if (!session->request || session->state == SESSION_ANSWERED || session->state == SESSION_OPEN
        || session->state == SESSION_CLOSING || !response) {
        api_complain(session->instance->name, "respond: not now");
        return;
    }
    if (out && (out != &host->out.base || host->out.owner != session
                || out_body(&host->out, &body) != 0)) {
        api_complain(session->instance->name, host->out.fault ? host->out.fault
                                                          : "respond: a strange body");
        request_respond_plain(session, 500);
    } else if (request_respond(session, response, body) == -EINVAL) {
        api_complain(session->instance->name, "respond: bad status or header");
        request_respond_plain(session, 500);
    }
    if (host->out.owner == session)
        (void)out_end(&host->out);
}

/* The session of a response in pieces; NULL when it is none. */
static struct session *pieces_session(struct dm_session *pub, const char *function) {
    struct session *session = api_session(pub, function);

    if (session && session->state != SESSION_PIECES) {
        api_complain(session->instance->name, function);
        return NULL;
    }
    return session;
}

void api_respond_begin(struct dm_session *pub, const struct dm_response *response) {
    struct session *session = api_session(pub, "respond_begin: no session");

    if (!session)
        return;
    if (!session->request || session->state != SESSION_WAITING || !response)
        api_complain(session->instance->name, "respond_begin: not now");
    else if (request_begin(session, response) == -EINVAL)
        api_complain(session->instance->name, "respond_begin: bad status or header");
}

int api_respond_piece(struct dm_session *pub, struct dm_out *out) {
    struct session *session = pieces_session(pub, "respond_piece: not begun");
    struct dm_slice body = DM_SLICE_NONE;
    int taken = DM_PIECE_TAKEN;
    struct host *host;

    if (!session)
        return DM_PIECE_TAKEN;
    host = session->instance->host;
    if (out != &host->out.base || host->out.owner != session || out_body(&host->out, &body) != 0) {
        api_complain(session->instance->name, host->out.fault ? host->out.fault
                                                          : "respond_piece: a strange body");
        request_abort(session);
    } else {
        taken = (int)request_piece(session, body);
    }
    if (host->out.owner == session)
        (void)out_end(&host->out);
    return taken;
}

void api_respond_end(struct dm_session *pub) {
    struct session *session = pieces_session(pub, "respond_end: not begun");

    if (session)
        request_end(session);
}

void api_respond_abort(struct dm_session *pub) {
    struct session *session = pieces_session(pub, "respond_abort: not begun");

    if (session)
        request_abort(session);
}
