#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/adapter/json_read.h"
#include "core/base/buf.h"
#include "tests/unit/check.h"

static struct json_reader reader;

static void setup(void) {
    json_reader_init(&reader);
}

static void teardown(void) {
    json_reader_fini(&reader);
}

TestSuite(json_read, .init = setup, .fini = teardown);

static const struct dm_json *parse(const char *text) {
    return json_reader_parse(&reader, dm_slice_str(text));
}

Test(json_read, knows_the_type_of_each_value) {
    cr_expect_eq(json_value_type(parse("null")), DM_JSON_NULL);
    cr_expect_eq(json_value_type(parse("true")), DM_JSON_BOOL);
    cr_expect_eq(json_value_type(parse("-7")), DM_JSON_INT);
    cr_expect_eq(json_value_type(parse("9223372036854775807")), DM_JSON_INT);
    cr_expect_eq(json_value_type(parse("9223372036854775808")), DM_JSON_REAL);
    cr_expect_eq(json_value_type(parse("123456789012345678901234567890")), DM_JSON_REAL);
    cr_expect_eq(json_value_type(parse("-9223372036854775808")), DM_JSON_INT);
    cr_expect_eq(json_value_int(parse("-9223372036854775808")), INT64_MIN);
    cr_expect_eq(json_value_type(parse("-9223372036854775809")), DM_JSON_REAL);
    cr_expect_eq(json_value_int(parse("-9223372036854775809")), 0);
    cr_expect_eq(json_value_type(parse("-0")), DM_JSON_INT);
    cr_expect_eq(json_value_type(parse("1.0")), DM_JSON_REAL);
    cr_expect_eq(json_value_type(parse("1E5")), DM_JSON_REAL);
    cr_expect_eq(json_value_type(parse("\"\"")), DM_JSON_STRING);
    cr_expect_eq(json_value_type(parse("[]")), DM_JSON_ARRAY);
    cr_expect_eq(json_value_type(parse("{}")), DM_JSON_OBJECT);
    cr_expect_eq(json_value_type(NULL), DM_JSON_NONE);
}

Test(json_read, refuses_what_is_no_json) {
    static const char *const bad[] = {
        "", " ", "{", "[1,]", "{\"a\":1,}", "{'a':1}", "NaN", "Infinity", "// x\n1", "1 2", "01",
        "\"\\ud800\"", "\"\\ud800x\"", "\"\xff\"", "\"\xc0\x80\"", "\"\n\"", "tru", "+1",
        "\xef\xbb\xbf{}", "\"\xed\xa0\x80\"",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_null(parse(bad[i]), "%s", bad[i]);
    cr_expect_null(json_reader_parse(&reader, DM_SLICE_NONE));
    cr_expect_null(json_reader_parse(&reader, DM_SLICE("1\0")));
}

static void nest(struct buf *buf, int depth) {
    buf_reset(buf);
    for (int i = 0; i < depth; i++)
        buf_append_str(buf, i % 2 ? "[" : "{\"a\":");
    buf_append_str(buf, "1");
    for (int i = depth; i > 0; i--)
        buf_append_char(buf, (i - 1) % 2 ? ']' : '}');
}

Test(json_read, allows_a_depth_of_128_and_no_more) {
    struct buf buf = BUF_INIT;

    nest(&buf, 128);
    cr_expect_not_null(json_reader_parse(&reader, buf_slice(&buf)));
    nest(&buf, 129);
    cr_expect_null(json_reader_parse(&reader, buf_slice(&buf)));
    nest(&buf, 100000);
    cr_expect_null(json_reader_parse(&reader, buf_slice(&buf)));
    buf_fini(&buf);
}

Test(json_read, keeps_large_texts_until_the_reset) {
    struct buf buf = BUF_INIT;
    const struct dm_json *value;

    buf_append_str(&buf, "[");
    for (int i = 0; i < 20000; i++)
        buf_printf(&buf, "%d,", i);
    buf_append_str(&buf, "\"end\"]");
    value = json_reader_parse(&reader, buf_slice(&buf));
    cr_assert_not_null(value);
    cr_expect_eq(json_value_count(value), 20001);
    cr_expect_not_null(parse("{}"));
    cr_expect_eq(json_value_count(value), 20001);
    json_reader_reset(&reader);
    cr_expect_not_null(parse("[]"));
    buf_fini(&buf);
}

Test(json_read, walks_arrays) {
    const struct dm_json *array = parse("[1,[2,3],\"x\"]"), *value;

    value = json_value_next(array, NULL);
    cr_expect_eq(json_value_int(value), 1);
    value = json_value_next(array, value);
    cr_expect_eq(json_value_count(value), 2);
    value = json_value_next(array, value);
    check_slice(json_value_string(value), DM_SLICE("x"));
    cr_expect_null(json_value_next(array, value));
    cr_expect_null(json_value_next(parse("[]"), NULL));
    cr_expect_null(json_value_next(parse("{\"a\":1}"), NULL));
    cr_expect_null(json_value_next(NULL, NULL));
}

Test(json_read, says_values_again_as_they_were) {
    check_slice(json_reader_text(&reader, parse(" { \"a\" : [1, null,\"\\u00e9\\u0000\"] } ")),
                DM_SLICE("{\"a\":[1,null,\"\xc3\xa9\\u0000\"]}"));
    check_slice(json_reader_text(&reader, parse("123456789012345678901234567890")),
                DM_SLICE("123456789012345678901234567890"));
    check_slice(json_reader_text(&reader, NULL), DM_SLICE("null"));
    check_slice(json_reader_text(&reader, parse("[1E5,-0,1e-7,0.10,9007199254740993.0,1e999,"
                                                "0.1000000000000000055511151231257827]")),
                DM_SLICE("[1E5,-0,1e-7,0.10,9007199254740993.0,1e999,"
                         "0.1000000000000000055511151231257827]"));
}

Test(json_read, keeps_a_nul_inside_a_string) {
    check_slice(json_value_string(parse("\"a\\u0000b\"")), DM_SLICE("a\0b"));
}

struct target {
    struct dm_slice text;
    int64_t number, loose;
    struct dm_uuid uuid;
    const struct dm_json *any, *array, *object;
    struct dm_slice scalar;
};

static const struct dm_field rows[] = {
    { "text", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct target, text) },
    { "number", DM_FIELD_INT, DM_FIELD_NULLABLE, offsetof(struct target, number) },
    { "loose", DM_FIELD_INT_LOOSE, 0, offsetof(struct target, loose) },
    { "uuid", DM_FIELD_UUID, 0, offsetof(struct target, uuid) },
    { "any", DM_FIELD_VALUE, 0, offsetof(struct target, any) },
    { "array", DM_FIELD_ARRAY, 0, offsetof(struct target, array) },
    { "object", DM_FIELD_OBJECT, 0, offsetof(struct target, object) },
    { "scalar", DM_FIELD_SCALAR, 0, offsetof(struct target, scalar) },
};
static const struct dm_table table = DM_TABLE(rows);

