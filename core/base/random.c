#include "core/base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/base/clock.h"

/* How far a step back of the clock is bridged by counting on from the last id. */
#define STEP_BACK_MAX_US 1000000

struct fast_state {
    uint64_t s[4];
    int seeded;
};

static _Thread_local struct fast_state fast;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

void random_bytes(void *ret_data, size_t len) {
    char *pos = ret_data;
    while (len > 0) {
        ssize_t got = getrandom(pos, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        pos += got;
        len -= (size_t)got;
    }
}

/* Else parent and child would go on with the same sequence, and make the same ids. */
static void forget_seed(void) {
    fast.seeded = 0;
}

static void watch_fork(void) {
    if (pthread_atfork(NULL, NULL, forget_seed) != 0)
        abort();
}

static void fast_seed(void) {
    pthread_once(&fork_once, watch_fork);
    do
        random_bytes(fast.s, sizeof(fast.s));
    while (!(fast.s[0] | fast.s[1] | fast.s[2] | fast.s[3]));
    fast.seeded = 1;
}

static inline uint64_t rotl(uint64_t value, int bits) {
    return value << bits | value >> (64 - bits);
}

/* xoshiro256++ (Blackman and Vigna, 2019). */
uint64_t random_fast_u64(void) {
    if (!fast.seeded)
        fast_seed();
    uint64_t *s = fast.s;
    uint64_t result = rotl(s[0] + s[3], 23) + s[0];
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotl(s[3], 45);
    return result;
}

static void store_be64(uint8_t *out, uint64_t value) {
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)value;
        value >>= 8;
    }
}

static void uuid_pack(struct dm_uuid *uuid, uint64_t high, uint64_t low, uint64_t version) {
    store_be64(uuid->bytes, (high & ~(uint64_t)0xf000) | version << 12);
    store_be64(uuid->bytes + 8, (low & ~(uint64_t)0 >> 2) | (uint64_t)1 << 63);
}

/* Milliseconds in the upper 48 bits, 4096ths of one in the lower 12. */
static uint64_t uuid_ticks(void) {
    static _Thread_local uint64_t last;
    uint64_t us = (uint64_t)clock_real_us();
    uint64_t ticks = us / 1000 << 12 | us % 1000 * 4096 / 1000;
    uint64_t bridge = (uint64_t)STEP_BACK_MAX_US / 1000 << 12;
    if (ticks <= last && last - ticks < bridge)
        ticks = last + 1;
    last = ticks;
    return ticks;
}

void uuid_new_v7(struct dm_uuid *ret_uuid) {
    uint64_t ticks = uuid_ticks();
    uuid_pack(ret_uuid, ticks >> 12 << 16 | (ticks & 0xfff), random_fast_u64(), 7);
}

void uuid_random(struct dm_uuid *ret_uuid) {
    uuid_pack(ret_uuid, random_fast_u64(), random_fast_u64(), 4);
}
