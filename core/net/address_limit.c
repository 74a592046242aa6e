#include "core/net/address_limit.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

/* Powers of two. Addresses whose keys agree in SETS share a set of WAYS places. */
#define SETS 4096
#define WAYS 8

struct address_limit {
    struct address_limit_config config;
    struct token_bucket *buckets[ADDRESS_LIMIT_KIND_COUNT]; /* SETS * WAYS; NULL: none yet */
};

struct address_limit *address_limit_new(const struct address_limit_config *config) {
    struct address_limit *limit = mem_zalloc(sizeof(*limit));
    limit->config = *config;
    return limit;
}

static void forget(struct address_limit *limit) {
    for (int kind = 0; kind < ADDRESS_LIMIT_KIND_COUNT; kind++) {
        free(limit->buckets[kind]);
        limit->buckets[kind] = NULL;
    }
    address_set_fini(&limit->config.exempt);
}

void address_limit_configure(struct address_limit *limit,
                             const struct address_limit_config *config) {
    forget(limit);
    limit->config = *config;
}

void address_limit_free(struct address_limit *limit) {
    if (!limit)
        return;
    forget(limit);
    free(limit);
}

uint64_t address_limit_key(const struct address_limit *limit, const struct net_address *address) {
    uint8_t text[9] = { address->family };
    uint64_t key;
    if (!limit || address->family == NET_NONE
        || address_set_has(&limit->config.exempt, address))
        return ADDRESS_NOT_COUNTED;
    memcpy(text + 1, address->ip, sizeof(text) - 1);
    key = hash_bytes(hash_process_key(), (struct dm_slice){ (const char *)text, sizeof(text) });
    return key != ADDRESS_NOT_COUNTED ? key : 1;
}

/* The bucket of that key: its own, or the place of the one that was seen longest ago. */
static struct token_bucket *find(struct token_bucket *set, uint32_t tag) {
    struct token_bucket *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].at && set[i].tag == tag)
            return &set[i];
        if (set[i].at < oldest->at)
            oldest = &set[i];
    }
    *oldest = (struct token_bucket){ .tag = tag };
    return oldest;
}

int address_limit_take(struct address_limit *limit, enum address_limit_kind kind, uint64_t key,
                       uint64_t now_ms) {
    const struct token_rate *rate;
    struct token_bucket *set;
    if (key == ADDRESS_NOT_COUNTED)
        return 1;
    rate = &limit->config.rates[kind];
    if (rate->rate == 0)
        return 1;
    if (!limit->buckets[kind])
        limit->buckets[kind] = mem_calloc((size_t)SETS * WAYS, sizeof(struct token_bucket));
    set = limit->buckets[kind] + (key & (SETS - 1)) * WAYS;
    return token_bucket_take(find(set, (uint32_t)(key >> 32)), rate, now_ms);
}
