#include "core/net/address_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/mem.h"

static unsigned width_of(const struct net_address *address) {
    return address->family == NET_IPV4 ? 32 : 128;
}

/* Whether two addresses of one family agree in their first bits. */
static int is_same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return 0;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static int has_bits_beyond(const struct net_address *address, unsigned bits) {
    for (unsigned i = bits; i < width_of(address); i++)
        if (address->ip[i / 8] & (0x80 >> i % 8))
            return 1;
    return 0;
}

static int parse_block(struct dm_slice text, struct address_block *ret_block) {
    const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    struct dm_slice host = { text.ptr, slash ? (size_t)(slash - text.ptr) : text.len };
    struct dm_slice mask = { slash ? slash + 1 : NULL, slash ? text.len - host.len - 1 : 0 };
    int64_t bits;
    if (net_address_parse_ip(host, &ret_block->address) < 0 || ret_block->address.port != 0)
        return -EINVAL;
    bits = width_of(&ret_block->address);
    if (slash && (mask.len > 3 || decimal_parse(mask, bits, &bits) < 0))
        return -EINVAL;
    ret_block->bits = (uint8_t)bits;
    return has_bits_beyond(&ret_block->address, ret_block->bits) ? -EINVAL : 0;
}

void address_set_fini(struct address_set *set) {
    free(set->blocks);
    *set = (struct address_set){ 0 };
}

int address_set_add(struct address_set *set, struct dm_slice text) {
    struct address_block block;
    if (dm_slice_eq(text, DM_SLICE("unix"))) {
        set->has_unix = 1;
        return 0;
    }
    if (parse_block(text, &block) < 0)
        return -EINVAL;
    set->blocks = mem_realloc(set->blocks, (set->count + 1) * sizeof(*set->blocks));
    set->blocks[set->count++] = block;
    return 0;
}

int address_set_has(const struct address_set *set, const struct net_address *address) {
    if (address->family == NET_UNIX)
        return set->has_unix;
    for (size_t i = 0; i < set->count; i++) {
        const struct address_block *block = &set->blocks[i];
        if (block->address.family == address->family
            && is_same_prefix(block->address.ip, address->ip, block->bits))
            return 1;
    }
    return 0;
}
