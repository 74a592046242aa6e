#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "core/transcript/pattern.h"

/* Each test has one set of variables, one arena, and the report of the last comparison. */
static struct arena arena;
static struct refs refs;
static struct vars vars;
static struct buf report;

static void setup(void) {
    arena_init(&arena, 4096);
    refs_init(&refs, &arena);
    vars_init(&vars);
    buf_init(&report);
}

static void teardown(void) {
    buf_fini(&report);
    vars_fini(&vars);
    arena_fini(&arena);
}

TestSuite(pattern, .init = setup, .fini = teardown);

static unsigned differences_as(enum pattern_form form, const char *pattern, const char *text) {
    struct pattern *parsed;
    struct pattern_error error;
    int result = pattern_parse(&arena, dm_slice_str(pattern), form, &refs, &parsed, &error);
    cr_assert(eq(int, result, 0), "%s: %s at %zu", pattern, error.text, error.pos);
    buf_reset(&report);
    unsigned count = pattern_match(parsed, dm_slice_str(text), &vars, &report);
    buf_append_char(&report, '\0');
    return count;
}

static unsigned differences(const char *pattern, const char *text) {
    return differences_as(PATTERN_FRAME, pattern, text);
}

static void matches(const char *pattern, const char *text) {
    unsigned count = differences(pattern, text);
    cr_expect(eq(u32, count, 0), "%s should match %s:\n%s", pattern, text, report.data);
}

static void differs(const char *pattern, const char *text) {
    unsigned count = differences(pattern, text);
    cr_expect(ge(u32, count, 1), "%s should not match %s", pattern, text);
}

static void refused(const char *pattern) {
    struct pattern *parsed;
    struct pattern_error error = { NULL, 0 };
    int result = pattern_parse(&arena, dm_slice_str(pattern), PATTERN_FRAME, &refs, &parsed,
                               &error);
    cr_expect(eq(int, result, -1), "%s should be refused", pattern);
    cr_expect(eq(int, error.text != NULL, result < 0), "%s: an error has a text", pattern);
}

static int bound(const char *name, const char *value) {
    const struct var *var = vars_get(&vars, dm_slice_str(name));
    return var && dm_slice_eq(var->value, dm_slice_str(value));
}

Test(pattern, scalars_are_compared_exactly) {
    matches("[null,true,false,1,-1,1.5,\"a\"]", " [null, true,false, 1,-1 ,1.5,\"a\"] ");
    differs("[null]", "[false]");
    differs("[true]", "[\"true\"]");
    differs("[1]", "[2]");
    differs("[1]", "[-1]");
    differs("[1]", "[1.0]");
    differs("[1.0]", "[1]");
    differs("[1]", "[\"1\"]");
    differs("[\"1\"]", "[1]");
    differs("[\"a\"]", "[\"A\"]");
    differs("[\"a\"]", "[\"a \"]");
    matches("[9007199254740993]", "[9007199254740993]");
    differs("[9007199254740993]", "[9007199254740992]");
    matches("[18446744073709551615]", "[18446744073709551615]");
    differs("[-1]", "[18446744073709551615]");
    matches("[-9223372036854775808]", "[-9223372036854775808]");
}

Test(pattern, a_key_too_much_or_too_few_is_a_difference) {
    matches("{\"a\":1,\"b\":{}}", "{\"b\":{},\"a\":1}");
    differs("{\"a\":1}", "{\"a\":1,\"b\":null}");
    differs("{\"a\":1,\"b\":null}", "{\"a\":1}");
    differs("{\"a\":{}}", "{\"a\":{\"b\":1}}");
    differs("{}", "[]");
    differs("[]", "{}");
    differs("{\"a\":1}", "{\"a\":1,\"a\":1}");
    differs("{\"a\":1,...}", "{\"a\":1,\"a\":2}");
}

Test(pattern, an_ellipsis_lets_more_through) {
    matches("{\"a\":1,...}", "{\"a\":1,\"b\":2}");
    matches("{...}", "{}");
    differs("{\"a\":1,...}", "{\"b\":2}");
    matches("[1,...]", "[1,2,3]");
    matches("[...]", "[]");
    differs("[1,...]", "[2,1]");
    differs("[1,2,...]", "[1]");
    differs("{...}", "[]");
}

