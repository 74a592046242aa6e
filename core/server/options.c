#include "core/server/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/net/address.h"
#include "core/server/cli.h"
#include "core/server/loadout.h"

/* The options that every verb shares, and the setting each stands for ("": --set itself). */
static const struct {
    const char *option;
    const char *path;
} common_options[] = {
    { "--config", NULL },
    { "--set", "" },
    { "--state", "state" },
    { "--listen", "listen" },
    { "--admin", "admin" },
};

#define COMMON_COUNT (sizeof(common_options) / sizeof(common_options[0]))

/* Recognises `--name VALUE` and `--name=VALUE`. Returns how many words it took, 0 when it is none
 * of the shared ones, -1 when the value is missing. */
static int match_common(char **argv, int left, size_t *ret_index, const char **ret_value) {
    for (size_t i = 0; i < COMMON_COUNT; i++) {
        size_t len = strlen(common_options[i].option);
        if (strncmp(argv[0], common_options[i].option, len))
            continue;
        *ret_index = i;
        if (argv[0][len] == '=') {
            *ret_value = argv[0] + len + 1;
            return 1;
        }
        if (argv[0][len] == '\0') {
            *ret_value = left > 1 ? argv[1] : NULL;
            return left > 1 ? 2 : -1;
        }
    }
    return 0;
}

static int keep_assignment(struct options *options, const char *path, const char *value) {
    if (options->count == OPTIONS_MAX)
        return cli_fail(CLI_USAGE, "too many options");
    char *text = NULL;
    if (*path && asprintf(&text, "%s=%s", path, value) < 0)
        abort();
    options->owned[options->count] = text;
    options->assignments[options->count++] = text ? text : value;
    return 0;
}

int options_take(struct options *options, int *argc, char **argv) {
    int kept = 0;
    for (int i = 0; i < *argc;) {
        size_t index;
        const char *value;
        int words = match_common(argv + i, *argc - i, &index, &value);
        if (words < 0)
            return cli_fail(CLI_USAGE, "%s wants a value", argv[i]);
        if (words == 0) {
            argv[kept++] = argv[i++];
            continue;
        }
        const char *path = common_options[index].path;
        if (!path)
            options->file = value;
        else if (keep_assignment(options, path, value))
            return CLI_USAGE;
        i += words;
    }
    *argc = kept;
    return 0;
}

void options_fini(struct options *options) {
    for (size_t i = 0; i < options->count; i++)
        free(options->owned[i]);
}

static int check_address(struct config *config, const char *path) {
    struct dm_slice text = config_string(config, path);
    struct sockaddr_storage address;
    socklen_t len;
    if (!text.ptr || !net_address_resolve(text, &address, &len))
        return 0;
    return config_fail(config, path, "%s must be HOST:PORT, [IPV6]:PORT or unix:PATH", path);
}

static int check_config(struct config *config) {
    struct loadout loadout;
    int r = loadout_init(&loadout, config);
    if (!r)
        loadout_fini(&loadout);
    if (!r)
        r = check_address(config, "listen");
    return r ? r : check_address(config, "admin");
}

int options_read(const struct options *options, struct config *config) {
    int r = options->file ? config_read_file(config, options->file) : 0;
    if (!r)
        r = config_read_environment(config, environ);
    for (size_t i = 0; !r && i < options->count; i++)
        r = config_set(config, options->assignments[i]);
    return r ? r : check_config(config);
}
