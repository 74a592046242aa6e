#include "core/transcript/matcher.h"

#include <ctype.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/uuid.h"

#define FILL_MAX ((size_t)67108864)

static const struct {
    const char *word;
    enum matcher_kind kind;
} kinds[] = {
    { "any", MATCH_ANY },       { "absent", MATCH_ABSENT }, { "bool", MATCH_BOOL },
    { "object", MATCH_OBJECT }, { "array", MATCH_ARRAY },   { "number", MATCH_NUMBER },
    { "int", MATCH_INT },       { "string", MATCH_STRING }, { "text", MATCH_TEXT },
    { "uuid", MATCH_UUID },     { "UUID", MATCH_UUID_ANY_CASE }, { "digits", MATCH_DIGITS },
    { "iso", MATCH_ISO },       { "iso-z", MATCH_ISO_Z },   { "iso-offset", MATCH_ISO_OFFSET },
    { "time", MATCH_TIME },     { "jwt", MATCH_JWT },       { "url", MATCH_URL },
    { "fill", MATCH_FILL },
};

static int read_range(struct dm_slice text, struct matcher *m) {
    for (size_t i = 1; i + 2 < text.len; i++)
        if (text.ptr[i] == '.' && text.ptr[i + 1] == '.')
            return decimal_parse_signed(slice_sub(text, 0, i), &m->min) < 0 ||
                           decimal_parse_signed(slice_sub(text, i + 2, text.len), &m->max) < 0
                       ? -1 : 0;
    return -1;
}

static const char *parse_argument(struct dm_slice word, struct refs *refs, struct matcher *m) {
    struct scanner scanner;
    struct token token;
    if (word.ptr[0] == '$' && refs) {
        scanner_init(&scanner, word, SCAN_PLAIN);
        if (scanner_next(&scanner, &token) || token.kind != TOKEN_VAR || scanner.pos < word.len)
            return "a matcher captures into a $name";
        m->var = token.text;
        refs_add(refs, token.text, REF_BINDS);
        return NULL;
    }
    if (m->kind == MATCH_INT && read_range(word, m) == 0)
        return NULL;
    if (m->kind == MATCH_FILL)
        return slice_number(word, FILL_MAX, &m->fill) == 0
                   ? NULL : "<fill N> takes a number of at most 67108864";
    return "a matcher has an argument it does not know";
}

const char *matcher_parse(struct dm_slice words, struct refs *refs, struct matcher *ret_matcher) {
    struct matcher m = { .min = INT64_MIN, .max = INT64_MAX };
    struct dm_slice rest = words;
    struct dm_slice name = slice_word(&rest);
    size_t arguments = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (slice_is(name, kinds[i].word))
            m.kind = kinds[i].kind;
    *ret_matcher = (struct matcher){ .kind = MATCH_NONE };
    for (; m.kind != MATCH_NONE && rest.len; arguments++) {
        const char *error = parse_argument(slice_word(&rest), refs, &m);
        if (error)
            return error;
    }
    if (m.kind == MATCH_FILL && arguments == 0)
        return "<fill N> needs a number";
    *ret_matcher = m;
    return NULL;
}

int matcher_fits_text(const struct matcher *m) {
    return m->kind >= MATCH_STRING || m->kind == MATCH_ANY || m->kind == MATCH_INT;
}

/* Text against a shape: 'd' a digit, all else itself. Returns what of the text lies behind it, or
 * the absent slice. */
static struct dm_slice after_shape(struct dm_slice text, const char *shape) {
    size_t len = strlen(shape);
    if (text.ptr == NULL || text.len < len)
        return DM_SLICE_NONE;
    for (size_t i = 0; i < len; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text.ptr[i]) : text.ptr[i] != shape[i])
            return DM_SLICE_NONE;
    return slice_sub(text, len, text.len);
}

static int two_digits(struct dm_slice text, size_t pos, int max) {
    return (text.ptr[pos] - '0') * 10 + (text.ptr[pos + 1] - '0') <= max;
}

/* What follows YYYY-MM-DDTHH:MM:SS; absent when the text does not begin with a possible time. */
static struct dm_slice after_seconds(struct dm_slice text) {
    struct dm_slice rest = after_shape(text, "dddd-dd-ddTdd:dd:dd");
    if (rest.ptr && two_digits(text, 5, 12) && two_digits(text, 8, 31) &&
        two_digits(text, 11, 23) && two_digits(text, 14, 59) && two_digits(text, 17, 60))
        return rest;
    return DM_SLICE_NONE;
}

