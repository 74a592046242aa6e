#include "core/base/url.h"
#include "tests/unit/check.h"

static void check_segment(const char *url, const char *expected) {
    check_slice(url_last_segment(dm_slice_str(url)), dm_slice_str(expected));
}

Test(url, the_last_segment_is_the_name) {
    check_segment("https://x.example/y/z.png", "z.png");
    check_segment("https://x.example/y/z.png?a=/b", "z.png");
    check_segment("https://x.example/y/z.png#a/b", "z.png");
    check_segment("https://x.example/y/a%20b/", "a%20b");
    check_segment("https://x.example/y//?q", "y");
    check_segment("https://x.example", "x.example");
    check_segment("z.png", "z.png");
    check_segment("//", "");
    check_segment("", "");
}
