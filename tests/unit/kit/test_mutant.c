#include <criterion/criterion.h>

#include "core/kit/mutant.h"
#include "tests/unit/check.h"

static struct arena arena;
static struct mutants mutants;

static void setup(void) {
    arena_init(&arena, 65536);
}

static void teardown(void) {
    arena_fini(&arena);
}

TestSuite(mutant, .init = setup, .fini = teardown);

static void make(const char *frame) {
    mutants_make(&arena, dm_slice_str(frame), 1000, &mutants);
}

static struct dm_slice bytes_of(const char *what) {
    for (size_t i = 0; i < mutants.count; i++)
        if (strcmp(mutants.items[i].what, what) == 0)
            return mutants.items[i].bytes;
    return DM_SLICE_NONE;
}

Test(mutant, leaves_out_each_member_and_element) {
    make("{\"a\":{\"b\":1},\"c\":[2,3]}");
    check_slice(bytes_of("$.a missing"), DM_SLICE("{\"c\":[2,3]}"));
    check_slice(bytes_of("$.a.b missing"), DM_SLICE("{\"a\":{},\"c\":[2,3]}"));
    check_slice(bytes_of("$.c[0] missing"), DM_SLICE("{\"a\":{\"b\":1},\"c\":[3]}"));
    check_slice(bytes_of("$.c[1] missing"), DM_SLICE("{\"a\":{\"b\":1},\"c\":[2]}"));
    check_slice(bytes_of("$ missing"), DM_SLICE_NONE);
}

Test(mutant, puts_values_of_each_other_kind) {
    make("{\"a\":\"x\"}");
    check_slice(bytes_of("$.a = null"), DM_SLICE("{\"a\":null}"));
    check_slice(bytes_of("$.a = an empty array"), DM_SLICE("{\"a\":[]}"));
    check_slice(bytes_of("$.a = a lone surrogate"), DM_SLICE("{\"a\":\"\\ud800\"}"));
    check_slice(bytes_of("$.a = invalid UTF-8"), DM_SLICE("{\"a\":\"\xff\xfe\"}"));
    check_slice(bytes_of("$ = an empty object"), DM_SLICE("{}"));
    cr_expect_gt(bytes_of("$.a = a long string").len, 65536);
    cr_expect_gt(bytes_of("$.a = something deep").len, 128 * 2);
}

Test(mutant, keeps_what_stands_before_the_document) {
    make("42/chat,7[\"say\",{\"to\":1}]");
    check_slice(bytes_of("$[1].to = null"), DM_SLICE("42/chat,7[\"say\",{\"to\":null}]"));
    check_slice(bytes_of("$[0] missing"), DM_SLICE("42/chat,7[{\"to\":1}]"));
}

Test(mutant, spoils_words_where_there_is_no_document) {
    make("PRIVMSG bob");
    check_slice(bytes_of("the word at 0 missing"), DM_SLICE(" bob"));
    check_slice(bytes_of("the word at 8 = -1"), DM_SLICE("PRIVMSG -1"));
    check_slice(bytes_of("the word at 8 with a NUL"), DM_SLICE("PRIVMSG a\0b"));
    cr_expect_gt(bytes_of("the word at 8 too long").len, 65536);
}

Test(mutant, cuts_every_frame_short) {
    make("{\"a\":1}");
    check_slice(bytes_of("cut after 0 bytes"), DM_SLICE(""));
    check_slice(bytes_of("cut after 3 bytes"), DM_SLICE("{\"a"));
    check_slice(bytes_of("cut after 6 bytes"), DM_SLICE("{\"a\":1"));
    check_slice(bytes_of("with \"}\" behind its end"), DM_SLICE("{\"a\":1}}"));
}

Test(mutant, makes_something_of_an_empty_frame) {
    make("");
    cr_expect_eq(mutants.count, 3);
    check_slice(bytes_of("with \"}\" behind its end"), DM_SLICE("}"));
}

Test(mutant, repeats_the_first_element_of_an_array) {
    make("{\"a\":[1,2],\"b\":[]}");
    check_slice(bytes_of("$.a = its first element 2 times"), DM_SLICE("{\"a\":[1,1],\"b\":[]}"));
    cr_expect_eq(bytes_of("$.a = its first element 100 times").len, 15 + 100 * 2 - 1);
    cr_expect_null(bytes_of("$.a = its first element 10000 times").ptr);
    cr_expect_null(bytes_of("$.b = its first element 2 times").ptr);
    mutants_make(&arena, DM_SLICE("[1]"), 1 << 20, &mutants);
    cr_expect_eq(bytes_of("$ = its first element 10000 times").len, 2 + 10000 * 2 - 1);
}

