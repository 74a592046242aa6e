#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "tests/unit/adapter/probe.h"
#include "tests/unit/adapter/rig.h"

static struct loop *loop;
static struct host *host;
static struct adapter_error error;

static void setup(void) {
    cr_assert_eq(loop_new(&loop), 0);
    host = host_new(NULL, loop, NULL);
    (void)probe_log();
    probe_set_start(0);
}

static void teardown(void) {
    host_stop(host);
    host_free(host);
    loop_free(loop);
}

TestSuite(host, .init = setup, .fini = teardown);

static int add(const struct dm_adapter *adapter, const char *name, const char *mount) {
    const struct host_instance_config config = { .name = name, .mount = mount };

    error.text[0] = '\0';
    return host_add(host, adapter, &config, &error);
}

Test(host, mounts_an_adapter_at_its_name) {
    cr_expect_eq(host_add(host, &probe_adapter, NULL, &error), 0);
    cr_expect_str_eq(host_instance_at(host, 0)->mount, "/probe");
    cr_expect_eq(host_adapter_at(host, 0), &probe_adapter);
    cr_expect_null(host_instance_at(host, 1));
}

Test(host, refuses_a_name_that_is_taken) {
    cr_expect_eq(add(&probe_adapter, NULL, NULL), 0);
    cr_expect_eq(add(&probe_adapter, NULL, "/other"), -EINVAL);
    cr_expect_not_null(strstr(error.text, "taken"), "%s", error.text);
    cr_expect_eq(add(&probe_adapter, "second", "/other"), 0);
    cr_expect_eq(add(&probe_adapter, "Third", NULL), -EINVAL);
}

Test(host, refuses_routes_that_meet_anothers) {
    cr_expect_eq(add(&probe_adapter, NULL, ""), 0);
    cr_expect_eq(add(&probe_chats_adapter, NULL, ""), -EINVAL);
    cr_expect_not_null(strstr(error.text, "another adapter's"), "%s", error.text);
    cr_expect_eq(add(&probe_chats_adapter, NULL, "/b"), 0);
}

Test(host, refuses_bad_mounts) {
    static const char *const bad[] = { "/", "x", "/x/", "/a//b", "/:x", "/a b", "/a?" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_eq(add(&probe_adapter, NULL, bad[i]), -EINVAL, "%s", bad[i]);
    cr_expect_null(host_instance_at(host, 0));
}

Test(host, starts_in_order_and_stops_in_reverse) {
    struct adapter_values *values = adapter_values_new(&probe_adapter);
    const struct host_instance_config config = { .values = values };

    cr_assert_eq(adapter_values_set(values, "word", DM_SLICE("two"), &error), 0);
    cr_assert_eq(host_add(host, &probe_adapter, &config, &error), 0);
    adapter_values_free(values);
    cr_assert_eq(add(&probe_adapter, "later", NULL), 0);
    cr_expect_eq(host_start(host, &error), 0);
    host_stop(host);
    cr_expect_str_eq(probe_log(), "start probe word=two n=7\nstart later word=one n=7\n"
                                  "stop later\nstop probe\n");
}

static int fail_once;

static int failing_start(struct dm_instance *instance) {
    (void)instance;
    return fail_once-- > 0 ? -1 : 0;
}

Test(host, starts_all_or_none) {
    struct dm_adapter failing = probe_adapter;

    failing.start = failing_start;
    failing.name = "failing";
    fail_once = 1;
    cr_assert_eq(add(&probe_adapter, NULL, NULL), 0);
    cr_assert_eq(add(&failing, NULL, NULL), 0);
    cr_expect_eq(host_start(host, &error), -EINVAL);
    cr_expect_not_null(strstr(error.text, "failing"), "%s", error.text);
    cr_expect_str_eq(probe_log(), "start probe word=one n=7\nstop probe\n");
    cr_expect_eq(host_start(host, &error), 0);
    host_stop(host);
    cr_expect_str_eq(probe_log(), "start probe word=one n=7\nstop failing\nstop probe\n");
}

/* What an adapter of the first minor was compiled as, before a member was added behind. */
Test(host, takes_a_descriptor_longer_than_it_knows) {
    struct {
        struct dm_adapter known;
        void *later[4];
    } grown = { .known = probe_adapter };

    grown.known.size = sizeof(grown);
    memset(grown.later, 0x5a, sizeof(grown.later));
    cr_expect_eq(host_add(host, &grown.known, NULL, &error), 0, "%s", error.text);
}

static int drained;

static void on_drained(void *userdata) {
    (void)userdata;
    drained++;
}

Test(host, drains_at_once_when_nobody_is_there) {
    drained = 0;
    host_drain(host, 0, on_drained, NULL);
    cr_expect_eq(drained, 0);
    (void)loop_run_once(loop);
    cr_expect_eq(drained, 1);
}

Test(host, decodes_base64_strictly) {
    static const char *const bad[] = { "Zg", "Zg=", "Zh==", "Zm9v\n", "Zm 9", "Z===", "====",
                                       "Zm9vYg==Zm9v", "Zm-_", "Zm9v!A==" };
    const struct dm_host *api;
    struct dm_slice data;

    cr_expect_eq(add(&probe_adapter, NULL, NULL), 0);
    api = host_instance_at(host, 0)->host;
    data = dm_base64_decode(api, DM_SLICE("Zm9vYg=="));
    cr_expect(dm_slice_eq(data, DM_SLICE("foob")));
    data = dm_base64_decode(api, DM_SLICE(""));
    cr_expect(data.ptr && data.len == 0);
    cr_expect_null(dm_base64_decode(api, DM_SLICE_NONE).ptr);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_null(dm_base64_decode(api, dm_slice_str(bad[i])).ptr, "%s", bad[i]);
}