static const char *decode(const char *text, struct target *ret_target) {
    const char *field = NULL;

    memset(ret_target, 0, sizeof(*ret_target));
    return json_reader_decode(&reader, parse(text), &table, ret_target, &field) == 0 ? NULL
                                                                                    : field;
}

Test(json_read, decodes_by_table) {
    struct target target;

    cr_assert_null(decode("{\"text\":\"t\",\"number\":5,\"loose\":\"-12\",\"any\":null,"
                          "\"uuid\":\"A2D40043-9282-45dd-9eab-b72588c3a6d6\",\"array\":[1],"
                          "\"object\":{},\"scalar\":42,\"extra\":1}", &target));
    check_slice(target.text, DM_SLICE("t"));
    cr_expect_eq(target.number, 5);
    cr_expect_eq(target.loose, -12);
    cr_expect_eq(target.uuid.bytes[0], 0xa2);
    cr_expect_eq(json_value_type(target.any), DM_JSON_NULL);
    cr_expect_eq(json_value_count(target.array), 1);
    cr_expect_not_null(target.object);
    check_slice(target.scalar, DM_SLICE("42"));
}

Test(json_read, takes_a_scalar_as_it_is_written) {
    static const char *const texts[] = {
        "0", "-7", "9223372036854775808", "123456789012345678901234567890", NULL,
    };
    struct target target;
    char json[80];

    for (size_t i = 0; texts[i]; i++) {
        snprintf(json, sizeof(json), "{\"text\":\"\",\"scalar\":%s}", texts[i]);
        cr_assert_null(decode(json, &target), "%s", texts[i]);
        check_slice(target.scalar, dm_slice_str(texts[i]));
        snprintf(json, sizeof(json), "{\"text\":\"\",\"scalar\":\"%s\"}", texts[i]);
        cr_assert_null(decode(json, &target), "%s", texts[i]);
        check_slice(target.scalar, dm_slice_str(texts[i]));
    }
}

Test(json_read, names_the_field_at_fault) {
    static const struct {
        const char *text, *field;
    } cases[] = {
        { "{}", "text" }, { "{\"text\":null}", "text" }, { "{\"text\":1}", "text" },
        { "{\"text\":\"\",\"number\":\"5\"}", "number" },
        { "{\"text\":\"\",\"number\":5.0}", "number" },
        { "{\"text\":\"\",\"loose\":\"\"}", "loose" },
        { "{\"text\":\"\",\"loose\":\" 5\"}", "loose" },
        { "{\"text\":\"\",\"loose\":\"5x\"}", "loose" },
        { "{\"text\":\"\",\"loose\":\"+5\"}", "loose" },
        { "{\"text\":\"\",\"loose\":\"99999999999999999999\"}", "loose" },
        { "{\"text\":\"\",\"loose\":null}", "loose" },
        { "{\"text\":\"\",\"uuid\":\"x\"}", "uuid" }, { "{\"text\":\"\",\"array\":{}}", "array" },
        { "{\"text\":\"\",\"object\":[]}", "object" },
        { "{\"text\":\"\",\"scalar\":1.5}", "scalar" },
        { "{\"text\":\"\",\"scalar\":1e3}", "scalar" },
        { "{\"text\":\"\",\"scalar\":true}", "scalar" },
        { "[]", "" }, { "1", "" },
    };
    struct target target;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *field = decode(cases[i].text, &target);

        cr_assert_not_null(field, "%s", cases[i].text);
        cr_expect_str_eq(field, cases[i].field, "%s", cases[i].text);
    }
    cr_expect_null(decode("{\"text\":\"\",\"number\":null}", &target));
}

/* A row of a later minor: the same, with something behind. */
struct longer_field {
    struct dm_field known;
    const char *later[3];
};

Test(json_read, reads_rows_longer_than_it_knows) {
    static const struct longer_field longer[] = {
        { { "text", DM_FIELD_STRING, DM_FIELD_REQUIRED, offsetof(struct target, text) },
          { "a", "b", "c" } },
        { { "number", DM_FIELD_INT, 0, offsetof(struct target, number) }, { "d", "e", "f" } },
    };
    const struct dm_table long_table = DM_TABLE(longer);
    struct target target = { 0 };
    const char *field;

    cr_assert_eq(json_reader_decode(&reader, parse("{\"text\":\"t\",\"number\":3}"), &long_table,
                                    &target, &field), 0);
    cr_expect_eq(target.number, 3);
}
