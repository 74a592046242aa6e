/* From a request's path to an adapter's route. Pure but for its own memory. */
#ifndef DRAGOMAN_ADAPTER_ROUTER_H
#define DRAGOMAN_ADAPTER_ROUTER_H

#include "core/adapter/adapter.h"
#include "core/base/buf.h"
#include "core/net/http.h"

/* ":name" segments of one path. */
#define ROUTER_PARAMS_MAX 8

struct router;

/* What a look-up found. */
struct router_match {
    void *owner;                  /* of the route; ROUTER_NO_ROUTE: of the mount; NULL: nobody's */
    const struct dm_route *route; /* set for ROUTER_FOUND */
    struct dm_slice path;         /* below the owner's mount; borrows from the path given */
    struct dm_slice params[ROUTER_PARAMS_MAX];
    size_t param_count;
};

enum router_outcome {
    ROUTER_FOUND = 0,
    ROUTER_NO_ROUTE,  /* 404 */
    ROUTER_NO_METHOD, /* 405: router_allow tells what would do */
};

struct router *router_new(void);
void router_free(struct router *router);

/* Adds the routes of a table under a mount ("" or "/x", without trailing slash), all or none.
 * Returns 0; -EEXIST when one meets a route of another owner (the same transport, method and
 * shape of path): ret_clash, then set, is that route's path. */
int router_add(struct router *router, const char *mount, const struct dm_table *routes,
               void *owner, const char **ret_clash);

/* Finds the route for a decoded path. A path that no longer mount owns may be a shorter mount's.
 * In one segment a literal is preferred to a parameter; a trailing slash is tolerated on both
 * sides. `transport` chooses among rows; for DM_HTTP, HEAD also finds GET; for DM_SOCKETIO,
 * DM_ENGINEIO is found too. The result borrows from
 * the router and from path. */
enum router_outcome router_find(const struct router *router, enum dm_transport transport,
                                enum http_method method, struct dm_slice path,
                                struct router_match *ret_match);

/* Appends what the Allow field of a 405 says for that path: "GET, HEAD, POST". */
void router_allow(const struct router *router, struct dm_slice path, struct buf *ret_allow);

/* 0 for a path as struct dm_route wants it: begins with "/", no empty segment but at the end, at
 * most ROUTER_PARAMS_MAX named segments, each with a name. Else -EINVAL. */
int router_pattern_check(const char *pattern);

/* The method of that (upper-case) name, or -EINVAL. */
int router_method(struct dm_slice name);

/* 1 when the two rows, mounted there, would answer the same requests; else 0. */
int router_rows_clash(const struct dm_route *a, const char *mount_a, const struct dm_route *b,
                      const char *mount_b);

#endif
