#include "core/server/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/cli.h"
#include "storage/migrate.h"
#include "storage/private_cluster.h"
#include "storage/store_pg.h"

/* The database of a configuration, without a connection to it. */
struct database {
    struct private_cluster *cluster; /* NULL: somebody else's database */
    const char *conninfo;
    int lock_fd; /* shared by all who use the private database */
    enum backend_use use;
};

struct backend {
    struct database database;
    struct loop *loop;
    struct store_pg *store;
    backend_closed_fn *store_closed; /* may be NULL */
    void *store_closed_owner;
    enum store_state state;
    struct loop_job revival;
    enum { REVIVAL_IDLE = 0, REVIVAL_RUNS } revival_state;
};

static int make_state_dir(const char *state) {
    if (mkdir(state, 0755) && errno != EEXIST)
        return cli_fail(CLI_FAILED, "%s: %s", state, strerror(errno));
    return CLI_OK;
}

static int lock_state(struct database *database, const char *state) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/lock", state);
    database->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (database->lock_fd < 0 || flock(database->lock_fd, LOCK_SH))
        return cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
    return CLI_OK;
}

/* What a killed gateway left running stays for the next one; what a verb has started does not
 * outlive the last verb. The lock file remembers who started the server. */
#define STARTED_BY_GATEWAY 'g'
#define STARTED_BY_VERB 'v'

static void note_starter(struct database *database, enum backend_use use) {
    char starter = use == BACKEND_GATEWAY ? STARTED_BY_GATEWAY : STARTED_BY_VERB;
    database->use = use;
    if (use == BACKEND_VERB && private_cluster_pid(database->cluster))
        return;
    if (pwrite(database->lock_fd, &starter, 1, 0) != 1)
        log_event(LOG_LEVEL_WARNING, "the lock file cannot be written", LOG_ERRNO("error", errno));
}

static int may_stop(const struct database *database) {
    char starter = 0;
    return database->use == BACKEND_GATEWAY
           || (pread(database->lock_fd, &starter, 1, 0) == 1 && starter == STARTED_BY_VERB);
}

static int start_private(struct database *database, const char *state, enum backend_use use) {
    int r = lock_state(database, state);
    if (r)
        return r;
    r = private_cluster_new(state, NULL, &database->cluster);
    if (r == -ENOENT)
        return cli_fail(CLI_UNAVAILABLE, "no PostgreSQL server is installed");
    if (r)
        return cli_fail(CLI_UNAVAILABLE, "%s: %s", state, strerror(-r));
    note_starter(database, use);
    database->conninfo = private_cluster_conninfo(database->cluster);
    r = private_cluster_ensure_running(database->cluster);
    return r ? cli_fail(CLI_UNAVAILABLE, "the private PostgreSQL does not start: %s",
                        strerror(-r)) : CLI_OK;
}

static int database_open(struct database *database, struct config *config,
                         enum backend_use use) {
    const char *state = config_string(config, "state").ptr;
    struct dm_slice url = config_string(config, "database.url");
    database->lock_fd = -1;
    int r = make_state_dir(state);
    if (r || !url.ptr)
        return r ? r : start_private(database, state, use);
    database->conninfo = url.ptr;
    return CLI_OK;
}

static void database_close(struct database *database) {
    /* Let go first: of several that end together the last one then finds itself alone. */
    if (database->cluster && may_stop(database) && !flock(database->lock_fd, LOCK_UN)
        && !flock(database->lock_fd, LOCK_EX | LOCK_NB))
        private_cluster_stop(database->cluster);
    private_cluster_free(database->cluster);
    if (database->lock_fd >= 0)
        close(database->lock_fd);
}

static int migrate(const struct database *database, int *ret_from, int *ret_to) {
    switch (migrate_run(database->conninfo, ret_from, ret_to)) {
    case 0:
        return CLI_OK;
    case -ECONNREFUSED:
        return cli_fail(CLI_UNAVAILABLE, "the database cannot be reached");
    case -ENOTSUP:
        return cli_fail(CLI_FAILED, "the database is of a later version than this program, or "
                                    "PostgreSQL is too old");
    default:
        return cli_fail(CLI_FAILED, "the schema could not be brought up to date");
    }
}

int backend_migrate(struct config *config, int *ret_from, int *ret_to) {
    struct database database = { 0 };
    int r = database_open(&database, config, BACKEND_VERB);
    if (!r)
        r = migrate(&database, ret_from, ret_to);
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
    int r = database_open(&backend->database, config, use);
    if (!r && config_bool(config, "database.migrate"))
        r = migrate(&backend->database, NULL, NULL);
    if (!r && loop_new(&backend->loop))
        r = cli_fail(CLI_FAILED, "no event loop");
    if (!r)
        r = open_store(backend, config);
    return r ? r : wait_for_store(backend, config);
}

int backend_open(struct config *config, enum backend_use use, struct backend **ret_backend) {
    struct backend *backend = mem_zalloc(sizeof(*backend));
    int r = open_all(backend, config, use);
    if (r) {
        backend_close(backend);
        return r;
    }
    *ret_backend = backend;
    return CLI_OK;
}

static void revive(struct loop_job *job) {
    struct backend *backend = container_of(job, struct backend, revival);
    private_cluster_ensure_running(backend->database.cluster);
}

static void revived(struct loop_job *job, int status) {
    container_of(job, struct backend, revival)->revival_state = REVIVAL_IDLE;
}

void backend_revive(struct backend *backend) {
    if (!backend->database.cluster || backend->revival_state == REVIVAL_RUNS)
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
    loop_free(backend->loop);
    database_close(&backend->database);
    free(backend);
}
