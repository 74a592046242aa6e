#include "core/transcript/lines.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The line that begins at pos; empty behind the end. */
static struct dm_slice line_at(struct dm_slice text, size_t pos) {
    size_t start = pos < text.len ? pos : text.len;
    const char *end = memchr(text.ptr + start, '\n', text.len - start);
    return slice_sub(text, start, end ? (size_t)(end - text.ptr) : text.len);
}

struct dm_slice cut_line(struct dm_slice *rest) {
    struct dm_slice line = line_at(*rest, 0);
    *rest = slice_sub(*rest, line.len, rest->len);
    return slice_trim(line);
}

static size_t indent_of(struct dm_slice line) {
    size_t width = 0;
    for (size_t i = 0; i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'); i++)
        width += line.ptr[i] == '\t' ? 8 - width % 8 : 1;
    return width;
}

void lines_blank_comments(char *text, size_t len) {
    struct dm_slice all = { text, len };
    for (size_t pos = 0; pos < len;) {
        struct dm_slice line = line_at(all, pos);
        struct dm_slice shown = slice_trim(line);
        if (shown.len && shown.ptr[0] == '#')
            memset(text + pos, ' ', line.len);
        pos += line.len + 1;
    }
}

void lines_init(struct lines *lines, struct dm_slice text, unsigned first_line) {
    *lines = (struct lines){ .text = text, .line = first_line };
}

static void step_line(struct lines *lines, struct dm_slice line) {
    lines->pos += line.len + 1;
    lines->line++;
}

/* Whether a line goes on with the statement that began with this indentation. */
static int continues(struct dm_slice line, size_t indent) {
    struct dm_slice shown = slice_trim(line);
    size_t width = indent_of(line);
    if (shown.len == 0 || width > indent)
        return 1;
    return width == indent && (shown.ptr[0] == '}' || shown.ptr[0] == ']');
}

int lines_next(struct lines *lines, struct statement *ret) {
    struct dm_slice line = line_at(lines->text, lines->pos);
    while (lines->pos < lines->text.len && slice_trim(line).len == 0) {
        step_line(lines, line);
        line = line_at(lines->text, lines->pos);
    }
    if (lines->pos >= lines->text.len)
        return 0;
    size_t start = lines->pos;
    size_t indent = indent_of(line);
    *ret = (struct statement){ .head = slice_trim(line), .line = lines->line };
    step_line(lines, line);
    size_t body = lines->pos < lines->text.len ? lines->pos : lines->text.len;
    while (lines->pos < lines->text.len) {
        line = line_at(lines->text, lines->pos);
        if (!continues(line, indent))
            break;
        step_line(lines, line);
    }
    size_t end = lines->pos < lines->text.len ? lines->pos : lines->text.len;
    ret->body = slice_sub(lines->text, body, end);
    ret->all = slice_trim(slice_sub(lines->text, start, end));
    return 1;
}

int parse_fail(struct parse *parse, unsigned line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    parse->error->line = line;
    vsnprintf(parse->error->text, sizeof(parse->error->text), format, args);
    va_end(args);
    return -1;
}

unsigned statement_line(const struct statement *st, const char *at) {
    unsigned line = st->line;
    for (const char *p = st->all.ptr; p < at && p < st->all.ptr + st->all.len; p++)
        line += *p == '\n';
    return line;
}

static int is_word(struct dm_slice text, const char *extra) {
    if (text.len == 0 || !isalpha((unsigned char)text.ptr[0]))
        return 0;
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.ptr[i]) && (!text.ptr[i] || !strchr(extra, text.ptr[i])))
            return 0;
    return 1;
}

int is_name(struct dm_slice text) {
    return is_word(text, "_");
}

int is_client_name(struct dm_slice text) {
    return is_word(text, "_-");
}
