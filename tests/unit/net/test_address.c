#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "core/net/address.h"
#include "tests/unit/check.h"

static void check_text(const char *in, const char *text, const char *ip) {
    struct sockaddr_storage sa;
    socklen_t len;
    struct net_address address;
    char out[NET_ADDRESS_TEXT];
    cr_assert(eq(int, net_address_resolve(dm_slice_str(in), &sa, &len), 0), "%s", in);
    net_address_from((struct sockaddr *)&sa, len, &address);
    cr_assert(eq(sz, net_address_format(&address, out), strlen(text)), "%s", in);
    cr_assert(eq(str, out, (char *)text));
    cr_assert(eq(sz, net_address_format_ip(&address, out), strlen(ip)), "%s", in);
    cr_assert(eq(str, out, (char *)ip));
}

Test(address, read_and_written) {
    check_text("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1");
    check_text("localhost:0", "127.0.0.1:0", "127.0.0.1");
    check_text("[::1]:65535", "[::1]:65535", "::1");
    check_text("[2001:db8::1]:1", "[2001:db8::1]:1", "2001:db8::1");
    check_text("[::ffff:192.0.2.1]:8", "192.0.2.1:8", "192.0.2.1");
    check_text("*:1", "[::]:1", "::");
    check_text(":1", "[::]:1", "::");
    check_text("unix:/run/x.sock", "unix", "unix");
}

Test(address, refused) {
    static const char *const bad[] = { "", ":", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                                       "127.0.0.1:65536", "127.0.0.1:123456", "::1:80", "[::1]",
                                       "[::1:80", "example.org:80", "1.2.3:80", "[127.0.0.1]:80",
                                       "[]:80", "unix:", "127.0.0.1:-1", "127.0.0.1: 80",
                                       "[1111:2222:3333:4444:5555:6666:7777:8888:9999]:1" };
    struct sockaddr_storage sa;
    socklen_t len;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int r = net_address_resolve(dm_slice_str(bad[i]), &sa, &len);
        cr_assert(eq(int, r, -EINVAL), "%s", bad[i]);
    }
    cr_assert(eq(int, net_address_resolve(DM_SLICE_NONE, &sa, &len), -EINVAL));
    cr_assert(eq(int, net_address_resolve(DM_SLICE("1.2.3.4\0:80"), &sa, &len), -EINVAL));
}

Test(address, path_must_fit) {
    char text[200] = "unix:";
    struct sockaddr_storage sa;
    socklen_t len;
    memset(text + 5, 'a', 107);
    cr_assert(eq(int, net_address_resolve((struct dm_slice){ text, 112 }, &sa, &len), 0));
    text[112] = 'a';
    cr_assert(eq(int, net_address_resolve((struct dm_slice){ text, 113 }, &sa, &len),
                 -ENAMETOOLONG));
}

Test(address, unknown_family) {
    struct sockaddr sa = { .sa_family = 200 };
    struct net_address address;
    char out[NET_ADDRESS_TEXT];
    net_address_from(&sa, sizeof(sa), &address);
    cr_assert(eq(int, address.family, NET_NONE));
    net_address_format(&address, out);
    cr_assert(eq(str, out, "unknown"));
    net_address_from(&sa, 0, &address);
    cr_assert(eq(int, address.family, NET_NONE));
}

Test(address, any_without_ipv6) {
    struct sockaddr_storage sa;
    socklen_t len;
    net_address_resolve(DM_SLICE("*:7"), &sa, &len);
    cr_assert(eq(int, net_address_any_v4(&sa, &len), 0));
    cr_assert(eq(int, sa.ss_family, AF_INET));
    cr_assert(eq(u16, ((struct sockaddr_in *)&sa)->sin_port, htons(7)));
    cr_assert(eq(int, net_address_any_v4(&sa, &len), -EINVAL));
}
