#include "core/server/loadout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/adapter/builtin.h"
#include "core/auth/file_url.h"
#include "core/base/mem.h"
#include "core/server/config_internal.h"

#define PATH_SIZE 256

const struct dm_adapter *loadout_builtin(const char *name) {
    for (const struct dm_adapter *const *a = builtin_adapters; *a; a++)
        if (!strcmp((*a)->name, name))
            return *a;
    return NULL;
}

/* Sets a value that the configuration gives under `path`, if it does. */
static int take_value(struct config *config, struct loadout_item *item, const char *path,
                      const char *key) {
    struct adapter_error error;
    struct dm_slice text = config_take(config, path);
    if (!text.ptr || !adapter_values_set(item->values, key, text, &error))
        return 0;
    return config_fail(config, path, "%s", error.text);
}

/* What holds for every adapter unless it says otherwise. */
static int take_general(struct config *config, struct loadout_item *item) {
    static const char *const keys[] = { "rate", "burst" };
    struct adapter_error error;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct dm_slice text = config_at(config, "limits.%s", keys[i]);
        if (!adapter_has_default(item->adapter, keys[i]) &&
            adapter_values_set(item->values, keys[i], text, &error))
            return config_fail(config, "limits", "%s: %s", item->name, error.text);
    }
    return 0;
}

static int take_setting(struct config *config, struct loadout_item *item, size_t index,
                        const char *key) {
    char path[PATH_SIZE], dotted[PATH_SIZE];
    snprintf(path, sizeof(path), "adapters[%zu].settings.%s", index, key);
    int r = take_value(config, item, path, key);
    if (r)
        return r;
    snprintf(dotted, sizeof(dotted), "%s.%s", item->name, key);
    path[0] = '$';
    config_environment_name(dotted, path + 1, sizeof(path) - 1);
    r = take_value(config, item, path, key);
    return r ? r : take_value(config, item, dotted, key);
}

static int take_settings(struct config *config, struct loadout_item *item, size_t index) {
    int r = take_general(config, item);
    for (uint32_t i = 0; !r && i < adapter_values_count(item->values); i++)
        r = take_setting(config, item, index, adapter_values_setting(item->values, i)->key);
    return r;
}

/* Where errors of an adapter are: the key that names it. */
static int fail_item(struct config *config, const struct loadout_item *item, size_t index,
                     const struct adapter_error *error) {
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "adapters[%zu].%s", index, item->object ? "path" : "name");
    return config_fail(config, path, "%s", error->text);
}

/* Attachments of all dialects have a place of their own beside the adapters'. */
static int check_mount(struct config *config, size_t index, const struct loadout_item *item) {
    static const char files[] = FILE_URL_PREFIX;
    size_t len = sizeof(files) - 3; /* without the slashes */
    const char *mount = item->mount ? item->mount + (*item->mount == '/') : item->name;
    char path[PATH_SIZE];
    if (strncmp(mount, files + 1, len) || (mount[len] && mount[len] != '/'))
        return 0;
    snprintf(path, sizeof(path), "adapters[%zu].%s", index, item->mount ? "mount" : "name");
    return config_fail(config, path, "%s is where attachments are, %s needs another mount", files,
                       item->name);
}

static int add_item(const struct loadout_item *item, struct host *host,
                    struct adapter_error *ret_error) {
    struct host_instance_config config = { .name = item->name, .mount = item->mount,
                                           .values = item->values };
    return host_add(host, item->adapter, &config, ret_error);
}

/* `item` is taken over, also when that fails. `trial` holds those before it, and then it too. */
static int take_item(struct config *config, struct loadout *loadout, struct loadout_item item,
                     struct host *trial) {
    struct adapter_error error;
    size_t index = loadout->count;
    struct loadout_item *kept = &loadout->items[loadout->count++];
    *kept = item;
    if (adapter_check(item.adapter, &error))
        return fail_item(config, kept, index, &error);
    kept->values = adapter_values_new(item.adapter);
    int r = take_settings(config, kept, index);
    if (!r)
        r = check_mount(config, index, kept);
    if (!r && add_item(kept, trial, &error))
        r = fail_item(config, kept, index, &error);
    return r;
}

/* Fills what the configuration says of an adapter, from `name` (built in) or `path`. */
static int find_item(struct config *config, size_t index, struct loadout_item *ret_item) {
    struct adapter_error error;
    char path[PATH_SIZE];
    struct dm_slice file = config_at(config, "adapters[%zu].path", index);
    ret_item->name = config_at(config, "adapters[%zu].name", index).ptr;
    ret_item->mount = config_at(config, "adapters[%zu].mount", index).ptr;
    snprintf(path, sizeof(path), "adapters[%zu].%s", index, file.ptr ? "path" : "name");
    if (file.ptr) {
        if (shared_object_open(file.ptr, &ret_item->object, &error))
            return config_fail(config, path, "%s", error.text);
        ret_item->adapter = shared_object_adapter(ret_item->object);
        if (!ret_item->name)
            ret_item->name = ret_item->adapter->name;
        return 0;
    }
    if (!ret_item->name)
        return config_fail(config, path, "an adapter needs a name, or the path of its file");
    ret_item->adapter = loadout_builtin(ret_item->name);
    return ret_item->adapter ? 0 : config_fail(config, path, "there is no adapter %s",
                                               ret_item->name);
}

