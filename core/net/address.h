/* Socket addresses as small values. Pure; no name is looked up. */
#ifndef DRAGOMAN_NET_ADDRESS_H
#define DRAGOMAN_NET_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/slice.h"

enum net_family {
    NET_NONE, /* unknown: a descriptor that is no socket of the other kinds */
    NET_IPV4,
    NET_IPV6, /* IPv4-mapped ones are stored as NET_IPV4 */
    NET_UNIX, /* the path is not kept */
};

/* ip is in network order: 4 bytes for IPv4, 16 for IPv6, the rest zero. port in host order. */
struct net_address {
    uint8_t ip[16];
    uint16_t port;
    uint8_t family;
};

/* Longest text: "[" 45 "]:65535" and a NUL. */
#define NET_ADDRESS_TEXT 56

/* What a sockaddr says; an unknown family gives NET_NONE. */
void net_address_from(const struct sockaddr *sa, socklen_t len, struct net_address *ret_address);

/* "192.0.2.1:80", "[2001:db8::1]:80", "unix", "unknown"; returns the length, NUL not counted. */
size_t net_address_format(const struct net_address *address, char ret_text[NET_ADDRESS_TEXT]);

/* The same without port and brackets. */
size_t net_address_format_ip(const struct net_address *address, char ret_text[NET_ADDRESS_TEXT]);

/* What limits count as one client: the address itself, and of IPv6, where a household or a machine
 * has a network of its own, the first 64 bits: "2001:db8:0:1::/64". Without a port. */
size_t net_address_format_block(const struct net_address *address,
                                char ret_text[NET_ADDRESS_TEXT]);

/* Reads an IP address, alone or with a port behind it: "192.0.2.1", "192.0.2.1:80", "2001:db8::1",
 * "[2001:db8::1]", "[2001:db8::1]:80". Returns 0 or -EINVAL. */
int net_address_parse_ip(struct dm_slice text, struct net_address *ret_address);

/* Reads 0 to 65535 in one to five digits. Returns 0 or -EINVAL. */
int net_address_parse_port(struct dm_slice text, uint16_t *ret_port);

/* Reads "HOST:PORT" or "unix:PATH" for binding. HOST is an IPv4 address, an IPv6 one in brackets,
 * "localhost" (127.0.0.1), or "*" / empty (every address, v4 and v6); PORT is 0 to 65535. Names are
 * not looked up. Returns 0, -EINVAL for anything else, -ENAMETOOLONG for a path that no
 * sockaddr_un holds. */
int net_address_resolve(struct dm_slice text, struct sockaddr_storage *ret_sa, socklen_t *ret_len);

/* Turns [::] into 0.0.0.0 with the same port, for a machine without IPv6. Returns 0, or -EINVAL
 * (nothing changed) for any other address. */
int net_address_any_v4(struct sockaddr_storage *sa, socklen_t *len);

#endif
