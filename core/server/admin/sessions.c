/* /api/v1/sessions. */
#include <errno.h>

#include "core/adapter/inspect.h"
#include "core/base/log.h"
#include "core/net/websocket.h"
#include "core/server/admin/internal.h"

/* What a page is made of, and where it is gathered. */
struct page {
    struct dm_slice adapter; /* absent: of all */
    struct dm_slice address;
    int64_t user_id;         /* 0: of all */
    int64_t limit;
    int64_t count;
    uint64_t last;
    int more;
    yyjson_mut_doc *doc;
    yyjson_mut_val *rows;
};

static const char *transport_of(enum dm_session_kind kind) {
    switch (kind) {
    case DM_SESSION_SOCKET: return "websocket";
    case DM_SESSION_SOCKETIO: return "socketio";
    case DM_SESSION_ENGINEIO: return "engineio";
    case DM_SESSION_REQUEST: break;
    }
    return "http";
}

static void put_session(yyjson_mut_doc *doc, yyjson_mut_val *row,
                        const struct host_session *session) {
    yyjson_mut_obj_add_uint(doc, row, "id", session->id);
    yyjson_mut_obj_add_strcpy(doc, row, "adapter", session->adapter);
    yyjson_mut_obj_add_str(doc, row, "transport", transport_of(session->kind));
    admin_put(doc, row, "namespace", dm_slice_str(session->ns));
    if (session->user) {
        yyjson_mut_val *user = yyjson_mut_obj_add_obj(doc, row, "user");
        yyjson_mut_obj_add_int(doc, user, "id", session->user->id);
        admin_put(doc, user, "name", dm_user_name(session->user));
    } else {
        yyjson_mut_obj_add_null(doc, row, "user");
    }
    admin_put(doc, row, "address", session->address);
    admin_put_time(doc, row, "since", session->since_us);
    yyjson_mut_obj_add_uint(doc, row, "queued_bytes", session->queued);
    yyjson_mut_obj_add_uint(doc, row, "pending_commands", session->backlog);
}

static int is_wanted(const struct page *page, const struct host_session *session) {
    if (page->adapter.ptr && !dm_slice_eq(page->adapter, dm_slice_str(session->adapter)))
        return 0;
    if (page->address.ptr && !dm_slice_eq(page->address, session->address))
        return 0;
    return !page->user_id || (session->user && session->user->id == page->user_id);
}

static int gather(void *owner, const struct host_session *session) {
    struct page *page = owner;
    if (!is_wanted(page, session))
        return 0;
    page->more = page->count == page->limit;
    if (page->more)
        return 1;
    page->count++;
    page->last = session->id;
    put_session(page->doc, yyjson_mut_arr_add_obj(page->doc, page->rows), session);
    return 0;
}

static void reply_page(struct admin_request *request, struct page *page, int64_t after) {
    yyjson_mut_val *root;
    page->doc = admin_document(&root);
    page->rows = yyjson_mut_obj_add_arr(page->doc, root, "sessions");
    host_each_session(gateway_host(request->admin->gateway), (uint64_t)after, gather, page);
    if (page->more)
        yyjson_mut_obj_add_uint(page->doc, root, "next", page->last);
    else
        yyjson_mut_obj_add_null(page->doc, root, "next");
    admin_reply(request, 200, page->doc);
}

static int take_page(struct admin_request *request, struct page *page, int64_t *ret_after) {
    if (admin_query_int(request, "after", 0, 0, INT64_MAX, ret_after)
        || admin_query_int(request, "limit", ADMIN_PAGE_DEFAULT, 1, ADMIN_PAGE_MAX, &page->limit))
        return -EINVAL;
    return 0;
}

void admin_sessions(struct admin_request *request) {
    static const char *const known[] = { "adapter", "user", "address", "after", "limit", NULL };
    struct page page = { 0 };
    int64_t after;
    if (admin_query_check(request, known) || take_page(request, &page, &after)
        || admin_query_int(request, "user", 0, 1, INT64_MAX, &page.user_id))
        return;
    page.adapter = admin_query(request, "adapter");
    page.address = admin_query(request, "address");
    reply_page(request, &page, after);
}

void admin_reply_sessions(struct admin_request *request, int64_t user_id) {
    struct page page = { .user_id = user_id };
    int64_t after;
    if (!take_page(request, &page, &after))
        reply_page(request, &page, after);
}

/* ---- one ---- */

/* The id that the path names; 0 after a 404. */
static int64_t id_of(struct admin_request *request) {
    int64_t id = 0;
    if (admin_parse_id(request->param, &id))
        admin_reply_error(request, 404, "there is no such session", NULL);
    return id;
}

struct sought {
    uint64_t id;
    yyjson_mut_doc *doc;
};

static int show_one(void *owner, const struct host_session *session) {
    struct sought *sought = owner;
    yyjson_mut_val *root;
    if (session->id == sought->id) {
        sought->doc = admin_document(&root);
        put_session(sought->doc, root, session);
    }
    return 1;
}

void admin_session_show(struct admin_request *request) {
    int64_t id = id_of(request);
    struct sought sought = { .id = (uint64_t)id };
    if (!id)
        return;
    host_each_session(gateway_host(request->admin->gateway), sought.id - 1, show_one, &sought);
    if (sought.doc)
        admin_reply(request, 200, sought.doc);
    else
        admin_reply_error(request, 404, "there is no such session", NULL);
}

/* "Going away": a client that is well comes back. Who is to stay out is deactivated. */
void admin_session_close(struct admin_request *request) {
    int64_t id = id_of(request);
    if (!id)
        return;
    if (host_close_session(gateway_host(request->admin->gateway), (uint64_t)id,
                           WEBSOCKET_CODE_GOING_AWAY)) {
        admin_reply_error(request, 404, "there is no such session", NULL);
        return;
    }
    log_event(LOG_LEVEL_INFO, "session closed by an operator", LOG_INT("session", id));
    admin_reply_empty(request, 204);
}
