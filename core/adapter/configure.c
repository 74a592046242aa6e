/* New limits and settings while sessions are there. */
#include <errno.h>
#include <string.h>

#include "core/adapter/internal.h"
#include "core/adapter/sio.h"
#include "core/base/mem.h"

void host_configure(struct host *host, const struct host_config *config) {
    encoded_reset(host);
    host_take_config(host, config);
    for (size_t i = 0; i < host->instance_count; i++)
        if (host->instances[i]->engineio)
            sio_server_configure(host->instances[i]);
}

static struct instance *find_instance(const struct host *host, const char *name) {
    for (size_t i = 0; i < host->instance_count; i++)
        if (!strcmp(host->instances[i]->name, name))
            return host->instances[i];
    return NULL;
}

/* Both are of one descriptor: the same settings in the same order. */
static int differ(const struct adapter_values *a, const struct adapter_values *b) {
    for (uint32_t i = 0; i < adapter_values_count(a); i++) {
        const char *key = adapter_values_setting(a, i)->key;
        struct dm_slice before = adapter_values_text(a, key), after = adapter_values_text(b, key);

        if (!before.ptr != !after.ptr || (before.ptr && !dm_slice_eq(before, after)))
            return 1;
    }
    return 0;
}

static void retire(struct instance *instance) {
    instance->retired = mem_realloc(instance->retired, (instance->retired_count + 1)
                                                       * sizeof(struct adapter_values *));
    instance->retired[instance->retired_count++] = instance->values;
}

int host_set_values(struct host *host, const char *name, const struct adapter_values *values) {
    struct instance *instance = find_instance(host, name);

    if (!instance)
        return 0;
    /* The file is another one by now, and goes when the caller is done with it. */
    if (adapter_values_adapter(values) != instance->origin)
        return -ENOTSUP;
    if (!differ(instance->values, values))
        return 0;
    encoded_reset(host);
    retire(instance);
    instance->values = adapter_values_copy(values);
    instance_take_values(instance);
    if (instance->engineio)
        sio_server_configure(instance);
    if (!instance->adapter.configure)
        return instance->adapter.start ? -ENOTSUP : 1;
    hook_enter(instance, NULL, HOOK_CONFIGURE);
    instance->adapter.configure(&instance->pub);
    hook_leave(host, NULL);
    return 1;
}
