#include <criterion/criterion.h>
#include <errno.h>

#include "core/adapter/router.h"
#include "tests/unit/check.h"

static const struct dm_route first_rows[] = {
    { .transport = DM_WEBSOCKET, .path = "/ws", .id = 1 },
    { .transport = DM_HTTP, .method = "GET", .path = "/thread", .id = 2 },
    { .transport = DM_HTTP, .method = "POST", .path = "/thread", .id = 3 },
    { .transport = DM_HTTP, .method = "GET", .path = "/thread/:id", .id = 4 },
    { .transport = DM_HTTP, .method = "GET", .path = "/thread/new", .id = 5 },
    { .transport = DM_HTTP, .method = "POST", .path = "/thread/:id/:verb", .id = 6 },
    { .transport = DM_HTTP, .method = "GET", .path = "/:any/new/x", .id = 7 },
};
static const struct dm_route second_rows[] = {
    { .transport = DM_WEBSOCKET, .path = "/", .id = 20 },
    { .transport = DM_HTTP, .method = "GET", .path = "/get_user", .id = 21 },
};
static const struct dm_table first = DM_TABLE(first_rows), second = DM_TABLE(second_rows);

static struct router *router;
static int a, b;

static void setup(void) {
    const char *clash;

    router = router_new();
    cr_assert_eq(router_add(router, "", &second, &b, &clash), 0);
    cr_assert_eq(router_add(router, "/one", &first, &a, &clash), 0);
}

static void teardown(void) {
    router_free(router);
}

TestSuite(router, .init = setup, .fini = teardown);

static int find(enum dm_transport transport, enum http_method method, const char *path,
                struct router_match *ret_match) {
    switch (router_find(router, transport, method, dm_slice_str(path), ret_match)) {
    case ROUTER_FOUND: return (int)ret_match->route->id;
    case ROUTER_NO_ROUTE: return 404;
    case ROUTER_NO_METHOD: return 405;
    }
    return -1;
}

Test(router, finds_routes_below_their_mounts) {
    struct router_match m;

    cr_expect_eq(find(DM_WEBSOCKET, HTTP_METHOD_GET, "/one/ws", &m), 1);
    check_slice(m.path, DM_SLICE("/ws"));
    cr_expect_eq(m.owner, &a);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/one/thread", &m), 2);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_POST, "/one/thread", &m), 3);
    cr_expect_eq(find(DM_WEBSOCKET, HTTP_METHOD_GET, "/", &m), 20);
    cr_expect_eq(m.owner, &b);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/get_user", &m), 21);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/ws", &m), 404);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/onethread", &m), 404);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "*", &m), 404);
}

Test(router, tolerates_a_trailing_slash) {
    struct router_match m;

    cr_expect_eq(find(DM_WEBSOCKET, HTTP_METHOD_GET, "/one/ws/", &m), 1);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/one/thread/", &m), 2);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/one/thread//", &m), 404);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/one//thread", &m), 404);
}

Test(router, gives_what_the_named_segments_matched) {
    struct router_match m;

    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_POST, "/one/thread/x y/block", &m), 6);
    cr_assert_eq(m.param_count, 2);
    check_slice(m.params[0], DM_SLICE("x y"));
    check_slice(m.params[1], DM_SLICE("block"));
}

Test(router, prefers_a_literal_in_the_earlier_segment) {
    struct router_match m;

    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/one/thread/new", &m), 5);
    cr_expect_eq(m.param_count, 0);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/one/thread/other", &m), 4);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/one/thread/new/x", &m), 7);
}

Test(router, tells_a_wrong_method_from_a_wrong_path) {
    struct router_match m;
    struct buf allow = BUF_INIT;

    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_DELETE, "/one/thread", &m), 405);
    cr_expect_eq(m.owner, &a);
    router_allow(router, DM_SLICE("/one/thread"), &allow);
    check_slice(buf_slice(&allow), DM_SLICE("GET, HEAD, POST"));
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_HEAD, "/one/thread", &m), 2);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_HEAD, "/one/thread/a/b", &m), 405);
    buf_fini(&allow);
}

Test(router, knows_whose_mount_an_unknown_path_is) {
    struct router_match m;

    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/one/nothing", &m), 404);
    cr_expect_eq(m.owner, &a);
    check_slice(m.path, DM_SLICE("/nothing"));
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/nothing", &m), 404);
    cr_expect_eq(m.owner, &b);
}

Test(router, has_no_owner_for_a_mount_that_two_share) {
    static const struct dm_route rows[] = {
        { .transport = DM_HTTP, .method = "GET", .path = "/x", .id = 30 },
    };
    const struct dm_table third = DM_TABLE(rows);
    struct router_match m;
    const char *clash;
    int c;

    cr_assert_eq(router_add(router, "", &third, &c, &clash), 0);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/nothing", &m), 404);
    cr_expect_null(m.owner);
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/x", &m), 30);
}

Test(router, refuses_a_clash_and_adds_nothing) {
    static const struct dm_route rows[] = {
        { .transport = DM_HTTP, .method = "GET", .path = "/fresh", .id = 40 },
        { .transport = DM_HTTP, .method = "GET", .path = "/one/thread/:other", .id = 41 },
    };
    const struct dm_table clashing = DM_TABLE(rows);
    struct router_match m;
    const char *clash = NULL;
    int c;

    cr_assert_eq(router_add(router, "", &clashing, &c, &clash), -EEXIST);
    cr_expect_str_eq(clash, "/thread/:id");
    cr_expect_eq(find(DM_HTTP, HTTP_METHOD_GET, "/fresh", &m), 404);
}

Test(router, judges_patterns) {
    static const char *const good[] = { "/", "/a", "/a/", "/a/:b/c", "/:a/:b/:c/:d/:e/:f/:g/:h" };
    static const char *const bad[] = { "", "a", "/a//b", "/:", "//",
                                       "/:a/:b/:c/:d/:e/:f/:g/:h/:i" };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect_eq(router_pattern_check(good[i]), 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_neq(router_pattern_check(bad[i]), 0, "%s", bad[i]);
    cr_expect_neq(router_pattern_check(NULL), 0);
}