Test(pattern, members_may_be_optional_or_absent) {
    matches("{\"a\"?:1}", "{}");
    matches("{\"a\"?:1}", "{\"a\":1}");
    differs("{\"a\"?:1}", "{\"a\":2}");
    matches("{\"a\":<absent>,...}", "{\"b\":1}");
    differs("{\"a\":<absent>,...}", "{\"a\":null}");
}

Test(pattern, arrays_have_their_order_and_length) {
    matches("[1,2]", "[1,2]");
    differs("[1,2]", "[2,1]");
    differs("[1,2]", "[1]");
    differs("[1,2]", "[1,2,3]");
    differs("[[]]", "[[1]]");
}

Test(pattern, a_set_has_no_order) {
    matches("{\"s\":<set>[{\"n\":1},{\"n\":2}]}", "{\"s\":[{\"n\":2},{\"n\":1}]}");
    differs("{\"s\":<set>[1,1]}", "{\"s\":[1]}");
    differs("{\"s\":<set>[1]}", "{\"s\":[1,1]}");
    differs("{\"s\":<set>[1,2]}", "{\"s\":[1,3]}");
    matches("{\"s\":<set>[2,...]}", "{\"s\":[1,2,3]}");
    differs("{\"s\":<set>[4,...]}", "{\"s\":[1,2,3]}");
    differs("{\"s\":<set>[]}", "{\"s\":{}}");
    matches("<set>[2,1]", "[1,2]");
}

Test(pattern, one_of_takes_each_choice_and_no_other) {
    matches("[<one-of>[\"s\",\"d\"]]", "[\"s\"]");
    matches("[<one-of>[\"s\",\"d\"]]", "[\"d\"]");
    differs("[<one-of>[\"s\",\"d\"]]", "[\"r\"]");
    differs("[<one-of>[\"s\",\"d\"]]", "[\"sd\"]");
}

Test(pattern, a_capture_binds_once_and_then_compares) {
    matches("{\"a\":\"$x\",\"b\":\"$x\"}", "{\"a\":\"u\",\"b\":\"u\"}");
    cr_assert(bound("x", "u"));
    differs("{\"a\":\"$x\"}", "{\"a\":\"v\"}");
    matches("{\"n\":$n}", "{\"n\":17}");
    cr_assert(bound("n", "17"));
    matches("{\"n\":$n}", "{\"n\":17}");
    differs("{\"n\":$n}", "{\"n\":18}");
    differs("{\"n\":$n}", "{\"n\":\"17\"}");
    matches("{\"n\":\"$n\"}", "{\"n\":\"17\"}");
    differs("{\"n\":$x}", "{\"n\":17}");
    matches("{\"o\":$o}", "{\"o\":{\"a\":[1]}}");
    matches("{\"o\":$o}", "{\"o\":{\"a\":[1]}}");
    differs("{\"o\":$o}", "{\"o\":{\"a\":[2]}}");
}

Test(pattern, a_quoted_capture_takes_only_strings) {
    differs("{\"a\":\"$x\"}", "{\"a\":1}");
    cr_assert(not(bound("x", "1")));
}

Test(pattern, what_does_not_match_captures_nothing) {
    differs("{\"a\":\"$x\",\"b\":1}", "{\"a\":\"u\",\"b\":2}");
    cr_assert(eq(ptr, (void *)vars_get(&vars, DM_SLICE("x")), NULL));
    matches("<set>[{\"k\":\"$y\",\"v\":2},{\"k\":\"$z\",\"v\":1}]",
            "[{\"k\":\"one\",\"v\":1},{\"k\":\"two\",\"v\":2}]");
    cr_assert(bound("y", "two"));
    cr_assert(bound("z", "one"));
}

Test(pattern, strings_are_patterns) {
    matches("{\"m\":\"I am $x.\"}", "{\"m\":\"I am Ada.\"}");
    cr_assert(bound("x", "Ada"));
    matches("{\"m\":\"${x}s\"}", "{\"m\":\"Adas\"}");
    matches("{\"u\":\"http://<text>/files/<int $f>?exp=<int>\"}",
            "{\"u\":\"http://h:1/files/12?exp=99\"}");
    cr_assert(bound("f", "12"));
    differs("{\"u\":\"/files/<int>\"}", "{\"u\":\"/files/x\"}");
    differs("{\"u\":\"a<text>\"}", "{\"u\":\"a\"}");
    matches("{\"u\":\"<b>hi</b> $$5\"}", "{\"u\":\"<b>hi</b> $5\"}");
    matches("{\"u\":\"\\u003cint>\"}", "{\"u\":\"<int>\"}");
    differs("{\"u\":\"\\u003cint>\"}", "{\"u\":\"5\"}");
    matches("{\"u\":\"a\\n\\u00e9\\ud83d\\ude00\"}", "{\"u\":\"a\\né😀\"}");
}

