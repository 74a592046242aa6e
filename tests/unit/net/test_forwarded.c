/* Whom a request is taken to come from. */
#include <errno.h>

#include "core/net/forwarded.h"
#include "tests/unit/check.h"

static struct address_set set_of(const char *const *blocks) {
    struct address_set set = { 0 };
    for (; *blocks; blocks++)
        cr_assert(eq(int, address_set_add(&set, dm_slice_str(*blocks)), 0), "%s", *blocks);
    return set;
}

static struct net_address address_of(const char *text) {
    struct net_address address = { .family = NET_UNIX };
    if (strcmp(text, "unix") != 0)
        cr_assert(eq(int, net_address_parse_ip(dm_slice_str(text), &address), 0), "%s", text);
    return address;
}

/* Up to two fields X-Forwarded-For; NULL for none. */
static void check_client(const char *peer, const char *first, const char *second,
                         const char *client) {
    static const char *const blocks[] = { "10.0.0.0/8", "2001:db8:ffff::/48", "unix", NULL };
    struct address_set set = set_of(blocks);
    struct http_field fields[] = { { DM_SLICE("Host"), DM_SLICE("x") },
                                   { DM_SLICE("x-Forwarded-for"), dm_slice_str(first) },
                                   { DM_SLICE("X-FORWARDED-FOR"), dm_slice_str(second) } };
    struct http_request request = { .fields = fields,
                                    .field_count = 1u + (first != NULL) + (second != NULL) };
    struct net_address from = address_of(peer), got;
    char text[NET_ADDRESS_TEXT];
    forwarded_client(&request, &set, &from, &got);
    net_address_format_ip(&got, text);
    cr_assert(eq(str, text, (char *)client), "%s %s %s", peer, first ? first : "-",
              second ? second : "-");
    address_set_fini(&set);
}

Test(forwarded, rightmost_hop_that_is_not_trusted) {
    check_client("192.0.2.1", "198.51.100.7", NULL, "192.0.2.1");
    check_client("10.0.0.1", NULL, NULL, "10.0.0.1");
    check_client("10.0.0.1", "198.51.100.7", NULL, "198.51.100.7");
    check_client("unix", "198.51.100.7", NULL, "198.51.100.7");
    check_client("unix", NULL, NULL, "unix");
    check_client("10.0.0.1", "203.0.113.9, 198.51.100.7", NULL, "198.51.100.7");
    check_client("10.0.0.1", "203.0.113.9,198.51.100.7 ,\t10.1.2.3", NULL, "198.51.100.7");
    check_client("10.0.0.1", "203.0.113.9", "198.51.100.7", "198.51.100.7");
    check_client("10.0.0.1", "203.0.113.9", "10.0.0.2", "203.0.113.9");
    check_client("10.0.0.1", "10.0.0.3, 10.0.0.2", NULL, "10.0.0.3");
    check_client("10.0.0.1", "2001:db8::5", NULL, "2001:db8::5");
    check_client("10.0.0.1", "[2001:db8::5]:4711", "2001:db8:ffff::1", "2001:db8::5");
    check_client("10.0.0.1", "198.51.100.7:4711", NULL, "198.51.100.7");
    check_client("10.0.0.1", "::ffff:198.51.100.7", NULL, "198.51.100.7");
}

Test(forwarded, what_is_no_address_ends_the_search) {
    check_client("10.0.0.1", "unknown", NULL, "10.0.0.1");
    check_client("10.0.0.1", "198.51.100.7, _hidden, 10.0.0.2", NULL, "10.0.0.2");
    check_client("10.0.0.1", "198.51.100.7,, ,", NULL, "198.51.100.7");
    check_client("10.0.0.1", "", NULL, "10.0.0.1");
    check_client("10.0.0.1", ",", NULL, "10.0.0.1");
    check_client("10.0.0.1", "1.2.3.4.5", NULL, "10.0.0.1");
    check_client("10.0.0.1", "198.51.100.7:99999", NULL, "10.0.0.1");
}