static int take_configured(struct config *config, struct loadout *loadout, struct host *trial) {
    struct loadout_item item = { 0 };
    int r = find_item(config, loadout->count, &item);
    return r ? r : take_item(config, loadout, item, trial);
}

static int take_builtin(struct config *config, struct loadout *loadout, struct host *trial) {
    const struct dm_adapter *adapter = builtin_adapters[loadout->count];
    struct loadout_item item = { .adapter = adapter, .name = adapter->name };
    return take_item(config, loadout, item, trial);
}

static size_t count_builtins(void) {
    size_t count = 0;
    while (builtin_adapters[count])
        count++;
    return count;
}

int loadout_init(struct loadout *loadout, struct config *config) {
    size_t configured = config_count(config, "adapters");
    size_t count = configured ? configured : count_builtins();
    struct host *trial = host_new(NULL, NULL, NULL);
    *loadout = (struct loadout){ mem_calloc(count + 1, sizeof(*loadout->items)), 0 };
    int r = 0;
    while (!r && loadout->count < count)
        r = configured ? take_configured(config, loadout, trial)
                       : take_builtin(config, loadout, trial);
    if (!r)
        r = config_check_unknown(config);
    host_free(trial);
    if (r)
        loadout_fini(loadout);
    return r;
}

void loadout_fini(struct loadout *loadout) {
    for (size_t i = 0; i < loadout->count; i++) {
        adapter_values_free(loadout->items[i].values);
        shared_object_close(loadout->items[i].object);
    }
    free(loadout->items);
    *loadout = (struct loadout){ NULL, 0 };
}

int loadout_add(const struct loadout *loadout, struct host *host,
                struct adapter_error *ret_error) {
    int r = 0;
    for (size_t i = 0; !r && i < loadout->count; i++)
        r = add_item(&loadout->items[i], host, ret_error);
    return r;
}

static void show_settings(const struct adapter_values *values, struct buf *yaml) {
    for (uint32_t i = 0; i < adapter_values_count(values); i++) {
        const struct dm_setting *setting = adapter_values_setting(values, i);
        struct dm_slice text = adapter_values_shown(values, setting->key);
        buf_printf(yaml, "      %s: ", setting->key);
        if (text.ptr)
            config_append_quoted(yaml, text);
        else
            buf_append_str(yaml, "null");
        buf_printf(yaml, " # %s\n", setting->doc ? setting->doc : "");
    }
}

static void show_mount(const struct loadout_item *item, struct buf *ret_text) {
    if (!item->mount)
        buf_append_char(ret_text, '/');
    buf_append_str(ret_text, item->mount ? item->mount : item->name);
}

void loadout_show(const struct loadout *loadout, struct buf *ret_yaml) {
    struct buf mount = BUF_INIT;
    buf_append_str(ret_yaml, "adapters:\n");
    for (size_t i = 0; i < loadout->count; i++) {
        const struct loadout_item *item = &loadout->items[i];
        buf_printf(ret_yaml, "  - name: %s\n", item->name);
        if (item->object) {
            buf_append_str(ret_yaml, "    path: ");
            config_append_quoted(ret_yaml, dm_slice_str(shared_object_path(item->object)));
            buf_append_char(ret_yaml, '\n');
        }
        buf_append_str(ret_yaml, "    mount: ");
        buf_reset(&mount);
        show_mount(item, &mount);
        config_append_quoted(ret_yaml, buf_slice(&mount));
        buf_append_str(ret_yaml, "\n    settings:\n");
        show_settings(item->values, ret_yaml);
    }
    buf_fini(&mount);
}

void loadout_list(const struct loadout *loadout, struct buf *ret_lines) {
    for (size_t i = 0; i < loadout->count; i++) {
        const struct loadout_item *item = &loadout->items[i];
        buf_printf(ret_lines, "%s\t", item->name);
        show_mount(item, ret_lines);
        buf_printf(ret_lines, "\t%s\t%s\t%s\n", item->adapter->title, item->adapter->version,
                   item->object ? shared_object_path(item->object) : "built-in");
    }
}

void loadout_matrix(const struct loadout *loadout, struct buf *ret_lines) {
    for (size_t i = 0; i < loadout->count; i++)
        for (int kind = DM_EVENT_NONE + 1; kind < DM_EVENT_KIND_COUNT; kind++) {
            const char *note;
            enum dm_treatment treatment = adapter_treatment(
                loadout->items[i].adapter, (enum dm_event_kind)kind, &note);
            buf_printf(ret_lines, "%s\t%s\t%s\t%s\n", loadout->items[i].name,
                       dm_event_name((enum dm_event_kind)kind),
                       adapter_treatment_name(treatment), note ? note : "");
        }
}