static int is_micros(struct dm_slice text, const char *zone) {
    struct dm_slice rest = after_shape(after_seconds(text), ".dddddd");
    return rest.ptr && slice_is(rest, zone);
}

static int is_time(struct dm_slice text) {
    struct dm_slice rest = after_seconds(text);
    if (!rest.ptr)
        return 0;
    if (rest.len > 1 && rest.ptr[0] == '.') {
        size_t end = 1;
        while (end < rest.len && isdigit((unsigned char)rest.ptr[end]))
            end++;
        if (end == 1)
            return 0;
        rest = slice_sub(rest, end, rest.len);
    }
    if (rest.len == 6 && rest.ptr[0] == '-')
        return after_shape(rest, "-dd:dd").ptr != NULL;
    return rest.len == 0 || slice_is(rest, "Z") ||
           (rest.len == 6 && after_shape(rest, "+dd:dd").ptr != NULL);
}

static int is_uuid(struct dm_slice text, enum matcher_kind kind) {
    struct dm_uuid uuid;
    char plain[DM_UUID_TEXT_LEN + 1];
    if (dm_uuid_parse(text, &uuid) < 0)
        return 0;
    dm_uuid_format(&uuid, plain);
    return kind == MATCH_UUID_ANY_CASE || memcmp(plain, text.ptr, text.len) == 0;
}

static int is_jwt(struct dm_slice text) {
    size_t dots = 0, run = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && run > 0) {
            dots++;
            run = 0;
        } else if (isalnum((unsigned char)c) || c == '-' || c == '_') {
            run++;
        } else {
            return 0;
        }
    }
    return dots == 2 && run > 0;
}

static int is_url(struct dm_slice text) {
    size_t scheme = slice_starts(text, "https://") ? 8 : slice_starts(text, "http://") ? 7 : 0;
    if (scheme == 0 || text.len == scheme || strchr("/?#", text.ptr[scheme]))
        return 0;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || strchr("\"<>\\^`{|}", text.ptr[i]))
            return 0;
    return 1;
}

static int is_fill(struct dm_slice text, size_t count) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != 'x')
            return 0;
    return text.len == count;
}

static int is_int(struct dm_slice text, const struct matcher *m) {
    int64_t value;
    return decimal_parse_signed(text, &value) == 0 && value >= m->min && value <= m->max;
}

int matcher_accepts_text(const struct matcher *m, struct dm_slice text) {
    switch (m->kind) {
    case MATCH_ANY:
    case MATCH_STRING: return 1;
    case MATCH_TEXT: return text.len > 0;
    case MATCH_INT: return is_int(text, m);
    case MATCH_UUID:
    case MATCH_UUID_ANY_CASE: return is_uuid(text, m->kind);
    case MATCH_DIGITS: return decimal_is(text);
    case MATCH_ISO: return is_micros(text, "");
    case MATCH_ISO_Z: return is_micros(text, "Z");
    case MATCH_ISO_OFFSET: return is_micros(text, "+00:00");
    case MATCH_TIME: return is_time(text);
    case MATCH_JWT: return is_jwt(text);
    case MATCH_URL: return is_url(text);
    case MATCH_FILL: return is_fill(text, m->fill);
    default: return 0;
    }
}

static int accepts_int(const struct matcher *m, yyjson_val *value) {
    if (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX)
        return m->max == INT64_MAX;
    int64_t number = yyjson_get_sint(value);
    return yyjson_is_int(value) && number >= m->min && number <= m->max;
}

int matcher_accepts(const struct matcher *m, yyjson_val *value) {
    switch (m->kind) {
    case MATCH_ANY: return 1;
    case MATCH_BOOL: return yyjson_is_bool(value);
    case MATCH_OBJECT: return yyjson_is_obj(value);
    case MATCH_ARRAY: return yyjson_is_arr(value);
    case MATCH_NUMBER: return yyjson_is_num(value);
    case MATCH_INT: return accepts_int(m, value);
    case MATCH_NONE:
    case MATCH_ABSENT: return 0;
    default: break;
    }
    struct dm_slice text = { yyjson_get_str(value), yyjson_get_len(value) };
    return yyjson_is_str(value) && matcher_accepts_text(m, text);
}
