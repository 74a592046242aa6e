/* The configuration as it is shown: in one place, so that secrets are masked in all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/config_internal.h"
#include "storage/conninfo.h"

/* The text may lie in `memory`. */
static struct dm_slice masked(const struct config_setting *setting, struct dm_slice text,
                              struct buf *memory) {
    if (!text.ptr || !setting || setting->secrecy == CONFIG_PLAIN)
        return text;
    if (setting->secrecy == CONFIG_SECRET)
        return DM_SLICE("***");
    conninfo_append_masked(text.ptr, memory);
    return buf_slice(memory);
}

static void show(const struct config *config, const struct config_setting *setting,
                 const char *path, config_shown_fn *fn, void *owner) {
    const struct config_value *value = map_bytes_get(&config->values, dm_slice_str(path));
    struct config_shown shown = {
        .path = path,
        .value = value ? value->text : dm_slice_str(setting ? setting->fallback : NULL),
        .kind = setting ? setting->kind : CONFIG_STRING,
        .place = value ? value->place : "default",
        .doc = setting ? setting->doc : NULL,
    };
    struct buf memory = BUF_INIT;
    shown.value = masked(setting, shown.value, &memory);
    fn(owner, &shown);
    buf_fini(&memory);
}

static int compare_values(const void *a, const void *b) {
    return strcmp((*(const struct config_value *const *)a)->path,
                  (*(const struct config_value *const *)b)->path);
}

/* Values of lists have no one row in the table. Settings of adapters have none at all: which of
 * them are secret is for the loadout to know. */
static void show_lists(const struct config *config, config_shown_fn *fn, void *owner) {
    const struct config_value **rows = mem_alloc((config->values.count + 1) * sizeof(*rows));
    struct map_iter iter = { 0 };
    size_t count = 0;
    void *value;
    while (map_bytes_next(&config->values, &iter, NULL, &value))
        if (strchr(((struct config_value *)value)->path, '[')
            && config_find_setting(((struct config_value *)value)->path))
            rows[count++] = value;
    qsort(rows, count, sizeof(*rows), compare_values);
    for (size_t i = 0; i < count; i++)
        show(config, config_find_setting(rows[i]->path), rows[i]->path, fn, owner);
    free(rows);
}

void config_each_shown(const struct config *config, config_shown_fn *fn, void *owner) {
    for (const struct config_setting *s = config_settings; s->path; s++)
        if (!strchr(s->path, '['))
            show(config, s, s->path, fn, owner);
    show_lists(config, fn, owner);
}

void config_append_quoted(struct buf *yaml, struct dm_slice text) {
    buf_append_char(yaml, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            buf_printf(yaml, "\\x%02x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            buf_append_char(yaml, '\\');
        buf_append_char(yaml, (char)c);
    }
    buf_append_char(yaml, '"');
}

static void append_value(void *owner, const struct config_shown *shown) {
    struct buf *yaml = owner;
    if (!shown->value.ptr)
        buf_append_str(yaml, "null");
    else if (shown->kind == CONFIG_INT || shown->kind == CONFIG_BOOL)
        buf_append_slice(yaml, shown->value);
    else
        config_append_quoted(yaml, shown->value);
    buf_append_char(yaml, '\n');
}

/* ---- lists ---- */

#define PATH_SIZE 256

static void append_texts(const struct config *config, const char *path, int indent,
                         struct buf *yaml) {
    size_t count = config_count(config, path);
    for (size_t i = 0; i < count; i++) {
        char item[PATH_SIZE];
        if (snprintf(item, sizeof(item), "%s[%zu]", path, i) >= PATH_SIZE)
            return;
        buf_printf(yaml, "%*s- ", indent, "");
        show(config, config_find_setting(item), item, append_value, yaml);
    }
}

/* One key of an item, if it was given: a value, or a list of texts. */
static int append_key(const struct config *config, const char *item, const char *key,
                      const char *lead, struct buf *yaml) {
    char path[PATH_SIZE];
    const char *list = strstr(key, "[]");
    int len = list ? (int)(list - key) : (int)strlen(key);
    if (snprintf(path, sizeof(path), "%s.%.*s", item, len, key) >= PATH_SIZE)
        return 0;
    if (list ? !config_count(config, path)
             : !map_bytes_get(&config->values, dm_slice_str(path)))
        return 0;
    buf_printf(yaml, "%s%.*s:%s", lead, len, key, list ? "\n" : " ");
    if (list)
        append_texts(config, path, 6, yaml);
    else
        show(config, config_find_setting(path), path, append_value, yaml);
    return 1;
}

/* From the row of its first key on, the rows of the table are what an item can hold. */
static void append_items(const struct config *config, const char *path,
                         const struct config_setting *row, struct buf *yaml) {
    size_t count = config_count(config, path), len = strlen(path);
    for (size_t i = 0; i < count; i++) {
        const char *lead = "  - ";
        char item[PATH_SIZE];
        if (snprintf(item, sizeof(item), "%s[%zu]", path, i) >= PATH_SIZE)
            return;
        for (const struct config_setting *s = row; s->path && !strncmp(s->path, row->path, len + 3);
             s++)
            if (append_key(config, item, s->path + len + 3, lead, yaml))
                lead = "    ";
        if (lead[2] == '-')
            buf_append_str(yaml, "  - {}\n");
    }
}

/* Returns the first row behind those of the list. */
static const struct config_setting *append_list(const struct config *config,
                                                const struct config_setting *row,
                                                struct buf *yaml) {
    char path[PATH_SIZE];
    size_t len = (size_t)(strchr(row->path, '[') - row->path);
    const struct config_setting *next = row;
    snprintf(path, sizeof(path), "%.*s", (int)len, row->path);
    while (next->path && !strncmp(next->path, row->path, len + 2))
        next++;
    if (!config_count(config, path) || !strcmp(path, "adapters"))
        return next;
    buf_printf(yaml, "%s:\n", path);
    if (row->path[len + 2])
        append_items(config, path, row, yaml);
    else
        append_texts(config, path, 2, yaml);
    return next;
}

/* What may be given as a text or as a list is shown as it was given. */
void config_show(const struct config *config, struct buf *ret_yaml) {
    const struct config_setting *s = config_settings;
    while (s->path) {
        if (strchr(s->path, '[')) {
            s = append_list(config, s, ret_yaml);
            continue;
        }
        if (!config_count(config, s->path)) {
            buf_printf(ret_yaml, "%s: ", s->path);
            show(config, s, s->path, append_value, ret_yaml);
        }
        s++;
    }
}
