/* dragoman serve: the process around a gateway. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/log.h"
#include "core/server/admin/admin.h"
#include "core/server/cli.h"
#include "core/server/entry.h"
#include "core/server/control.h"
#include "core/server/gateway.h"
#include "core/server/upgrade.h"
#include "version.h"

/*   RUNS ──SIGTERM, asked──▶ DRAINS ──▶ the end
 *    ▲ └──SIGUSR2, asked──▶ UPGRADES ──▲  a successor serves
 *    └── it does not start ────┘
 */
enum service_state {
    SERVICE_RUNS,
    SERVICE_UPGRADES,
    SERVICE_DRAINS,
};

struct service {
    struct cli *cli;
    struct notify *notify;
    struct gateway *gateway;
    struct admin *admin;
    struct control *control;
    struct loop *loop;
    uv_signal_t signals[4];
    struct upgrade *upgrade;
    struct control_call *reload_call;  /* who asked for what is under way; NULL: a signal */
    struct control_call *upgrade_call;
    enum service_state state;
};

static void drained(void *owner) {
    loop_stop(((struct service *)owner)->loop);
}

static void drain(struct service *service, const char *why) {
    if (service->state == SERVICE_DRAINS)
        return;
    if (service->state == SERVICE_UPGRADES) {
        upgrade_cancel(service->upgrade);
        control_answer(service->upgrade_call, CONTROL_NOT_NOW, "it drains");
    }
    service->state = SERVICE_DRAINS;
    log_event(LOG_LEVEL_INFO, "draining", LOG_STR("why", why));
    notify_send(service->notify, "STOPPING=1");
    gateway_drain(service->gateway, GATEWAY_STOPS, drained, service);
}

static void stop_signal(uv_signal_t *handle, int signum) {
    drain(handle->data, strsignal(signum));
}

static void drain_asked(void *owner, struct control_call *call) {
    drain(owner, "asked to");
    control_answer(call, CONTROL_DONE, "draining");
}

static void reloaded(void *owner, const char *error, const char *restart) {
    struct service *service = owner;
    struct control_call *call = service->reload_call;
    service->reload_call = NULL;
    if (service->state != SERVICE_DRAINS)
        notify_send(service->notify, "READY=1");
    if (error) {
        log_event(LOG_LEVEL_ERROR, "the configuration stays as it is", LOG_STR("error", error));
        control_answer(call, CONTROL_REFUSED, "the configuration stays as it is: %s", error);
        return;
    }
    log_event(LOG_LEVEL_INFO, "configuration reloaded");
    control_answer(call, CONTROL_DONE, "reloaded%s%s", *restart ? "; needs a restart: " : "",
                   restart);
}

static void reload_asked(void *owner, struct control_call *call) {
    struct service *service = owner;
    if (gateway_reload(service->gateway, &service->cli->options, reloaded, service)) {
        control_answer(call, CONTROL_NOT_NOW, "not while it reloads already, or drains");
        return;
    }
    service->reload_call = call;
    notify_reloading(service->notify);
}

static void reload_signal(uv_signal_t *handle, int signum) {
    reload_asked(handle->data, NULL);
}

static void upgraded(void *owner, const char *error, pid_t successor) {
    struct service *service = owner;
    struct control_call *call = service->upgrade_call;
    service->upgrade_call = NULL;
    if (error) {
        service->state = SERVICE_RUNS;
        log_event(LOG_LEVEL_ERROR, "not upgraded, this process goes on", LOG_STR("error", error));
        control_answer(call, CONTROL_REFUSED, "not upgraded: %s", error);
        return;
    }
    service->state = SERVICE_DRAINS;
    log_event(LOG_LEVEL_INFO, "draining", LOG_STR("why", "a successor serves"),
              LOG_INT("successor", successor));
    control_answer(call, CONTROL_DONE, "process %d has taken over", (int)successor);
    admin_unlisten(service->admin);
    gateway_drain(service->gateway, GATEWAY_SUCCEEDED, drained, service);
}

static void upgrade_asked(void *owner, struct control_call *call) {
    struct service *service = owner;
    struct inherit sockets = { 0 };
    if (service->state != SERVICE_RUNS) {
        control_answer(call, CONTROL_NOT_NOW, "not while it upgrades already, or drains");
        return;
    }
    gateway_pass(service->gateway, &sockets);
    admin_pass(service->admin, &sockets);
    int r = upgrade_start(service->loop, &service->cli->program, &sockets, service->notify,
                          upgraded, service, &service->upgrade);
    if (r) {
        log_event(LOG_LEVEL_ERROR, "no process can be started", LOG_ERRNO("error", r));
        control_answer(call, CONTROL_REFUSED, "not upgraded: %s", strerror(-r));
        return;
    }
    service->state = SERVICE_UPGRADES;
    service->upgrade_call = call;
}

