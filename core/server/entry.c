#include "core/server/entry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/addresses.h"
#include "core/server/cli.h"
#include "core/server/descriptors.h"
#include "core/server/tally.h"

struct entry {
    struct config *config;
    struct conn_server *server;
    struct entry_setup setup;
    struct tally *tally;    /* may be NULL */
    struct inherit sockets; /* its listeners', under the names they are passed on by */
    char address[NET_ADDRESS_TEXT];
    char tls_address[NET_ADDRESS_TEXT];
};

/* ---- what is read before anything changes ---- */

static int read_trust(struct config *config, struct entry_setup *setup) {
    if (addresses_read(config, "trusted_proxies", &setup->trusted) < 0)
        return -EINVAL;
    if (config_bool(config, "proxy_protocol") && address_set_is_empty(&setup->trusted))
        return config_fail(config, "proxy_protocol", "proxy_protocol needs trusted_proxies");
    return 0;
}

static int read_tls(struct config *config, struct entry_setup *setup) {
    struct tls_config files = { .certificate = config_string(config, "tls.certificate").ptr,
                                .key = config_string(config, "tls.key").ptr };
    char error[TLS_ERROR_SIZE];
    if (!files.certificate && config_string(config, "listen_tls").ptr)
        return config_fail(config, "listen_tls", "listen_tls needs tls.certificate");
    if (files.certificate && tls_new(&files, &setup->tls, error) < 0)
        return config_fail(config, "tls.certificate", "%s", error);
    return 0;
}

int entry_setup_read(struct config *config, struct entry_setup *ret_setup) {
    int r = read_trust(config, ret_setup);
    if (r == 0)
        r = read_tls(config, ret_setup);
    if (r < 0)
        entry_setup_fini(ret_setup);
    return r;
}

void entry_setup_fini(struct entry_setup *setup) {
    tls_free(setup->tls);
    address_set_fini(&setup->trusted);
    setup->tls = NULL;
}

static void log_certificate(const struct entry *entry) {
    char until[TIME_ISO_SIZE];
    time_format_iso(tls_expires(entry->setup.tls) * 1000000, TIME_Z, until);
    log_event(LOG_LEVEL_INFO, "certificate loaded",
              LOG_SLICE("file", config_string(entry->config, "tls.certificate")),
              LOG_STR("expires", until));
}

/* ---- listening ---- */

/* Of the descriptors that are kept from clients: those of peers who are being refused. */
#define SURPLUS_SHARE 8

static int others_have_fewer(void *owner) {
    struct entry *entry = owner;
    return tally_is_ahead(entry->tally, conn_server_count(entry->server));
}

static int listen_at(struct entry *entry, const char *name, struct dm_slice address, int fd,
                     struct tls *tls, char *ret_address) {
    struct listener_config config = {
        .address = address,
        .fd = fd,
        .batch = entry->tally ? 1 : 0,
        .surplus_max = descriptors_reserve() / SURPLUS_SHARE,
        .stand_back = entry->tally ? others_have_fewer : NULL,
        .owner = entry,
    };
    struct conn_door door = {
        .tls = tls,
        .header = config_bool(entry->config, "proxy_protocol") ? CONN_DOOR_PROXIED
                                                               : CONN_DOOR_BARE,
    };
    struct listener *listener;
    int r = conn_server_listen_at(entry->server, &config, &door, &listener);
    if (r && fd >= 0)
        return cli_fail(CLI_FAILED, "the inherited socket %d: %s", fd, strerror(-r));
    if (r)
        return cli_fail(CLI_FAILED, "%.*s: %s", DM_SLICE_FMT(address), strerror(-r));
    inherit_add(&entry->sockets, name, listener_fd(listener));
    if (!ret_address[0])
        net_address_format(listener_address(listener), ret_address);
    return CLI_OK;
}

/* On the sockets of that name, or where the configuration says. */
static int listen_everywhere(struct entry *entry, struct inherit *inherit, const char *name,
                             struct dm_slice address, struct tls *tls, char *ret_address) {
    int fd = inherit_claim(inherit, name);
    int r = fd < 0 && !address.ptr ? CLI_OK : listen_at(entry, name, address, fd, tls, ret_address);
    while (!r && fd >= 0 && (fd = inherit_claim(inherit, name)) >= 0)
        r = listen_at(entry, name, address, fd, tls, ret_address);
    return r;
}

