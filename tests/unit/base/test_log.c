#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/utf8.h"
#include "tests/unit/check.h"

#define NOW 1795163361766487

static void check_line(enum log_format format, const struct log_field *fields, size_t count,
                       const char *expected) {
    char line[LOG_LINE_MAX];
    size_t len = log_format_line(format, NOW, LOG_LEVEL_INFO, "hi", fields, count, line);
    check_slice(((struct dm_slice){ line, len }), dm_slice_str(expected));
}

#define LOGFMT_HEAD "ts=2026-11-20T08:29:21.766487Z level=info msg=hi"
#define JSON_HEAD "{\"ts\":\"2026-11-20T08:29:21.766487Z\",\"level\":\"info\",\"msg\":\"hi\""

static void check_field(struct log_field field, const char *logfmt, const char *json) {
    char expected[LOG_LINE_MAX];
    snprintf(expected, sizeof(expected), LOGFMT_HEAD " %s\n", logfmt);
    check_line(LOG_FORMAT_LOGFMT, &field, 1, expected);
    snprintf(expected, sizeof(expected), JSON_HEAD ",%s}\n", json);
    check_line(LOG_FORMAT_JSON, &field, 1, expected);
}

Test(log_line, without_fields) {
    check_line(LOG_FORMAT_LOGFMT, NULL, 0, LOGFMT_HEAD "\n");
    check_line(LOG_FORMAT_JSON, NULL, 0, JSON_HEAD "}\n");
}

/* Criterion runs each test in a process of its own. */
Test(log_line, names_its_worker) {
    log_set_worker(2);
    check_field(LOG_STR("k", "word"), "worker=2 k=word", "\"worker\":2,\"k\":\"word\"");
}

Test(log_line, writes_each_kind) {
    struct dm_uuid uuid = { { 0x12, 0x34 } };
    check_field(LOG_STR("k", "word"), "k=word", "\"k\":\"word\"");
    check_field(LOG_STR("k", ""), "k=\"\"", "\"k\":\"\"");
    check_field(LOG_STR("k", NULL), "k=", "\"k\":null");
    check_field(LOG_SLICE("k", DM_SLICE("two words")), "k=\"two words\"", "\"k\":\"two words\"");
    check_field(LOG_INT("k", -5), "k=-5", "\"k\":-5");
    check_field(LOG_INT("k", INT64_MIN), "k=-9223372036854775808", "\"k\":-9223372036854775808");
    check_field(LOG_UINT("k", UINT64_MAX), "k=18446744073709551615",
                "\"k\":18446744073709551615");
    check_field(LOG_ERRNO("k", -ECONNRESET), "k=ECONNRESET", "\"k\":\"ECONNRESET\"");
    check_field(LOG_ERRNO("k", ENOENT), "k=ENOENT", "\"k\":\"ENOENT\"");
    check_field(LOG_ERRNO("k", -4095), "k=-4095", "\"k\":-4095");
    check_field(LOG_ERRNO("k", INT64_MIN), "k=-9223372036854775808",
                "\"k\":-9223372036854775808");
    check_field(LOG_UUID("k", &uuid), "k=12340000-0000-0000-0000-000000000000",
                "\"k\":\"12340000-0000-0000-0000-000000000000\"");
    check_field(LOG_UUID("k", NULL), "k=", "\"k\":null");
}

