#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "core/transcript/template.h"

static struct arena arena;
static struct refs refs;
static struct vars vars;
static struct buf out;

static void setup(void) {
    arena_init(&arena, 4096);
    refs_init(&refs, &arena);
    vars_init(&vars);
    buf_init(&out);
    vars_set(&vars, DM_SLICE("name"), VAR_TEXT, DM_SLICE("A \"d\" a\n\x01"));
    vars_set(&vars, DM_SLICE("id"), VAR_JSON, DM_SLICE("17"));
    vars_set(&vars, DM_SLICE("bob.token"), VAR_TEXT, DM_SLICE("t.o.k"));
}

static void teardown(void) {
    buf_fini(&out);
    vars_fini(&vars);
    arena_fini(&arena);
}

TestSuite(template, .init = setup, .fini = teardown);

static const char *render(const char *src, enum template_form form) {
    struct template *template;
    struct dm_slice unbound = DM_SLICE_NONE;
    const char *error = template_parse(&arena, dm_slice_str(src), form, &refs, &template);
    buf_reset(&out);
    if (error)
        return "(refused)";
    if (template_render(template, &vars, &out, &unbound) < 0) {
        buf_reset(&out);
        buf_printf(&out, "(unbound %.*s)", DM_SLICE_FMT(unbound));
    }
    buf_append_char(&out, '\0');
    return out.data;
}

static void renders(const char *src, enum template_form form, const char *expected) {
    cr_expect(eq(str, (char *)render(src, form), (char *)expected));
}

Test(template, variables_stand_as_the_place_needs_it) {
    renders("{\"a\":\"$name\",\"b\":$name,\"c\":$id,\"d\":\"$id\"}", TEMPLATE_FRAME,
            "{\"a\":\"A \\\"d\\\" a\\n\\u0001\",\"b\":\"A \\\"d\\\" a\\n\\u0001\","
            "\"c\":17,\"d\":\"17\"}");
    renders("42/$bob.token,[\"\\\"$id\",$bob.token]", TEMPLATE_FRAME,
            "42/t.o.k,[\"\\\"17\",\"t.o.k\"]");
    renders("/x?t=$bob.token&i=${id}0", TEMPLATE_RAW, "/x?t=t.o.k&i=170");
    renders("{$id}", TEMPLATE_RAW, "{17}");
}

Test(template, bad_json_goes_out_as_written) {
    renders("{\"o\":", TEMPLATE_FRAME, "{\"o\":");
    renders("nonsense <b> \\n", TEMPLATE_FRAME, "nonsense <b> \\n");
    renders("$$5 $ $-", TEMPLATE_FRAME, "$5 $ $-");
}

Test(template, quotes_know_escapes) {
    renders("\"a\\tb\\u00e9\\\"\\\\\" \"-$id\"", TEMPLATE_QUOTED, "a\tb\xc3\xa9\"\\-17");
    render("\"\\xff\\x00\\x1e\"", TEMPLATE_QUOTED);
    cr_assert(eq(sz, out.len, 4));
    cr_assert(eq(int, memcmp(out.data, "\xff\x00\x1e", 3), 0));
    renders("\"\\q\"", TEMPLATE_QUOTED, "(refused)");
    renders("\"open", TEMPLATE_QUOTED, "(refused)");
    renders("\"a\" b", TEMPLATE_QUOTED, "(refused)");
}

Test(template, fills_and_separators) {
    renders("{\"m\":\"<fill 5>\"}", TEMPLATE_FRAME, "{\"m\":\"xxxxx\"}");
    renders("4{\"a\":1}<rs>$name", TEMPLATE_FRAME, "4{\"a\":1}\x1e" "A \"d\" a\n\x01");
    renders("<fill x>", TEMPLATE_FRAME, "(refused)");
}

Test(template, an_unbound_variable_is_named) {
    renders("{\"a\":\"$nobody\"}", TEMPLATE_FRAME, "(unbound nobody)");
    renders("$bob.name", TEMPLATE_RAW, "(unbound bob.name)");
    renders("$bob.token.", TEMPLATE_RAW, "t.o.k.");
    renders("${bob.token}x", TEMPLATE_RAW, "t.o.kx");
    renders("${bob.token", TEMPLATE_RAW, "(refused)");
}
