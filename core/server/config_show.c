/* The configuration as it is shown: in one place, so that secrets are masked in all. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/config_internal.h"

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
    if (shown.value.ptr && setting && setting->secrecy == CONFIG_SECRET)
        shown.value = DM_SLICE("***");
    fn(owner, &shown);
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

static void append(void *owner, const struct config_shown *shown) {
    struct buf *yaml = owner;
    buf_printf(yaml, "%s%s: ", strchr(shown->path, '[') ? "# " : "", shown->path);
    if (!shown->value.ptr)
        buf_append_str(yaml, "null");
    else if (shown->kind == CONFIG_INT || shown->kind == CONFIG_BOOL)
        buf_append_slice(yaml, shown->value);
    else
        config_append_quoted(yaml, shown->value);
    buf_append_char(yaml, '\n');
}

void config_show(const struct config *config, struct buf *ret_yaml) {
    config_each_shown(config, append, ret_yaml);
}
