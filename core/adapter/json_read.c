#include "core/adapter/json_read.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/adapter/json_alc.h"
#include "core/adapter/values.h"
#include "core/base/decimal.h"
#include "core/base/mem.h"

#define ARENA_CHUNK 65536
/* A hostile text costs many times its length; above this the memory is the heap's, which can say
 * no. */
#define LARGE_TEXT 16384

struct json_large {
    struct json_large *next;
    yyjson_doc *doc;
};

static void *alc_malloc(void *ctx, size_t size) {
    return arena_alloc(ctx, size);
}

static void *alc_realloc(void *ctx, void *ptr, size_t old_size, size_t size) {
    void *fresh = arena_alloc(ctx, size);

    if (ptr)
        memcpy(fresh, ptr, old_size < size ? old_size : size);
    return fresh;
}

static void alc_free(void *ctx, void *ptr) {
    (void)ctx;
    (void)ptr;
}

yyjson_alc json_arena_alc(struct arena *arena) {
    return (yyjson_alc){ alc_malloc, alc_realloc, alc_free, arena };
}

void json_reader_init(struct json_reader *reader) {
    arena_init(&reader->arena, ARENA_CHUNK);
    reader->large = NULL;
}

void json_reader_reset(struct json_reader *reader) {
    while (reader->large) {
        struct json_large *large = reader->large;

        reader->large = large->next;
        yyjson_doc_free(large->doc);
        free(large);
    }
    if (arena_used(&reader->arena))
        arena_reset(&reader->arena);
}

void json_reader_fini(struct json_reader *reader) {
    json_reader_reset(reader);
    arena_fini(&reader->arena);
}

/* The contract hands out const values; yyjson's readers do not change theirs. */
static yyjson_val *val_of(const struct dm_json *value) {
    return (yyjson_val *)(uintptr_t)value;
}

static const struct dm_json *json_of(const yyjson_val *value) {
    return (const struct dm_json *)value;
}

static int is_too_deep(yyjson_val *value, unsigned left) {
    size_t index, max;
    yyjson_val *key, *child;

    if (!yyjson_is_ctn(value))
        return 0;
    if (left == 0)
        return 1;
    if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, index, max, child) {
            if (is_too_deep(child, left - 1))
                return 1;
        }
        return 0;
    }
    yyjson_obj_foreach(value, index, max, key, child) {
        if (is_too_deep(child, left - 1))
            return 1;
    }
    return 0;
}

/* A number that is an int64_t. What a number was written like stays, for those who echo it; what it
 * is worth is made here. The reader has seen to its grammar. */
static int read_int(yyjson_val *val, int64_t *ret_number) {
    return yyjson_is_raw(val) &&
           !decimal_parse_signed((struct dm_slice){ yyjson_get_raw(val), yyjson_get_len(val) },
                                 ret_number);
}

static yyjson_doc *read_large(struct json_reader *reader, struct dm_slice text) {
    struct json_large *large;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len,
                                       YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);

    if (!doc)
        return NULL;
    large = mem_alloc(sizeof(*large));
    large->doc = doc;
    large->next = reader->large;
    reader->large = large;
    return doc;
}

const struct dm_json *json_reader_parse(struct json_reader *reader, struct dm_slice text) {
    yyjson_alc alc = json_arena_alc(&reader->arena);
    yyjson_doc *doc;
    yyjson_val *root;

    if (text.len == 0 || !text.ptr)
        return NULL;
    if (text.len > LARGE_TEXT)
        doc = read_large(reader, text);
    else
        doc = yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len, YYJSON_READ_NUMBER_AS_RAW,
                               &alc, NULL);
    root = yyjson_doc_get_root(doc);
    /* Each level needs two characters. */
    if (text.len > (size_t)JSON_DEPTH_MAX * 2 && is_too_deep(root, JSON_DEPTH_MAX))
        return NULL;
    return json_of(root);
}

struct dm_slice json_reader_text(struct json_reader *reader, const struct dm_json *value) {
    yyjson_alc alc = json_arena_alc(&reader->arena);
    size_t len = 0;
    char *text;

    if (!value)
        return DM_SLICE("null");
    text = yyjson_val_write_opts(val_of(value), YYJSON_WRITE_NOFLAG, &alc, &len, NULL);
    return text ? (struct dm_slice){ text, len } : DM_SLICE("null");
}

enum dm_json_type json_value_type(const struct dm_json *value) {
    yyjson_val *val = val_of(value);
    int64_t number;

    switch (yyjson_get_type(val)) {
    case YYJSON_TYPE_NULL: return DM_JSON_NULL;
    case YYJSON_TYPE_BOOL: return DM_JSON_BOOL;
    case YYJSON_TYPE_STR: return DM_JSON_STRING;
    case YYJSON_TYPE_ARR: return DM_JSON_ARRAY;
    case YYJSON_TYPE_OBJ: return DM_JSON_OBJECT;
    case YYJSON_TYPE_RAW: return read_int(val, &number) ? DM_JSON_INT : DM_JSON_REAL;
    default: return DM_JSON_NONE;
    }
}

const struct dm_json *json_value_get(const struct dm_json *object, const char *key) {
    return key ? json_of(yyjson_obj_get(val_of(object), key)) : NULL;
}

