#include "core/server/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/server/cli.h"
#include "core/server/file_service.h"
#include "core/server/issuers.h"
#include "core/server/loadout.h"
#include "storage/listen_pg.h"
#include "storage/store_pg.h"

#define SERIES_MAX 4096
#define REVIVE_MS 1000
#define DRAIN_LOOK_MS 10
#define ENGINE_WAIT_MS 2000

/*   OPEN ──gateway_drain──▶ DRAINING (sessions) ──all gone──▶ FLUSHING (store) ──idle──▶ DRAINED
 *                               └────────────────drain_ms passed──────────────────────────▲
 */
enum gateway_state {
    GATEWAY_OPEN,
    GATEWAY_DRAINING,
    GATEWAY_FLUSHING,
    GATEWAY_DRAINED,
    GATEWAY_CUT_OFF, /* closing, without a store */
};

struct gateway {
    enum gateway_state state;
    struct config *config;
    struct backend *backend;
    struct metrics *metrics;
    struct auth *auth;
    struct file_service *files;
    struct engine *engine;
    struct engine_client client; /* the host's, and the loop for engine_run */
    struct loop_hook turn;
    struct loop_timer wake;
    struct loadout loadout;
    struct host *host;
    struct conn_server *server;
    struct listen_pg *listen;
    struct loop_timer watch;  /* looks after the database */
    struct loop_timer drain;
    uint64_t drain_until;
    gateway_drained_fn *drained;
    void *drained_owner;
    unsigned closing;         /* parts whose end is awaited */
    char address[NET_ADDRESS_TEXT];
};

static void heard(void *owner, const struct bus_notice *notice) {
    struct gateway *gateway = owner;
    engine_notice(gateway->engine, notice);
}

static void look_after_database(struct loop_timer *timer) {
    struct gateway *gateway = container_of(timer, struct gateway, watch);
    if (backend_state(gateway->backend) == STORE_DOWN)
        backend_revive(gateway->backend);
    loop_timer_arm(backend_loop(gateway->backend), timer, REVIVE_MS);
}

static int open_auth(struct gateway *gateway) {
    struct auth_setup *setup;
    char error[AUTH_ERROR_SIZE];
    if (auth_setup_new(gateway->config, &setup))
        return cli_fail(CLI_CONFIG, "%s", config_error(gateway->config));
    int r = auth_open(loop_uv(backend_loop(gateway->backend)), auth_setup_config(setup),
                      &gateway->auth, error);
    int f = r ? 0 : file_service_open(gateway->config, gateway->backend,
                                      auth_setup_config(setup)->key, &gateway->files);
    auth_setup_free(setup);
    if (f)
        return cli_fail(CLI_FAILED, "files cannot be kept: %s", strerror(-f));
    return r ? cli_fail(CLI_CONFIG, "%s", error) : CLI_OK;
}

static int open_host(struct gateway *gateway) {
    struct adapter_error error;
    struct host_config config = {
        .handshake_timeout_ms = (uint32_t)config_int(gateway->config, "limits.handshake_ms"),
        .backlog_max = (uint32_t)config_int(gateway->config, "limits.queue_max"),
        .send_queue_max = (uint32_t)config_int(gateway->config, "limits.send_queue_bytes"),
        .public_url = config_string(gateway->config, "public_url"),
    };
    if (loadout_init(&gateway->loadout, gateway->config))
        return cli_fail(CLI_CONFIG, "%s", config_error(gateway->config));
    gateway->host = host_new(&config, backend_loop(gateway->backend), gateway->metrics);
    if (loadout_add(&gateway->loadout, gateway->host, &error))
        return cli_fail(CLI_CONFIG, "%s", error.text);
    return CLI_OK;
}

static void run_at_turn(struct loop_hook *hook) {
    engine_run(container_of(hook, struct gateway, turn)->engine);
}

static void run_in_time(struct loop_timer *timer) {
    engine_run(container_of(timer, struct gateway, wake)->engine);
}

static void wake_engine(void *owner, uint32_t ms) {
    struct gateway *gateway = owner;
    struct loop *loop = backend_loop(gateway->backend);
    if (gateway->state == GATEWAY_CUT_OFF)
        return;
    if (ms) {
        loop_timer_arm(loop, &gateway->wake, ms);
    } else {
        loop_timer_cancel(loop, &gateway->wake);
        loop_hook_mark(loop, &gateway->turn, LOOP_DEFER);
    }
}

