#include "core/auth/json.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"

#define KEYS_MAX 256

void json_scratch_init(struct json_scratch *scratch, size_t max_len) {
    scratch->size = yyjson_read_max_memory_usage(max_len, YYJSON_READ_INSITU);
    scratch->mem = mem_alloc(scratch->size);
}

void json_scratch_fini(struct json_scratch *scratch) {
    free(scratch->mem);
    *scratch = (struct json_scratch){ 0 };
}

static int key_eq(yyjson_val *a, yyjson_val *b) {
    return dm_slice_eq(json_text(a), json_text(b));
}

int json_keys_unique(yyjson_val *object) {
    yyjson_val *keys[KEYS_MAX];
    size_t count = 0;
    yyjson_obj_iter iter;
    yyjson_obj_iter_init(object, &iter);
    for (yyjson_val *key = yyjson_obj_iter_next(&iter); key; key = yyjson_obj_iter_next(&iter)) {
        if (count == KEYS_MAX)
            return 0;
        for (size_t i = 0; i < count; i++)
            if (key_eq(keys[i], key))
                return 0;
        keys[count++] = key;
    }
    return 1;
}

yyjson_val *json_read_object(struct json_scratch *scratch, char *text, size_t len) {
    memset(text + len, 0, JSON_PADDING);
    yyjson_alc_pool_init(&scratch->alc, scratch->mem, scratch->size);
    yyjson_doc *doc = yyjson_read_opts(text, len, YYJSON_READ_INSITU, &scratch->alc, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(root) || !json_keys_unique(root))
        return NULL;
    return root;
}

struct dm_slice json_text(yyjson_val *value) {
    if (!yyjson_is_str(value))
        return DM_SLICE_NONE;
    return (struct dm_slice){ yyjson_get_str(value), yyjson_get_len(value) };
}

struct dm_slice json_string(yyjson_val *object, const char *key) {
    return json_text(yyjson_obj_get(object, key));
}
