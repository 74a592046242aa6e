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
    mutants_make(&arena, dm_slice_str(frame), &mutants);
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

/* ---- shapes ---- */

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
