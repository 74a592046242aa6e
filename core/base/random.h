/* Random numbers, and UUIDs made of them. Thread-safe: the fast generator is per thread, and
 * seeds itself anew in a forked child. */
#ifndef DRAGOMAN_BASE_RANDOM_H
#define DRAGOMAN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/uuid.h"

/* Fills with bytes from getrandom(2): fit for secrets. Aborts when the kernel has none to give.
 * May block only in the first moments after the machine's boot. */
void random_bytes(void *ret_data, size_t len);

/* A fast generator seeded from random_bytes. Predictable from its output: for ids, jitter and
 * sampling, never for tokens, session ids that grant access, or keys. */
uint64_t random_fast_u64(void);

/* A UUID of version 7 (RFC 9562 section 5.7): milliseconds since the epoch, then 12 bits of the
 * sub-millisecond (section 6.2, method 3), then fast random bits. Ascends strictly within a
 * thread, unless the clock is set back by more than a second. Not secret: guessable from another
 * one, and it tells when it was made. */
void uuid_new_v7(struct dm_uuid *ret_uuid);

/* A UUID of version 4 (RFC 9562 section 5.4) from the fast generator. Not secret. */
void uuid_random(struct dm_uuid *ret_uuid);

#endif
