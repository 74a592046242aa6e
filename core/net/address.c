#include "core/net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "core/base/decimal.h"

static void from_ipv6(const struct sockaddr_in6 *in6, struct net_address *ret_address) {
    ret_address->port = ntohs(in6->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        ret_address->family = NET_IPV4;
        memcpy(ret_address->ip, in6->sin6_addr.s6_addr + 12, 4);
    } else {
        ret_address->family = NET_IPV6;
        memcpy(ret_address->ip, in6->sin6_addr.s6_addr, 16);
    }
}

void net_address_from(const struct sockaddr *sa, socklen_t len, struct net_address *ret_address) {
    memset(ret_address, 0, sizeof(*ret_address));
    if (len < sizeof(sa->sa_family))
        return;
    if (sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
        ret_address->family = NET_IPV4;
        ret_address->port = ntohs(in->sin_port);
        memcpy(ret_address->ip, &in->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        from_ipv6((const struct sockaddr_in6 *)(const void *)sa, ret_address);
    } else if (sa->sa_family == AF_UNIX) {
        ret_address->family = NET_UNIX;
    }
}

size_t net_address_format_ip(const struct net_address *address, char ret_text[NET_ADDRESS_TEXT]) {
    const char *word = address->family == NET_UNIX ? "unix" : "unknown";
    if (address->family == NET_IPV4)
        inet_ntop(AF_INET, address->ip, ret_text, NET_ADDRESS_TEXT);
    else if (address->family == NET_IPV6)
        inet_ntop(AF_INET6, address->ip, ret_text, NET_ADDRESS_TEXT);
    else
        snprintf(ret_text, NET_ADDRESS_TEXT, "%s", word);
    return strlen(ret_text);
}

size_t net_address_format(const struct net_address *address, char ret_text[NET_ADDRESS_TEXT]) {
    char ip[NET_ADDRESS_TEXT];
    net_address_format_ip(address, ip);
    if (address->family == NET_IPV4)
        snprintf(ret_text, NET_ADDRESS_TEXT, "%.15s:%u", ip, address->port);
    else if (address->family == NET_IPV6)
        snprintf(ret_text, NET_ADDRESS_TEXT, "[%.45s]:%u", ip, address->port);
    else
        snprintf(ret_text, NET_ADDRESS_TEXT, "%.45s", ip);
    return strlen(ret_text);
}

size_t net_address_format_block(const struct net_address *address,
                                char ret_text[NET_ADDRESS_TEXT]) {
    struct net_address block = *address;
    if (address->family != NET_IPV6)
        return net_address_format_ip(address, ret_text);
    memset(block.ip + 8, 0, 8);
    size_t len = net_address_format_ip(&block, ret_text);
    return len + (size_t)snprintf(ret_text + len, NET_ADDRESS_TEXT - len, "/64");
}

static int resolve_unix(struct dm_slice path, struct sockaddr_storage *ret_sa,
                        socklen_t *ret_len) {
    struct sockaddr_un *un = (struct sockaddr_un *)ret_sa;
    if (path.len == 0 || memchr(path.ptr, '\0', path.len))
        return -EINVAL;
    if (path.len >= sizeof(un->sun_path))
        return -ENAMETOOLONG;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    *ret_len = sizeof(*un);
    return 0;
}

int net_address_parse_port(struct dm_slice text, uint16_t *ret_port) {
    int64_t port;
    if (decimal_parse(text, UINT16_MAX, &port) < 0)
        return -EINVAL;
    *ret_port = (uint16_t)port;
    return 0;
}

/* Cuts "HOST", "HOST:PORT" and "[HOST]:PORT" apart; the port is absent where there is none. */
static int split_port(struct dm_slice text, struct dm_slice *ret_host, struct dm_slice *ret_port) {
    const char *end = text.ptr + text.len;
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    *ret_host = text;
    *ret_port = DM_SLICE_NONE;
    if (text.len && text.ptr[0] == '[') {
        const char *bracket = memchr(text.ptr, ']', text.len);
        if (!bracket || (bracket + 1 < end && bracket[1] != ':'))
            return -EINVAL;
        *ret_host = (struct dm_slice){ text.ptr + 1, (size_t)(bracket - text.ptr) - 1 };
        if (bracket + 1 < end)
            *ret_port = (struct dm_slice){ bracket + 2, (size_t)(end - bracket) - 2 };
        return memchr(ret_host->ptr, ':', ret_host->len) ? 0 : -EINVAL;
    }
    if (colon && !memchr(colon + 1, ':', (size_t)(end - colon) - 1)) {
        ret_host->len = (size_t)(colon - text.ptr);
        *ret_port = (struct dm_slice){ colon + 1, (size_t)(end - colon) - 1 };
    }
    return 0;
}

int net_address_parse_ip(struct dm_slice text, struct net_address *ret_address) {
    struct dm_slice host, port;
    char name[INET6_ADDRSTRLEN];
    struct sockaddr_in in = { .sin_family = AF_INET };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    uint16_t number = 0;
    if (split_port(text, &host, &port) < 0 || host.len == 0 || host.len >= sizeof(name)
        || memchr(host.ptr, '\0', host.len)
        || (port.ptr && net_address_parse_port(port, &number) < 0))
        return -EINVAL;
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    if (inet_pton(AF_INET, name, &in.sin_addr) == 1)
        net_address_from((const struct sockaddr *)&in, sizeof(in), ret_address);
    else if (inet_pton(AF_INET6, name, &in6.sin6_addr) == 1)
        net_address_from((const struct sockaddr *)&in6, sizeof(in6), ret_address);
    else
        return -EINVAL;
    ret_address->port = number;
    return 0;
}

static int resolve_host(const char *host, uint16_t port, struct sockaddr_storage *ret_sa,
                        socklen_t *ret_len) {
    struct sockaddr_in *in = (struct sockaddr_in *)ret_sa;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_sa;
    if (host[0] == '\0' || strcmp(host, "*") == 0)
        host = "::";
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        *ret_len = sizeof(*in);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
        return -EINVAL;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    *ret_len = sizeof(*in6);
    return 0;
}

int net_address_resolve(struct dm_slice text, struct sockaddr_storage *ret_sa,
                        socklen_t *ret_len) {
    memset(ret_sa, 0, sizeof(*ret_sa));
    if (text.len > 5 && memcmp(text.ptr, "unix:", 5) == 0)
        return resolve_unix((struct dm_slice){ text.ptr + 5, text.len - 5 }, ret_sa, ret_len);
    const char *colon = text.ptr && text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon || memchr(text.ptr, '\0', text.len))
        return -EINVAL;
    struct dm_slice host = { text.ptr, (size_t)(colon - text.ptr) };
    struct dm_slice port = { colon + 1, text.len - host.len - 1 };
    int in_brackets = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (in_brackets)
        host = (struct dm_slice){ host.ptr + 1, host.len - 2 };
    char name[INET6_ADDRSTRLEN];
    if (host.len >= sizeof(name) || !in_brackets != !(host.len && memchr(host.ptr, ':', host.len)))
        return -EINVAL;
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    uint16_t number;
    int r = net_address_parse_port(port, &number);
    return r < 0 ? r : resolve_host(name, number, ret_sa, ret_len);
}

int net_address_any_v4(struct sockaddr_storage *sa, socklen_t *len) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
    if (sa->ss_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        return -EINVAL;
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = in6->sin6_port };
    memcpy(sa, &in, sizeof(in));
    *len = sizeof(in);
    return 0;
}
