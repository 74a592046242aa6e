#include "core/server/loadout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/adapter/builtin.h"
#include "core/base/mem.h"
#include "core/server/config_internal.h"

#define PATH_SIZE 256

static const struct dm_adapter *find_builtin(const char *name) {
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
        if (adapter_values_set(item->values, keys[i], text, &error))
            return config_fail(config, "limits", "%s: %s", item->adapter->name, error.text);
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
    snprintf(dotted, sizeof(dotted), "%s.%s", item->adapter->name, key);
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

static int take_item(struct config *config, struct loadout *loadout, size_t index,
                     const struct dm_adapter *adapter, const char *mount) {
    struct adapter_error error;
    struct loadout_item *item = &loadout->items[loadout->count];
    if (adapter_check(adapter, &error))
        return config_fail(config, "adapters", "%s: %s", adapter->name, error.text);
    *item = (struct loadout_item){ adapter, mount, adapter_values_new(adapter) };
    loadout->count++;
    return take_settings(config, item, index);
}

static int take_configured(struct config *config, struct loadout *loadout, size_t index) {
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "adapters[%zu].name", index);
    struct dm_slice name = config_string(config, path);
    if (!name.ptr)
        return config_fail(config, path, "an adapter needs a name");
    const struct dm_adapter *adapter = find_builtin(name.ptr);
    if (!adapter)
        return config_fail(config, path, "there is no adapter %s", name.ptr);
    return take_item(config, loadout, index, adapter,
                     config_at(config, "adapters[%zu].mount", index).ptr);
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
    *loadout = (struct loadout){ mem_calloc(count + 1, sizeof(*loadout->items)), 0 };
    int r = 0;
    for (size_t i = 0; !r && i < count; i++)
        r = configured ? take_configured(config, loadout, i)
                       : take_item(config, loadout, i, builtin_adapters[i], NULL);
    if (!r)
        r = config_check_unknown(config);
    if (r)
        loadout_fini(loadout);
    return r;
}

void loadout_fini(struct loadout *loadout) {
    for (size_t i = 0; i < loadout->count; i++)
        adapter_values_free(loadout->items[i].values);
    free(loadout->items);
    *loadout = (struct loadout){ NULL, 0 };
}

int loadout_add(const struct loadout *loadout, struct host *host,
                struct adapter_error *ret_error) {
    for (size_t i = 0; i < loadout->count; i++) {
        const struct loadout_item *item = &loadout->items[i];
        struct host_instance_config config = { .mount = item->mount, .values = item->values };
        int r = host_add(host, item->adapter, &config, ret_error);
        if (r)
            return r;
    }
    return 0;
}

static void show_settings(const struct adapter_values *values, struct buf *yaml) {
    for (uint32_t i = 0; i < adapter_values_count(values); i++) {
        const struct dm_setting *setting = adapter_values_setting(values, i);
        struct dm_slice text = adapter_values_text(values, setting->key);
        buf_printf(yaml, "      %s: ", setting->key);
        if (text.ptr)
            buf_printf(yaml, "\"%.*s\"", DM_SLICE_FMT(text));
        else
            buf_append_str(yaml, "null");
        buf_printf(yaml, " # %s\n", setting->doc ? setting->doc : "");
    }
}

void loadout_show(const struct loadout *loadout, struct buf *ret_yaml) {
    buf_append_str(ret_yaml, "adapters:\n");
    for (size_t i = 0; i < loadout->count; i++) {
        const struct loadout_item *item = &loadout->items[i];
        buf_printf(ret_yaml, "  - name: %s\n    mount: ", item->adapter->name);
        if (item->mount)
            buf_printf(ret_yaml, "\"%s\"\n", item->mount);
        else
            buf_printf(ret_yaml, "/%s\n", item->adapter->name);
        buf_append_str(ret_yaml, "    settings:\n");
        show_settings(item->values, ret_yaml);
    }
}
