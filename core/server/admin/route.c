/* The table of the admin API; proto-docs/admin/openapi.yaml describes it. */
#include <errno.h>
#include <stdio.h>

#include "core/base/decimal.h"
#include "core/server/admin/internal.h"

#define ID_MAX ((INT64_C(1) << 53) - 1)

static const struct admin_route routes[] = {
    { "GET", "/healthz", ADMIN_EARLY, ADMIN_NO_BODY, admin_healthz },
    { "GET", "/readyz", ADMIN_EARLY, ADMIN_NO_BODY, admin_readyz },
    { "GET", "/metrics", ADMIN_EARLY, ADMIN_NO_BODY, admin_metrics },
    { "GET", "/", ADMIN_FREE, ADMIN_NO_BODY, admin_console },
    { "GET", "/console/*", ADMIN_FREE, ADMIN_NO_BODY, admin_console },
    { "GET", "/api/v1/examples", ADMIN_GUARDED, ADMIN_NO_BODY, admin_examples },
    { "GET", "/api/v1/status", ADMIN_GUARDED, ADMIN_NO_BODY, admin_status },
    { "GET", "/api/v1/config", ADMIN_GUARDED, ADMIN_NO_BODY, admin_config },
    { "POST", "/api/v1/drain", ADMIN_GUARDED, ADMIN_BODY, admin_drain },
    { "GET", "/api/v1/trace", ADMIN_GUARDED, ADMIN_NO_BODY, admin_trace },
    { "GET", "/api/v1/sessions", ADMIN_GUARDED, ADMIN_NO_BODY, admin_sessions },
    { "GET", "/api/v1/sessions/*", ADMIN_GUARDED, ADMIN_NO_BODY, admin_session_show },
    { "DELETE", "/api/v1/sessions/*", ADMIN_GUARDED, ADMIN_NO_BODY, admin_session_close },
    { "GET", "/api/v1/users", ADMIN_GUARDED, ADMIN_NO_BODY, admin_users },
    { "POST", "/api/v1/users", ADMIN_GUARDED, ADMIN_BODY, admin_user_add },
    { "GET", "/api/v1/users/*", ADMIN_GUARDED, ADMIN_NO_BODY, admin_user_show },
    { "GET", "/api/v1/users/*/sessions", ADMIN_GUARDED, ADMIN_NO_BODY, admin_user_sessions },
    { "POST", "/api/v1/users/*/deactivate", ADMIN_GUARDED, ADMIN_BODY, admin_user_deactivate },
    { "POST", "/api/v1/users/*/token", ADMIN_GUARDED, ADMIN_BODY, admin_user_token },
    { "GET", "/api/v1/adapters", ADMIN_GUARDED, ADMIN_NO_BODY, admin_adapters },
    { "GET", "/api/v1/adapters/*", ADMIN_GUARDED, ADMIN_NO_BODY, admin_adapter_show },
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/* One "*" stands for one segment that is not empty. */
static int matches(const char *pattern, struct dm_slice path, struct dm_slice *ret_param) {
    const char *star = strchr(pattern, '*');
    size_t before = star ? (size_t)(star - pattern) : strlen(pattern);
    *ret_param = DM_SLICE_NONE;
    if (!star)
        return dm_slice_eq(path, dm_slice_str(pattern));
    if (path.len <= before || memcmp(path.ptr, pattern, before))
        return 0;
    struct dm_slice rest = { path.ptr + before, path.len - before };
    const char *slash = memchr(rest.ptr, '/', rest.len);
    size_t len = slash ? (size_t)(slash - rest.ptr) : rest.len;
    *ret_param = (struct dm_slice){ rest.ptr, len };
    rest = (struct dm_slice){ rest.ptr + len, rest.len - len };
    return len > 0 && dm_slice_eq(rest, dm_slice_str(star + 1));
}

const struct admin_route *admin_route_find(const struct http_request *request,
                                           struct dm_slice *ret_param,
                                           enum admin_access *ret_access, char ret_allow[64]) {
    const char *method = http_method_name(request->method);
    enum admin_access least = ADMIN_EARLY;
    size_t used = 0;
    ret_allow[0] = '\0';
    if (request->method == HTTP_METHOD_HEAD)
        method = "GET";
    for (size_t i = 0; i < ROUTES; i++) {
        if (!matches(routes[i].path, request->path, ret_param))
            continue;
        if (!strcmp(method, routes[i].method)) {
            *ret_access = routes[i].access;
            return &routes[i];
        }
        if (routes[i].access < least)
            least = routes[i].access;
        used += (size_t)snprintf(ret_allow + used, 64 - used, "%s%s%s", used ? ", " : "",
                                 routes[i].method,
                                 strcmp(routes[i].method, "GET") ? "" : ", HEAD");
    }
    *ret_access = used ? least : ADMIN_GUARDED;
    return NULL;
}

/* ---- queries ---- */

static struct dm_slice decode(struct admin_request *request, struct dm_slice text) {
    char *copy = arena_alloc(&request->arena, text.len + 1);
    size_t len = 0;
    if (http_percent_decode(text, HTTP_PLUS_IS_SPACE, copy, &len))
        return DM_SLICE("");
    return (struct dm_slice){ copy, len };
}

struct dm_slice admin_query(struct admin_request *request, const char *name) {
    struct dm_slice rest = http_request(request->exchange)->query;
    struct http_field pair;
    while (http_pair_next(rest, &rest, &pair))
        if (dm_slice_eq(pair.name, dm_slice_str(name)))
            return pair.value.ptr ? decode(request, pair.value) : DM_SLICE("");
    return DM_SLICE_NONE;
}

int admin_parse_id(struct dm_slice text, int64_t *ret_id) {
    return decimal_parse(text, ID_MAX, ret_id) || *ret_id == 0 ? -EINVAL : 0;
}

int admin_query_int(struct admin_request *request, const char *name, int64_t fallback, int64_t min,
                    int64_t max, int64_t *ret_value) {
    struct dm_slice text = admin_query(request, name);
    *ret_value = fallback;
    if (!text.ptr || (!decimal_parse(text, max, ret_value) && *ret_value >= min))
        return 0;
    admin_reply_error(request, 400, "the parameter is no whole number of its range", name);
    return -EINVAL;
}

static int is_known(const char *const *names, struct dm_slice name) {
    while (*names && !dm_slice_eq(name, dm_slice_str(*names)))
        names++;
    return *names != NULL;
}

int admin_query_check(struct admin_request *request, const char *const *names) {
    struct dm_slice rest = http_request(request->exchange)->query;
    struct http_field pair;
    while (http_pair_next(rest, &rest, &pair))
        if (!is_known(names, pair.name)) {
            admin_reply_error(request, 400, "the query has a parameter that is not known here",
                              NULL);
            return -EINVAL;
        }
    return 0;
}