const struct dm_json *json_value_next(const struct dm_json *array,
                                      const struct dm_json *previous) {
    yyjson_val *arr = val_of(array), *next;

    if (!yyjson_is_arr(arr))
        return NULL;
    if (!previous)
        return json_of(yyjson_arr_get_first(arr));
    next = unsafe_yyjson_get_next(val_of(previous));
    return next > arr && next < unsafe_yyjson_get_next(arr) ? json_of(next) : NULL;
}

size_t json_value_count(const struct dm_json *container) {
    yyjson_val *val = val_of(container);

    return yyjson_is_ctn(val) ? yyjson_get_len(val) : 0;
}

struct dm_slice json_value_string(const struct dm_json *value) {
    yyjson_val *val = val_of(value);

    if (!yyjson_is_str(val))
        return DM_SLICE_NONE;
    return (struct dm_slice){ yyjson_get_str(val), yyjson_get_len(val) };
}

int64_t json_value_int(const struct dm_json *value) {
    yyjson_val *val = val_of(value);
    int64_t number;

    if (yyjson_is_bool(val))
        return yyjson_get_bool(val);
    return read_int(val, &number) ? number : 0;
}

/* The digits of an int of any size or the bytes of a string (DM_FIELD_SCALAR); absent for anything
 * else. */
static struct dm_slice scalar_of(const struct dm_json *value) {
    yyjson_val *val = val_of(value);
    struct dm_slice text, digits;

    if (!yyjson_is_raw(val))
        return json_value_string(value);
    text = digits = (struct dm_slice){ yyjson_get_raw(val), yyjson_get_len(val) };
    if (text.ptr[0] == '-')
        digits = (struct dm_slice){ text.ptr + 1, text.len - 1 };
    return decimal_is(digits) ? text : DM_SLICE_NONE;
}

/* An int, or digits (with a sign) that make one, without a leading blank or plus. */
static int read_loose(const struct dm_json *value, int64_t *ret_number) {
    if (json_value_type(value) != DM_JSON_INT)
        return decimal_parse_signed(json_value_string(value), ret_number);
    *ret_number = json_value_int(value);
    return 0;
}

static int decode_field(const struct dm_json *value, enum dm_field_kind kind, char *member) {
    enum dm_json_type type = json_value_type(value);
    struct dm_slice text;

    switch (kind) {
    case DM_FIELD_STRING:
    case DM_FIELD_SCALAR:
        text = kind == DM_FIELD_STRING ? json_value_string(value) : scalar_of(value);
        if (!text.ptr)
            return -1;
        memcpy(member, &text, sizeof(text));
        return 0;
    case DM_FIELD_INT:
    case DM_FIELD_INT_LOOSE: {
        int64_t number;

        if ((kind == DM_FIELD_INT && type != DM_JSON_INT) || read_loose(value, &number) != 0)
            return -1;
        memcpy(member, &number, sizeof(number));
        return 0;
    }
    case DM_FIELD_UUID: {
        struct dm_uuid uuid;

        text = json_value_string(value);
        if (!text.ptr || dm_uuid_parse(text, &uuid) != 0)
            return -1;
        memcpy(member, &uuid, sizeof(uuid));
        return 0;
    }
    case DM_FIELD_ARRAY:
    case DM_FIELD_OBJECT:
        if (type != (kind == DM_FIELD_ARRAY ? DM_JSON_ARRAY : DM_JSON_OBJECT))
            return -1;
        /* fall through */
    case DM_FIELD_VALUE:
        memcpy(member, &value, sizeof(value));
        return 0;
    }
    return -1;
}

/* What the first minor knew of a row. */
#define FIELD_ROW_MIN (offsetof(struct dm_field, offset) + sizeof(uint32_t))

/* The row as it lies, when it has all that is known here; else filled up in copy. */
static const struct dm_field *field_row(const struct dm_table *fields, uint32_t index,
                                        struct dm_field *copy) {
    const char *row = (const char *)fields->rows + (size_t)index * fields->row_size;

    if (fields->row_size >= sizeof(struct dm_field))
        return (const struct dm_field *)(const void *)row;
    adapter_row(fields, index, copy, sizeof(*copy));
    return copy;
}

int json_reader_decode(struct json_reader *reader, const struct dm_json *object,
                       const struct dm_table *fields, void *dest, const char **ret_field) {
    const char *ignored;

    ret_field = ret_field ? ret_field : &ignored;
    *ret_field = "";
    if (json_value_type(object) != DM_JSON_OBJECT || !fields || !dest
        || (fields->count && (!fields->rows || fields->row_size < FIELD_ROW_MIN)))
        return -1;
    for (uint32_t i = 0; i < fields->count; i++) {
        struct dm_field copy;
        const struct dm_field *field = field_row(fields, i, &copy);
        const struct dm_json *value = json_value_get(object, field->key);

        if (value && (field->flags & DM_FIELD_NULLABLE)
            && json_value_type(value) == DM_JSON_NULL)
            value = NULL;
        if (!value && !(field->flags & DM_FIELD_REQUIRED))
            continue;
        *ret_field = field->key;
        if (!value || decode_field(value, field->kind, (char *)dest + field->offset) != 0)
            return -1;
    }
    return 0;
}
