#include "core/server/gateway.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/server/addresses.h"
#include "core/server/cli.h"
#include "core/server/gateway_internal.h"
#include "core/server/issuers.h"
#include "core/server/state_dir.h"

#define SERIES_MAX 4096
#define REVIVE_MS 1000

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

void gateway_host_config(const struct gateway *gateway, struct host_config *ret_config) {
    const struct config *config = gateway->config;
    *ret_config = (struct host_config){
        .sockets_max = (uint32_t)config_int(config, "limits.connections"),
        .handshake_timeout_ms = (uint32_t)config_int(config, "limits.handshake_ms"),
        .backlog_max = (uint32_t)config_int(config, "limits.queue_max"),
        .send_queue_max = (uint32_t)config_int(config, "limits.send_queue_bytes"),
        .public_url = config_string(config, "public_url"),
        .handoff = gateway->handoff,
        .addresses = gateway->addresses,
        .user_requests_max = (uint32_t)config_int(config, "limits.user_requests"),
        .response_bytes_max = (uint64_t)config_int(config, "limits.response_bytes"),
        .address_response_bytes_max =
            (uint64_t)config_int(config, "limits.address_response_bytes"),
    };
}

static int open_host(struct gateway *gateway) {
    struct adapter_error error;
    struct host_config config;
    gateway->handoff = handoff_new(backend_loop(gateway->backend),
                                   config_string(gateway->config, "node"));
    gateway_host_config(gateway, &config);
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

void gateway_engine_config(const struct gateway *gateway, struct engine_config *ret_config) {
    const struct config *config = gateway->config;
    *ret_config = (struct engine_config){
        .text_max = (uint32_t)config_int(config, "limits.text_max"),
        .queue_max = (uint32_t)config_int(config, "limits.queue_max"),
        .guesses = (uint32_t)config_int(config, "auth.guesses"),
        .gate_role = config_string(config, "gate.role").ptr,
    };
    file_service_limits(config, ret_config);
}

static int open_engine(struct gateway *gateway) {
    struct adapter_error error;
    struct engine_config config;
    gateway_engine_config(gateway, &config);
    gateway->client = *host_engine_client();
    gateway->client.wake = wake_engine;
    gateway->client.owner = gateway;
    gateway->engine = engine_new(&config, backend_store(gateway->backend), gateway->auth,
                                 &gateway->client, gateway->metrics);
    host_attach_engine(gateway->host, gateway->engine);
    file_service_attach(gateway->files, gateway->engine, gateway->host, gateway->metrics,
                        gateway->addresses);
    if (host_start(gateway->host, &error))
        return cli_fail(CLI_CONFIG, "%s", error.text);
    while (store_pending(backend_store(gateway->backend)))
        uv_run(loop_uv(backend_loop(gateway->backend)), UV_RUN_ONCE);
    return gateway_bus_open(gateway);
}

static void on_request(struct conn_server *server, struct http_exchange *exchange) {
    struct gateway *gateway = conn_server_userdata(server);
    if (!file_service_request(gateway->files, exchange))
        host_request(gateway->host, exchange);
}

static const struct conn_handler conn_handler = { .request = on_request };

static int open_entry(struct gateway *gateway, struct inherit *inherit, struct tally *tally) {
    int r = entry_open(gateway->config, backend_loop(gateway->backend), &conn_handler, gateway,
                       inherit, tally, &gateway->entry);
    gateway->server = entry_server(gateway->entry);
    return r;
}

static int open_limits(struct gateway *gateway) {
    struct address_limit_config limits;
    if (addresses_limits(gateway->config, &limits))
        return cli_fail(CLI_CONFIG, "%s", config_error(gateway->config));
    gateway->addresses = address_limit_new(&limits);
    return CLI_OK;
}

/* From now on other processes may pass connections to this one. */
static int join_nodes(struct gateway *gateway) {
    const char *state = config_string(gateway->config, "state").ptr;
    gateway->nodes_dir = state_dir_open(state, STATE_DIR_NODES);
    int r = gateway->nodes_dir < 0
                ? gateway->nodes_dir
                : handoff_listen(gateway->handoff, gateway->nodes_dir, gateway->server);
    return r ? cli_fail(CLI_FAILED, "%s/%s: %s", state, STATE_DIR_NODES, strerror(-r)) : CLI_OK;
}

static int open_all(struct gateway *gateway, struct loop *loop, enum backend_use use,
                    struct inherit *inherit, struct tally *tally) {
    int r = backend_open_on(loop, gateway->config, use, &gateway->backend);
    if (r)
        return r;
    gateway->metrics = metrics_new(SERIES_MAX);
    measure_init(&gateway->measure, loop, gateway->metrics);
    loop_timer_init(&gateway->watch, look_after_database);
    loop_timer_init(&gateway->wake, run_in_time);
    loop_hook_init(&gateway->turn, run_at_turn);
    r = open_limits(gateway);
    if (!r)
        r = open_auth(gateway);
    if (!r)
        r = open_host(gateway);
    if (!r)
        r = open_engine(gateway);
    if (!r)
        r = open_entry(gateway, inherit, tally);
    if (!r)
        r = join_nodes(gateway);
    if (!r)
        loop_timer_arm(loop, &gateway->watch, REVIVE_MS);
    return r;
}

int gateway_open(struct loop *loop, struct config *config, enum backend_use use,
                 struct inherit *inherit, struct tally *tally, struct gateway **ret_gateway) {
    struct gateway *gateway = mem_zalloc(sizeof(*gateway));
    gateway->config = config;
    gateway->nodes_dir = -1;
    int r = open_all(gateway, loop, use, inherit, tally);
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

void gateway_pass(const struct gateway *gateway, struct inherit *sockets) {
    entry_pass(gateway->entry, sockets);
}

const char *gateway_address(const struct gateway *gateway) {
    return entry_address(gateway->entry);
}

struct entry *gateway_entry(struct gateway *gateway) {
    return gateway->entry;
}

struct config *gateway_config(struct gateway *gateway) {
    return gateway->config;
}

struct host *gateway_host(struct gateway *gateway) {
    return gateway->host;
}

struct engine *gateway_engine(struct gateway *gateway) {
    return gateway->engine;
}

struct auth *gateway_auth(struct gateway *gateway) {
    return gateway->auth;
}

const char *gateway_unready(const struct gateway *gateway) {
    if (gateway->state != GATEWAY_OPEN)
        return "draining";
    return backend_state(gateway->backend) == STORE_UP ? NULL : "database";
}

int gateway_bus_is_up(const struct gateway *gateway) {
    return listen_pg_is_up(gateway->listen);
}

static void measure_nodes(struct measure *measure, const struct engine *engine) {
    struct engine_node_stats stats;
    engine_node_stats(engine, &stats);
    measure_gauge(measure, "dragoman_nodes", "Other gateways on this database.", stats.nodes);
    measure_total(measure, "dragoman_units_told_total",
                  "Commands whose events were told to other gateways.", stats.told);
    measure_total(measure, "dragoman_units_heard_total",
                  "Commands whose events other gateways told.", stats.heard);
    measure_total(measure, "dragoman_missed_reads_total",
                  "Threads read from the database because the bus missed something.",
                  stats.readings);
}

void gateway_measure(struct gateway *gateway) {
    struct measure *measure = &gateway->measure;
    measure_process(measure);
    measure_store(measure, gateway->backend);
    measure_ready(measure, gateway_unready(gateway));
    measure_gauge(measure, "dragoman_bus_up", "1 while it hears of other processes, else 0.",
                  (uint64_t)gateway_bus_is_up(gateway));
    measure_gauge(measure, "dragoman_connections", "Connections of clients now.",
                  conn_server_count(gateway->server));
    if (entry_has_tls(gateway->entry))
        measure_gauge(measure, "dragoman_tls_certificate_expiry_timestamp_seconds",
                      "When the certificate in use expires, in seconds since 1970.",
                      (uint64_t)entry_tls_expires(gateway->entry));
    measure_nodes(measure, gateway->engine);
    file_service_measure(gateway->files, measure);
}
