/* Which adapters are configured, where, and with which settings. */
#ifndef DRAGOMAN_SERVER_LOADOUT_H
#define DRAGOMAN_SERVER_LOADOUT_H

#include "core/adapter/host.h"
#include "core/adapter/shared_object.h"
#include "core/server/config.h"

struct loadout_item {
    struct shared_object *object; /* where it comes from; NULL: it is built in */
    const struct dm_adapter *adapter;
    const char *name;  /* as configured, or its own */
    const char *mount; /* NULL: by its name */
    struct adapter_values *values;
};

struct loadout {
    struct loadout_item *items;
    size_t count;
};

/* Reads `adapters` (all built-in ones when there is none) and their settings, opens the shared
 * objects among them, and tries whether all of it goes together: names and routes that clash are an
 * error here, and so is, afterwards, a key of the configuration that nobody took. No hook runs.
 * Returns 0, or -EINVAL with the reason in config_error: nothing is loaded then. On 0 the caller
 * calls loadout_fini. */
int loadout_init(struct loadout *loadout, struct config *config);
void loadout_fini(struct loadout *loadout);

/* Adds all of it to a host. Returns 0, or -EINVAL with the reason. */
int loadout_add(const struct loadout *loadout, struct host *host,
                struct adapter_error *ret_error);

/* Appends the adapters as YAML, with every setting's value in effect. */
void loadout_show(const struct loadout *loadout, struct buf *ret_yaml);

/* Appends one line for each: name, mount, title, version and file ("built-in" for those of the
 * program), separated by tabs. */
void loadout_list(const struct loadout *loadout, struct buf *ret_lines);

/* Appends one line for each adapter and kind of event: adapter, event, treatment, note. */
void loadout_matrix(const struct loadout *loadout, struct buf *ret_lines);

/* The built-in adapter of that name, or NULL. */
const struct dm_adapter *loadout_builtin(const char *name);

#endif