static enum http_scheme scheme_of(const char *peer, const char *said, enum http_scheme own) {
    static const char *const blocks[] = { "10.0.0.1", NULL };
    struct address_set set = set_of(blocks);
    struct http_field field = { DM_SLICE("X-Forwarded-Proto"), dm_slice_str(said) };
    struct http_request request = { .fields = &field, .field_count = 1 };
    struct net_address from = address_of(peer);
    enum http_scheme scheme = forwarded_scheme(&request, &set, &from, own);
    address_set_fini(&set);
    return scheme;
}

Test(forwarded, scheme_is_believed_of_trusted_proxies) {
    check_true(scheme_of("10.0.0.1", "https", HTTP_SCHEME_HTTP) == HTTP_SCHEME_HTTPS);
    check_true(scheme_of("10.0.0.1", "HTTPS", HTTP_SCHEME_HTTP) == HTTP_SCHEME_HTTPS);
    check_true(scheme_of("10.0.0.1", "http", HTTP_SCHEME_HTTPS) == HTTP_SCHEME_HTTP);
    check_true(scheme_of("10.0.0.1", "gopher", HTTP_SCHEME_HTTPS) == HTTP_SCHEME_HTTPS);
    check_true(scheme_of("10.0.0.2", "https", HTTP_SCHEME_HTTP) == HTTP_SCHEME_HTTP);
    check_true(scheme_of("10.0.0.2", "http", HTTP_SCHEME_HTTPS) == HTTP_SCHEME_HTTPS);
}

Test(address_set, blocks) {
    static const char *const blocks[] = { "192.0.2.128/25", "2001:db8::/33", "198.51.100.1",
                                          "::1", NULL };
    struct address_set set = set_of(blocks);
    static const struct {
        const char *address;
        int in;
    } cases[] = { { "192.0.2.128", 1 }, { "192.0.2.255", 1 },       { "192.0.2.127", 0 },
                  { "192.0.3.128", 0 }, { "2001:db8:7fff::1", 1 },  { "2001:db8:8000::1", 0 },
                  { "198.51.100.1", 1 }, { "198.51.100.0", 0 },     { "::1", 1 },
                  { "::2", 0 },          { "unix", 0 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_address address = address_of(cases[i].address);
        cr_assert(eq(int, address_set_has(&set, &address), cases[i].in), "%s",
                  cases[i].address);
    }
    address_set_fini(&set);
    check_true(address_set_is_empty(&set));
}

Test(address_set, everything) {
    static const char *const blocks[] = { "0.0.0.0/0", "::/0", NULL };
    struct address_set set = set_of(blocks);
    struct net_address v4 = address_of("255.1.2.3"), v6 = address_of("2001::"),
                       none = { .family = NET_NONE };
    check_true(address_set_has(&set, &v4) && address_set_has(&set, &v6));
    check_true(!address_set_has(&set, &none));
    address_set_fini(&set);
}

Test(address_set, refused) {
    static const char *const bad[] = { "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129",
                                       "10.0.0.1/8", "10.0.0.0/8/8", "10.0.0.0/+8", "10.0.0/8",
                                       "example.org", "10.0.0.1:80", "unix:", "localhost",
                                       "2001:db8::1/64", "10.0.0.0/0008" };
    struct address_set set = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(eq(int, address_set_add(&set, dm_slice_str(bad[i])), -EINVAL), "%s", bad[i]);
    check_true(address_set_is_empty(&set));
}

Test(address, block_of_a_client) {
    static const struct {
        const char *address, *block;
    } cases[] = { { "192.0.2.1", "192.0.2.1" },
                  { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
                  { "2001:db8:1:2:ffff::", "2001:db8:1:2::/64" },
                  { "unix", "unix" } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_address address = address_of(cases[i].address);
        char text[NET_ADDRESS_TEXT];
        cr_assert(eq(sz, net_address_format_block(&address, text), strlen(cases[i].block)));
        cr_assert(eq(str, text, (char *)cases[i].block));
    }
}
