#include "core/adapter/router.h"

#include <errno.h>
#include <stdlib.h>

#include "core/adapter/values.h"
#include "core/base/mem.h"

struct entry {
    struct dm_route route;
    char *mount;
    size_t mount_len;
    void *owner;
};

struct router {
    struct entry *entries; /* longest mount first, then in the order added */
    size_t count;
};

/* Segments of a path, without the empty one that a trailing slash leaves. */
struct walk {
    const char *pos;
    const char *end;
};

static struct walk walk_begin(struct dm_slice path) {
    struct walk walk = { path.ptr, path.ptr + path.len };

    if (walk.pos < walk.end && walk.end[-1] == '/')
        walk.end--;
    return walk;
}

static int walk_next(struct walk *walk, struct dm_slice *ret_segment) {
    const char *slash;

    if (walk->pos >= walk->end)
        return 0;
    walk->pos++;
    slash = memchr(walk->pos, '/', (size_t)(walk->end - walk->pos));
    if (!slash)
        slash = walk->end;
    *ret_segment = (struct dm_slice){ walk->pos, (size_t)(slash - walk->pos) };
    walk->pos = slash;
    return 1;
}

static int is_param(struct dm_slice segment) {
    return segment.len > 0 && segment.ptr[0] == ':';
}

int router_pattern_check(const char *pattern) {
    struct dm_slice segment;
    struct walk walk;
    size_t params = 0;

    if (!pattern || pattern[0] != '/')
        return -EINVAL;
    walk = walk_begin(dm_slice_str(pattern));
    while (walk_next(&walk, &segment)) {
        if (segment.len == 0 || (is_param(segment) && segment.len == 1))
            return -EINVAL;
        params += (size_t)is_param(segment);
    }
    return params > ROUTER_PARAMS_MAX ? -EINVAL : 0;
}

int router_method(struct dm_slice name) {
    for (int method = 0; name.ptr && method < HTTP_METHOD_COUNT; method++)
        if (dm_slice_eq(name, dm_slice_str(http_method_name((enum http_method)method))))
            return method;
    return -EINVAL;
}

/* Walks a mount's segments, then a pattern's. */
struct joined {
    struct walk mount;
    struct walk pattern;
};

static int joined_next(struct joined *joined, struct dm_slice *ret_segment) {
    return walk_next(&joined->mount, ret_segment) || walk_next(&joined->pattern, ret_segment);
}

/* Both are asked for by the same requests. */
static enum dm_transport protocol(const struct dm_route *route) {
    return route->transport == DM_ENGINEIO ? DM_SOCKETIO : route->transport;
}

int router_rows_clash(const struct dm_route *a, const char *mount_a, const struct dm_route *b,
                      const char *mount_b) {
    struct joined ja = { walk_begin(dm_slice_str(mount_a)), walk_begin(dm_slice_str(a->path)) };
    struct joined jb = { walk_begin(dm_slice_str(mount_b)), walk_begin(dm_slice_str(b->path)) };

    if (protocol(a) != protocol(b))
        return 0;
    if (a->transport == DM_HTTP && strcmp(a->method, b->method) != 0)
        return 0;
    for (;;) {
        struct dm_slice sa = { 0 }, sb = { 0 };
        int more_a = joined_next(&ja, &sa), more_b = joined_next(&jb, &sb);

        if (!more_a || !more_b)
            return more_a == more_b;
        if (is_param(sa) != is_param(sb) || (!is_param(sa) && !dm_slice_eq(sa, sb)))
            return 0;
    }
}

struct router *router_new(void) {
    return mem_zalloc(sizeof(struct router));
}

void router_free(struct router *router) {
    if (!router)
        return;
    for (size_t i = 0; i < router->count; i++)
        free(router->entries[i].mount);
    free(router->entries);
    free(router);
}

static void insert(struct router *router, const struct dm_route *route, const char *mount,
                   void *owner) {
    size_t len = strlen(mount), at = 0;
    struct entry *entries;

    router->entries = mem_realloc(router->entries, (router->count + 1) * sizeof(struct entry));
    entries = router->entries;
    while (at < router->count && entries[at].mount_len >= len)
        at++;
    memmove(entries + at + 1, entries + at, (router->count - at) * sizeof(struct entry));
    router->count++;
    entries[at] = (struct entry){ .route = *route, .mount = mem_dup(mount, len),
                                  .mount_len = len, .owner = owner };
}

