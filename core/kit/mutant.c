#include "core/kit/mutant.h"

#include <ctype.h>
#include <stdlib.h>
#include <yyjson.h>

#define LONG 70000
#define DEEP 200
#define PATHS_MAX 48

/* What a value is replaced by. */
static const struct {
    const char *name;
    const char *json; /* NULL: made at need */
} values[] = {
    { "null", "null" },       { "true", "true" },
    { "0", "0" },             { "-1", "-1" },
    { "1.5", "1.5" },         { "an int over 2^53", "9007199254740993" },
    { "a number over 2^64", "18446744073709551616" },
    { "an empty string", "\"\"" },
    { "a word", "\"x\"" },    { "an empty array", "[]" },
    { "an empty object", "{}" },
    { "an array of arrays", "[[[1],2],3]" },
    { "a string with U+0000", "\"a\\u0000b\"" },
    { "a lone surrogate", "\"\\ud800\"" },
    { "invalid UTF-8", "\"\xff\xfe\"" },
    { "a long string", NULL }, { "something deep", NULL },
};

#define VALUES (sizeof(values) / sizeof(values[0]))
#define VALUE_LONG (VALUES - 2)
#define VALUE_DEEP (VALUES - 1)

/* How often an array has its first element. */
static const size_t repeats[] = { 2, 100, 10000 };

#define REPEATS (sizeof(repeats) / sizeof(repeats[0]))

void mutants_add(struct arena *arena, struct mutants *mutants, enum mutant_part part,
                 const struct buf *what, const struct buf *bytes) {
    if (mutants->count == mutants->cap) {
        size_t cap = mutants->cap ? mutants->cap * 2 : 64;
        struct mutant *items = arena_alloc(arena, cap * sizeof(*items));
        if (mutants->count)
            memcpy(items, mutants->items, mutants->count * sizeof(*items));
        mutants->items = items;
        mutants->cap = cap;
    }
    mutants->items[mutants->count++] = (struct mutant){
        arena_dup(arena, what->data, what->len), arena_slice(arena, buf_slice(bytes)), part,
    };
}

static void add(struct arena *arena, struct mutants *mutants, const struct buf *what,
                const struct buf *bytes) {
    mutants_add(arena, mutants, MUTANT_CONTENT, what, bytes);
}

static void fill(struct buf *out, char c, size_t count) {
    memset(buf_reserve(out, count), c, count);
    out->len += count;
}

static void put_value(struct buf *out, size_t value) {
    if (value == VALUE_LONG) {
        buf_append_char(out, '"');
        fill(out, 'x', LONG);
        buf_append_char(out, '"');
    } else if (value == VALUE_DEEP) {
        fill(out, '[', DEEP);
        fill(out, ']', DEEP);
    } else {
        buf_append_str(out, values[value].json);
    }
}

/* ---- JSON ---- */

/* A walk that writes the document, with `target` replaced: by values[value], or, with VALUES, left
 * out, or, with `times`, by its first element so many times. Targets are counted in the order of
 * writing. */
struct walk {
    struct buf *out;
    size_t at;      /* number of the next value */
    size_t target;
    size_t value;
    size_t times;   /* in the end: how often it was written */
    size_t max;     /* bytes that this may take */
    struct buf *path; /* of the target */
};

static void walk_value(struct walk *walk, yyjson_val *val);

static void put_scalar(struct buf *out, yyjson_val *val) {
    size_t len = 0;
    char *text = yyjson_val_write(val, 0, &len);
    buf_append(out, text ? text : "null", text ? len : 4);
    free(text);
}

/* Whether the member that comes now is the one to be left out. */
static int is_dropped(const struct walk *walk) {
    return walk->at == walk->target && walk->value == VALUES && !walk->times;
}

static size_t skipped(yyjson_val *val) {
    size_t count = 1, index, max;
    yyjson_val *key, *member;
    if (yyjson_is_arr(val)) {
        yyjson_arr_foreach(val, index, max, member)
            count += skipped(member);
    } else if (yyjson_is_obj(val)) {
        yyjson_obj_foreach(val, index, max, key, member)
            count += skipped(member);
    }
    return count;
}

