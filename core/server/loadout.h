/* Which adapters are configured, where, and with which settings. */
#ifndef DRAGOMAN_SERVER_LOADOUT_H
#define DRAGOMAN_SERVER_LOADOUT_H

#include "core/adapter/host.h"
#include "core/server/config.h"

struct loadout_item {
    const struct dm_adapter *adapter;
    const char *mount; /* NULL: by its name */
    struct adapter_values *values;
};

struct loadout {
    struct loadout_item *items;
    size_t count;
};

/* Reads `adapters` (all built-in ones when there is none) and their settings; afterwards a key of
 * the configuration that nobody took is an error. Returns 0, or -EINVAL with the reason in
 * config_error. On 0 the caller calls loadout_fini. */
int loadout_init(struct loadout *loadout, struct config *config);
void loadout_fini(struct loadout *loadout);

/* Adds all of it to a host. Returns 0, or -EINVAL with the reason. */
int loadout_add(const struct loadout *loadout, struct host *host,
                struct adapter_error *ret_error);

/* Appends the adapters as YAML, with every setting's value in effect. */
void loadout_show(const struct loadout *loadout, struct buf *ret_yaml);

#endif
