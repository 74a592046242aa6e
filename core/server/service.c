/* dragoman serve: the process around a gateway. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/server/admin/admin.h"
#include "core/server/cli.h"
#include "core/server/control.h"
#include "core/server/descriptors.h"
#include "core/server/entry.h"
#include "core/server/gateway.h"
#include "core/server/supervisor.h"
#include "core/server/tally.h"
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
    struct loop *loop; /* own */
    struct upgrade *upgrade;
    struct tally *tally; /* of a worker */
    struct control_call *reload_call;  /* who asked for what is under way; NULL: a signal */
    struct control_call *upgrade_call;
    int worker; /* its number below a supervisor; -1: alone */
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
    tally_leave(service->tally);
    gateway_drain(service->gateway, GATEWAY_STOPS, drained, service);
}

static void drain_asked(void *owner, struct control_call *call) {
    drain(owner, call ? "asked to" : "signal");
    control_answer(call, CONTROL_DONE, "draining");
}

static void reloaded(void *owner, const char *error, const char *restart) {
    struct service *service = owner;
    struct control_call *call = service->reload_call;
    service->reload_call = NULL;
    if (service->state != SERVICE_DRAINS)
        notify_manager(service->notify, "READY=1");
    if (error) {
        log_event(LOG_LEVEL_ERROR, "the configuration stays as it is", LOG_STR("error", error));
        notify_parent(service->notify, WORKER_REFUSED "%s", error);
        control_answer(call, CONTROL_REFUSED, "the configuration stays as it is: %s", error);
        return;
    }
    log_event(LOG_LEVEL_INFO, "configuration reloaded");
    notify_parent(service->notify, WORKER_RELOADED "%s", restart);
    control_answer(call, CONTROL_DONE, "reloaded%s%s", *restart ? "; needs a restart: " : "",
                   restart);
}

static void reload_asked(void *owner, struct control_call *call) {
    struct service *service = owner;
    if (gateway_reload(service->gateway, &service->cli->options, reloaded, service)) {
        control_answer(call, CONTROL_NOT_NOW, "not while it reloads already, or drains");
        notify_parent(service->notify, WORKER_REFUSED "it reloads already, or drains");
        return;
    }
    service->reload_call = call;
    notify_reloading(service->notify);
}

