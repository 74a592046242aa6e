#include "core/replay/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *split_authority(const char *authority, size_t len, struct target *target) {
    const char *end = authority + len;
    const char *colon = NULL;
    const char *host = authority;
    size_t host_len = len;
    if (len && *authority == '[') {
        const char *bracket = memchr(authority, ']', len);
        if (!bracket)
            return "a [ in the URL has no ]";
        host++;
        host_len = (size_t)(bracket - host);
        colon = bracket + 1 < end ? bracket + 1 : NULL;
    } else {
        colon = memchr(authority, ':', len);
        host_len = colon ? (size_t)(colon - authority) : len;
    }
    if (colon && *colon != ':')
        return "the URL's port does not follow its host";
    const char *port = colon ? colon + 1 : "80";
    size_t port_len = colon ? (size_t)(end - port) : 2;
    if (host_len == 0 || host_len >= sizeof(target->host))
        return "the URL has no host, or too long a one";
    if (port_len == 0 || port_len > 5 || strspn(port, "0123456789") < port_len)
        return "the URL's port is no number";
    memcpy(target->host, host, host_len);
    memcpy(target->port, port, port_len);
    return NULL;
}

const char *target_parse(const char *url, struct target *ret_target) {
    struct target target = { 0 };
    size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "ws://", 5) == 0 ? 5 : 0;
    if (strncmp(url, "https://", 8) == 0 || strncmp(url, "wss://", 6) == 0)
        return "TLS is not spoken here: put a proxy that ends it before the server";
    if (scheme == 0)
        return "the target is http://HOST:PORT[/PREFIX] or ws://...";
    const char *authority = url + scheme;
    size_t len = strcspn(authority, "/?#");
    const char *prefix = authority + len;
    size_t prefix_len = strlen(prefix);
    while (prefix_len && prefix[prefix_len - 1] == '/')
        prefix_len--;
    if (len >= sizeof(target.authority) || prefix_len >= sizeof(target.prefix) ||
        strpbrk(prefix, "?# "))
        return "the target's URL is too long, or has a query";
    memcpy(target.authority, authority, len);
    memcpy(target.prefix, prefix, prefix_len);
    const char *error = split_authority(authority, len, &target);
    if (!error)
        *ret_target = target;
    return error;
}

int target_resolve(struct target *target, uv_loop_t *loop) {
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    uv_getaddrinfo_t request;
    /* Without a callback libuv answers before it returns. */
    int result = uv_getaddrinfo(loop, &request, NULL, target->host, target->port, &hints);
    if (result < 0)
        return result;
    memcpy(&target->address, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    uv_freeaddrinfo(request.addrinfo);
    return 0;
}