int router_add(struct router *router, const char *mount, const struct dm_table *routes,
               void *owner, const char **ret_clash) {
    struct dm_route route;

    for (uint32_t i = 0; i < routes->count; i++) {
        adapter_row(routes, i, &route, sizeof(route));
        for (size_t j = 0; j < router->count; j++) {
            const struct entry *entry = &router->entries[j];

            if (!router_rows_clash(&route, mount, &entry->route, entry->mount))
                continue;
            *ret_clash = entry->route.path;
            return -EEXIST;
        }
    }
    for (uint32_t i = 0; i < routes->count; i++) {
        adapter_row(routes, i, &route, sizeof(route));
        insert(router, &route, mount, owner);
    }
    return 0;
}

/* Whether path lies at or below the entry's mount; ret_below begins with "/". */
static int below(const struct entry *entry, struct dm_slice path, struct dm_slice *ret_below) {
    if (path.len < entry->mount_len || memcmp(path.ptr, entry->mount, entry->mount_len) != 0)
        return 0;
    *ret_below = (struct dm_slice){ path.ptr + entry->mount_len, path.len - entry->mount_len };
    if (ret_below->len == 0)
        *ret_below = DM_SLICE("/");
    return ret_below->ptr[0] == '/';
}

/* Matches path with the pattern. ret_rank, lower is better, has one bit per segment, the first
 * highest: set for a parameter. */
static int matches(const char *pattern, struct dm_slice path, struct router_match *ret_match,
                   uint64_t *ret_rank) {
    struct walk pw = walk_begin(dm_slice_str(pattern)), rw = walk_begin(path);
    uint64_t bit = UINT64_C(1) << 63;

    ret_match->param_count = 0;
    *ret_rank = 0;
    for (;;) {
        struct dm_slice want, got;
        int more_want = walk_next(&pw, &want), more_got = walk_next(&rw, &got);

        if (!more_want || !more_got)
            return more_want == more_got;
        if (is_param(want)) {
            if (got.len == 0)
                return 0;
            ret_match->params[ret_match->param_count++] = got;
            *ret_rank |= bit;
        } else if (!dm_slice_eq(want, got)) {
            return 0;
        }
        bit >>= 1;
    }
}

static int method_fits(const struct dm_route *route, enum http_method method) {
    int wanted = router_method(dm_slice_str(route->method));

    return wanted == (int)method || (method == HTTP_METHOD_HEAD && wanted == HTTP_METHOD_GET);
}

/* The mount whose adapter answers for a path that no route knows: the longest, unless several
 * adapters share it. */
static void find_mount(const struct router *router, struct dm_slice path,
                       struct router_match *ret_match) {
    const struct entry *first = NULL;

    memset(ret_match, 0, sizeof(*ret_match));
    ret_match->path = path;
    for (size_t i = 0; i < router->count; i++) {
        const struct entry *entry = &router->entries[i];
        struct dm_slice rest;

        if (first && entry->mount_len < first->mount_len)
            return;
        if (!below(entry, path, &rest))
            continue;
        if (first && entry->owner != first->owner) {
            ret_match->owner = NULL;
            return;
        }
        first = entry;
        ret_match->owner = entry->owner;
        ret_match->path = rest;
    }
}

enum router_outcome router_find(const struct router *router, enum dm_transport transport,
                                enum http_method method, struct dm_slice path,
                                struct router_match *ret_match) {
    uint64_t best = UINT64_MAX;
    void *other = NULL;

    memset(ret_match, 0, sizeof(*ret_match));
    for (size_t i = 0; i < router->count; i++) {
        const struct entry *entry = &router->entries[i];
        struct router_match match = { .owner = entry->owner, .route = &entry->route };
        uint64_t rank;

        if (protocol(&entry->route) != transport || !below(entry, path, &match.path)
            || !matches(entry->route.path, match.path, &match, &rank) || rank >= best)
            continue;
        if (transport == DM_HTTP && !method_fits(&entry->route, method)) {
            other = other ? other : entry->owner;
            continue;
        }
        best = rank;
        *ret_match = match;
    }
    if (best != UINT64_MAX)
        return ROUTER_FOUND;
    find_mount(router, path, ret_match);
    if (!other)
        return ROUTER_NO_ROUTE;
    ret_match->owner = other;
    return ROUTER_NO_METHOD;
}

void router_allow(const struct router *router, struct dm_slice path, struct buf *ret_allow) {
    for (int method = 0; method < HTTP_METHOD_COUNT; method++) {
        for (size_t i = 0; i < router->count; i++) {
            const struct entry *entry = &router->entries[i];
            struct router_match match;
            uint64_t rank;

            if (entry->route.transport != DM_HTTP || !below(entry, path, &match.path)
                || !matches(entry->route.path, match.path, &match, &rank)
                || !method_fits(&entry->route, (enum http_method)method))
                continue;
            if (ret_allow->len)
                buf_append_str(ret_allow, ", ");
            buf_append_str(ret_allow, http_method_name((enum http_method)method));
            break;
        }
    }
}
