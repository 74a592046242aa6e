#include "core/server/line_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check.h"

#define MAX 600000

static char path[64];

static void write_file(const void *bytes, size_t len) {
    snprintf(path, sizeof(path), "/tmp/line-file-XXXXXX");
    int fd = mkstemp(path);
    check_true(fd >= 0);
    check_true(write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

static void expect(struct line_file *file, enum line_kind kind, const char *text,
                   uint64_t number) {
    struct dm_slice line = DM_SLICE_NONE;
    check_true(line_file_next(file, &line) == (int)kind);
    check_true(file->number == number);
    if (kind == LINE_TEXT)
        check_slice(line, dm_slice_str(text));
}

static void open_and_forget(struct line_file *file, size_t max) {
    check_true(line_file_open(file, path, max) == 0);
    unlink(path);
}

Test(line_file, lines_with_and_without_their_ends) {
    struct line_file file;
    write_file("a\n\r\nb\r\n\nlast", 12);
    open_and_forget(&file, MAX);
    check_true(file.size == 12);
    expect(&file, LINE_TEXT, "a", 1);
    expect(&file, LINE_TEXT, "", 2);
    expect(&file, LINE_TEXT, "b", 3);
    expect(&file, LINE_TEXT, "", 4);
    expect(&file, LINE_TEXT, "last", 5);
    expect(&file, LINE_END, NULL, 5);
    expect(&file, LINE_END, NULL, 5);
    check_true(file.read == 12);
    line_file_close(&file);
}

Test(line_file, an_empty_file_has_no_line) {
    struct line_file file;
    write_file("", 0);
    open_and_forget(&file, MAX);
    expect(&file, LINE_END, NULL, 0);
    line_file_close(&file);
}

Test(line_file, a_long_line_is_passed_over_in_bounded_memory) {
    size_t len = 8 * MAX;
    char *bytes = malloc(len);
    struct line_file file;
    memset(bytes, 'x', len);
    memcpy(bytes, "one\n", 4);
    bytes[7 * MAX] = '\n';
    memcpy(bytes + 7 * MAX + 1, "two\n", 4);
    write_file(bytes, 7 * MAX + 5);
    open_and_forget(&file, MAX);
    expect(&file, LINE_TEXT, "one", 1);
    expect(&file, LINE_TOO_LONG, NULL, 2);
    expect(&file, LINE_TEXT, "two", 3);
    line_file_close(&file);
    free(bytes);
}

Test(line_file, a_line_of_the_limit_is_taken_and_one_byte_more_is_not) {
    struct line_file file;
    write_file("12345\n123456\n12345", 18);
    open_and_forget(&file, 5);
    expect(&file, LINE_TEXT, "12345", 1);
    expect(&file, LINE_TOO_LONG, NULL, 2);
    expect(&file, LINE_TEXT, "12345", 3);
    line_file_close(&file);
}

Test(line_file, a_long_line_without_its_end_is_told_of) {
    struct line_file file;
    write_file("1\n123456", 8);
    open_and_forget(&file, 5);
    expect(&file, LINE_TEXT, "1", 1);
    expect(&file, LINE_TOO_LONG, NULL, 2);
    expect(&file, LINE_END, NULL, 2);
    line_file_close(&file);
}

Test(line_file, what_is_not_there_says_so) {
    struct line_file file;
    check_true(line_file_open(&file, "/nonexistent/users.jsonl", MAX) == -ENOENT);
}
