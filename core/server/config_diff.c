/* In which settings two configurations differ. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/config_internal.h"

struct paths {
    const char **items;
    size_t count;
};

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void collect(const struct config *config, struct paths *paths) {
    struct map_iter iter = { 0 };
    void *item;
    paths->items = mem_realloc(paths->items, (paths->count + config->values.count + 1)
                                             * sizeof(*paths->items));
    while (map_bytes_next(&config->values, &iter, NULL, &item))
        paths->items[paths->count++] = ((const struct config_value *)item)->path;
}

static int is_same(struct dm_slice a, struct dm_slice b) {
    return !a.ptr == !b.ptr && (!a.ptr || dm_slice_eq(a, b));
}

/* Sorted, and each once. */
static void unite(struct paths *paths) {
    size_t kept = 0;
    qsort(paths->items, paths->count, sizeof(*paths->items), compare);
    for (size_t i = 0; i < paths->count; i++)
        if (!kept || strcmp(paths->items[i], paths->items[kept - 1]))
            paths->items[kept++] = paths->items[i];
    paths->count = kept;
}

void config_diff(const struct config *before, const struct config *after, config_diff_fn fn,
                 void *owner) {
    struct paths paths = { 0 };
    collect(before, &paths);
    collect(after, &paths);
    unite(&paths);
    for (size_t i = 0; i < paths.count; i++) {
        const char *path = paths.items[i];
        if (config_find_setting(path)
            && !is_same(config_string(before, path), config_string(after, path)))
            fn(owner, path);
    }
    free(paths.items);
}
