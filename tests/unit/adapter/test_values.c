#include <criterion/criterion.h>
#include <errno.h>

#include "core/adapter/values.h"
#include "tests/unit/adapter/probe.h"
#include "tests/unit/check.h"

static struct adapter_error error;

static int set(struct adapter_values *values, const char *key, const char *text) {
    error.text[0] = '\0';
    return adapter_values_set(values, key, dm_slice_str(text), &error);
}

Test(values, begin_at_the_defaults) {
    struct adapter_values *values = adapter_values_new(&probe_adapter);

    check_slice(adapter_values_text(values, "word"), DM_SLICE("one"));
    cr_expect_eq(adapter_values_int(values, "number"), 7);
    cr_expect_eq(adapter_values_int(values, "flag"), 0);
    check_slice(adapter_values_text(values, "text"), DM_SLICE_NONE);
    cr_expect_eq(adapter_values_int(values, "frame_max"), 1000);
    cr_expect_eq(adapter_values_int(values, "auth_timeout_ms"), 45000);
    cr_expect_eq(adapter_values_int(values, "rate"), 200);
    cr_expect_eq(adapter_values_int(values, "burst"), 1000);
    check_slice(adapter_values_text(values, "chats"), DM_SLICE("drop"));
    cr_expect_eq(adapter_values_is_set(values, "rate"), 0);
    cr_expect_eq(adapter_values_count(values), 14);
    adapter_values_free(values);
}

Test(values, have_no_say_about_chats_where_the_adapter_knows_them) {
    struct adapter_values *values = adapter_values_new(&probe_chats_adapter);

    cr_expect_eq(set(values, "chats", "flatten"), -ENOENT);
    adapter_values_free(values);
}

Test(values, name_origins_of_pages_where_there_is_http) {
    static const struct dm_route rows[] = { { .transport = DM_WEBSOCKET, .path = "/ws" } };
    struct adapter_values *values = adapter_values_new(&probe_adapter);
    struct dm_adapter adapter = probe_adapter;

    check_slice(adapter_values_text(values, "cors_origins"), DM_SLICE(""));
    cr_expect_eq(set(values, "cors_origins", "https://app.example"), 0);
    adapter_values_free(values);
    adapter.routes = (struct dm_table)DM_TABLE(rows);
    values = adapter_values_new(&adapter);
    cr_expect_eq(set(values, "cors_origins", "https://app.example"), -ENOENT);
    adapter_values_free(values);
}

Test(values, take_what_fits) {
    struct adapter_values *values = adapter_values_new(&probe_adapter), *copy;

    cr_expect_eq(set(values, "word", "two"), 0);
    cr_expect_eq(set(values, "number", "0"), 0);
    cr_expect_eq(set(values, "flag", "on"), 0);
    cr_expect_eq(set(values, "text", "any thing"), 0);
    cr_expect_eq(set(values, "rate", "0"), 0);
    copy = adapter_values_copy(values);
    cr_expect_eq(set(values, "text", "other"), 0);
    check_slice(adapter_values_text(copy, "text"), DM_SLICE("any thing"));
    check_slice(adapter_values_text(values, "text"), DM_SLICE("other"));
    cr_expect_eq(adapter_values_int(copy, "flag"), 1);
    cr_expect_eq(adapter_values_int(copy, "number"), 0);
    cr_expect_eq(adapter_values_is_set(copy, "rate"), 1);
    adapter_values_free(values);
    adapter_values_free(copy);
}

Test(values, refuse_with_a_reason_and_keep_the_old_one) {
    static const struct {
        const char *key, *text, *says;
    } cases[] = {
        { "word", "three", "one, two" }, { "number", "10", "from 0 to 9" },
        { "number", "-1", "from 0 to 9" }, { "number", "5 ", "from 0 to 9" },
        { "number", "", "from 0 to 9" }, { "number", "0x5", "from 0 to 9" },
        { "number", "99999999999999999999999", "from 0 to 9" },
        { "flag", "maybe", "true or false" },
        { "burst", "0", "from 1" },
    };
    struct adapter_values *values = adapter_values_new(&probe_adapter);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(set(values, cases[i].key, cases[i].text), -EINVAL, "%s", cases[i].text);
        cr_expect_not_null(strstr(error.text, cases[i].says), "%s", error.text);
        cr_expect_not_null(strstr(error.text, cases[i].key), "%s", error.text);
    }
    cr_expect_eq(adapter_values_int(values, "number"), 7);
    cr_expect_eq(set(values, "nonsense", "1"), -ENOENT);
    cr_expect_not_null(strstr(error.text, "nonsense"), "%s", error.text);
    adapter_values_free(values);
}