Test(log_line, escapes_what_could_forge_a_line) {
    check_field(LOG_STR("k", "a\nlevel=error"), "k=\"a\\nlevel=error\"",
                "\"k\":\"a\\nlevel=error\"");
    check_field(LOG_STR("k", "\r\t\b"), "k=\"\\r\\t\\u0008\"", "\"k\":\"\\r\\t\\u0008\"");
    check_field(LOG_STR("k", "\x1b[31m\x7f"), "k=\"\\u001b[31m\\u007f\"",
                "\"k\":\"\\u001b[31m\\u007f\"");
    check_field(LOG_STR("k", "\xc2\x9b"), "k=\"\\u009b\"", "\"k\":\"\\u009b\"");
    check_field(LOG_STR("k", "\"\\"), "k=\"\\\"\\\\\"", "\"k\":\"\\\"\\\\\"");
    check_field(LOG_STR("k", "a=b"), "k=\"a=b\"", "\"k\":\"a=b\"");
    check_field(LOG_STR("k", "gr\xc3\xbc\xc3\x9f"), "k=\"gr\xc3\xbc\xc3\x9f\"",
                "\"k\":\"gr\xc3\xbc\xc3\x9f\"");
    check_field(LOG_STR("k", "a\xff"), "k=\"a\\xff\"", "\"k\":\"a\\ufffd\"");
    check_field(LOG_SLICE("k", DM_SLICE("a\0b")), "k=\"a\\u0000b\"", "\"k\":\"a\\u0000b\"");
    check_field(LOG_STR("a b\"=\n", "v"), "a_b___=v", "\"a_b___\":\"v\"");
}

static struct dm_slice text_of(char c, size_t len) {
    char *text = malloc(len);
    memset(text, c, len);
    return (struct dm_slice){ text, len };
}

Test(log_line, cuts_a_long_value) {
    char expected[LOG_LINE_MAX];
    struct dm_slice text = text_of('x', LOG_VALUE_MAX + 1);
    snprintf(expected, sizeof(expected), LOGFMT_HEAD " k=\"%.*s...\" n=1\n", LOG_VALUE_MAX,
             text.ptr);
    struct log_field fields[] = { LOG_SLICE("k", text), LOG_INT("n", 1) };
    check_line(LOG_FORMAT_LOGFMT, fields, 2, expected);
    fields[0].value.text.len = LOG_VALUE_MAX;
    snprintf(expected, sizeof(expected), LOGFMT_HEAD " k=%.*s n=1\n", LOG_VALUE_MAX, text.ptr);
    check_line(LOG_FORMAT_LOGFMT, fields, 2, expected);
    free((char *)text.ptr);
}

Test(log_line, leaves_out_what_finds_no_room) {
    char line[LOG_LINE_MAX];
    struct dm_slice text = text_of('\x01', 1000);
    struct log_field fields[] = { LOG_INT("a", 1), LOG_SLICE("big", text), LOG_INT("b", 2) };
    size_t len = log_format_line(LOG_FORMAT_JSON, NOW, LOG_LEVEL_INFO, "hi", fields, 3, line);
    check_slice(((struct dm_slice){ line, len }),
                DM_SLICE(JSON_HEAD ",\"a\":1,\"b\":2,\"truncated\":true}\n"));
    len = log_format_line(LOG_FORMAT_LOGFMT, NOW, LOG_LEVEL_INFO, "hi", fields, 3, line);
    check_slice(((struct dm_slice){ line, len }),
                DM_SLICE(LOGFMT_HEAD " a=1 b=2 truncated=true\n"));
    free((char *)text.ptr);
}

Test(log_line, any_input_gives_one_bounded_printable_line) {
    uint64_t state = 31;
    for (int round = 0; round < 3000; round++) {
        char bytes[4][1200];
        char line[LOG_LINE_MAX];
        struct log_field fields[4];
        for (size_t i = 0; i < 4; i++) {
            size_t len = sequence_next(&state) % sizeof(bytes[i]);
            for (size_t k = 0; k < len; k++)
                bytes[i][k] = (char)(sequence_next(&state) >> (round % 2));
            fields[i] = LOG_SLICE("key", ((struct dm_slice){ bytes[i], len }));
        }
        enum log_format format = round % 3 ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT;
        size_t len = log_format_line(format, NOW, LOG_LEVEL_ERROR, "hi", fields,
                                     sequence_next(&state) % 5, line);
        check_true(len > 0 && len <= LOG_LINE_MAX && line[len - 1] == '\n');
        cr_assert(eq(int, utf8_valid((struct dm_slice){ line, len }), 1));
        for (size_t k = 0; k + 1 < len; k++)
            check_true((unsigned char)line[k] >= ' ' && line[k] != 0x7f);
    }
}

