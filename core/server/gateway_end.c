/* Draining a gateway, and taking it down. */
#include <stdlib.h>
#include <unistd.h>

#include "core/auth/auth.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/server/gateway_internal.h"

#define DRAIN_LOOK_MS 10
#define ENGINE_WAIT_MS 2000
#define LEAVING_MS 1000

static void end_drain(struct gateway *gateway) {
    gateway->state = GATEWAY_DRAINED;
    gateway->drained(gateway->drained_owner);
}

/* What is in flight has its time from when the last socket was told. */
static void give_drain_time(struct gateway *gateway) {
    gateway->drain_until = loop_now(backend_loop(gateway->backend))
                           + (uint64_t)config_int(gateway->config, "limits.drain_ms");
}

/* 1 while somebody still waits for what was asked. */
static int is_busy(const struct gateway *gateway) {
    return engine_busy(gateway->engine) || file_service_busy(gateway->files)
           || conn_server_relays(gateway->server);
}

static void look_at_drain(struct loop_timer *timer) {
    struct gateway *gateway = container_of(timer, struct gateway, drain);
    struct loop *loop = backend_loop(gateway->backend);
    if (gateway->state == GATEWAY_DRAINING && host_drain_left(gateway->host))
        give_drain_time(gateway);
    if (loop_now(loop) >= gateway->drain_until) {
        log_event(LOG_LEVEL_WARNING, "drain takes too long, stopping anyway",
                  LOG_UINT("sessions", host_session_count(gateway->host)),
                  LOG_UINT("commands", engine_busy(gateway->engine)));
        end_drain(gateway);
    } else if (gateway->state == GATEWAY_FLUSHING && !is_busy(gateway)) {
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

static void begin_drain(struct gateway *gateway) {
    gateway->state = GATEWAY_DRAINING;
    give_drain_time(gateway);
    conn_server_drain(gateway->server);
    file_service_drain(gateway->files);
    host_drain(gateway->host, (uint32_t)config_int(gateway->config, "drain.pace"), sessions_gone,
               gateway);
    loop_timer_init(&gateway->drain, look_at_drain);
    loop_timer_arm(backend_loop(gateway->backend), &gateway->drain, 0);
}

static void leaving_is_over(struct loop_timer *timer) {
    begin_drain(container_of(timer, struct gateway, drain));
}

void gateway_drain(struct gateway *gateway, enum gateway_end end, gateway_drained_fn *drained,
                   void *owner) {
    gateway->drained = drained;
    gateway->drained_owner = owner;
    conn_server_unlisten(gateway->server,
                         end == GATEWAY_SUCCEEDED ? LISTENER_KEEP : LISTENER_UNLINK);
    if (end == GATEWAY_STOPS) {
        begin_drain(gateway);
        return;
    }
    gateway->state = GATEWAY_LEAVING;
    conn_server_retire(gateway->server);
    loop_timer_init(&gateway->drain, leaving_is_over);
    loop_timer_arm(backend_loop(gateway->backend), &gateway->drain, LEAVING_MS);
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
    handoff_close(gateway->handoff);
    if (gateway->nodes_dir >= 0)
        close(gateway->nodes_dir);
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

/* From the outside in: first whoever could begin anything, then what is under way, and each part
 * before what it stands on. */
void gateway_close(struct gateway *gateway) {
    while (gateway->reload)
        uv_run(loop_uv(backend_loop(gateway->backend)), UV_RUN_ONCE);
    if (gateway->backend) {
        loop_timer_cancel(backend_loop(gateway->backend), &gateway->watch);
        close_doors(gateway);
        if (gateway->host)
            host_hang_up(gateway->host);
        if (gateway->engine)
            await_engine(gateway);
        gateway_bus_close(gateway);
        await_parts(gateway);
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
    entry_free(gateway->entry);
    address_limit_free(gateway->addresses);
    loadout_fini(&gateway->loadout);
    if (gateway->auth) {
        gateway->closing++;
        auth_close(gateway->auth, part_closed, gateway);
        await_parts(gateway);
    }
    measure_fini(&gateway->measure);
    metrics_free(gateway->metrics);
    if (gateway->backend)
        backend_close(gateway->backend);
    config_free(gateway->own_config);
    free(gateway);
}

void gateway_abandon(struct gateway *gateway) {
    backend_abandon(gateway->backend);
}