static void upgrade_signal(uv_signal_t *handle, int signum) {
    upgrade_asked(handle->data, NULL);
}

static const struct control_handler control_handler = {
    .drain = drain_asked,
    .reload = reload_asked,
    .upgrade = upgrade_asked,
};

static void admin_asked(void *owner) {
    drain(owner, "asked through the admin API");
}

static const struct admin_events admin_events = { .drain = admin_asked };

/* One descriptor per connection: take all the system grants. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void watch_signals(struct service *service) {
    static const struct {
        int signum;
        uv_signal_cb fn;
    } rows[] = {
        { SIGTERM, stop_signal }, { SIGINT, stop_signal }, { SIGHUP, reload_signal },
        { SIGUSR2, upgrade_signal },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uv_signal_init(loop_uv(service->loop), &service->signals[i]);
        service->signals[i].data = service;
        uv_signal_start(&service->signals[i], rows[i].fn, rows[i].signum);
    }
}

static void announce(struct service *service) {
    const struct entry *entry = gateway_entry(service->gateway);
    const char *address = entry_address(entry), *tls_address = entry_tls_address(entry);
    const char *scheme = entry_is_tls(entry) ? "https://" : "http://";
    printf("ready %s%s\n", strcmp(address, "unix") ? scheme : "", address);
    if (tls_address)
        printf("ready %s%s\n", strcmp(tls_address, "unix") ? "https://" : "", tls_address);
    fflush(stdout);
    log_event(LOG_LEVEL_INFO, "ready", LOG_STR("listen", address),
              LOG_STR("listen_tls", tls_address),
              LOG_STR("admin", service->admin ? admin_address(service->admin) : NULL),
              LOG_STR("version", DRAGOMAN_VERSION));
    notify_send(service->notify, "READY=1");
}

static void run(struct service *service) {
    watch_signals(service);
    notify_feed(service->notify, service->loop);
    announce(service);
    loop_run(service->loop);
    for (size_t i = 0; i < sizeof(service->signals) / sizeof(service->signals[0]); i++)
        uv_close((uv_handle_t *)&service->signals[i], NULL);
}

/* An admin socket that was passed is served whether or not an address is configured. */
static int open_admin(struct service *service, struct config *config) {
    struct dm_slice address = config_string(config, "admin");
    int fd = inherit_claim(&service->cli->inherit, INHERIT_ADMIN);
    if (fd < 0 && !address.ptr)
        return CLI_OK;
    int r = admin_open(service->gateway, address, fd, &admin_events, service, &service->admin);
    return r ? cli_fail(CLI_FAILED, "cannot listen at %s: %s",
                        fd < 0 ? address.ptr : "the inherited admin socket", strerror(-r))
             : CLI_OK;
}

static int open_control(struct service *service, struct config *config) {
    const char *state = config_string(config, "state").ptr;
    int r = control_open(service->loop, state, &control_handler, service, &service->control);
    return r ? cli_fail(CLI_FAILED, "%s/control: %s", state, strerror(-r)) : CLI_OK;
}

static int open_all(struct service *service, struct cli *cli) {
    int r = gateway_open(cli->config, &cli->inherit, &service->gateway);
    if (r)
        return r;
    service->loop = backend_loop(gateway_backend(service->gateway));
    r = open_admin(service, cli->config);
    return r ? r : open_control(service, cli->config);
}

int cli_serve(struct cli *cli) {
    struct service service = { .cli = cli, .notify = &cli->notify };
    if (cli->argc)
        return cli_fail(CLI_USAGE, "serve does not know %s", cli->argv[0]);
    raise_descriptor_limit();
    int r = open_all(&service, cli);
    inherit_close(&cli->inherit);
    if (!r)
        run(&service);
    notify_still(service.notify);
    control_close(service.control);
    admin_close(service.admin);
    if (service.gateway)
        gateway_close(service.gateway);
    if (!r)
        log_event(LOG_LEVEL_INFO, "stopped");
    return r;
}

int cli_serve_begin(struct cli *cli) {
    int r = inherit_take(&cli->inherit);
    notify_open(&cli->notify, inherit_claim(&cli->inherit, INHERIT_PARENT));
    return r ? cli_fail(CLI_FAILED, "LISTEN_FDS announces what is not there") : CLI_OK;
}

void cli_serve_end(struct cli *cli, int r) {
    if (r)
        notify_status(&cli->notify, cli_failure());
    inherit_close(&cli->inherit);
    notify_close(&cli->notify);
}