static const struct {
    const char *matcher, *good, *bad;
} matchers[] = {
    { "<any>", "null", NULL },
    { "<int>", "-5", "5.0" },
    { "<int>", "18446744073709551615", "\"5\"" },
    { "<int 1..3>", "3", "4" },
    { "<int -2..-1>", "-2", "0" },
    { "<number>", "1.5", "\"1\"" },
    { "<bool>", "false", "0" },
    { "<string>", "\"\"", "null" },
    { "<text>", "\"x\"", "\"\"" },
    { "<object>", "{\"a\":1}", "[]" },
    { "<array>", "[1]", "{}" },
    { "<digits>", "\"0123\"", "\"12a\"" },
    { "<digits>", "\"1\"", "\"\"" },
    { "<uuid>", "\"a2d40043-9282-45dd-9eab-b72588c3a6d6\"",
      "\"A2D40043-9282-45dd-9eab-b72588c3a6d6\"" },
    { "<UUID>", "\"A2D40043-9282-45dd-9eab-b72588c3a6d6\"",
      "\"a2d40043928245dd9eabb72588c3a6d6\"" },
    { "<iso>", "\"2026-11-20T08:29:21.766487\"", "\"2026-11-20T08:29:21.766487Z\"" },
    { "<iso>", "\"2026-11-20T08:29:21.000000\"", "\"2026-11-20T08:29:21\"" },
    { "<iso>", "\"2026-11-20T08:29:21.000000\"", "\"2026-13-20T08:29:21.000000\"" },
    { "<iso>", "\"2026-11-20T08:29:21.000000\"", "\"2026-11-20 08:29:21.000000\"" },
    { "<iso>", "\"2026-11-20T08:29:21.000000\"", "\"2026-11-20T08:29:21.0000000\"" },
    { "<iso-z>", "\"2026-11-20T08:29:21.766487Z\"", "\"2026-11-20T08:29:21.766487\"" },
    { "<iso-offset>", "\"2026-11-20T08:29:21.766487+00:00\"", "\"2026-11-20T08:29:21.766487Z\"" },
    { "<time>", "\"2026-11-20T08:29:21\"", "\"2026-11-20\"" },
    { "<time>", "\"2026-11-20T08:29:21.7-03:30\"", "\"2026-11-20T08:29:21.\"" },
    { "<jwt>", "\"aA-_.b0.c\"", "\"a.b\"" },
    { "<jwt>", "\"a.b.c\"", "\"a..c\"" },
    { "<url>", "\"https://h/p?q=1\"", "\"/p\"" },
    { "<url>", "\"http://h\"", "\"http://\"" },
    { "<fill 3>", "\"xxx\"", "\"xxxx\"" },
};

Test(pattern, each_matcher_takes_what_it_names_and_nothing_else) {
    char pattern[128], text[256];
    for (size_t i = 0; i < sizeof(matchers) / sizeof(*matchers); i++) {
        snprintf(pattern, sizeof(pattern), "[%s]", matchers[i].matcher);
        snprintf(text, sizeof(text), "[%s]", matchers[i].good);
        matches(pattern, text);
        snprintf(text, sizeof(text), "[%s]", matchers[i].bad ? matchers[i].bad : "");
        differs(pattern, text);
    }
}

Test(pattern, a_matcher_captures) {
    matches("{\"id\":<uuid $id>}", "{\"id\":\"a2d40043-9282-45dd-9eab-b72588c3a6d6\"}");
    differs("{\"id\":<uuid $id>}", "{\"id\":\"b2d40043-9282-45dd-9eab-b72588c3a6d6\"}");
    matches("{\"n\":<int $n>}", "{\"n\":5}");
    differs("{\"n\":<int $n>}", "{\"n\":6}");
    matches("{\"n\":<int 1..9 $n>}", "{\"n\":5}");
}

