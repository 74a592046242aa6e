#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/server/config.h"

static struct config *config;

static void setup(void) {
    config = config_new();
}

static void teardown(void) {
    config_free(config);
}

TestSuite(config, .init = setup, .fini = teardown);

static int read_text(const char *text) {
    return config_read_text(config, "test.yaml", dm_slice_str(text));
}

Test(config, defaults_hold_without_a_file) {
    cr_assert(eq(str, (char *)config_string(config, "listen").ptr, "127.0.0.1:8080"));
    cr_assert(eq(i64, config_int(config, "limits.rate"), 200));
    cr_assert(eq(int, config_bool(config, "database.migrate"), 1));
    cr_assert(eq(ptr, (void *)config_string(config, "database.url").ptr, NULL));
}

Test(config, later_sources_win) {
    char *environment[] = { "OTHER=1", "DRAGOMAN_LIMITS_RATE=7", "DRAGOMAN_LIMITS_BURST=8", NULL };
    cr_assert(eq(int, read_text("limits:\n  rate: 5\n  burst: 6\n"), 0));
    cr_assert(eq(i64, config_int(config, "limits.rate"), 5));
    cr_assert(eq(int, config_read_environment(config, environment), 0));
    cr_assert(eq(i64, config_int(config, "limits.rate"), 7));
    cr_assert(eq(int, config_set(config, "limits.rate=9"), 0));
    cr_assert(eq(i64, config_int(config, "limits.rate"), 9));
    cr_assert(eq(i64, config_int(config, "limits.burst"), 8));
    cr_assert(eq(int, config_check_unknown(config), 0));
}

Test(config, an_unknown_key_is_an_error_with_its_place) {
    cr_assert(eq(int, read_text("limits:\n  rate: 5\n  rat: 6\n"), 0));
    cr_assert(eq(int, config_check_unknown(config), -EINVAL));
    cr_assert(eq(str, (char *)config_error(config), "test.yaml:3:8: unknown key limits.rat"));
}

Test(config, an_unknown_variable_is_an_error) {
    char *environment[] = { "DRAGOMAN_LIMITS_RAT=7", NULL };
    cr_assert(eq(int, config_read_environment(config, environment), 0));
    cr_assert(eq(int, config_check_unknown(config), -EINVAL));
    cr_assert(ne(ptr, strstr(config_error(config), "DRAGOMAN_LIMITS_RAT"), NULL));
}

Test(config, an_adapters_key_is_known_once_taken) {
    cr_assert(eq(int, read_text("adapters:\n- name: x\n  settings: {a: b}\n"), 0));
    struct dm_slice value = config_take(config, "adapters[0].settings.a");
    cr_assert(eq(str, (char *)value.ptr, "b"));
    cr_assert(eq(int, config_check_unknown(config), 0));
    cr_assert(eq(sz, config_count(config, "adapters"), 1));
}

static void refuses(const char *text, const char *error) {
    cr_assert(eq(int, read_text(text), -EINVAL), "%s", text);
    cr_assert(eq(str, (char *)config_error(config), (char *)error));
}

Test(config, a_number_out_of_range_is_refused) {
    refuses("limits:\n  burst: 0\n",
            "test.yaml:2:10: limits.burst must be a whole number from 1 to 4000000");
}

Test(config, a_number_with_a_tail_is_refused) {
    refuses("limits: {rate: 5x}",
            "test.yaml:1:16: limits.rate must be a whole number from 0 to 1000000");
}

Test(config, a_number_beyond_64_bits_is_refused) {
    refuses("limits: {rate: 99999999999999999999}",
            "test.yaml:1:16: limits.rate must be a whole number from 0 to 1000000");
}

Test(config, a_word_out_of_its_list_is_refused) {
    refuses("log:\n  level: loud\n",
            "test.yaml:2:10: log.level must be one of: debug, info, warning, error");
}

Test(config, a_key_given_twice_is_refused) {
    refuses("listen: a:1\nlisten: b:2\n", "test.yaml:2:1: key listen is given twice");
}

Test(config, a_document_that_is_no_mapping_is_refused) {
    refuses("hello", "test.yaml:1:1: the file must be a mapping");
}

