#include "core/net/cors.h"

#include "core/base/words.h"

static int is_open(struct dm_slice origins) {
    return words_have(origins, DM_SLICE("*"));
}

int cors_is_preflight(const struct http_request *request) {
    return request->method == HTTP_METHOD_OPTIONS && http_header(request, "origin").len
           && http_header(request, "access-control-request-method").len;
}

int cors_allows(struct dm_slice origins, const struct http_request *request) {
    struct dm_slice origin = http_header(request, "origin");
    return origin.len && (is_open(origins) || words_have(origins, origin));
}

struct fields {
    struct http_field *rows;
    size_t count;
};

static void add(struct fields *fields, struct dm_slice name, struct dm_slice value) {
    fields->rows[fields->count++] = (struct http_field){ name, value };
}

static void add_preflight(struct fields *fields, const struct http_request *request,
                          struct dm_slice methods) {
    struct dm_slice wanted = http_header(request, "access-control-request-headers");
    add(fields, DM_SLICE("Access-Control-Allow-Methods"), methods);
    if (wanted.len)
        add(fields, DM_SLICE("Access-Control-Allow-Headers"), wanted);
    add(fields, DM_SLICE("Access-Control-Max-Age"), DM_SLICE("600"));
}

size_t cors_fields(struct dm_slice origins, const struct http_request *request,
                   struct dm_slice methods, struct http_field *ret_fields) {
    struct fields fields = { ret_fields, 0 };
    int open = is_open(origins);
    /* Caches must not show one origin what another was answered. */
    if (origins.len && !open)
        add(&fields, DM_SLICE("Vary"), DM_SLICE("Origin"));
    if (!cors_allows(origins, request))
        return fields.count;
    add(&fields, DM_SLICE("Access-Control-Allow-Origin"),
        open ? DM_SLICE("*") : http_header(request, "origin"));
    if (!open)
        add(&fields, DM_SLICE("Access-Control-Allow-Credentials"), DM_SLICE("true"));
    if (cors_is_preflight(request))
        add_preflight(&fields, request, methods);
    return fields.count;
}
