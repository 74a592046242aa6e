#include "core/server/config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/server/config_internal.h"

struct config *config_new(void) {
    struct config *config = mem_zalloc(sizeof(*config));
    map_bytes_init(&config->values);
    return config;
}

void config_free(struct config *config) {
    if (!config)
        return;
    struct map_iter iter = { 0 };
    void *value;
    while (map_bytes_next(&config->values, &iter, NULL, &value))
        free(value);
    map_bytes_fini(&config->values);
    free(config->error);
    free(config);
}

const char *config_error(const struct config *config) {
    return config->error ? config->error : "";
}

static int fail(struct config *config, const char *place, const char *format, va_list args) {
    if (config->error)
        return -EINVAL;
    char what[512];
    vsnprintf(what, sizeof(what), format, args);
    size_t size = strlen(place) + strlen(what) + 3;
    config->error = mem_alloc(size);
    snprintf(config->error, size, "%s: %s", place, what);
    return -EINVAL;
}

int config_fail_at(struct config *config, const char *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = fail(config, place, format, args);
    va_end(args);
    return r;
}

static const struct config_value *find(const struct config *config, const char *path) {
    return map_bytes_get(&config->values, dm_slice_str(path));
}

int config_fail(struct config *config, const char *path, const char *format, ...) {
    const struct config_value *value = find(config, path);
    va_list args;
    va_start(args, format);
    int r = fail(config, value ? value->place : path, format, args);
    va_end(args);
    return r;
}

/* Whether a concrete path is an instance of a table path: "[]" stands for any "[digits]". */
static int path_matches(const char *pattern, const char *path) {
    while (*pattern) {
        if (pattern[0] == '[' && pattern[1] == ']') {
            if (*path++ != '[' || !isdigit((unsigned char)*path))
                return 0;
            while (isdigit((unsigned char)*path))
                path++;
            if (*path++ != ']')
                return 0;
            pattern += 2;
        } else if (*pattern++ != *path++) {
            return 0;
        }
    }
    return !*path;
}

const struct config_setting *config_find_setting(const char *path) {
    for (const struct config_setting *s = config_settings; s->path; s++)
        if (path_matches(s->path, path))
            return s;
    return NULL;
}

static int parse_int(const char *text, int64_t *ret_value) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || isspace((unsigned char)*text))
        return -1;
    *ret_value = value;
    return 0;
}

static int parse_bool(const char *text) {
    if (!strcmp(text, "true"))
        return 1;
    return !strcmp(text, "false") ? 0 : -1;
}

static int check_word(struct config *config, const struct config_setting *setting,
                      const char *text, const char *place) {
    char words[256] = "";
    for (const char *const *w = setting->words; *w; w++) {
        if (!strcmp(*w, text))
            return 0;
        size_t used = strlen(words);
        snprintf(words + used, sizeof(words) - used, "%s%s", used ? ", " : "", *w);
    }
    return config_fail_at(config, place, "%s must be one of: %s", setting->path, words);
}

static int check(struct config *config, const struct config_setting *setting, const char *text,
                 const char *place) {
    int64_t number;
    switch (setting->kind) {
    case CONFIG_INT:
        if (parse_int(text, &number) || number < setting->min || number > setting->max)
            return config_fail_at(config, place, "%s must be a whole number from %lld to %lld",
                                  setting->path, (long long)setting->min,
                                  (long long)setting->max);
        return 0;
    case CONFIG_BOOL:
        if (parse_bool(text) < 0)
            return config_fail_at(config, place, "%s must be true or false", setting->path);
        return 0;
    case CONFIG_WORD:
        return check_word(config, setting, text, place);
    case CONFIG_STRING:
        return 0;
    }
    return 0;
}

