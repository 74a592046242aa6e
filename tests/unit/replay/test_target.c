#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "core/replay/target.h"

static void parses(const char *url, const char *host, const char *port, const char *prefix,
                   const char *authority) {
    struct target target = { 0 };
    const char *error = target_parse(url, &target);
    cr_assert(eq(ptr, (void *)error, NULL), "%s: %s", url, error);
    cr_expect(eq(str, target.host, (char *)host));
    cr_expect(eq(str, target.port, (char *)port));
    cr_expect(eq(str, target.prefix, (char *)prefix));
    cr_expect(eq(str, target.authority, (char *)authority));
}

Test(target, urls_are_split) {
    parses("http://127.0.0.1:8080", "127.0.0.1", "8080", "", "127.0.0.1:8080");
    parses("ws://old.test/chat/", "old.test", "80", "/chat", "old.test");
    parses("http://[::1]:99/a/b", "::1", "99", "/a/b", "[::1]:99");
    parses("http://[::1]", "::1", "80", "", "[::1]");
}

Test(target, what_is_no_target_is_refused) {
    static const char *const urls[] = {
        "", "127.0.0.1:80", "https://h", "wss://h", "http://", "http://:80", "http://h:",
        "http://h:8x", "http://h:123456", "http://[::1", "http://[::1]x", "http://h/p?q=1",
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct target target = { 0 };
        cr_expect(not(eq(ptr, (void *)target_parse(urls[i], &target), NULL)), "%s", urls[i]);
    }
}