static int open_engine(struct gateway *gateway) {
    struct adapter_error error;
    struct engine_config config = {
        .text_max = (uint32_t)config_int(gateway->config, "limits.text_max"),
        .queue_max = (uint32_t)config_int(gateway->config, "limits.queue_max"),
        .guesses = (uint32_t)config_int(gateway->config, "auth.guesses"),
        .gate_role = config_string(gateway->config, "gate.role").ptr,
    };
    file_service_limits(gateway->config, &config);
    gateway->client = *host_engine_client();
    gateway->client.wake = wake_engine;
    gateway->client.owner = gateway;
    gateway->engine = engine_new(&config, backend_store(gateway->backend), gateway->auth,
                                 &gateway->client, gateway->metrics);
    host_attach_engine(gateway->host, gateway->engine);
    file_service_attach(gateway->files, gateway->engine, gateway->host, gateway->metrics);
    if (host_start(gateway->host, &error))
        return cli_fail(CLI_CONFIG, "%s", error.text);
    while (store_pending(backend_store(gateway->backend)))
        uv_run(loop_uv(backend_loop(gateway->backend)), UV_RUN_ONCE);
    return listen_pg_open(loop_uv(backend_loop(gateway->backend)),
                          backend_conninfo(gateway->backend), heard, gateway, &gateway->listen)
               ? cli_fail(CLI_CONFIG, "database.url cannot be used to listen") : CLI_OK;
}

static void on_request(struct conn_server *server, struct http_exchange *exchange) {
    struct gateway *gateway = conn_server_userdata(server);
    if (!file_service_request(gateway->files, exchange))
        host_request(gateway->host, exchange);
}

static const struct conn_handler conn_handler = { .request = on_request };

static int open_server(struct gateway *gateway) {
    struct conn_config config = CONN_CONFIG_DEFAULT;
    struct listener_config listen = {
        .address = config_string(gateway->config, "listen"),
        .fd = -1,
        .max_connections = (uint32_t)config_int(gateway->config, "limits.connections"),
    };
    struct listener *listener;
    config.write.max = (uint32_t)config_int(gateway->config, "limits.send_queue_bytes");
    config.http.head_timeout_ms = (uint32_t)config_int(gateway->config, "limits.handshake_ms");
    gateway->server = conn_server_new(backend_loop(gateway->backend), &config,
                                      &conn_handler, gateway);
    int r = conn_server_listen(gateway->server, &listen, &listener);
    if (r)
        return cli_fail(CLI_FAILED, "%.*s: %s", DM_SLICE_FMT(listen.address), strerror(-r));
    net_address_format(listener_address(listener), gateway->address);
    return CLI_OK;
}

static int open_all(struct gateway *gateway) {
    int r = backend_open(gateway->config, BACKEND_GATEWAY, &gateway->backend);
    if (r)
        return r;
    gateway->metrics = metrics_new(SERIES_MAX);
    loop_timer_init(&gateway->watch, look_after_database);
    loop_timer_init(&gateway->wake, run_in_time);
    loop_hook_init(&gateway->turn, run_at_turn);
    r = open_auth(gateway);
    if (!r)
        r = open_host(gateway);
    if (!r)
        r = open_engine(gateway);
    if (!r)
        r = open_server(gateway);
    if (!r)
        loop_timer_arm(backend_loop(gateway->backend), &gateway->watch, REVIVE_MS);
    return r;
}

int gateway_open(struct config *config, struct gateway **ret_gateway) {
    struct gateway *gateway = mem_zalloc(sizeof(*gateway));
    gateway->config = config;
    int r = open_all(gateway);
    if (r) {
        gateway_close(gateway);
        return r;
    }
    *ret_gateway = gateway;
    return CLI_OK;
}

struct backend *gateway_backend(struct gateway *gateway) {
    return gateway->backend;
}

struct metrics *gateway_metrics(struct gateway *gateway) {
    return gateway->metrics;
}

const char *gateway_address(const struct gateway *gateway) {
    return gateway->address;
}

int gateway_is_ready(const struct gateway *gateway) {
    return gateway->state == GATEWAY_OPEN && backend_state(gateway->backend) == STORE_UP;
}

static void measure(struct gateway *gateway, const char *name, const char *help, uint64_t value) {
    struct metric_gauge *gauge =
        metrics_gauge(gateway->metrics, name, help, METRIC_NO_LABELS);
    gauge->value = (int64_t)value;
}

void gateway_measure(struct gateway *gateway) {
    struct store_pg_stats stats;
    backend_stats(gateway->backend, &stats);
    measure(gateway, "dragoman_store_up", "1 while the database can be used.",
            backend_state(gateway->backend) == STORE_UP);
    measure(gateway, "dragoman_store_batches", "Batches committed.", stats.batches);
    measure(gateway, "dragoman_store_batch_rows", "Requests in those batches.",
            stats.batch_rows);
    measure(gateway, "dragoman_store_batch_microseconds", "Round trips of those batches.",
            stats.batch_us);
    measure(gateway, "dragoman_store_calls", "Single requests completed.", stats.calls);
    measure(gateway, "dragoman_store_reconnects", "Lost connections made again.",
            stats.reconnects);
    measure(gateway, "dragoman_store_uncertain", "Units whose answer was lost.",
            stats.uncertain);
    measure(gateway, "dragoman_store_unavailable", "Requests refused or expired.",
            stats.unavailable);
    measure(gateway, "dragoman_store_waiting", "Requests queued now.", stats.waiting);
    measure(gateway, "dragoman_connections", "Connections now.",
            conn_server_count(gateway->server));
    file_service_measure(gateway->files, gateway->metrics);
}

