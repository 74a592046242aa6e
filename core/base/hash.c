#include "core/base/hash.h"

#include <pthread.h>

#include "core/base/random.h"

static struct hash_key process_key;
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void process_key_draw(void) {
    random_bytes(&process_key, sizeof(process_key));
}

const struct hash_key *hash_process_key(void) {
    pthread_once(&process_key_once, process_key_draw);
    return &process_key;
}

static inline uint64_t rotl(uint64_t value, int bits) {
    return value << bits | value >> (64 - bits);
}

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip_state *s) {
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip_state *s, uint64_t word) {
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* Little-endian, so that the published vectors hold on every machine. */
static inline uint64_t load_le(const char *ptr, size_t len) {
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(unsigned char)ptr[i] << (8 * i);
    return word;
}

static inline uint64_t load_le64(const char *ptr) {
    uint64_t word;
    memcpy(&word, ptr, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

uint64_t hash_bytes(const struct hash_key *key, struct dm_slice bytes) {
    struct sip_state s = {
        key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
        key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573,
    };
    const char *ptr = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 8; ptr += 8, left -= 8)
        sip_word(&s, load_le64(ptr));
    sip_word(&s, (uint64_t)bytes.len << 56 | load_le(ptr, left));
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static inline uint64_t fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_u64(const struct hash_key *key, uint64_t value) {
    /* Odd and large, so that neither product loses the value. */
    uint64_t mixed = fold(value ^ key->k0, key->k1 | 0x8000000000000001);
    return fold(mixed ^ key->k1, 0x9e3779b97f4a7c15) ^ mixed;
}
