/* How often one client address may come: token buckets, one for everything and a tighter one for
 * whoever has not said who it is. IPv6 counts per /64.
 *
 * Bounded memory: a fixed number of addresses is remembered. One that falls on the place of
 * others takes the place of the one that was seen longest ago, which starts anew: it forgives too
 * much rather than too little. */
#ifndef DRAGOMAN_NET_ADDRESS_LIMIT_H
#define DRAGOMAN_NET_ADDRESS_LIMIT_H

#include <stdint.h>

#include "core/base/token_bucket.h"
#include "core/net/address_set.h"

struct address_limit;

enum address_limit_kind {
    ADDRESS_LIMIT_ALL,
    ADDRESS_LIMIT_ANONYMOUS,
    ADDRESS_LIMIT_KIND_COUNT,
};

struct address_limit_config {
    struct token_rate rates[ADDRESS_LIMIT_KIND_COUNT];
    struct address_set exempt; /* not counted; the limit's from address_limit_new on */
};

struct address_limit *address_limit_new(const struct address_limit_config *config);

/* Other rates and exemptions; every address starts anew. */
void address_limit_configure(struct address_limit *limit,
                             const struct address_limit_config *config);

/* NULL does nothing. */
void address_limit_free(struct address_limit *limit);

/* What stands for an address in the calls below; ADDRESS_NOT_COUNTED for exempt ones, for those
 * of no known family, and when limit is NULL. */
#define ADDRESS_NOT_COUNTED UINT64_C(0)
uint64_t address_limit_key(const struct address_limit *limit, const struct net_address *address);

/* Takes one token; now_ms is loop_now's. 1 when there was one, else 0. */
int address_limit_take(struct address_limit *limit, enum address_limit_kind kind, uint64_t key,
                       uint64_t now_ms);

#endif
