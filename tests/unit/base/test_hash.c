#include "core/base/hash.h"
#include "core/base/random.h"
#include "tests/unit/check.h"

/* Published outputs of the reference implementation with one compression and three finalisation
 * rounds, the key 00..0f, and the inputs "", 00, 00 01, ... */
static const uint64_t reference[] = {
    0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d, 0x8bf80ab8e7ddf7fb,
    0xcf75576088d38328, 0xdef9d52f49533b67, 0xc50d2b50c59f22a7, 0xd3927d989bb11140,
    0x369095118d299a8e, 0x25a48eb36c063de4, 0x79de85ee92ff097f, 0x70c118c1f94dc352,
    0x78a384b157b4d9a2, 0x306f760c1229ffa7, 0x605aa111c0f95d34, 0xd320d86d2a519956,
    0xcc4fdd1a7d908b66, 0x9cf2689063dbd80c, 0x8ffc389cb473e63e, 0xf21f9de58d297d1c,
};

Test(hash, bytes_match_the_reference) {
    const struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
    char input[sizeof(reference) / sizeof(reference[0])];
    for (size_t len = 0; len < sizeof(input); len++) {
        input[len] = (char)len;
        cr_assert(eq(u64, hash_bytes(&key, (struct dm_slice){ input, len }), reference[len]));
    }
}

Test(hash, absent_bytes_are_empty_bytes) {
    const struct hash_key key = { 0, 0 };
    cr_assert(eq(u64, hash_bytes(&key, DM_SLICE_NONE), 0xd1fba762150c532c));
    cr_assert(eq(u64, hash_bytes(&key, DM_SLICE("")), 0xd1fba762150c532c));
}

Test(hash, the_key_matters) {
    const struct hash_key one = { 1, 2 };
    const struct hash_key other = { 1, 3 };
    cr_assert(ne(u64, hash_bytes(&one, DM_SLICE("a")), hash_bytes(&other, DM_SLICE("a"))));
    cr_assert(ne(u64, hash_u64(&one, 7), hash_u64(&other, 7)));
}

Test(hash, the_process_key_is_drawn_once) {
    struct hash_key first = *hash_process_key();
    cr_assert(eq(u64, hash_process_key()->k0, first.k0));
    cr_assert(eq(u64, hash_process_key()->k1, first.k1));
    cr_assert(ne(u64, first.k0 | first.k1, 0));
}

/* Keys that differ only in high or only in low bits must spread over a small table alike. */
Test(hash, integers_spread_over_the_low_bits) {
    const struct hash_key key = { random_fast_u64(), random_fast_u64() };
    for (int shift = 0; shift <= 52; shift += 4) {
        int hits[64] = { 0 };
        for (uint64_t i = 0; i < 4096; i++)
            hits[hash_u64(&key, i << shift) & 63]++;
        for (int slot = 0; slot < 64; slot++)
            cr_assert(lt(int, hits[slot], 256), "shift %d slot %d", shift, slot);
    }
}
