/* Keyed hashes for tables whose keys a stranger may choose. Results differ from process to
 * process: never store or send them. Not for signatures. */
#ifndef DRAGOMAN_BASE_HASH_H
#define DRAGOMAN_BASE_HASH_H

#include <stdint.h>

#include "core/base/slice.h"

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

/* The process's own key, random, drawn at first use and constant from then on (also in a forked
 * child). Thread-safe. */
const struct hash_key *hash_process_key(void);

/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). */
uint64_t hash_bytes(const struct hash_key *key, struct dm_slice bytes);

/* A keyed mix of one integer: two folded 128-bit products. */
uint64_t hash_u64(const struct hash_key *key, uint64_t value);

#endif