Test(config, broken_yaml_names_its_line) {
    cr_assert(eq(int, read_text("limits: {rate: 5\nlog: x"), -EINVAL));
    cr_assert(eq(int, strncmp(config_error(config), "test.yaml:2:", 12), 0));
}

Test(config, nesting_is_bounded) {
    cr_assert(eq(int, read_text("a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}"), -EINVAL));
}

Test(config, a_nul_in_a_value_is_refused) {
    cr_assert(eq(int, read_text("listen: \"a\\0b\""), -EINVAL));
}

Test(config, an_assignment_needs_a_key_and_a_sign) {
    cr_assert(eq(int, config_set(config, "=5"), -EINVAL));
    cr_assert(eq(int, config_set(config, "limits.rate"), -EINVAL));
}

Test(config, a_missing_file_says_so) {
    cr_assert(eq(int, config_read_file(config, "/nonexistent/x.yaml"), -ENOENT));
    cr_assert(ne(ptr, strstr(config_error(config), "/nonexistent/x.yaml"), NULL));
}

Test(config, null_is_the_default_again) {
    cr_assert(eq(int, read_text("public_url: null\nlisten:\n"), 0));
    cr_assert(eq(ptr, (void *)config_string(config, "public_url").ptr, NULL));
    cr_assert(eq(str, (char *)config_string(config, "listen").ptr, "127.0.0.1:8080"));
}

Test(config, secrets_are_masked_when_shown) {
    struct buf yaml = BUF_INIT;
    cr_assert(eq(int, config_set(config, "database.url=postgresql://u:geheim@h/d"), 0));
    cr_assert(eq(int, read_text("auth: {issuers: [{secret: geheim}]}"), 0));
    config_show(config, &yaml);
    buf_append_char(&yaml, '\0');
    cr_assert(eq(ptr, strstr(yaml.data, "geheim"), NULL));
    cr_assert(ne(ptr, strstr(yaml.data, "***"), NULL));
    buf_fini(&yaml);
}

Test(config, the_example_is_valid_and_names_every_setting) {
    struct buf text = BUF_INIT;
    cr_assert(eq(int, config_read_file(config, EXAMPLE_FILE), 0), "%s", config_error(config));
    cr_assert(eq(int, config_check_unknown(config), 0));
    FILE *file = fopen(EXAMPLE_FILE, "r");
    text.len = fread(buf_reserve(&text, 65536), 1, 65535, file);
    fclose(file);
    buf_append_char(&text, '\0');
    for (const struct config_setting *s = config_settings; s->path; s++) {
        char key[64];
        const char *dot = strrchr(s->path, '.');
        snprintf(key, sizeof(key), "%s:", dot ? dot + 1 : s->path);
        char *list = strstr(key, "[]");
        if (list)
            strcpy(list, ":");
        cr_assert(ne(ptr, strstr(text.data, key), NULL), "%s is not in the example", s->path);
    }
    buf_fini(&text);
}

Test(config, the_example_shows_the_defaults) {
    struct config *empty = config_new();
    struct buf with = BUF_INIT, without = BUF_INIT;
    cr_assert(eq(int, config_read_file(config, EXAMPLE_FILE), 0));
    config_show(config, &with);
    config_show(empty, &without);
    buf_append_char(&with, '\0');
    buf_append_char(&without, '\0');
    cr_assert(eq(str, with.data, without.data));
    buf_fini(&with);
    buf_fini(&without);
    config_free(empty);
}

static void note_path(void *owner, const char *path) {
    buf_printf(owner, "%s ", path);
}

Test(config, a_difference_is_told_by_values_in_effect) {
    struct config *other = config_new();
    struct buf paths = BUF_INIT;
    const char *text = "limits: {rate: 200, burst: 5}\nlisten: a:1\nadapters:\n- name: x\n"
                       "  settings: {a: b}\n";
    cr_assert(eq(int, read_text(text), 0));
    cr_assert(eq(int, config_set(other, "state=/s"), 0));
    cr_assert(eq(int, config_set(other, "limits.burst=6"), 0));
    config_diff(config, other, note_path, &paths);
    buf_append_char(&paths, '\0');
    cr_assert(eq(str, paths.data, "adapters[0].name limits.burst listen state "));
    buf_reset(&paths);
    config_diff(config, config, note_path, &paths);
    cr_assert(eq(sz, paths.len, 0));
    buf_fini(&paths);
    config_free(other);
}