static void drain_succeeded(struct service *service) {
    if (service->state == SERVICE_DRAINS)
        return;
    service->state = SERVICE_DRAINS;
    log_event(LOG_LEVEL_INFO, "draining", LOG_STR("why", "a successor serves"));
    admin_unlisten(service->admin);
    gateway_drain(service->gateway, GATEWAY_SUCCEEDED, drained, service);
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
    log_event(LOG_LEVEL_INFO, "upgraded", LOG_INT("successor", successor));
    control_answer(call, CONTROL_DONE, "process %d has taken over", (int)successor);
    drain_succeeded(service);
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

static const struct control_handler control_handler = {
    .drain = drain_asked,
    .reload = reload_asked,
    .upgrade = upgrade_asked,
};

/* A worker has no successor of its own, and its supervisor answers for it. */
static const struct control_handler worker_handler = {
    .drain = drain_asked,
    .reload = reload_asked,
};

static void admin_asked(void *owner) {
    struct service *service = owner;
    if (service->worker < 0)
        drain(service, "asked through the admin API");
    else
        notify_parent(service->notify, WORKER_DRAIN);
}

static const struct admin_events admin_events = { .drain = admin_asked };

/* A supervisor says it for all of its workers. */
static void say_ready(const struct service *service, const char *scheme, const char *address) {
    const char *shown = strcmp(address, "unix") ? scheme : "";
    if (service->worker < 0)
        printf("ready %s%s\n", shown, address);
    else
        notify_parent(service->notify, WORKER_LISTENS "%s%s", shown, address);
}

static void announce(const struct service *service) {
    const struct entry *entry = gateway_entry(service->gateway);
    const char *address = entry_address(entry), *tls_address = entry_tls_address(entry);
    say_ready(service, entry_is_tls(entry) ? "https://" : "http://", address);
    if (tls_address)
        say_ready(service, "https://", tls_address);
    fflush(stdout);
    log_event(LOG_LEVEL_INFO, "ready", LOG_STR("listen", address),
              LOG_STR("listen_tls", tls_address),
              LOG_STR("admin", service->admin ? admin_address(service->admin) : NULL),
              LOG_STR("version", DRAGOMAN_VERSION));
    notify_send(service->notify, "READY=1");
}

/* What the supervisor wants; NULL: it has died, and nobody would look after this worker. */
static void ordered(void *owner, const char *order) {
    struct service *service = owner;
    if (!order)
        drain(service, "the supervisor is gone");
    else if (!strcmp(order, SUPERVISOR_RELOAD))
        reload_asked(service, NULL);
    else if (!strcmp(order, SUPERVISOR_DRAIN))
        drain(service, "the supervisor's order");
    else if (!strcmp(order, SUPERVISOR_DRAIN_SUCCEEDED))
        drain_succeeded(service);
}

static void run(struct service *service) {
    notify_feed(service->notify, service->loop);
    if (service->worker >= 0)
        notify_listen(service->notify, service->loop, ordered, service);
    announce(service);
    loop_run(service->loop);
}

static int listen_admin(struct service *service, struct dm_slice address, int fd) {
    int r = admin_open(service->loop, address, fd, &service->admin);
    return r ? cli_fail(CLI_FAILED, "cannot listen at %s: %s",
                        fd < 0 ? address.ptr : "the inherited admin socket", strerror(-r))
             : CLI_OK;
}

/* A socket of its own says from the beginning that the gateway starts. At one that was passed
 * another process may still answer that it is ready: it is left alone until this one is. */
static int open_admin_early(struct service *service, struct config *config) {
    struct dm_slice address = config_string(config, "admin");
    if (!address.ptr || inherit_has(&service->cli->inherit, INHERIT_ADMIN))
        return CLI_OK;
    return listen_admin(service, address, -1);
}

/* An admin socket that was passed is served whether or not an address is configured. */
static int open_admin(struct service *service) {
    int fd = inherit_claim(&service->cli->inherit, INHERIT_ADMIN);
    int r = fd < 0 ? CLI_OK : listen_admin(service, DM_SLICE_NONE, fd);
    if (r || !service->admin)
        return r;
    r = admin_serve(service->admin, service->gateway, &admin_events, service);
    return r ? cli_fail(CLI_CONFIG, "%s", config_error(service->cli->config)) : CLI_OK;
}

static int open_control(struct service *service, struct config *config) {
    const char *state = config_string(config, "state").ptr;
    int r = service->worker < 0
                ? control_open(service->loop, state, &control_handler, service, &service->control)
                : control_open(service->loop, NULL, &worker_handler, service, &service->control);
    return r ? cli_fail(CLI_FAILED, "%s/control: %s", state, strerror(-r)) : CLI_OK;
}

static int open_all(struct service *service, struct cli *cli) {
    enum backend_use use = service->worker < 0 ? BACKEND_GATEWAY : BACKEND_WORKER;
    int fd = inherit_claim(&cli->inherit, INHERIT_TALLY);
    int r = fd < 0 ? 0 : tally_open(fd, (unsigned)service->worker, &service->tally);
    if (r)
        return cli_fail(CLI_FAILED, "the workers' tally: %s", strerror(-r));
    if (loop_new(&service->loop))
        return cli_fail(CLI_FAILED, "no event loop");
    r = open_admin_early(service, cli->config);
    if (!r)
        r = gateway_open(service->loop, cli->config, use, &cli->inherit, service->tally,
                         &service->gateway);
    if (!r)
        r = open_admin(service);
    return r ? r : open_control(service, cli->config);
}

/* Who serves in this process; NULL: nobody (any more). */
static struct service *serving;

/* An adapter's exit() would pass for an end that was asked for. */
static void end_in_the_middle(void) {
    if (!serving)
        return;
    log_event(LOG_LEVEL_ERROR, "exit was called while the gateway runs: no adapter may do that");
    if (serving->gateway)
        gateway_abandon(serving->gateway);
    _exit(CLI_FAILED);
}

static void close_all(struct service *service) {
    struct gateway *gateway = service->gateway;
    service->gateway = NULL;
    notify_still(service->notify);
    control_close(service->control);
    admin_close(service->admin);
    if (gateway)
        gateway_close(gateway);
    loop_free(service->loop);
    tally_free(service->tally);
}

static int serve(struct cli *cli, int worker) {
    struct service service = { .cli = cli, .notify = &cli->notify, .worker = worker };
    serving = &service;
    atexit(end_in_the_middle);
    int r = open_all(&service, cli);
    inherit_close(&cli->inherit);
    if (!r)
        run(&service);
    close_all(&service);
    serving = NULL;
    if (!r)
        log_event(LOG_LEVEL_INFO, "stopped");
    return r;
}

int cli_serve(struct cli *cli) {
    size_t prefix = strlen(WORKER_OPTION);
    int worker = -1;
    if (cli->argc == 1 && !strncmp(cli->argv[0], WORKER_OPTION, prefix))
        worker = atoi(cli->argv[0] + prefix);
    else if (cli->argc)
        return cli_fail(CLI_USAGE, "serve does not know %s", cli->argv[0]);
    if (worker >= 0)
        log_set_worker((unsigned)worker);
    descriptors_raise();
    if (worker < 0 && config_int(cli->config, "workers") > 1)
        return supervisor_run(cli);
    return serve(cli, worker);
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
