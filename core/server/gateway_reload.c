/* A new configuration while the gateway runs.
 *
 * All that can fail comes first and changes nothing: files are read and judged in the pool, then
 * auth takes its part, which is all or nothing. Then everything else is put in place in one turn of
 * the loop, which cannot fail. A part that can take new settings has its say in each: what it must
 * read and check belongs into prepare(), what it puts in place into commit(), and the beginning of
 * its settings' names into live[]; any other setting that differs is named as needing a restart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/addresses.h"
#include "core/server/gateway_internal.h"
#include "core/server/issuers.h"

/* What commit() and auth take over. */
static const char *const live[] = {
    "auth.", "drain.", "files.max_", "files.memory", "files.url_ttl", "gate.", "limits.",
    "log.level", "public_url", "tls.", "trusted_proxies",
};

struct gateway_reload {
    struct gateway *gateway;
    const struct options *options;
    gateway_reloaded_fn *done;
    void *owner;
    struct loop_job job;
    struct config *config;
    struct loadout loadout;
    struct address_limit_config addresses;
    struct entry_setup entry;
    struct auth_setup *setup; /* last: there when all of it is well */
    struct buf restart; /* what has to wait for one: "listen, state" */
};

/* ---- what can fail ---- */

/* In the pool: touches nothing of the gateway. The reason of a failure is in config_error. */
static void prepare(struct loop_job *job) {
    struct gateway_reload *reload = container_of(job, struct gateway_reload, job);
    if (options_read(reload->options, reload->config))
        return;
    if (!loadout_init(&reload->loadout, reload->config)
        && !addresses_limits(reload->config, &reload->addresses)
        && !entry_setup_read(reload->config, &reload->entry))
        auth_setup_new(reload->config, &reload->setup);
}

/* ---- what cannot ---- */

static void note_restart(struct gateway_reload *reload, const char *what) {
    log_event(LOG_LEVEL_WARNING, "a changed setting needs a restart", LOG_STR("key", what));
    buf_append_str(&reload->restart, reload->restart.len ? ", " : "");
    buf_append_str(&reload->restart, what);
}

static int begins(const char *path, const char *with) {
    return !strncmp(path, with, strlen(with));
}

/* Whether TLS is spoken belongs to the listeners; the certificate does not. */
static int is_live(const struct gateway_reload *reload, const char *path) {
    int with_tls = reload->entry.tls != NULL;
    if (begins(path, "tls.") && with_tls != entry_has_tls(reload->gateway->entry))
        return 0;
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
        if (begins(path, live[i]))
            return 1;
    return 0;
}

/* What waits for a restart keeps the value that runs, so that the configuration in effect is what
 * is shown, and what the next reload is compared with. */
static void keep_what_runs(void *owner, const char *path) {
    struct gateway_reload *reload = owner;
    if (is_live(reload, path))
        return;
    note_restart(reload, path);
    config_keep(reload->config, reload->gateway->config, path);
}

static void commit_adapters(struct gateway_reload *reload) {
    for (size_t i = 0; i < reload->loadout.count; i++) {
        const struct loadout_item *item = &reload->loadout.items[i];
        int r = host_set_values(reload->gateway->host, item->name, item->values);
        if (r == -ENOTSUP)
            note_restart(reload, item->name);
        else if (r)
            log_event(LOG_LEVEL_INFO, "adapter configured", LOG_STR("adapter", item->name));
    }
}

static void commit_limits(struct gateway_reload *reload) {
    struct gateway *gateway = reload->gateway;
    struct engine_config engine;
    struct host_config host;
    gateway_engine_config(gateway, &engine);
    engine_reload(gateway->engine, &engine);
    gateway_host_config(gateway, &host);
    host_configure(gateway->host, &host);
    entry_configure(gateway->entry, gateway->config, &reload->entry);
    address_limit_configure(gateway->addresses, &reload->addresses);
    reload->addresses = (struct address_limit_config){ 0 };
    file_service_configure(gateway->files, gateway->config);
}

static void commit(struct gateway_reload *reload) {
    struct gateway *gateway = reload->gateway;
    enum log_level level = log_get_level();
    config_diff(gateway->config, reload->config, keep_what_runs, reload);
    config_free(gateway->own_config);
    gateway->config = gateway->own_config = reload->config;
    reload->config = NULL;
    log_level_parse(config_string(gateway->config, "log.level"), &level);
    log_set_level(level);
    commit_limits(reload);
    commit_adapters(reload);
}

/* ---- the course of it ---- */

static void finish(struct gateway_reload *reload, const char *error) {
    reload->gateway->reload = NULL;
    buf_append_char(&reload->restart, '\0');
    reload->done(reload->owner, error, reload->restart.data);
    auth_setup_free(reload->setup);
    address_set_fini(&reload->addresses.exempt);
    entry_setup_fini(&reload->entry);
    loadout_fini(&reload->loadout);
    config_free(reload->config);
    buf_fini(&reload->restart);
    free(reload);
}

static void auth_reloaded(void *owner, const char *error) {
    struct gateway_reload *reload = owner;
    if (!error)
        commit(reload);
    finish(reload, error);
}

static void prepared(struct loop_job *job, int status) {
    struct gateway_reload *reload = container_of(job, struct gateway_reload, job);
    struct auth *auth = reload->gateway->auth;
    if (!reload->setup)
        finish(reload, status ? "the gateway stops" : config_error(reload->config));
    else if (auth_reload(auth, auth_setup_config(reload->setup), auth_reloaded, reload))
        finish(reload, "keys are being read already");
}

int gateway_reload(struct gateway *gateway, const struct options *options,
                   gateway_reloaded_fn *done, void *owner) {
    if (gateway->reload || gateway->state != GATEWAY_OPEN)
        return -EBUSY;
    struct gateway_reload *reload = mem_zalloc(sizeof(*reload));
    *reload = (struct gateway_reload){ .gateway = gateway, .options = options, .done = done,
                                       .owner = owner, .config = config_new(),
                                       .restart = BUF_INIT };
    gateway->reload = reload;
    loop_job_start(backend_loop(gateway->backend), &reload->job, prepare, prepared);
    return 0;
}