static void walk_member(struct walk *walk, yyjson_val *key, size_t index, yyjson_val *val,
                        int *first) {
    size_t mark = walk->path->len, begun = walk->at;
    if (walk->at <= walk->target) {
        if (key)
            buf_printf(walk->path, ".%s", yyjson_get_str(key));
        else
            buf_printf(walk->path, "[%zu]", index);
    }
    if (is_dropped(walk)) {
        walk->at += skipped(val);
    } else {
        if (!*first)
            buf_append_char(walk->out, ',');
        *first = 0;
        if (key) {
            put_scalar(walk->out, key);
            buf_append_char(walk->out, ':');
        }
        walk_value(walk, val);
    }
    if (!(begun <= walk->target && walk->target < walk->at))
        walk->path->len = mark;
}

static void put_repeated(struct walk *walk, yyjson_val *array) {
    struct buf element = BUF_INIT;
    yyjson_val *first = yyjson_arr_get_first(array);
    size_t times = 0;
    if (first)
        put_scalar(&element, first);
    buf_append_char(walk->out, '[');
    while (first && times < walk->times && (times + 1) * (element.len + 1) < walk->max) {
        if (times++)
            buf_append_char(walk->out, ',');
        buf_append_slice(walk->out, buf_slice(&element));
    }
    buf_append_char(walk->out, ']');
    walk->times = times;
    buf_fini(&element);
}

static void walk_value(struct walk *walk, yyjson_val *val) {
    size_t index, max;
    yyjson_val *key, *member;
    int first = 1;
    if (walk->at++ == walk->target) {
        if (walk->times)
            put_repeated(walk, val);
        else
            put_value(walk->out, walk->value);
        walk->at += skipped(val) - 1;
    } else if (yyjson_is_arr(val)) {
        buf_append_char(walk->out, '[');
        yyjson_arr_foreach(val, index, max, member)
            walk_member(walk, NULL, index, member, &first);
        buf_append_char(walk->out, ']');
    } else if (yyjson_is_obj(val)) {
        buf_append_char(walk->out, '{');
        yyjson_obj_foreach(val, index, max, key, member)
            walk_member(walk, key, index, member, &first);
        buf_append_char(walk->out, '}');
    } else {
        put_scalar(walk->out, val);
    }
}

static void mutate_one(struct arena *arena, struct dm_slice prefix, yyjson_val *root,
                       size_t target, size_t value, struct mutants *mutants) {
    struct buf bytes = BUF_INIT, what = BUF_INIT;
    buf_append_slice(&bytes, prefix);
    buf_append_char(&what, '$');
    struct walk walk = { .out = &bytes, .target = target, .value = value, .path = &what };
    walk_value(&walk, root);
    if (value == VALUES)
        buf_append_str(&what, " missing");
    else
        buf_printf(&what, " = %s", values[value].name);
    add(arena, mutants, &what, &bytes);
    buf_fini(&bytes);
    buf_fini(&what);
}

/* An array with its first element over and over, up to the frame's largest size. */
static void repeat_one(struct arena *arena, struct dm_slice prefix, yyjson_val *root,
                       size_t target, size_t max, struct mutants *mutants) {
    size_t before = 0;
    for (size_t i = 0; i < REPEATS; i++) {
        struct buf bytes = BUF_INIT, what = BUF_INIT;
        buf_append_slice(&bytes, prefix);
        buf_append_char(&what, '$');
        struct walk walk = { .out = &bytes, .target = target, .times = repeats[i], .max = max,
                             .path = &what };
        walk_value(&walk, root);
        buf_printf(&what, " = its first element %zu times", walk.times);
        if (walk.times > before)
            add(arena, mutants, &what, &bytes);
        before = walk.times;
        buf_fini(&bytes);
        buf_fini(&what);
    }
}

/* The document in a frame: from its first bracket to its end. */
static yyjson_doc *document_of(struct dm_slice frame, struct dm_slice *ret_prefix) {
    size_t at = 0;
    while (at < frame.len && frame.ptr[at] != '{' && frame.ptr[at] != '[')
        at++;
    *ret_prefix = (struct dm_slice){ frame.ptr, at };
    return at < frame.len ? yyjson_read(frame.ptr + at, frame.len - at, 0) : NULL;
}

static void mutate_json(struct arena *arena, struct dm_slice prefix, yyjson_doc *doc, size_t room,
                        struct mutants *mutants) {
    yyjson_val *root = yyjson_doc_get_root(doc);
    size_t count = skipped(root);
    if (count > PATHS_MAX)
        count = PATHS_MAX;
    for (size_t target = 0; target < count; target++) {
        for (size_t value = 0; value <= VALUES; value++)
            if (target || value < VALUES)
                mutate_one(arena, prefix, root, target, value, mutants);
        repeat_one(arena, prefix, root, target, room, mutants);
    }
}

/* ---- words ---- */

