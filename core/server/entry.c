#include "core/server/entry.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/addresses.h"
#include "core/server/cli.h"

struct entry {
    struct config *config;
    struct conn_server *server;
    struct address_set trusted;
    enum conn_door door;
    char address[NET_ADDRESS_TEXT];
};

/* ---- listening ---- */

static int listen_at(struct entry *entry, int fd) {
    struct listener_config config = {
        .address = config_string(entry->config, "listen"),
        .fd = fd,
        .max_connections = (uint32_t)config_int(entry->config, "limits.connections"),
    };
    struct listener *listener;
    int r = conn_server_listen_at(entry->server, &config, entry->door, &listener);
    if (r && fd >= 0)
        return cli_fail(CLI_FAILED, "the inherited socket %d: %s", fd, strerror(-r));
    if (r)
        return cli_fail(CLI_FAILED, "%.*s: %s", DM_SLICE_FMT(config.address), strerror(-r));
    if (!entry->address[0])
        net_address_format(listener_address(listener), entry->address);
    return CLI_OK;
}

static int listen_everywhere(struct entry *entry, struct inherit *inherit) {
    int fd = inherit_claim(inherit, INHERIT_PUBLIC);
    int r = listen_at(entry, fd);
    while (!r && fd >= 0 && (fd = inherit_claim(inherit, INHERIT_PUBLIC)) >= 0)
        r = listen_at(entry, fd);
    return r;
}

static int read_trust(struct entry *entry) {
    struct config *config = entry->config;
    if (addresses_read(config, "trusted_proxies", &entry->trusted) < 0)
        return cli_fail(CLI_CONFIG, "%s", config_error(config));
    if (!config_bool(config, "proxy_protocol"))
        return CLI_OK;
    if (address_set_is_empty(&entry->trusted)) {
        config_fail(config, "proxy_protocol", "proxy_protocol needs trusted_proxies");
        return cli_fail(CLI_CONFIG, "%s", config_error(config));
    }
    entry->door = CONN_DOOR_PROXIED;
    return CLI_OK;
}

static struct conn_config limits_of(const struct entry *entry) {
    struct conn_config config = CONN_CONFIG_DEFAULT;
    config.write.max = (uint32_t)config_int(entry->config, "limits.send_queue_bytes");
    config.http.head_timeout_ms = (uint32_t)config_int(entry->config, "limits.handshake_ms");
    config.http.body_total_ms = (uint32_t)config_int(entry->config, "limits.body_ms");
    config.trusted = &entry->trusted;
    return config;
}

int entry_open(struct config *config, struct loop *loop, const struct conn_handler *handler,
               void *userdata, struct inherit *inherit, struct entry **ret_entry) {
    struct entry *entry = mem_zalloc(sizeof(*entry));
    struct conn_config limits;
    entry->config = config;
    *ret_entry = entry;
    int r = read_trust(entry);
    if (r)
        return r;
    limits = limits_of(entry);
    entry->server = conn_server_new(loop, &limits, handler, userdata);
    return listen_everywhere(entry, inherit);
}

/* ---- the rest of its life ---- */

void entry_configure(struct entry *entry, struct config *config) {
    struct conn_config limits;
    entry->config = config;
    limits = limits_of(entry);
    conn_server_configure(entry->server, &limits,
                          (uint32_t)config_int(config, "limits.connections"));
}

struct conn_server *entry_server(const struct entry *entry) {
    return entry->server;
}

const char *entry_address(const struct entry *entry) {
    return entry->address;
}

void entry_free(struct entry *entry) {
    if (!entry)
        return;
    address_set_fini(&entry->trusted);
    free(entry);
}
