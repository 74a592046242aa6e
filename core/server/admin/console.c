/* The console: one page and its files, which need no credentials, since they tell nothing. The
 * page asks for the token, and the API is asked with it. */
#include <ctype.h>
#include <string.h>

#include "core/server/admin/assets.h"
#include "core/server/admin/internal.h"
#include "core/server/entry.h"

static const struct embedded *find(struct dm_slice name) {
    for (const struct embedded *asset = assets; asset->name; asset++)
        if (!strncmp(asset->name, "console/", 8)
            && dm_slice_eq(name, dm_slice_str(asset->name + 8)))
            return asset;
    return NULL;
}

static struct dm_slice type_of(const char *name) {
    const char *dot = strrchr(name, '.');
    if (!strcmp(dot, ".css"))
        return DM_SLICE("text/css; charset=utf-8");
    if (!strcmp(dot, ".js"))
        return DM_SLICE("text/javascript; charset=utf-8");
    if (!strcmp(dot, ".svg"))
        return DM_SLICE("image/svg+xml");
    return DM_SLICE("text/html; charset=utf-8");
}

/* It goes into a header, which a name with a semicolon in it would change. */
static int is_plain(struct dm_slice host) {
    static const char marks[] = ".-:[]";
    for (size_t i = 0; i < host.len; i++)
        if (!isalnum((unsigned char)host.ptr[i]) && !strchr(marks, host.ptr[i]))
            return 0;
    return host.len > 0;
}

void admin_socket_url(struct admin_request *request, struct buf *ret_url) {
    const struct entry *entry = gateway_entry(request->admin->gateway);
    struct dm_slice host = http_request(request->exchange)->host;
    const char *colon = strrchr(entry_address(entry), ':');
    const char *bracket = host.ptr ? memrchr(host.ptr, ']', host.len) : NULL;
    const char *end = host.ptr ? memrchr(host.ptr, ':', host.len) : NULL;
    if (!colon || !is_plain(host))
        return;
    if (end && (!bracket || bracket < end))
        host.len = (size_t)(end - host.ptr);
    buf_printf(ret_url, "%s://%.*s%s", entry_is_tls(entry) ? "wss" : "ws", DM_SLICE_FMT(host),
               colon);
}

/* Nothing but what comes from here, and sockets to the clients' listener for the inspector. */
static void write_policy(struct admin_request *request, struct buf *policy) {
    buf_append_str(policy, "default-src 'none'; script-src 'self'; style-src 'self'; "
                           "img-src 'self'; connect-src 'self' ");
    admin_socket_url(request, policy);
    buf_append_str(policy, "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

static void respond_asset(struct admin_request *request, const struct embedded *asset) {
    struct buf policy = BUF_INIT;
    write_policy(request, &policy);
    const struct http_field fields[] = {
        { DM_SLICE("Content-Type"), type_of(asset->name) },
        { DM_SLICE("Content-Security-Policy"), buf_slice(&policy) },
        { DM_SLICE("X-Content-Type-Options"), DM_SLICE("nosniff") },
        { DM_SLICE("Referrer-Policy"), DM_SLICE("no-referrer") },
        { DM_SLICE("Cross-Origin-Opener-Policy"), DM_SLICE("same-origin") },
        { DM_SLICE("Cross-Origin-Resource-Policy"), DM_SLICE("same-origin") },
        { DM_SLICE("Cache-Control"), DM_SLICE("no-cache") },
    };
    http_respond(request->exchange, 200, fields, sizeof(fields) / sizeof(*fields), asset->data);
    buf_fini(&policy);
}

void admin_console(struct admin_request *request) {
    struct dm_slice name = request->param.ptr ? request->param : DM_SLICE("index.html");
    const struct embedded *asset = find(name);
    if (asset)
        respond_asset(request, asset);
    else
        admin_reply_error(request, 404, "there is nothing here", NULL);
}
