#include "core/server/backend.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/cli.h"
#include "core/server/database.h"
#include "storage/store_pg.h"

struct backend {
    struct database database;
    struct loop *loop;
    struct loop *own_loop; /* the same, or NULL: it is somebody else's */
    struct store_pg *store;
    backend_closed_fn *store_closed; /* may be NULL */
    void *store_closed_owner;
    enum store_state state;
    struct loop_job revival;
    enum { REVIVAL_IDLE = 0, REVIVAL_RUNS } revival_state;
};

int backend_migrate(struct config *config, int *ret_from, int *ret_to) {
    struct database database = { 0 };
    int r = database_open(&database, config, BACKEND_VERB_FOUNDS);
    if (!r)
        r = database_migrate(&database, ret_from, ret_to);
    database_close(&database);
    return r;
}

static void state_changed(void *owner, enum store_state state) {
    ((struct backend *)owner)->state = state;
}

static int open_store(struct backend *backend, struct config *config) {
    struct store_pg_config store_config = {
        .conninfo = backend->database.conninfo,
        .write_connections = (unsigned)config_int(config, "database.write_connections"),
        .read_connections = (unsigned)config_int(config, "database.read_connections"),
        .queue_count = (size_t)config_int(config, "database.queue_max"),
        .queue_bytes = (size_t)config_int(config, "database.queue_bytes"),
        .wait_ms = (uint32_t)config_int(config, "database.wait_ms"),
        .batch_rows = (size_t)config_int(config, "database.batch_max"),
        .on_state = state_changed,
        .owner = backend,
    };
    int r = store_pg_open(loop_uv(backend->loop), &store_config, &backend->store);
    if (r)
        return cli_fail(CLI_CONFIG, "database.url: %s", strerror(-r));
    return CLI_OK;
}

static void give_up(struct loop_timer *timer) {
    timer->fn = NULL;
}

/* Waits for the first connections, as long as a request would wait. */
static int wait_for_store(struct backend *backend, struct config *config) {
    struct loop_timer timer;
    loop_timer_init(&timer, give_up);
    loop_timer_arm(backend->loop, &timer, (uint64_t)config_int(config, "database.wait_ms"));
    while (backend->state == STORE_DOWN && loop_timer_is_armed(&timer))
        uv_run(loop_uv(backend->loop), UV_RUN_ONCE);
    loop_timer_cancel(backend->loop, &timer);
    return backend->state == STORE_UP
               ? CLI_OK : cli_fail(CLI_UNAVAILABLE, "the database cannot be reached");
}

static int open_all(struct backend *backend, struct config *config, enum backend_use use) {
    int r = database_bring_up(&backend->database, config, use, backend->loop);
    if (!r)
        r = open_store(backend, config);
    return r ? r : wait_for_store(backend, config);
}

int backend_open_on(struct loop *loop, struct config *config, enum backend_use use,
                    struct backend **ret_backend) {
    struct backend *backend = mem_zalloc(sizeof(*backend));
    backend->loop = loop;
    int r = open_all(backend, config, use);
    if (r) {
        backend_close(backend);
        return r;
    }
    *ret_backend = backend;
    return CLI_OK;
}

int backend_open(struct config *config, enum backend_use use, struct backend **ret_backend) {
    struct loop *loop;
    if (loop_new(&loop))
        return cli_fail(CLI_FAILED, "no event loop");
    int r = backend_open_on(loop, config, use, ret_backend);
    if (r)
        loop_free(loop);
    else
        (*ret_backend)->own_loop = loop;
    return r;
}

static void revive(struct loop_job *job) {
    struct backend *backend = container_of(job, struct backend, revival);
    database_revive(&backend->database);
}

static void revived(struct loop_job *job, int status) {
    container_of(job, struct backend, revival)->revival_state = REVIVAL_IDLE;
}

void backend_revive(struct backend *backend) {
    if (!database_can_be_revived(&backend->database)
        || backend->revival_state == REVIVAL_RUNS)
        return;
    backend->revival_state = REVIVAL_RUNS;
    loop_job_start(backend->loop, &backend->revival, revive, revived);
}

enum store_state backend_state(const struct backend *backend) {
    return backend->state;
}

void backend_stats(const struct backend *backend, struct store_pg_stats *ret_stats) {
    store_pg_stats(backend->store, ret_stats);
}

struct loop *backend_loop(struct backend *backend) {
    return backend->loop;
}

struct store *backend_store(struct backend *backend) {
    return store_pg_port(backend->store);
}

const char *backend_conninfo(const struct backend *backend) {
    return backend->database.conninfo;
}

struct call_wait {
    enum dm_status status;
    int done;
};

static void call_done(struct store_request *request, enum dm_status status) {
    struct call_wait *wait = request->owner;
    wait->status = status;
    wait->done = 1;
}

enum dm_status backend_call(struct backend *backend, struct store_call *call) {
    struct call_wait wait = { 0 };
    call->base.done = call_done;
    call->base.owner = &wait;
    store_submit(backend_store(backend), &call->base);
    while (!wait.done)
        uv_run(loop_uv(backend->loop), UV_RUN_ONCE);
    return wait.status;
}

static void store_closed(void *owner) {
    struct backend *backend = owner;
    backend->store = NULL;
    if (backend->store_closed)
        backend->store_closed(backend->store_closed_owner);
}

void backend_close_store(struct backend *backend, backend_closed_fn *closed, void *owner) {
    backend->store_closed = closed;
    backend->store_closed_owner = owner;
    store_pg_close(backend->store, store_closed, backend);
}

void backend_close(struct backend *backend) {
    if (backend->store)
        backend_close_store(backend, NULL, NULL);
    while (backend->store || backend->revival_state == REVIVAL_RUNS)
        uv_run(loop_uv(backend->loop), UV_RUN_ONCE);
    loop_free(backend->own_loop);
    database_close(&backend->database);
    free(backend);
}

void backend_abandon(struct backend *backend) {
    database_close(&backend->database);
}