Test(mutant, repeats_as_much_as_fits) {
    make("[\"0123456789\"]");
    for (size_t i = 0; i < mutants.count; i++)
        if (strstr(mutants.items[i].what, " times"))
            cr_expect_leq(mutants.items[i].bytes.len, 1000);
}

Test(mutant, sends_the_other_kind) {
    mutants = (struct mutants){ .count = 0 };
    mutants_add_kinds(&arena, DM_SLICE("say"), &mutants);
    check_slice(bytes_of("as a message of the other kind"), DM_SLICE("say"));
    check_slice(bytes_of("an empty message of the other kind"), DM_SLICE(""));
    for (size_t i = 0; i < mutants.count; i++)
        cr_expect_eq(mutants.items[i].part, MUTANT_OTHER_KIND);
}

/* ---- targets ---- */

static void make_targets(const char *target) {
    mutants = (struct mutants){ .count = 0 };
    mutants_add_targets(&arena, dm_slice_str(target), &mutants);
}

Test(mutant, spoils_each_segment_of_a_path) {
    make_targets("/thread/17/read");
    check_slice(bytes_of("\"17\" of the target empty"), DM_SLICE("/thread//read"));
    check_slice(bytes_of("\"17\" of the target = -1"), DM_SLICE("/thread/-1/read"));
    check_slice(bytes_of("\"read\" of the target = invalid UTF-8"),
                DM_SLICE("/thread/17/%ff%fe"));
}

Test(mutant, spoils_each_parameter_of_a_query) {
    make_targets("/list?limit=1&after=7");
    check_slice(bytes_of("\"limit=1\" of the target missing"), DM_SLICE("/list?&after=7"));
    check_slice(bytes_of("\"limit=1\" of the target twice"),
                DM_SLICE("/list?limit=1&limit=1&after=7"));
    check_slice(bytes_of("\"=7\" of the target missing"), DM_SLICE("/list?limit=1&after"));
    check_slice(bytes_of("\"1\" of the target = a word"), DM_SLICE("/list?limit=x&after=7"));
    check_slice(bytes_of("\"7\" of the target = a wrong percent escape"),
                DM_SLICE("/list?limit=1&after=%zz"));
    cr_expect_gt(bytes_of("\"7\" of the target too long").len, 4000);
}

/* ---- shapes ---- */

static int lead_alike(const char *one, const char *other) {
    struct buf a = BUF_INIT, b = BUF_INIT;
    mutant_target_shape(dm_slice_str(one), &a);
    mutant_target_shape(dm_slice_str(other), &b);
    int alike = dm_slice_eq(buf_slice(&a), buf_slice(&b));
    buf_fini(&a);
    buf_fini(&b);
    return alike;
}

Test(mutant, shapes_of_targets_pass_over_values) {
    cr_expect_eq(lead_alike("$mount/thread/17", "$mount/thread/18"), 1);
    cr_expect_eq(lead_alike("$mount/of/$ada.id?limit=1", "$mount/of/$bob.id?limit=22"), 1);
    cr_expect_eq(lead_alike("$mount/of/$ada.id?limit=1", "$mount/of/$ada.id?after=1"), 0);
    cr_expect_eq(lead_alike("$mount/of/$ada.id", "$mount/of/$ada.id/read"), 0);
}

static int are_alike(const char *one, const char *other) {
    struct buf a = BUF_INIT, b = BUF_INIT;
    mutant_shape(dm_slice_str(one), &a);
    mutant_shape(dm_slice_str(other), &b);
    int alike = dm_slice_eq(buf_slice(&a), buf_slice(&b));
    buf_fini(&a);
    buf_fini(&b);
    return alike;
}

Test(mutant, shapes_pass_over_values) {
    cr_expect_eq(are_alike("{\"type\":\"say\",\"to\":1}", "{\"type\":\"say\",\"to\":22}"), 1);
    cr_expect_eq(are_alike("42/chat,7[\"say\",{}]", "42/chat,8[\"say\",{}]"), 1);
}

Test(mutant, shapes_tell_verbs_and_members) {
    cr_expect_eq(are_alike("{\"type\":\"say\"}", "{\"type\":\"login\"}"), 0);
    cr_expect_eq(are_alike("{\"type\":\"say\"}", "{\"type\":\"say\",\"to\":1}"), 0);
    cr_expect_eq(are_alike("[\"say\",{}]", "[\"leave\",{}]"), 0);
    cr_expect_eq(are_alike("PING x", "PASS x"), 0);
}
