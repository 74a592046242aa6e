/* What the files of the configuration share. */
#ifndef DRAGOMAN_SERVER_CONFIG_INTERNAL_H
#define DRAGOMAN_SERVER_CONFIG_INTERNAL_H

#include "core/base/map.h"
#include "core/server/config.h"

struct config_value {
    const char *path;
    struct dm_slice text; /* followed by a NUL */
    const char *place;    /* where it was given */
    int known;            /* in the table, or taken by an adapter */
    char memory[];
};

struct config {
    struct map_bytes values; /* path → struct config_value */
    char *error;
};

/* The table's row for a concrete path, or NULL. */
const struct config_setting *config_find_setting(const char *path);

/* Checks and keeps one value. Returns 0 or -EINVAL. */
int config_put(struct config *config, const char *path, struct dm_slice text, const char *place);

/* The environment variable that stands for a path. */
void config_environment_name(const char *path, char *ret_name, size_t size);

/* As config_fail, but of a place ("FILE:LINE:COLUMN", an option, a variable), not of a setting. */
int config_fail_at(struct config *config, const char *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
