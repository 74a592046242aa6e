/* dragoman serve, and the verbs that only look. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/log.h"
#include "core/server/admin.h"
#include "core/server/cli.h"
#include "core/server/gateway.h"
#include "core/server/loadout.h"
#include "version.h"

struct service {
    struct gateway *gateway;
    struct admin *admin;
    struct loop *loop;
    uv_signal_t terminate;
    uv_signal_t interrupt;
    enum { SERVICE_RUNS = 0, SERVICE_DRAINS } state;
};

static void drained(void *owner) {
    loop_stop(((struct service *)owner)->loop);
}

static void stop_signal(uv_signal_t *handle, int signum) {
    struct service *service = handle->data;
    if (service->state == SERVICE_DRAINS)
        return;
    service->state = SERVICE_DRAINS;
    log_event(LOG_LEVEL_INFO, "draining", LOG_STR("signal", strsignal(signum)));
    gateway_drain(service->gateway, drained, service);
}

/* One descriptor per connection: take all the system grants. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void watch_signal(struct service *service, uv_signal_t *handle, int signum) {
    uv_signal_init(loop_uv(service->loop), handle);
    handle->data = service;
    uv_signal_start(handle, stop_signal, signum);
}

static void announce(const struct service *service) {
    const char *address = gateway_address(service->gateway);
    printf("ready %s%s\n", strcmp(address, "unix") ? "http://" : "", address);
    fflush(stdout);
    log_event(LOG_LEVEL_INFO, "ready", LOG_STR("listen", address),
              LOG_STR("admin", service->admin ? admin_address(service->admin) : NULL),
              LOG_STR("version", DRAGOMAN_VERSION));
}

static void run(struct service *service) {
    watch_signal(service, &service->terminate, SIGTERM);
    watch_signal(service, &service->interrupt, SIGINT);
    announce(service);
    loop_run(service->loop);
    uv_close((uv_handle_t *)&service->terminate, NULL);
    uv_close((uv_handle_t *)&service->interrupt, NULL);
}

int cli_serve(struct cli *cli) {
    struct service service = { 0 };
    struct dm_slice admin = config_string(cli->config, "admin");
    if (cli->argc)
        return cli_fail(CLI_USAGE, "serve does not know %s", cli->argv[0]);
    raise_descriptor_limit();
    int r = gateway_open(cli->config, &service.gateway);
    if (r)
        return r;
    service.loop = backend_loop(gateway_backend(service.gateway));
    if (admin.ptr && admin_open(service.gateway, admin, &service.admin))
        r = cli_fail(CLI_FAILED, "cannot listen at %s", admin.ptr);
    if (!r)
        run(&service);
    admin_close(service.admin);
    gateway_close(service.gateway);
    log_event(LOG_LEVEL_INFO, "stopped");
    return r;
}

int cli_check_config(struct cli *cli) {
    struct loadout loadout;
    struct buf yaml = BUF_INIT;
    if (loadout_init(&loadout, cli->config))
        return cli_fail(CLI_CONFIG, "%s", config_error(cli->config));
    config_show(cli->config, &yaml);
    loadout_show(&loadout, &yaml);
    fwrite(yaml.data, 1, yaml.len, stdout);
    buf_fini(&yaml);
    loadout_fini(&loadout);
    return CLI_OK;
}

int cli_migrate(struct cli *cli) {
    int from, to;
    int r = backend_migrate(cli->config, &from, &to);
    if (!r)
        printf("schema %d -> %d\n", from, to);
    return r;
}

int cli_version(struct cli *cli) {
    printf("dragoman %s (adapter ABI %d.%d)\n", DRAGOMAN_VERSION, DM_ABI_MAJOR, DM_ABI_MINOR);
    return CLI_OK;
}

int cli_adapter_list(struct cli *cli) {
    struct loadout loadout;
    struct buf lines = BUF_INIT;
    if (loadout_init(&loadout, cli->config))
        return cli_fail(CLI_CONFIG, "%s", config_error(cli->config));
    if (cli->argc && !strcmp(cli->argv[0], "--matrix"))
        loadout_matrix(&loadout, &lines);
    else
        loadout_list(&loadout, &lines);
    fwrite(lines.data, 1, lines.len, stdout);
    buf_fini(&lines);
    loadout_fini(&loadout);
    return CLI_OK;
}
