#include <criterion/criterion.h>
#include <dragoman/adapter.h>

#include "core/adapter/internal.h"
#include "tests/unit/check.h"

Test(helpers, read_numbers_and_nothing_else) {
    static const struct {
        const char *text;
        int64_t number;
    } cases[] = {
        { "0", 0 }, { "007", 7 }, { "10000000", 10000000 },
        { "9007199254740991", 9007199254740991 }, { "9007199254740992", 9007199254740991 },
        { "99999999999999999999999999", 9007199254740991 }, { "9999999999999999x", -1 },
        { "", -1 }, { "-1", -1 }, { "+1", -1 }, { " 1", -1 },
        { "1 ", -1 }, { "1.0", -1 }, { "0x1", -1 }, { "\xd9\xa1", -1 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(dm_number(dm_slice_str(cases[i].text)), cases[i].number, "%s",
                     cases[i].text);
    cr_expect_eq(dm_number(DM_SLICE_NONE), -1);
    cr_expect_eq(dm_number(((struct dm_slice){ "1\0", 2 })), -1);
}

Test(helpers, compare_without_case) {
    cr_expect(dm_slice_eq_nocase(DM_SLICE("Send_Message"), DM_SLICE("SEND_MESSAGE")));
    cr_expect(dm_slice_eq_nocase(DM_SLICE(""), DM_SLICE("")));
    cr_expect(dm_slice_eq_nocase(DM_SLICE_NONE, DM_SLICE_NONE));
    cr_expect_not(dm_slice_eq_nocase(DM_SLICE_NONE, DM_SLICE("")));
    cr_expect_not(dm_slice_eq_nocase(DM_SLICE("a"), DM_SLICE("ab")));
    cr_expect_not(dm_slice_eq_nocase(DM_SLICE("@"), DM_SLICE("`")));
    cr_expect_not(dm_slice_eq_nocase(DM_SLICE("\xc3\x84"), DM_SLICE("\xc3\xa4")));
}

Test(helpers, find_a_row_by_its_name) {
    static const struct {
        const char *name;
        int number;
    } rows[] = { { "one", 1 }, { "two", 2 } };
    static const struct dm_table table = DM_TABLE(rows);
    static const struct dm_table none = { NULL, 0, 0 };

    cr_expect_eq(dm_find(&table, DM_SLICE("two")), &rows[1]);
    cr_expect_null(dm_find(&table, DM_SLICE("tw")));
    cr_expect_null(dm_find(&table, DM_SLICE("")));
    cr_expect_null(dm_find(&table, DM_SLICE_NONE));
    cr_expect_null(dm_find(&none, DM_SLICE("one")));
}

Test(helpers, know_a_status_for_every_outcome) {
    for (int i = 0; i < DM_STATUS_COUNT; i++) {
        int status = dm_http_status((enum dm_status)i);

        cr_expect(status >= 200 && status <= 503);
        cr_expect_eq(status < 300, i == DM_OK || i == DM_HELD, "%s",
                     dm_status_name((enum dm_status)i));
        cr_expect_str_neq(dm_http_reason(status), "Error");
    }
    cr_expect_eq(dm_http_status(DM_STATUS_COUNT), 500);
    cr_expect_str_eq(dm_http_reason(299), "Error");
}

Test(helpers, know_a_name_for_every_outcome_and_event) {
    for (int i = 0; i < DM_STATUS_COUNT; i++)
        cr_expect_neq(dm_status_name((enum dm_status)i)[0], '\0');
    for (int i = 0; i < DM_EVENT_KIND_COUNT; i++)
        cr_expect_neq(dm_event_name((enum dm_event_kind)i)[0], '\0');
    cr_expect_str_eq(dm_status_name(DM_INTERNAL), "internal");
    cr_expect_str_eq(dm_event_name(DM_EVENT_FRIEND_DENIED), "friend_denied");
}

static struct host *host;

static void make_host(void) {
    host = host_new(NULL, NULL, NULL);
}

static void free_host(void) {
    host_free(host);
}

TestSuite(json_helpers, .init = make_host, .fini = free_host);

Test(json_helpers, take_an_object_and_nothing_else) {
    const struct dm_json *object = dm_json_object(&host->api, DM_SLICE("{\"a\":\"b\",\"c\":1}"));

    cr_assert_not_null(object);
    check_slice(dm_json_member(&host->api, object, "a"), DM_SLICE("b"));
    check_slice(dm_json_member(&host->api, object, "c"), DM_SLICE_NONE);
    check_slice(dm_json_member(&host->api, object, "d"), DM_SLICE_NONE);
    cr_expect_null(dm_json_object(&host->api, DM_SLICE("[1]")));
    cr_expect_null(dm_json_object(&host->api, DM_SLICE("{")));
    cr_expect_null(dm_json_object(&host->api, DM_SLICE_NONE));
    check_slice(dm_json_member(&host->api, NULL, "a"), DM_SLICE_NONE);
}

static void redacts(const char *text, const char *wanted) {
    static const char *const shown[] = { "type", "n", NULL };
    static const char *const masked[] = { "pin", NULL };
    struct dm_slice body = DM_SLICE_NONE;

    out_begin(&host->out, NULL);
    dm_put_redacted(&host->out.base, dm_json_object(&host->api, dm_slice_str(text)), shown, masked);
    cr_assert_eq(out_body(&host->out, &body), 0);
    check_slice(body, dm_slice_str(wanted));
    (void)out_end(&host->out);
}

Test(json_helpers, show_what_may_be_shown) {
    redacts("{\"pin\":\"1234\",\"type\":\"login\",\"secret\":[1]}",
            "{\"type\":\"login\",\"pin\":\"***\"}");
    redacts("{\"n\":{\"a\":1}}", "{\"n\":{\"a\":1}}");
    redacts("{\"pin\":null}", "{\"pin\":\"***\"}");
    redacts("no JSON", "{}");
}
