/* Token buckets per client address. */
#include "core/net/address_limit.h"
#include "tests/unit/check.h"

static struct address_limit *limit_of(uint32_t rate, uint32_t burst, const char *exempt) {
    struct address_limit_config config = {
        .rates = { [ADDRESS_LIMIT_ALL] = { rate, burst },
                   [ADDRESS_LIMIT_ANONYMOUS] = { 1, 1 } },
    };
    if (exempt)
        cr_assert(eq(int, address_set_add(&config.exempt, dm_slice_str(exempt)), 0));
    return address_limit_new(&config);
}

static uint64_t key_of(const struct address_limit *limit, const char *text) {
    struct net_address address;
    cr_assert(eq(int, net_address_parse_ip(dm_slice_str(text), &address), 0));
    return address_limit_key(limit, &address);
}

static int taken(struct address_limit *limit, uint64_t key, uint64_t now, int tries) {
    int count = 0;
    for (int i = 0; i < tries; i++)
        count += address_limit_take(limit, ADDRESS_LIMIT_ALL, key, now);
    return count;
}

Test(address_limit, burst_and_rate) {
    struct address_limit *limit = limit_of(10, 5, NULL);
    uint64_t key = key_of(limit, "192.0.2.1");
    cr_assert(eq(int, taken(limit, key, 1000, 20), 5));
    cr_assert(eq(int, taken(limit, key, 1099, 20), 0));
    cr_assert(eq(int, taken(limit, key, 1100, 20), 1));
    cr_assert(eq(int, taken(limit, key, 1350, 20), 2));
    cr_assert(eq(int, taken(limit, key, 1400, 20), 1));
    cr_assert(eq(int, taken(limit, key, UINT64_C(1) << 40, 20), 5));
    address_limit_free(limit);
}

Test(address_limit, addresses_and_kinds_do_not_share) {
    struct address_limit *limit = limit_of(10, 5, NULL);
    uint64_t key = key_of(limit, "192.0.2.1");
    cr_assert(eq(int, taken(limit, key, 1000, 20), 5));
    cr_assert(eq(int, taken(limit, key_of(limit, "192.0.2.2"), 1000, 20), 5));
    cr_assert(eq(int, address_limit_take(limit, ADDRESS_LIMIT_ANONYMOUS, key, 1000), 1));
    cr_assert(eq(int, address_limit_take(limit, ADDRESS_LIMIT_ANONYMOUS, key, 1000), 0));
    address_limit_free(limit);
}

Test(address_limit, a_network_of_ipv6_is_one) {
    struct address_limit *limit = limit_of(10, 5, NULL);
    cr_assert(eq(u64, key_of(limit, "2001:db8:1:2::1"), key_of(limit, "2001:db8:1:2:ffff::9")));
    check_true(key_of(limit, "2001:db8:1:2::1") != key_of(limit, "2001:db8:1:3::1"));
    check_true(key_of(limit, "192.0.2.1") != key_of(limit, "192.0.2.2"));
    check_true(key_of(limit, "1.2.3.4") != key_of(limit, "102:304::"));
    address_limit_free(limit);
}

Test(address_limit, who_is_not_counted) {
    struct address_limit *limit = limit_of(10, 5, "10.0.0.0/8");
    struct address_limit *none = limit_of(0, 5, NULL);
    struct net_address unknown = { .family = NET_NONE }, local = { .family = NET_UNIX };
    cr_assert(eq(int, taken(limit, key_of(limit, "10.1.2.3"), 1000, 20), 20));
    cr_assert(eq(int, taken(limit, address_limit_key(limit, &unknown), 1000, 20), 20));
    cr_assert(eq(int, taken(limit, address_limit_key(limit, &local), 1000, 20), 5));
    cr_assert(eq(int, taken(none, key_of(none, "192.0.2.1"), 1000, 20), 20));
    cr_assert(eq(u64, address_limit_key(NULL, &local), ADDRESS_NOT_COUNTED));
    address_limit_free(limit);
    address_limit_free(none);
}

Test(address_limit, the_place_seen_longest_ago_gives_way) {
    struct address_limit *limit = limit_of(1, 1, NULL);
    /* Nine keys of one set of eight places, told apart by their upper half. */
    for (uint64_t i = 1; i <= 9; i++)
        cr_assert(eq(int, taken(limit, i << 32 | 7, 1000 + i, 2), 1));
    cr_assert(eq(int, taken(limit, UINT64_C(9) << 32 | 7, 1010, 1), 0));
    cr_assert(eq(int, taken(limit, UINT64_C(2) << 32 | 7, 1010, 1), 0));
    cr_assert(eq(int, taken(limit, UINT64_C(1) << 32 | 7, 1010, 1), 1), "forgotten");
    address_limit_free(limit);
}
