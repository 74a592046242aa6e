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

struct entry {
    struct config *config;
    struct conn_server *server;
    struct address_set trusted;
    struct tls *tls; /* NULL: not configured */
    char address[NET_ADDRESS_TEXT];
    char tls_address[NET_ADDRESS_TEXT];
};

/* ---- certificates ---- */

static struct tls_config tls_files(const struct config *config) {
    return (struct tls_config){ .certificate = config_string(config, "tls.certificate").ptr,
                                .key = config_string(config, "tls.key").ptr };
}

static void log_certificate(const struct entry *entry, const struct tls_config *files) {
    char until[TIME_ISO_SIZE];
    time_format_iso(tls_expires(entry->tls) * 1000000, TIME_Z, until);
    log_event(LOG_LEVEL_INFO, "certificate loaded", LOG_STR("file", files->certificate),
              LOG_STR("expires", until));
}

static int open_tls(struct entry *entry) {
    struct tls_config files = tls_files(entry->config);
    char error[TLS_ERROR_SIZE];
    if (!files.certificate && config_string(entry->config, "listen_tls").ptr) {
        config_fail(entry->config, "listen_tls", "listen_tls needs tls.certificate");
        return cli_fail(CLI_CONFIG, "%s", config_error(entry->config));
    }
    if (!files.certificate)
        return CLI_OK;
    if (tls_new(&files, &entry->tls, error) < 0)
        return cli_fail(CLI_CONFIG, "%s", error);
    log_certificate(entry, &files);
    return CLI_OK;
}

int entry_reload_tls(struct entry *entry, const struct config *config,
                     char ret_error[TLS_ERROR_SIZE]) {
    struct tls_config files = tls_files(config);
    if (!entry->tls && !files.certificate)
        return 0;
    if (!entry->tls || !files.certificate) {
        snprintf(ret_error, TLS_ERROR_SIZE,
                 "tls.certificate: only a restart begins or ends TLS");
        return -EINVAL;
    }
    int r = tls_reload(entry->tls, &files, ret_error);
    if (r == 0)
        log_certificate(entry, &files);
    return r;
}

/* ---- listening ---- */

static int listen_at(struct entry *entry, struct dm_slice address, int fd, struct tls *tls,
                     char *ret_address) {
    struct listener_config config = {
        .address = address,
        .fd = fd,
        .max_connections = (uint32_t)config_int(entry->config, "limits.connections"),
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
    if (!ret_address[0])
        net_address_format(listener_address(listener), ret_address);
    return CLI_OK;
}

/* On the sockets of that name, or where the configuration says. */
static int listen_everywhere(struct entry *entry, struct inherit *inherit, const char *name,
                             struct dm_slice address, struct tls *tls, char *ret_address) {
    int fd = inherit_claim(inherit, name);
    int r = fd < 0 && !address.ptr ? CLI_OK : listen_at(entry, address, fd, tls, ret_address);
    while (!r && fd >= 0 && (fd = inherit_claim(inherit, name)) >= 0)
        r = listen_at(entry, address, fd, tls, ret_address);
    return r;
}

static int listen_all(struct entry *entry, struct inherit *inherit) {
    struct dm_slice address = config_string(entry->config, "listen");
    struct dm_slice tls_address = config_string(entry->config, "listen_tls");
    struct tls *first = tls_address.ptr ? NULL : entry->tls;
    int r = listen_everywhere(entry, inherit, INHERIT_PUBLIC, address, first, entry->address);
    if (!r && entry->tls && !first)
        r = listen_everywhere(entry, inherit, INHERIT_PUBLIC_TLS, tls_address, entry->tls,
                              entry->tls_address);
    return r;
}

static int read_trust(struct entry *entry) {
    struct config *config = entry->config;
    if (addresses_read(config, "trusted_proxies", &entry->trusted) < 0)
        return cli_fail(CLI_CONFIG, "%s", config_error(config));
    if (!config_bool(config, "proxy_protocol") || !address_set_is_empty(&entry->trusted))
        return CLI_OK;
    config_fail(config, "proxy_protocol", "proxy_protocol needs trusted_proxies");
    return cli_fail(CLI_CONFIG, "%s", config_error(config));
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
    if (!r)
        r = open_tls(entry);
    if (r)
        return r;
    limits = limits_of(entry);
    entry->server = conn_server_new(loop, &limits, handler, userdata);
    return listen_all(entry, inherit);
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

int entry_is_tls(const struct entry *entry) {
    return entry->tls && !entry->tls_address[0];
}

const char *entry_tls_address(const struct entry *entry) {
    return entry->tls_address[0] ? entry->tls_address : NULL;
}

void entry_free(struct entry *entry) {
    if (!entry)
        return;
    tls_free(entry->tls);
    address_set_fini(&entry->trusted);
    free(entry);
}