Test(values, take_the_descriptors_defaults_of_common_settings) {
    static const struct dm_setting rows[] = {
        { .key = "rate", .kind = DM_SETTING_DEFAULT, .fallback = "0" },
        { .key = "frame_max", .kind = DM_SETTING_DEFAULT, .fallback = "2000" },
        { .key = "own", .kind = DM_SETTING_BOOL, .fallback = "yes", .doc = "its own" },
    };
    struct dm_adapter adapter = probe_adapter;
    struct adapter_values *values;

    adapter.settings = (struct dm_table)DM_TABLE(rows);
    cr_assert_eq(adapter_check(&adapter, &error), 0, "%s", error.text);
    cr_expect(adapter_has_default(&adapter, "rate"));
    cr_expect(adapter_has_default(&adapter, "body_max"));
    cr_expect_not(adapter_has_default(&adapter, "burst"));
    values = adapter_values_new(&adapter);
    cr_expect_eq(adapter_values_count(values), 11);
    cr_expect_eq(adapter_values_int(values, "rate"), 0);
    cr_expect_eq(adapter_values_int(values, "frame_max"), 2000);
    cr_expect_eq(adapter_values_int(values, "own"), 1);
    cr_expect_eq(set(values, "rate", "7"), 0);
    cr_expect_eq(adapter_values_int(values, "rate"), 7);
    adapter_values_free(values);
}

/* ---- descriptors ---- */

static void expect_refused(const struct dm_adapter *adapter, const char *says) {
    error.text[0] = '\0';
    cr_expect_eq(adapter_check(adapter, &error), -EINVAL, "%s", says);
    cr_expect_not_null(strstr(error.text, says), "\"%s\" does not say \"%s\"", error.text, says);
    cr_expect_null(strchr(error.text, '\n'));
}

Test(check, accepts_what_is_right) {
    cr_expect_eq(adapter_check(&probe_adapter, &error), 0, "%s", error.text);
}

Test(check, refuses_another_abi) {
    struct dm_adapter adapter = probe_adapter;

    adapter.abi_major = DM_ABI_MAJOR + 1;
    expect_refused(&adapter, "ABI 2.");
    adapter = probe_adapter;
    adapter.abi_minor = DM_ABI_MINOR + 1;
    expect_refused(&adapter, "ABI 1.5");
    adapter = probe_adapter;
    adapter.size = 100;
    expect_refused(&adapter, "too short");
    expect_refused(NULL, "no descriptor");
}

Test(check, refuses_bad_names) {
    static const char *const bad[] = { NULL, "", "Upper", "1x", "a b", "a/b",
                                       "abcdefghijklmnopqrstuvwxyz0123456" };
    struct dm_adapter adapter = probe_adapter;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        adapter.name = bad[i];
        expect_refused(&adapter, "bad name");
    }
}

Test(check, refuses_defaults_of_what_no_adapter_has) {
    static const struct dm_setting bad[][1] = {
        { { .key = "nonsense", .kind = DM_SETTING_DEFAULT, .fallback = "0" } },
        { { .key = "rate", .kind = DM_SETTING_DEFAULT } },
        { { .key = "rate", .kind = DM_SETTING_DEFAULT, .fallback = "fast" } },
    };
    struct dm_adapter adapter = probe_adapter;

    for (size_t i = 0; i < 3; i++) {
        adapter.settings = (struct dm_table)DM_TABLE(bad[i]);
        expect_refused(&adapter, bad[i]->key);
    }
}

Test(check, asks_for_the_hooks_that_the_tables_need) {
    struct dm_adapter adapter = probe_adapter;

    adapter.frame = NULL;
    expect_refused(&adapter, "hook frame");
    adapter = probe_adapter;
    adapter.request = NULL;
    expect_refused(&adapter, "hook request");
    adapter = probe_adapter;
    adapter.event = NULL;
    expect_refused(&adapter, "hook event");
    adapter = probe_adapter;
    adapter.result = NULL;
    adapter.close = NULL;
    cr_expect_eq(adapter_check(&adapter, &error), 0);
}

static void expect_route_refused(struct dm_route route, const char *says) {
    const struct dm_route rows[] = {
        { .transport = DM_HTTP, .method = "GET", .path = "/a/:b", .id = 1 }, route,
    };
    struct dm_adapter adapter = probe_adapter;

    adapter.routes = (struct dm_table)DM_TABLE(rows);
    expect_refused(&adapter, says);
}

