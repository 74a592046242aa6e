/* Which texts show the secrets of a trial. */
#include <criterion/criterion.h>

#include "core/kit/stage.h"

static struct stage stage;

static void setup(void) {
    static const char logins[] = "ada-4711-1\0" "4711\0" "bob-4711-2\0" "1";
    buf_append(&stage.logins, logins, sizeof(logins));
    stage_keep_secret(&stage, DM_SLICE("correct horse"));
    stage_keep_secret(&stage, DM_SLICE("short"));
}

static void teardown(void) {
    buf_fini(&stage.logins);
    buf_fini(&stage.secrets);
}

TestSuite(stage, .init = setup, .fini = teardown);

static int shows(const char *text) {
    return stage_shows_login(&stage, dm_slice_str(text));
}

Test(stage, long_secrets_are_found_anywhere_and_short_ones_are_not_kept) {
    cr_expect_not_null(stage_find_secret(&stage, DM_SLICE("x=correct horse&y")).ptr);
    cr_expect_null(stage_find_secret(&stage, DM_SLICE("a short text")).ptr);
}

Test(stage, a_pin_shows_beside_its_name_as_a_word) {
    cr_expect_eq(shows("{\"name\":\"ada-4711-1\",\"pin\":4711}"), 1);
    cr_expect_eq(shows("name=ada-4711-1&pin=4711"), 1);
    cr_expect_eq(shows("{\"name\":\"ada-4711-1\",\"pin\":\"***\"}"), 0);
    cr_expect_eq(shows("{\"name\":\"ada-4711-1\",\"id\":14711}"), 0);
    cr_expect_eq(shows("{\"name\":\"eve\",\"pin\":4711}"), 0);
}

Test(stage, a_pin_of_one_digit_shows_nowhere_but_logs_in) {
    cr_expect_eq(shows("{\"name\":\"bob-4711-2\",\"pin\":1}"), 0);
    cr_expect_eq(stage_has_login(&stage, DM_SLICE("{\"name\":\"bob-4711-2\",\"pin\":1}")), 1);
}
