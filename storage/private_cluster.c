#include "storage/private_cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "storage/private_server.h"

#define START_TIMEOUT_MS 300000
#define STOP_TIMEOUT_MS 60000
#define POLL_MS 20
#define PATIENCE_MAX_MS 5000

struct private_cluster {
    struct private_server server;
    pthread_mutex_t lock;
    char *conninfo;
    char *admin_conninfo;
    int settled; /* role and database are there */
};

static void sleep_ms(long ms) {
    const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

static char *conninfo_new(const char *run_dir, const char *rest) {
    struct buf buf = BUF_INIT;
    buf_append_str(&buf, "host='");
    for (; *run_dir; run_dir++) {
        if (*run_dir == '\'' || *run_dir == '\\')
            buf_append_char(&buf, '\\');
        buf_append_char(&buf, *run_dir);
    }
    buf_append_char(&buf, '\'');
    buf_append_str(&buf, rest);
    buf_append_char(&buf, '\0');
    return buf.data;
}

int private_cluster_new(const char *state_dir, const char *bin_dir,
                        struct private_cluster **ret_cluster) {
    struct private_cluster *cluster = mem_zalloc(sizeof(*cluster));
    int error = private_server_init(&cluster->server, state_dir, bin_dir);
    if (error) {
        private_server_fini(&cluster->server);
        free(cluster);
        return error;
    }
    pthread_mutex_init(&cluster->lock, NULL);
    cluster->conninfo = conninfo_new(cluster->server.run_dir, " user=dragoman dbname=dragoman");
    cluster->admin_conninfo = conninfo_new(cluster->server.run_dir,
                                           " user=postgres dbname=postgres");
    *ret_cluster = cluster;
    return 0;
}

/* Role and database */

static int run(PGconn *pg, const char *sql, int *ret_rows) {
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    int error = 0;
    /* Somebody else, just now: as good. */
    int exists = state && (strcmp(state, "42710") == 0 || strcmp(state, "42P04") == 0 ||
                           strcmp(state, "23505") == 0);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && !exists) {
        log_event(LOG_LEVEL_ERROR, "private cluster", LOG_STR("statement", sql),
                  LOG_STR("reason", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
        error = -EPROTO;
    }
    if (ret_rows)
        *ret_rows = PQntuples(result);
    PQclear(result);
    return error;
}

static int settle(struct private_cluster *cluster) {
    int rows = 0;
    PGconn *pg = PQconnectdb(cluster->admin_conninfo);
    int error = PQstatus(pg) == CONNECTION_OK ? 0 : -ECONNREFUSED;
    if (error)
        log_event(LOG_LEVEL_ERROR, "private cluster", LOG_STR("reason", PQerrorMessage(pg)));
    if (!error)
        error = run(pg, "SELECT 1 FROM pg_roles WHERE rolname = 'dragoman'", &rows);
    if (!error && rows == 0)
        error = run(pg, "CREATE ROLE dragoman LOGIN", NULL);
    if (!error)
        error = run(pg, "SELECT 1 FROM pg_database WHERE datname = 'dragoman'", &rows);
    if (!error && rows == 0)
        error = run(pg, "CREATE DATABASE dragoman OWNER dragoman", NULL);
    PQfinish(pg);
    cluster->settled = !error;
    return error;
}

/* Starting and stopping */

/* A killed postmaster's children hold its shared memory for a moment, and init may take its time to
 * bury it; either makes the next one give up. So it is started again, ever more slowly. */
static int wait_ready(struct private_cluster *cluster) {
    uint64_t deadline = clock_mono_ms() + START_TIMEOUT_MS;
    uint64_t started = clock_mono_ms();
    uint64_t patience = 250;
    for (;;) {
        if (PQping(cluster->admin_conninfo) == PQPING_OK &&
            private_server_pid(&cluster->server) > 0)
            return 0;
        uint64_t now = clock_mono_ms();
        if (now > deadline)
            return -ETIMEDOUT;
        if (now - started > patience && private_server_pid(&cluster->server) <= 0) {
            patience += patience / 4;
            if (patience > PATIENCE_MAX_MS)
                return -ECHILD;
            int error = private_server_start(&cluster->server);
            if (error)
                return error;
            started = now;
        }
        sleep_ms(POLL_MS);
    }
}

static int ensure_locked(struct private_cluster *cluster) {
    struct private_server *server = &cluster->server;
    int error = private_server_prepare(server);
    if (error)
        return error;
    int pid = private_server_pid(server);
    if (pid <= 0) {
        error = private_server_start(server);
        if (error)
            return error;
        log_event(LOG_LEVEL_INFO, "private cluster starts", LOG_STR("data", server->data_dir));
    } else if (!cluster->settled) {
        log_event(LOG_LEVEL_INFO, "private cluster runs already", LOG_INT("pid", pid));
    }
    error = wait_ready(cluster);
    if (error) {
        private_server_log_tail(server);
        return error;
    }
    return cluster->settled ? 0 : settle(cluster);
}

/* Verbs and gateways that start at once would make and configure the same files. Returns a
 * descriptor to close, or negative errno. */
static int lock_others_out(const struct private_cluster *cluster) {
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s.lock", cluster->server.data_dir);
    buf_append_char(&path, '\0');
    int fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int error = fd < 0 || flock(fd, LOCK_EX) ? -errno : 0;
    if (error)
        log_event(LOG_LEVEL_ERROR, "private cluster", LOG_STR("lock", path.data),
                  LOG_ERRNO("error", error));
    if (error && fd >= 0)
        close(fd);
    buf_fini(&path);
    return error ? error : fd;
}

int private_cluster_ensure_running(struct private_cluster *cluster) {
    pthread_mutex_lock(&cluster->lock);
    int fd = lock_others_out(cluster);
    int error = fd < 0 ? fd : ensure_locked(cluster);
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&cluster->lock);
    if (error)
        log_event(LOG_LEVEL_ERROR, "private cluster does not run", LOG_ERRNO("error", error));
    return error;
}

int private_cluster_stop(struct private_cluster *cluster) {
    pthread_mutex_lock(&cluster->lock);
    uint64_t deadline = clock_mono_ms() + STOP_TIMEOUT_MS;
    int pid = private_server_pid(&cluster->server);
    int error = 0;
    if (pid > 0)
        kill(pid, SIGINT);
    while (!error && private_server_pid(&cluster->server) == pid && pid > 0) {
        if (clock_mono_ms() > deadline) {
            kill(pid, SIGQUIT);
            error = -ETIMEDOUT;
        }
        sleep_ms(POLL_MS);
    }
    pthread_mutex_unlock(&cluster->lock);
    return error;
}

const char *private_cluster_conninfo(const struct private_cluster *cluster) {
    return cluster->conninfo;
}

int private_cluster_pid(const struct private_cluster *cluster) {
    int pid = private_server_pid(&cluster->server);
    return pid > 0 ? pid : 0;
}

void private_cluster_free(struct private_cluster *cluster) {
    if (!cluster)
        return;
    private_server_fini(&cluster->server);
    pthread_mutex_destroy(&cluster->lock);
    free(cluster->conninfo);
    free(cluster->admin_conninfo);
    free(cluster);
}