static size_t read_all(int fd, char *text, size_t size) {
    ssize_t len = pread(fd, text, size - 1, 0);
    cr_assert(ge(int, (int)len, 0));
    text[len] = '\0';
    return (size_t)len;
}

static int evaluated;

static int count_evaluation(void) {
    return ++evaluated;
}

Test(log, the_level_is_checked_before_the_fields) {
    char text[1024];
    int fd = memfd_create("log", 0);
    log_init(LOG_LEVEL_WARNING, LOG_FORMAT_JSON, fd);
    log_event(LOG_LEVEL_INFO, "quiet", LOG_INT("n", count_evaluation()));
    cr_assert(eq(int, evaluated, 0));
    cr_assert(eq(sz, read_all(fd, text, sizeof(text)), 0));
    log_event(LOG_LEVEL_WARNING, "loud", LOG_INT("n", count_evaluation()));
    cr_assert(eq(int, evaluated, 1));
    read_all(fd, text, sizeof(text));
    check_true(strstr(text, "\"level\":\"warning\",\"msg\":\"loud\",\"n\":1}\n"));
    log_set_level(LOG_LEVEL_DEBUG);
    cr_assert(eq(int, (int)log_get_level(), LOG_LEVEL_DEBUG));
    log_event(LOG_LEVEL_DEBUG, "no fields");
    read_all(fd, text, sizeof(text));
    check_true(strstr(text, "\"level\":\"debug\",\"msg\":\"no fields\"}\n"));
    cr_assert(eq(u64, log_dropped(), 0));
    close(fd);
}

Test(log, a_full_pipe_drops_and_counts) {
    int fds[2];
    cr_assert(eq(int, pipe2(fds, O_NONBLOCK), 0));
    log_init(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, fds[1]);
    for (int i = 0; i < 5000; i++) {
        errno = ENOENT;
        log_event(LOG_LEVEL_INFO, "filling the pipe", LOG_INT("i", i));
        cr_assert(eq(int, errno, ENOENT));
    }
    cr_assert(gt(u64, log_dropped(), 0));
    cr_assert(lt(u64, log_dropped(), 5000));
    char text[64];
    cr_assert(eq(sz, (size_t)read(fds[0], text, sizeof(text)), sizeof(text)));
    close(fds[0]);
    close(fds[1]);
}

Test(log, a_closed_descriptor_is_survived) {
    log_init(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, -1);
    log_event(LOG_LEVEL_ERROR, "nobody hears");
    cr_assert(eq(u64, log_dropped(), 1));
}

Test(log, level_names_are_read_back) {
    enum log_level level = LOG_LEVEL_ERROR;
    for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++) {
        cr_assert(eq(int, log_level_parse(dm_slice_str(log_level_name((enum log_level)i)),
                                          &level), 0));
        cr_assert(eq(int, (int)level, i));
    }
    cr_assert(eq(int, log_level_parse(DM_SLICE("warn"), &level), 0));
    cr_assert(eq(int, (int)level, LOG_LEVEL_WARNING));
    cr_assert(eq(int, log_level_parse(DM_SLICE("loud"), &level), -EINVAL));
    cr_assert(eq(int, log_level_parse(DM_SLICE("INFO"), &level), -EINVAL));
    cr_assert(eq(int, log_level_parse(DM_SLICE_NONE, &level), -EINVAL));
    cr_assert(eq(int, (int)level, LOG_LEVEL_WARNING));
    check_slice(dm_slice_str(log_level_name((enum log_level)99)), DM_SLICE("unknown"));
}