static void end_drain(struct gateway *gateway) {
    gateway->state = GATEWAY_DRAINED;
    gateway->drained(gateway->drained_owner);
}

static void look_at_drain(struct loop_timer *timer) {
    struct gateway *gateway = container_of(timer, struct gateway, drain);
    struct loop *loop = backend_loop(gateway->backend);
    if (loop_now(loop) >= gateway->drain_until) {
        log_event(LOG_LEVEL_WARNING, "drain takes too long, stopping anyway",
                  LOG_UINT("sessions", host_session_count(gateway->host)),
                  LOG_UINT("commands", engine_busy(gateway->engine)));
        end_drain(gateway);
    } else if (gateway->state == GATEWAY_FLUSHING && !engine_busy(gateway->engine) &&
               !file_service_busy(gateway->files)) {
        end_drain(gateway);
    } else {
        loop_timer_arm(loop, timer, DRAIN_LOOK_MS);
    }
}

static void sessions_gone(void *userdata) {
    struct gateway *gateway = userdata;
    if (gateway->state != GATEWAY_DRAINING)
        return;
    gateway->state = GATEWAY_FLUSHING;
    engine_flush(gateway->engine);
}

void gateway_drain(struct gateway *gateway, gateway_drained_fn *drained, void *owner) {
    struct loop *loop = backend_loop(gateway->backend);
    gateway->state = GATEWAY_DRAINING;
    gateway->drained = drained;
    gateway->drained_owner = owner;
    gateway->drain_until = loop_now(loop) +
                           (uint64_t)config_int(gateway->config, "limits.drain_ms");
    conn_server_unlisten(gateway->server, LISTENER_UNLINK);
    conn_server_drain(gateway->server);
    file_service_drain(gateway->files);
    host_drain(gateway->host, sessions_gone, gateway);
    loop_timer_init(&gateway->drain, look_at_drain);
    loop_timer_arm(loop, &gateway->drain, 0);
}

static void part_closed(void *owner) {
    ((struct gateway *)owner)->closing--;
}

static void await_parts(struct gateway *gateway) {
    while (gateway->closing)
        uv_run(loop_uv(backend_loop(gateway->backend)), UV_RUN_ONCE);
}

static void time_is_over(struct loop_timer *timer) {
}

static void store_gone(void *owner) {
    struct gateway *gateway = owner;
    gateway->state = GATEWAY_CUT_OFF;
    loop_timer_cancel(backend_loop(gateway->backend), &gateway->wake);
    loop_hook_cancel(&gateway->turn);
    gateway->closing--;
}

/* Commands of closed sessions still use engine and store. A database that says nothing more does
 * not keep the process: the store is closed under them then. */
static void await_engine(struct gateway *gateway) {
    struct loop *loop = backend_loop(gateway->backend);
    struct loop_timer timer;
    loop_timer_init(&timer, time_is_over);
    loop_timer_arm(loop, &timer, ENGINE_WAIT_MS);
    while (engine_busy(gateway->engine) && loop_timer_is_armed(&timer))
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    loop_timer_cancel(loop, &timer);
    if (engine_busy(gateway->engine)) {
        gateway->closing++;
        backend_close_store(gateway->backend, store_gone, gateway);
        await_parts(gateway);
    }
}

static void close_doors(struct gateway *gateway) {
    if (gateway->server) {
        gateway->closing++;
        conn_server_close(gateway->server, part_closed);
    }
    if (gateway->listen) {
        gateway->closing++;
        listen_pg_close(gateway->listen, part_closed, gateway);
    }
    await_parts(gateway);
}

void gateway_close(struct gateway *gateway) {
    if (gateway->backend) {
        loop_timer_cancel(backend_loop(gateway->backend), &gateway->watch);
        close_doors(gateway);
        if (gateway->host)
            host_hang_up(gateway->host);
        if (gateway->engine)
            await_engine(gateway);
    }
    if (gateway->files) {
        gateway->closing++;
        file_service_close(gateway->files, part_closed, gateway);
        await_parts(gateway);
    }
    if (gateway->host)
        host_stop(gateway->host);
    host_free(gateway->host);
    if (gateway->engine) {
        loop_timer_cancel(backend_loop(gateway->backend), &gateway->wake);
        loop_hook_cancel(&gateway->turn);
        engine_free(gateway->engine);
    }
    loadout_fini(&gateway->loadout);
    if (gateway->auth) {
        gateway->closing++;
        auth_close(gateway->auth, part_closed, gateway);
        await_parts(gateway);
    }
    metrics_free(gateway->metrics);
    if (gateway->backend)
        backend_close(gateway->backend);
    free(gateway);
}
