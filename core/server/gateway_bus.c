/* How the gateway hears of what happens elsewhere: accounts and tokens, and the other nodes. */
#include <string.h>

#include "core/base/log.h"
#include "core/server/cli.h"
#include "core/server/gateway_internal.h"

/* How long a start waits to hear of the others. */
#define SETTLE_MS 3000

static void heard(void *owner, const struct bus_notice *notice) {
    struct gateway *gateway = owner;
    engine_notice(gateway->engine, notice);
}

/* A pooler in transaction mode carries no LISTEN. */
static const char *listen_conninfo(struct gateway *gateway) {
    struct dm_slice direct = config_string(gateway->config, "database.listen_url");
    return direct.ptr ? direct.ptr : backend_conninfo(gateway->backend);
}

static int open_port(struct gateway *gateway) {
    const struct bus_pg_config config = {
        .conninfo = backend_conninfo(gateway->backend),
        .notice = heard,
        .owner = gateway,
    };
    if (bus_pg_open(loop_uv(backend_loop(gateway->backend)), &config, &gateway->bus))
        return cli_fail(CLI_CONFIG, "database.url cannot be used for the bus");
    engine_attach_bus(gateway->engine, bus_pg_port(gateway->bus));
    return CLI_OK;
}

static void time_is_over(struct loop_timer *timer) {
}

/* Whoever connects from the first moment on misses nothing of what the others do. */
static void await_others(struct gateway *gateway) {
    struct loop *loop = backend_loop(gateway->backend);
    struct loop_timer timer;
    loop_timer_init(&timer, time_is_over);
    loop_timer_arm(loop, &timer, SETTLE_MS);
    while (!engine_is_settled(gateway->engine) && loop_timer_is_armed(&timer))
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    loop_timer_cancel(loop, &timer);
    if (!engine_is_settled(gateway->engine))
        log_event(LOG_LEVEL_WARNING, "other nodes do not answer yet");
}

int gateway_bus_open(struct gateway *gateway) {
    int alone = !strcmp(config_string(gateway->config, "bus").ptr, "local");
    int r = alone ? CLI_OK : open_port(gateway);
    if (r)
        return r;
    if (listen_pg_open(loop_uv(backend_loop(gateway->backend)), listen_conninfo(gateway),
                       alone ? 0 : bus_pg_port(gateway->bus)->node, heard, gateway,
                       &gateway->listen))
        return cli_fail(CLI_CONFIG, "database.%s cannot be used to listen",
                        config_string(gateway->config, "database.listen_url").ptr ? "listen_url"
                                                                                  : "url");
    await_others(gateway);
    return CLI_OK;
}

static void port_closed(void *owner) {
    ((struct gateway *)owner)->closing--;
}

void gateway_bus_close(struct gateway *gateway) {
    if (!gateway->bus)
        return;
    engine_leave(gateway->engine);
    gateway->closing++;
    bus_pg_close(gateway->bus, port_closed, gateway);
}
