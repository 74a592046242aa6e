/* What the files of the admin listener share. Private to this folder. */
#ifndef DRAGOMAN_SERVER_ADMIN_INTERNAL_H
#define DRAGOMAN_SERVER_ADMIN_INTERNAL_H

#include <yyjson.h>

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/net/conn.h"
#include "core/server/admin/admin.h"
#include "core/server/admin/guard.h"

#define ADMIN_BODY_MAX 16384
#define ADMIN_PAGE_DEFAULT 100
#define ADMIN_PAGE_MAX 500

struct trace;

struct admin {
    struct gateway *gateway; /* NULL while STARTING */
    struct loop *loop;
    struct conn_server *server;
    struct guard guard;
    const struct admin_events *events;
    void *events_owner;
    struct list requests; /* by admin_request.link */
    struct trace *trace;
    uint32_t watches;     /* of the trace, now */
    char address[NET_ADDRESS_TEXT];
    enum { ADMIN_STARTING = 0, ADMIN_SERVES, ADMIN_CLOSED } state;
};

struct admin_request;
typedef void admin_handle_fn(struct admin_request *request);
typedef void admin_done_fn(struct admin_request *request, enum dm_status status);

/* Each lets in more. */
enum admin_access {
    ADMIN_GUARDED = 0, /* also what no route knows */
    ADMIN_FREE,        /* the console's own files */
    ADMIN_EARLY,       /* health and metrics: free, and there while it starts */
};

struct admin_route {
    const char *method; /* GET brings HEAD with it */
    const char *path;   /* one segment may be "*": the request's `param` */
    enum admin_access access;
    enum { ADMIN_NO_BODY = 0, ADMIN_BODY } body; /* BODY: a JSON object, may be absent */
    admin_handle_fn *handle; /* answers, at once or later */
};

/* One request of the API.
 *
 *   (body is read) ──handle──▶ answered ──▶ gone
 *                      └─▶ WAITING for store or hasher ──done──▶ answered
 *
 * It lives until its exchange is gone and it waits for nothing. */
struct admin_request {
    struct list link;
    struct admin *admin;
    struct http_exchange *exchange; /* NULL once the peer is gone: answers then go nowhere */
    const struct admin_route *route;
    enum { ADMIN_IDLE = 0, ADMIN_WAITING } state;
    admin_done_fn *done;
    admin_done_fn *found;           /* of admin_find_user */
    struct dm_slice param;          /* in the arena */
    yyjson_doc *document;           /* the body; NULL: there was none */
    struct arena arena;
    struct dm_command command;
    struct dm_result result;
    struct store_account account;
    struct dm_slice *hashing;       /* the secret of the account that is, or was last, hashed */
    struct store_call call;
};

/* ---- admin.c ---- */

/* Frees a request whose exchange is gone and which waits for nothing. */
void admin_request_free(struct admin_request *request);

/* ---- route.c ---- */

/* Finds the route; ret_param is borrowed from the path. NULL: none, and ret_allow tells the
 * methods that the path knows ("" for an unknown path). ret_access is set in any case: the
 * route's, else that of the path's route which lets in least. */
const struct admin_route *admin_route_find(const struct http_request *request,
                                           struct dm_slice *ret_param,
                                           enum admin_access *ret_access, char ret_allow[64]);

/* The value of a parameter of the query, decoded, in the request's arena; absent without. */
struct dm_slice admin_query(struct admin_request *request, const char *name);

/* The same as a whole number of min..max. Returns 0 with the number (fallback when absent), or
 * -EINVAL after it answered 400. */
int admin_query_int(struct admin_request *request, const char *name, int64_t fallback, int64_t min,
                    int64_t max, int64_t *ret_value);

/* Answers 400 and returns -EINVAL when the query has a parameter that is not in the
 * NULL-terminated list. */
int admin_query_check(struct admin_request *request, const char *const *names);

/* Reads a decimal number of 1 to 2^53 - 1. Returns 0 or -EINVAL. */
int admin_parse_id(struct dm_slice text, int64_t *ret_id);

/* ---- reply.c ---- */

/* Answers with the document, which is freed. */
void admin_reply(struct admin_request *request, unsigned status, yyjson_mut_doc *doc);
void admin_reply_empty(struct admin_request *request, unsigned status);

/* {"error": {"code", "message", "field"}}; field may be NULL. */
void admin_reply_error(struct admin_request *request, unsigned status, const char *message,
                       const char *field);

/* What a status of the core that is not OK means here. */
void admin_reply_status(struct admin_request *request, enum dm_status status);

/* The same for an exchange that is no request of the API. */
void admin_refuse(struct http_exchange *exchange, unsigned status, const char *message);

/* A new document with an object as its root. */
yyjson_mut_doc *admin_document(yyjson_mut_val **ret_root);

/* Adds a copy of the text, or null when it is absent. What is no UTF-8 becomes U+FFFD. */
void admin_put(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
               struct dm_slice text);

void admin_put_time(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t us);

/* ---- call.c ---- */

/* Submits request->call of that kind (call.other_id is the caller's), its command, account and
 * result being the request's; `done` runs later, unless peer or listener are gone by then. */
void admin_call(struct admin_request *request, enum store_kind kind, admin_done_fn *done);

/* Finds the user whom the path names (see user_word.h) → result.user; on failure it answers,
 * and `done` does not run. */
void admin_find_user(struct admin_request *request, admin_done_fn *done);

/* Something the request waits for has come: 1 when there is somebody to go on for, 0 when the
 * request is gone. Every callback from outside asks first. */
int admin_resume(struct admin_request *request);

/* ---- handlers ---- */

admin_handle_fn admin_healthz, admin_readyz, admin_metrics, admin_status, admin_config,
    admin_drain;                                                         /* status.c */
admin_handle_fn admin_sessions, admin_session_show, admin_session_close; /* sessions.c */
admin_handle_fn admin_users, admin_user_add, admin_user_show, admin_user_deactivate,
    admin_user_sessions, admin_user_token;                               /* users.c */
admin_handle_fn admin_adapters, admin_adapter_show;                      /* adapters.c */
admin_handle_fn admin_console;                                           /* console.c */
admin_handle_fn admin_examples;                                          /* examples.c */
admin_handle_fn admin_trace;                                             /* watch.c */

/* console.c: appends where a page of this listener reaches the clients' one, "ws://HOST:PORT" or
 * "wss://…"; nothing when that is a Unix socket. */
void admin_socket_url(struct admin_request *request, struct buf *ret_url);

/* sessions.c: one page of the sessions of a user. */
void admin_reply_sessions(struct admin_request *request, int64_t user_id);

#endif