Test(check, refuses_bad_routes) {
    struct dm_adapter adapter = probe_adapter;

    expect_route_refused((struct dm_route){ .transport = 9, .path = "/x" }, "unknown transport");
    expect_route_refused((struct dm_route){ .transport = DM_HTTP, .path = "/x" }, "unknown method");
    expect_route_refused((struct dm_route){ .transport = DM_HTTP, .method = "get", .path = "/x" },
                         "unknown method");
    expect_route_refused((struct dm_route){ .transport = DM_WEBSOCKET, .path = "x" }, "bad path");
    expect_route_refused((struct dm_route){ .transport = DM_WEBSOCKET, .path = "/x", .auth = 7 },
                         "bad auth");
    expect_route_refused((struct dm_route){ .transport = DM_HTTP, .method = "GET",
                                            .path = "/a/:c/" }, "there twice");
    expect_route_refused((struct dm_route){ .transport = DM_SOCKETIO, .path = "/x" },
                         "a namespace");
    expect_route_refused((struct dm_route){ .transport = DM_ENGINEIO, .path = "/x",
                                            .auth = DM_AUTH_REQUIRED }, "no auth");
    adapter.routes = (struct dm_table){ NULL, 0, 0 };
    expect_refused(&adapter, "no routes");
    adapter.routes = (struct dm_table){ probe_adapter.routes.rows, 8, 2 };
    expect_refused(&adapter, "ill-formed");
}

Test(check, a_path_speaks_one_of_socketio_and_engineio) {
    static const struct dm_route both[] = {
        { .transport = DM_SOCKETIO, .path = "/io", .ns = "/", .id = 1 },
        { .transport = DM_ENGINEIO, .path = "/io/", .id = 2 },
    };
    static const struct dm_route namespaces[] = {
        { .transport = DM_SOCKETIO, .path = "/io", .ns = "/", .id = 1 },
        { .transport = DM_SOCKETIO, .path = "/io", .ns = "/a", .id = 2 },
        { .transport = DM_WEBSOCKET, .path = "/io", .id = 3 },
    };
    struct dm_adapter adapter = probe_adapter;

    adapter.routes = (struct dm_table)DM_TABLE(both);
    expect_refused(&adapter, "there twice");
    adapter.routes = (struct dm_table)DM_TABLE(namespaces);
    cr_expect_eq(adapter_check(&adapter, &error), 0);
}

static void expect_setting_refused(struct dm_setting setting, const char *says) {
    const struct dm_setting rows[] = {
        { .key = "first", .kind = DM_SETTING_STRING, .doc = "x" }, setting,
    };
    struct dm_adapter adapter = probe_adapter;

    adapter.settings = (struct dm_table)DM_TABLE(rows);
    expect_refused(&adapter, says);
}

Test(check, refuses_bad_settings) {
    expect_setting_refused((struct dm_setting){ .key = "rate", .kind = DM_SETTING_INT,
                                                .doc = "x" }, "the host's own");
    expect_setting_refused((struct dm_setting){ .key = "first", .kind = DM_SETTING_INT,
                                                .doc = "x" }, "there twice");
    expect_setting_refused((struct dm_setting){ .key = "n", .kind = DM_SETTING_INT, .min = 1,
                                                .max = 2, .fallback = "3", .doc = "x" },
                           "from 1 to 2");
    expect_setting_refused((struct dm_setting){ .key = "w", .kind = DM_SETTING_WORD,
                                                .doc = "x" }, "ill-formed");
    expect_setting_refused((struct dm_setting){ .key = "n", .kind = 77, .doc = "x" },
                           "ill-formed");
    expect_setting_refused((struct dm_setting){ .kind = DM_SETTING_INT, .doc = "x" }, "bad key");
}

Test(check, refuses_bad_capabilities) {
    static const struct dm_capability twice[] = { { DM_EVENT_READ, DM_DROPPED, NULL },
                                                  { DM_EVENT_READ, DM_SUPPORTED, NULL } };
    static const struct dm_capability unknown[] = { { 900, DM_DROPPED, NULL } };
    static const struct dm_capability wrong[] = { { DM_EVENT_READ, 0, NULL } };
    struct dm_adapter adapter = probe_adapter;

    adapter.capabilities = (struct dm_table)DM_TABLE(twice);
    expect_refused(&adapter, "there twice");
    adapter.capabilities = (struct dm_table)DM_TABLE(unknown);
    expect_refused(&adapter, "unknown event");
    adapter.capabilities = (struct dm_table)DM_TABLE(wrong);
    expect_refused(&adapter, "unknown treatment");
}

Test(check, tells_how_events_are_treated) {
    const char *note;

    cr_expect_eq(adapter_treatment(&probe_adapter, DM_EVENT_MESSAGE, &note), DM_SUPPORTED);
    cr_expect_str_eq(note, "said");
    cr_expect_eq(adapter_treatment(&probe_adapter, DM_EVENT_FRIEND_DENIED, &note), DM_DROPPED);
    cr_expect_null(note);
    cr_expect_str_eq(adapter_treatment_name(DM_STORED_ONLY), "stored only");
}