static struct config_value *value_new(const char *path, struct dm_slice text, const char *place) {
    size_t path_size = strlen(path) + 1;
    size_t place_size = strlen(place) + 1;
    struct config_value *value = mem_zalloc(sizeof(*value) + path_size + text.len + 1 + place_size);
    char *p = value->memory;
    value->path = memcpy(p, path, path_size);
    p += path_size;
    if (text.len)
        memcpy(p, text.ptr, text.len);
    value->text = (struct dm_slice){ p, text.len };
    p += text.len + 1;
    value->place = memcpy(p, place, place_size);
    return value;
}

int config_put(struct config *config, const char *path, struct dm_slice text,
               const char *place) {
    if (text.len && memchr(text.ptr, '\0', text.len))
        return config_fail_at(config, place, "%s holds a NUL", path);
    struct config_value *value = value_new(path, text, place);
    const struct config_setting *setting = config_find_setting(path);
    if (setting && check(config, setting, value->text.ptr, place)) {
        free(value);
        return -EINVAL;
    }
    value->known = setting != NULL;
    free(map_bytes_put(&config->values, dm_slice_str(value->path), value));
    return 0;
}

void config_keep(struct config *config, const struct config *from, const char *path) {
    const struct config_value *kept = find(from, path);
    struct config_value *value = NULL;
    if (kept) {
        value = value_new(kept->path, kept->text, kept->place);
        value->known = kept->known;
        free(map_bytes_put(&config->values, dm_slice_str(value->path), value));
    } else {
        free(map_bytes_remove(&config->values, dm_slice_str(path)));
    }
}

struct dm_slice config_take(struct config *config, const char *path) {
    struct config_value *value = map_bytes_get(&config->values, dm_slice_str(path));
    if (!value)
        return DM_SLICE_NONE;
    value->known = 1;
    return value->text;
}

/* Whether settings lie below it, so that it can have no value of its own. */
static int is_section(const char *path) {
    size_t len = strlen(path);
    for (const struct config_setting *s = config_settings; s->path; s++)
        if (!strncmp(s->path, path, len) && (s->path[len] == '.' || s->path[len] == '['))
            return 1;
    return 0;
}

int config_check_unknown(struct config *config) {
    struct map_iter iter = { 0 };
    const struct config_value *first = NULL;
    void *found;
    while (map_bytes_next(&config->values, &iter, NULL, &found)) {
        const struct config_value *value = found;
        if (!value->known && (!first || strcmp(value->place, first->place) < 0))
            first = value;
    }
    if (!first)
        return 0;
    return config_fail(config, first->path, is_section(first->path)
                                                ? "%s holds other settings, and no value itself"
                                                : "unknown key %s", first->path);
}

struct dm_slice config_string(const struct config *config, const char *path) {
    const struct config_value *value = find(config, path);
    if (value)
        return value->text;
    const struct config_setting *setting = config_find_setting(path);
    return setting ? dm_slice_str(setting->fallback) : DM_SLICE_NONE;
}

int64_t config_int(const struct config *config, const char *path) {
    struct dm_slice text = config_string(config, path);
    int64_t value = 0;
    if (text.ptr)
        parse_int(text.ptr, &value);
    return value;
}

int config_bool(const struct config *config, const char *path) {
    struct dm_slice text = config_string(config, path);
    return text.ptr && parse_bool(text.ptr) == 1;
}

/* Whether `path` is `prefix` itself or lies below it. */
size_t config_count(const struct config *config, const char *path) {
    struct map_iter iter = { 0 };
    size_t count = 0, len = strlen(path);
    void *value;
    while (map_bytes_next(&config->values, &iter, NULL, &value)) {
        const char *p = ((struct config_value *)value)->path;
        if (!strncmp(p, path, len) && p[len] == '[') {
            size_t index = strtoul(p + len + 1, NULL, 10);
            if (index + 1 > count)
                count = index + 1;
        }
    }
    return count;
}

struct dm_slice config_at(const struct config *config, const char *format, ...) {
    char path[256];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof(path), format, args);
    va_end(args);
    return config_string(config, path);
}