static size_t word_end(struct dm_slice frame, size_t at) {
    while (at < frame.len && !strchr(" \t\r\n&=", frame.ptr[at]))
        at++;
    return at;
}

static void mutate_word(struct arena *arena, struct dm_slice frame, size_t from, size_t to,
                        struct mutants *mutants) {
    static const struct { const char *name, *text; size_t len; } words[] = {
        { "missing", "", 0 }, { "= -1", "-1", 2 }, { "with a NUL", "a\0b", 3 },
        { "= invalid UTF-8", "\xff\xfe", 2 }, { "= {}", "{}", 2 }, { "too long", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct buf bytes = BUF_INIT, what = BUF_INIT;
        buf_append(&bytes, frame.ptr, from);
        if (words[i].text)
            buf_append(&bytes, words[i].text, words[i].len);
        else
            fill(&bytes, 'x', LONG);
        buf_append(&bytes, frame.ptr + to, frame.len - to);
        buf_printf(&what, "the word at %zu %s", from, words[i].name);
        add(arena, mutants, &what, &bytes);
        buf_fini(&bytes);
        buf_fini(&what);
    }
}

static void mutate_words(struct arena *arena, struct dm_slice frame, struct mutants *mutants) {
    size_t words = 0;
    for (size_t at = 0; at < frame.len && words < PATHS_MAX; at++) {
        size_t end = word_end(frame, at);
        if (end > at) {
            mutate_word(arena, frame, at, end, mutants);
            words++;
        }
        at = end;
    }
}

/* ---- whole frames ---- */

static void cut(struct arena *arena, struct dm_slice frame, size_t len, const char *tail,
                struct mutants *mutants) {
    struct buf bytes = BUF_INIT, what = BUF_INIT;
    buf_append(&bytes, frame.ptr, len);
    buf_append_str(&bytes, tail);
    if (*tail)
        buf_printf(&what, "with \"%s\" behind its end", tail);
    else
        buf_printf(&what, "cut after %zu bytes", len);
    add(arena, mutants, &what, &bytes);
    buf_fini(&bytes);
    buf_fini(&what);
}

void mutants_make(struct arena *arena, struct dm_slice frame, size_t max,
                  struct mutants *ret_mutants) {
    struct dm_slice prefix;
    yyjson_doc *doc = document_of(frame, &prefix);
    *ret_mutants = (struct mutants){ NULL, 0, 0 };
    if (doc)
        mutate_json(arena, prefix, doc, max > frame.len ? max - frame.len : 0, ret_mutants);
    else
        mutate_words(arena, frame, ret_mutants);
    yyjson_doc_free(doc);
    cut(arena, frame, 0, "", ret_mutants);
    cut(arena, frame, frame.len / 2, "", ret_mutants);
    if (frame.len)
        cut(arena, frame, frame.len - 1, "", ret_mutants);
    cut(arena, frame, frame.len, "}", ret_mutants);
}

/* ---- shapes ---- */

/* A word such as frames are named by. */
static int is_name(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!isalpha((unsigned char)text[i]) && !strchr("_-.", text[i]))
            return 0;
    return len > 0 && len < 32;
}

static void shape_of(yyjson_val *val, int depth, struct buf *shape) {
    size_t index, max;
    yyjson_val *key, *member;
    if (yyjson_is_obj(val)) {
        yyjson_obj_foreach(val, index, max, key, member) {
            buf_printf(shape, "%s:", yyjson_get_str(key));
            shape_of(member, depth + 1, shape);
        }
    } else if (yyjson_is_arr(val)) {
        yyjson_arr_foreach(val, index, max, member)
            shape_of(member, depth + 1, shape);
    } else if (depth == 1 && yyjson_is_str(val) &&
               is_name(yyjson_get_str(val), yyjson_get_len(val))) {
        buf_append_str(shape, yyjson_get_str(val));
    }
    buf_append_char(shape, yyjson_is_obj(val) ? '}' : yyjson_is_arr(val) ? ']' : ',');
}

void mutant_shape(struct dm_slice frame, struct buf *ret_shape) {
    struct dm_slice prefix;
    yyjson_doc *doc = document_of(frame, &prefix);
    for (size_t i = 0; i < prefix.len; i++)
        if (!isdigit((unsigned char)prefix.ptr[i]))
            buf_append_char(ret_shape, prefix.ptr[i]);
    if (doc)
        shape_of(yyjson_doc_get_root(doc), 0, ret_shape);
    yyjson_doc_free(doc);
}