static int listen_all(struct entry *entry, struct inherit *inherit) {
    struct dm_slice address = config_string(entry->config, "listen");
    struct dm_slice tls_address = config_string(entry->config, "listen_tls");
    struct tls *first = tls_address.ptr ? NULL : entry->setup.tls;
    int r = listen_everywhere(entry, inherit, INHERIT_PUBLIC, address, first, entry->address);
    if (!r && entry->setup.tls && !first)
        r = listen_everywhere(entry, inherit, INHERIT_PUBLIC_TLS, tls_address, entry->setup.tls,
                              entry->tls_address);
    return r;
}

/* Whoever is let in must not keep out the database, the admin API and orders to the gateway. */
static uint32_t connections_max(const struct entry *entry) {
    uint32_t wanted = (uint32_t)config_int(entry->config, "limits.connections");
    uint32_t room = descriptors_for_clients();
    return wanted && wanted < room ? wanted : room;
}

static struct conn_config limits_of(const struct entry *entry) {
    struct conn_config config = CONN_CONFIG_DEFAULT;
    config.write.max = (uint32_t)config_int(entry->config, "limits.send_queue_bytes");
    config.http.head_timeout_ms = (uint32_t)config_int(entry->config, "limits.handshake_ms");
    config.http.body_total_ms = (uint32_t)config_int(entry->config, "limits.body_ms");
    config.max_connections = connections_max(entry);
    config.trusted = &entry->setup.trusted;
    return config;
}

int entry_open(struct config *config, struct loop *loop, const struct conn_handler *handler,
               void *userdata, struct inherit *inherit, struct tally *tally,
               struct entry **ret_entry) {
    struct entry *entry = mem_zalloc(sizeof(*entry));
    struct conn_config limits;
    entry->config = config;
    entry->tally = tally;
    *ret_entry = entry;
    if (entry_setup_read(config, &entry->setup) < 0)
        return cli_fail(CLI_CONFIG, "%s", config_error(config));
    if (entry->setup.tls)
        log_certificate(entry);
    limits = limits_of(entry);
    entry->server = conn_server_new(loop, &limits, handler, userdata);
    return listen_all(entry, inherit);
}

/* ---- the rest of its life ---- */

static void take_tls(struct entry *entry, struct tls *fresh) {
    if (entry->setup.tls && fresh) {
        tls_replace(entry->setup.tls, fresh);
        log_certificate(entry);
    } else {
        tls_free(fresh);
    }
}

void entry_configure(struct entry *entry, struct config *config, struct entry_setup *setup) {
    struct conn_config limits;
    entry->config = config;
    address_set_fini(&entry->setup.trusted);
    entry->setup.trusted = setup->trusted;
    limits = limits_of(entry);
    conn_server_configure(entry->server, &limits);
    take_tls(entry, setup->tls);
    *setup = (struct entry_setup){ 0 };
}

void entry_pass(const struct entry *entry, struct inherit *sockets) {
    for (size_t i = 0; i < entry->sockets.count; i++)
        inherit_add(sockets, entry->sockets.items[i].name, entry->sockets.items[i].fd);
}

struct conn_server *entry_server(const struct entry *entry) {
    return entry->server;
}

const char *entry_address(const struct entry *entry) {
    return entry->address;
}

int entry_has_tls(const struct entry *entry) {
    return entry->setup.tls != NULL;
}

int64_t entry_tls_expires(const struct entry *entry) {
    return entry->setup.tls ? tls_expires(entry->setup.tls) : 0;
}

int entry_is_tls(const struct entry *entry) {
    return entry->setup.tls && !entry->tls_address[0];
}

const char *entry_tls_address(const struct entry *entry) {
    return entry->tls_address[0] ? entry->tls_address : NULL;
}

void entry_free(struct entry *entry) {
    if (!entry)
        return;
    entry_setup_fini(&entry->setup);
    free(entry);
}
