#include "core/net/address_limit.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

/* Powers of two. Addresses whose keys agree in SETS share a set of WAYS places. */
#define SETS 4096
#define WAYS 8

#define TOKEN 1000u /* so that milliseconds times tokens a second are tokens gained */

struct bucket {
    uint64_t at; /* of the last refill; 0: free */
    uint32_t tag;
    uint32_t tokens;
};

struct address_limit {
    struct address_limit_config config;
    struct bucket *buckets[ADDRESS_LIMIT_KIND_COUNT]; /* SETS * WAYS; NULL: none yet */
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
static struct bucket *find(struct bucket *set, uint32_t tag) {
    struct bucket *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].at && set[i].tag == tag)
            return &set[i];
        if (set[i].at < oldest->at)
            oldest = &set[i];
    }
    *oldest = (struct bucket){ .tag = tag };
    return oldest;
}

static void refill(struct bucket *bucket, const struct address_rate *rate, uint64_t now_ms) {
    uint32_t full = rate->burst * TOKEN;
    uint64_t elapsed = now_ms - bucket->at;
    uint64_t gained = elapsed < UINT32_MAX ? elapsed * rate->rate : full;
    if (bucket->at == 0 || gained >= full - bucket->tokens)
        bucket->tokens = full;
    else
        bucket->tokens += (uint32_t)gained;
    bucket->at = now_ms;
}

int address_limit_take(struct address_limit *limit, enum address_limit_kind kind, uint64_t key,
                       uint64_t now_ms) {
    const struct address_rate *rate;
    struct bucket *bucket;
    if (key == ADDRESS_NOT_COUNTED || limit->config.rates[kind].rate == 0)
        return 1;
    rate = &limit->config.rates[kind];
    if (!limit->buckets[kind])
        limit->buckets[kind] = mem_calloc((size_t)SETS * WAYS, sizeof(struct bucket));
    bucket = find(limit->buckets[kind] + (key & (SETS - 1)) * WAYS, (uint32_t)(key >> 32));
    refill(bucket, rate, now_ms);
    if (bucket->tokens < TOKEN)
        return 0;
    bucket->tokens -= TOKEN;
    return 1;
}
