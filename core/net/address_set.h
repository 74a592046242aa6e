/* A set of addresses: blocks as CIDR writes them (RFC 4632), and whether Unix sockets belong to
 * it. Plain values; aborts on OOM. */
#ifndef DRAGOMAN_NET_ADDRESS_SET_H
#define DRAGOMAN_NET_ADDRESS_SET_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"
#include "core/net/address.h"

struct address_block {
    struct net_address address;
    uint8_t bits; /* of the prefix */
};

/* A zeroed one is empty. */
struct address_set {
    struct address_block *blocks;
    size_t count;
    int has_unix;
};

void address_set_fini(struct address_set *set);

/* Adds "192.0.2.0/24", "2001:db8::/32", a single address, or "unix". Returns 0, or -EINVAL for
 * anything else, an address with bits beyond its prefix included: that is a mistake. */
int address_set_add(struct address_set *set, struct dm_slice text);

/* 1 when the address lies in one of the blocks, else 0. The port does not matter. */
int address_set_has(const struct address_set *set, const struct net_address *address);

static inline int address_set_is_empty(const struct address_set *set) {
    return set->count == 0 && !set->has_unix;
}

#endif