Test(pattern, text_may_stand_before_the_json) {
    matches("43/chat,7[{\"id\":<int>}]", "43/chat,7[{\"id\":3}]");
    differs("43/chat,7[{\"id\":<int>}]", "43/chat,8[{\"id\":3}]");
    differs("43/chat,7[{\"id\":<int>}]", "43/chat,7");
    differs("43/chat,7[]", "[]");
    differs("[]", "7[]");
    matches("3probe", "3probe");
    differs("3probe", "3probe ");
    differs("2", "");
    matches("0{\"sid\":<text $sid>}", "0{\"sid\":\"abc\"}");
    matches("sid=$sid", "sid=abc");
    differs("sid=$sid", "sid=abd");
}

Test(pattern, packets_are_joined_by_a_separator) {
    matches("40{\"a\":1}<rs>2<rs>42[1]", "40{\"a\":1}\x1e" "2\x1e" "42[1]");
    differs("40{\"a\":1}<rs>2", "40{\"a\":1}");
    differs("40{\"a\":1}<rs>2", "40{\"a\":1}\x1e" "2\x1e" "3");
    differs("40{\"a\":1}", "40{\"a\":1}\x1e" "2");
}

Test(pattern, what_is_no_json_differs) {
    differs("{...}", "{\"a\":}");
    differs("{...}", "{} x");
    differs("{...}", "");
    differs("[...]", "[NaN]");
    differs("[...]", "[1,]");
    differs("{\"a\":<any>}", "{\"a\":\"\xff\"}");
}

Test(pattern, quoted_and_raw_forms_know_no_json) {
    cr_assert(eq(u32, differences_as(PATTERN_QUOTED, "\"a{b\\x01\"", "a{b\x01"), 0));
    cr_assert(ge(u32, differences_as(PATTERN_QUOTED, "\"a{b\"", "a{c"), 1));
    cr_assert(eq(u32, differences_as(PATTERN_RAW, "Bearer realm=\"<text>\"",
                                     "Bearer realm=\"api\""), 0));
    cr_assert(ge(u32, differences_as(PATTERN_RAW, "Bearer realm=\"<text>\"", "Bearer"), 1));
}

Test(pattern, the_report_names_path_expectation_and_value) {
    cr_assert(eq(u32, differences("{\"d\":{\"l\":[1,{\"state\":\"s\"}]}}",
                                  "{\"d\":{\"l\":[1,{\"state\":\"d\",\"x\":null}]}}"), 2));
    cr_assert(eq(str, report.data,
                 "  $.d.l[1].state\n    expected \"s\"\n    got      \"d\"\n"
                 "  $.d.l[1].x\n    expected (absent)\n    got      null\n"));
    vars_set(&vars, DM_SLICE("x"), VAR_TEXT, DM_SLICE("one"));
    cr_assert(eq(u32, differences("[$x]", "[\"two\"]"), 1));
    cr_assert(eq(str, report.data,
                 "  $[0]\n    expected $x, which is one\n    got      \"two\"\n"));
}

Test(pattern, the_report_has_an_end) {
    cr_assert(eq(u32, differences("[1,1,1,1,1,1,1,1,1,1]", "[2,2,2,2,2,2,2,2,2,2]"), 10));
    cr_assert(not(eq(ptr, strstr(report.data, "and 2 more"), NULL)));
}

Test(pattern, wrong_patterns_are_refused) {
    refused("{\"a\":1");
    refused("{\"a\" 1}");
    refused("{a:1}");
    refused("{\"a\":1,\"a\":2}");
    refused("{\"a\":1,}");
    refused("{...,\"a\":1}");
    refused("[1 2]");
    refused("[<uiud>]");
    refused("[<int 3..x>]");
    refused("[<set>{}]");
    refused("[\"<bool>\"]");
    refused("[\"\\q\"]");
    refused("[\"${x\"]");
    refused("[1] and more");
    refused("[--1]");
    refused("[nul]");
    refused("{\"$k\":1}");
}

Test(pattern, deep_nesting_is_refused) {
    char deep[512];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    deep[400] = '\0';
    refused(deep);
}

Test(pattern, a_hostile_text_ends) {
    char text[20001];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    differs("<text>a<text>a<text>a<text>b", text);
}
