#include "core/transcript/scan.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/uuid.h"

static int is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int is_name_start(char c) {
    return isalpha((unsigned char)c) || c == '_';
}

static int is_name(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

void refs_init(struct refs *refs, struct arena *arena) {
    *refs = (struct refs){ .arena = arena };
    refs->tail = &refs->first;
}

void refs_add(struct refs *refs, struct dm_slice name, enum ref_kind kind) {
    struct ref *ref = arena_zalloc(refs->arena, sizeof(*ref));
    ref->name = arena_slice(refs->arena, name);
    ref->line = refs->line;
    ref->kind = kind;
    *refs->tail = ref;
    refs->tail = &ref->next;
}

void scanner_init(struct scanner *scanner, struct dm_slice src, enum scan_mode mode) {
    *scanner = (struct scanner){ .src = src, .mode = mode };
}

/* The end of a name like `alice.uuid` that begins at pos; pos itself when none does. */
static size_t name_end(struct dm_slice src, size_t pos) {
    size_t end = pos;
    while (end < src.len && is_name_start(src.ptr[end])) {
        while (end < src.len && is_name(src.ptr[end]))
            end++;
        if (end + 1 >= src.len || src.ptr[end] != '.' || !is_name_start(src.ptr[end + 1]))
            break;
        end++;
    }
    return end;
}

static const char *next_var(struct scanner *s, struct token *ret) {
    size_t pos = s->pos + 1;
    if (pos < s->src.len && s->src.ptr[pos] == '{') {
        size_t end = name_end(s->src, pos + 1);
        if (end == pos + 1 || end >= s->src.len || s->src.ptr[end] != '}')
            return "\"${\" begins no ${name}";
        *ret = (struct token){ .kind = TOKEN_VAR, .text = slice_sub(s->src, pos + 1, end) };
        s->pos = end + 1;
        return NULL;
    }
    size_t end = name_end(s->src, pos);
    if (end > pos) {
        *ret = (struct token){ .kind = TOKEN_VAR, .text = slice_sub(s->src, pos, end) };
        s->pos = end;
        return NULL;
    }
    *ret = (struct token){ .kind = TOKEN_BYTES, .text = slice_sub(s->src, s->pos, pos) };
    s->pos = pos < s->src.len && s->src.ptr[pos] == '$' ? pos + 1 : pos;
    return NULL;
}

static size_t put_utf8(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

static int read_hex(struct dm_slice src, size_t pos, size_t digits, uint32_t *ret) {
    uint32_t value = 0;
    if (pos + digits > src.len)
        return -1;
    for (size_t i = 0; i < digits; i++) {
        int digit = dm_hex_value(src.ptr[pos + i]);
        if (digit < 0)
            return -1;
        value = value << 4 | (uint32_t)digit;
    }
    *ret = value;
    return 0;
}

/* \uXXXX, joined with a second one where the two are a surrogate pair. */
static const char *next_unicode(struct scanner *s, size_t *ret_len) {
    uint32_t code, low;
    if (read_hex(s->src, s->pos + 2, 4, &code) < 0)
        return "\\u needs four hexadecimal digits";
    s->pos += 6;
    if (code >= 0xd800 && code < 0xdc00 && s->pos + 1 < s->src.len &&
        s->src.ptr[s->pos] == '\\' && s->src.ptr[s->pos + 1] == 'u' &&
        read_hex(s->src, s->pos + 2, 4, &low) == 0 && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        s->pos += 6;
    }
    *ret_len = put_utf8(code, s->decoded);
    return NULL;
}

static const char *next_escape(struct scanner *s, struct token *ret) {
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    char c = s->pos + 1 < s->src.len ? s->src.ptr[s->pos + 1] : '\0';
    const char *at = c ? strchr(letters, c) : NULL;
    size_t len = 1;
    uint32_t byte;
    if (at) {
        s->decoded[0] = meant[at - letters];
        s->pos += 2;
    } else if (c == 'x' && read_hex(s->src, s->pos + 2, 2, &byte) == 0) {
        s->decoded[0] = (char)byte;
        s->pos += 4;
    } else if (c == 'u') {
        const char *error = next_unicode(s, &len);
        if (error)
            return error;
    } else {
        return "unknown escape in a quoted text";
    }
    *ret = (struct token){ .kind = TOKEN_BYTES, .text = { s->decoded, len } };
    return NULL;
}

/* <word …>: a letter behind the <, and no quote, bracket, escape or line end inside. */
static int next_angle(struct scanner *s, struct token *ret) {
    size_t end = s->pos + 1;
    if (end >= s->src.len || !isalpha((unsigned char)s->src.ptr[end]))
        return 0;
    while (end < s->src.len && !strchr("<>\"\\\n", s->src.ptr[end]))
        end++;
    if (end >= s->src.len || s->src.ptr[end] != '>')
        return 0;
    *ret = (struct token){ .kind = TOKEN_ANGLE,
                           .text = slice_sub(s->src, s->pos + 1, end),
                           .raw = slice_sub(s->src, s->pos, end + 1) };
    s->pos = end + 1;
    return 1;
}

const char *scanner_next(struct scanner *s, struct token *ret) {
    size_t start = s->pos;
    if (s->pos >= s->src.len) {
        *ret = (struct token){ .kind = TOKEN_END };
        return NULL;
    }
    char c = s->src.ptr[s->pos];
    if (c == '$')
        return next_var(s, ret);
    if (c == '\\' && s->mode == SCAN_QUOTED)
        return next_escape(s, ret);
    if (c == '<' && next_angle(s, ret))
        return NULL;
    do {
        s->pos++;
        c = s->pos < s->src.len ? s->src.ptr[s->pos] : '$';
    } while (c != '$' && c != '<' && !(c == '\\' && s->mode == SCAN_QUOTED));
    *ret = (struct token){ .kind = TOKEN_BYTES, .text = slice_sub(s->src, start, s->pos) };
    return NULL;
}

const char *scan_quoted(struct dm_slice src, size_t *pos, struct dm_slice *ret_inside) {
    size_t start = *pos + 1;
    size_t end = start;
    while (end < src.len && src.ptr[end] != '"' && src.ptr[end] != '\n')
        end += src.ptr[end] == '\\' && end + 1 < src.len ? 2 : 1;
    if (end >= src.len || src.ptr[end] != '"')
        return "a quoted text does not end on its line";
    *ret_inside = slice_sub(src, start, end);
    *pos = end + 1;
    return NULL;
}

struct dm_slice slice_sub(struct dm_slice text, size_t from, size_t to) {
    return (struct dm_slice){ text.ptr + from, to - from };
}

struct dm_slice slice_trim(struct dm_slice text) {
    while (text.len && is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

int slice_is(struct dm_slice text, const char *word) {
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

int slice_starts(struct dm_slice text, const char *word) {
    size_t len = strlen(word);
    return text.len >= len && memcmp(text.ptr, word, len) == 0;
}

struct dm_slice slice_word(struct dm_slice *rest) {
    struct dm_slice text = slice_trim(*rest);
    size_t end = 0;
    while (end < text.len && !is_blank(text.ptr[end]))
        end++;
    *rest = slice_trim(slice_sub(text, end, text.len));
    return slice_sub(text, 0, end);
}

int slice_number(struct dm_slice text, size_t max, size_t *ret_value) {
    int64_t value;
    if (decimal_parse(text, (int64_t)max, &value) < 0)
        return -1;
    *ret_value = (size_t)value;
    return 0;
}
