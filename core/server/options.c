#include "core/server/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/net/address.h"
#include "core/net/handoff.h"
#include "core/server/cli.h"
#include "core/server/loadout.h"
#include "storage/conninfo.h"

#define SYSTEM_FILE "/etc/dragoman/dragoman.yaml"

/* The options that verbs share, and the setting each stands for ("": --set itself). */
static const struct {
    const char *option;
    const char *path;
    enum options_kind kind;
} common_options[] = {
    { "--config", NULL, OPTIONS_OF_ALL },
    { "--set", "", OPTIONS_OF_ALL },
    { "--state", "state", OPTIONS_OF_ALL },
    { "--listen", "listen", OPTIONS_OF_SERVING },
    { "--admin", "admin", OPTIONS_OF_SERVING },
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

int options_take(struct options *options, enum options_kind kind, int *argc, char **argv) {
    int kept = 0;
    for (int i = 0; i < *argc;) {
        size_t index;
        const char *value;
        int words = match_common(argv + i, *argc - i, &index, &value);
        if (words < 0)
            return cli_fail(CLI_USAGE, "%s wants a value", argv[i]);
        if (words > 0 && common_options[index].kind > kind)
            return cli_fail(CLI_USAGE, "%s is for serve and check-config alone",
                            common_options[index].option);
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

/* ---- the settings as a whole ---- */

/* Where a listener would be; absent: nowhere. */
struct place {
    const char *path; /* of the setting */
    struct dm_slice text;
    struct net_address address;
    unsigned last_port;
};

static int take_place(struct config *config, const char *path, struct place *ret_place) {
    struct sockaddr_storage address;
    socklen_t len;
    *ret_place = (struct place){ .path = path, .text = config_string(config, path) };
    if (!ret_place->text.ptr)
        return 0;
    if (net_address_resolve(ret_place->text, &address, &len))
        return config_fail(config, path, "%s must be HOST:PORT, [IPV6]:PORT or unix:PATH", path);
    net_address_from((struct sockaddr *)&address, len, &ret_place->address);
    ret_place->last_port = ret_place->address.port;
    return 0;
}

static int is_any(const struct net_address *address) {
    static const uint8_t zero[sizeof(address->ip)];
    return !memcmp(address->ip, zero, sizeof(zero));
}

/* "::" binds IPv4's as well. */
static int binds_all_of(const struct net_address *any, const struct net_address *address) {
    return is_any(any) && (any->family == NET_IPV6 || address->family == NET_IPV4);
}

static int addresses_clash(const struct net_address *a, const struct net_address *b) {
    return (a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip)))
           || binds_all_of(a, b) || binds_all_of(b, a);
}

/* Port 0 is another one each time. */
static int ports_clash(const struct place *a, const struct place *b) {
    return a->address.port && b->address.port && a->address.port <= b->last_port
           && b->address.port <= a->last_port;
}

/* Whether one of them could not be bound beside the other. */
static int places_clash(const struct place *a, const struct place *b) {
    if (!a->text.ptr || !b->text.ptr)
        return 0;
    if (a->address.family == NET_UNIX || b->address.family == NET_UNIX)
        return dm_slice_eq(a->text, b->text);
    return ports_clash(a, b) && addresses_clash(&a->address, &b->address);
}

/* Each worker has its admin listener at the next port. */
static int take_admin_ports(struct config *config, struct place *place) {
    unsigned workers = (unsigned)config_int(config, "workers");
    if (!place->address.port)
        return 0;
    place->last_port += workers - 1;
    return place->last_port <= UINT16_MAX ? 0
           : config_fail(config, place->path, "%s: there is no port %u for the last of %u workers",
                         place->path, place->last_port, workers);
}

static int refuse_clash(struct config *config, const struct place *first,
                        const struct place *second) {
    unsigned port = first->address.port;
    if (second->address.family != NET_UNIX && port > second->address.port)
        return config_fail(config, second->path, "%s of worker %u would be at port %u, where %s is "
                           "already", second->path, port - second->address.port, port,
                           first->path);
    return config_fail(config, second->path, "%s is where %s is already", second->path,
                       first->path);
}

static int check_places(struct config *config) {
    struct place places[3];
    static const char *const paths[] = { "listen", "listen_tls", "admin" };
    for (size_t i = 0; i < 3; i++) {
        if (take_place(config, paths[i], &places[i])
            || (i == 2 && take_admin_ports(config, &places[i])))
            return -EINVAL;
        for (size_t j = 0; j < i; j++)
            if (places_clash(&places[j], &places[i]))
                return refuse_clash(config, &places[j], &places[i]);
    }
    return 0;
}

static int check_node(struct config *config) {
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct dm_slice node = config_string(config, "node");
    if (!node.ptr || (node.len <= HANDOFF_PLACE_MAX && strspn(node.ptr, alphabet) == node.len))
        return 0;
    return config_fail(config, "node", "node must be at most %d letters and digits",
                       HANDOFF_PLACE_MAX);
}

static int check_database(struct config *config) {
    static const char *const paths[] = { "database.url", "database.listen_url" };
    for (size_t i = 0; i < 2; i++) {
        const char *conninfo = config_string(config, paths[i]).ptr;
        if (conninfo && conninfo_check(conninfo))
            return config_fail(config, paths[i], "%s must be a connection string as libpq knows "
                               "them: postgresql://USER@HOST/NAME, or host=HOST dbname=NAME",
                               paths[i]);
    }
    return 0;
}

static int check_config(struct config *config) {
    struct loadout loadout;
    int r = loadout_init(&loadout, config);
    if (!r)
        loadout_fini(&loadout);
    if (!r)
        r = check_places(config);
    if (!r)
        r = check_database(config);
    return r ? r : check_node(config);
}

void options_default_file(struct options *options) {
    for (size_t i = 0; i < options->count; i++)
        if (!strncmp(options->assignments[i], "state=", 6))
            return;
    if (!options->file && !access(SYSTEM_FILE, R_OK))
        options->file = SYSTEM_FILE;
}

int options_read(const struct options *options, struct config *config) {
    int r = options->file ? config_read_file(config, options->file) : 0;
    if (!r)
        r = config_read_environment(config, environ);
    for (size_t i = 0; !r && i < options->count; i++)
        r = config_set(config, options->assignments[i]);
    return r ? r : check_config(config);
}
