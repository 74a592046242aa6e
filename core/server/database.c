#include "core/server/database.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/server/cli.h"
#include "core/server/owner.h"
#include "storage/migrate.h"
#include "storage/private_cluster.h"

static int make_state_dir(const char *state) {
    if (mkdir(state, 0755) && errno != EEXIST)
        return cli_fail(CLI_FAILED, "%s: %s", state, strerror(errno));
    return CLI_OK;
}

int database_check_state(struct config *config) {
    const char *state = config_string(config, "state").ptr;
    char path[PATH_MAX], *parent = path;
    struct stat st;
    int is_there = !stat(state, &st);
    if (is_there && !S_ISDIR(st.st_mode))
        return cli_fail(CLI_FAILED, "%s: %s", state, strerror(ENOTDIR));
    if (!is_there && errno != ENOENT)
        return cli_fail(CLI_FAILED, "%s: %s", state, strerror(errno));
    snprintf(path, sizeof(path), "%s", state);
    if (!is_there)
        parent = dirname(path);
    if (access(parent, R_OK | W_OK | X_OK))
        return cli_fail(CLI_FAILED, "%s: %s%s", state, is_there ? "" : "it cannot be made: ",
                        strerror(errno));
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

static int is_verb(const struct database *database) {
    return database->use == BACKEND_VERB_READS || database->use == BACKEND_VERB
           || database->use == BACKEND_VERB_FOUNDS;
}

static void note_starter(const struct database *database) {
    char starter = database->use == BACKEND_GATEWAY ? STARTED_BY_GATEWAY : STARTED_BY_VERB;
    if (is_verb(database) && private_cluster_pid(database->cluster))
        return;
    if (pwrite(database->lock_fd, &starter, 1, 0) != 1)
        log_event(LOG_LEVEL_WARNING, "the lock file cannot be written", LOG_ERRNO("error", errno));
}

static int may_stop(const struct database *database) {
    char starter = 0;
    return database->use == BACKEND_GATEWAY
           || (is_verb(database)
               && pread(database->lock_fd, &starter, 1, 0) == 1 && starter == STARTED_BY_VERB);
}

int database_can_be_revived(const struct database *database) {
    return database->cluster && database->use != BACKEND_WORKER;
}

int database_is_up(const struct database *database) {
    return private_cluster_pid(database->cluster) != 0;
}

void database_revive(const struct database *database) {
    private_cluster_ensure_running(database->cluster);
}

/* Whoever may not look is told so by PostgreSQL itself. */
static int has_private(const char *state) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/pg", state);
    return !access(path, F_OK) || (errno != ENOENT && errno != ENOTDIR);
}

/* A gateway that runs without a private database has one elsewhere, which a verb means, too. */
static int may_found(const char *state) {
    if (has_private(state) || !cli_gateway_runs(state))
        return CLI_OK;
    return cli_fail(CLI_UNAVAILABLE, "the gateway on %s has its database elsewhere; name that with "
                                     "--config, as for the gateway", state);
}

static int start_private(struct database *database, const char *state) {
    int r = lock_state(database, state);
    if (r)
        return r;
    r = private_cluster_new(state, NULL, &database->cluster);
    if (r == -ENOENT)
        return cli_fail(CLI_UNAVAILABLE, "no PostgreSQL server is installed");
    if (r)
        return cli_fail(CLI_UNAVAILABLE, "%s: %s", state, strerror(-r));
    database->conninfo = private_cluster_conninfo(database->cluster);
    if (database->use == BACKEND_WORKER)
        return CLI_OK;
    note_starter(database);
    int is_first = is_verb(database) && !has_private(state);
    r = private_cluster_ensure_running(database->cluster);
    if (r)
        return cli_fail(CLI_UNAVAILABLE, "the private PostgreSQL does not start: see %s/pg.log",
                        state);
    if (is_first)
        fprintf(stderr, "dragoman: made a private database below %s\n", state);
    return CLI_OK;
}

static int require_private(const char *state) {
    if (has_private(state))
        return CLI_OK;
    return cli_fail(CLI_UNAVAILABLE, "there is no database below %s; name one with --state or "
                                     "--config", state);
}

int database_open(struct database *database, struct config *config, enum backend_use use) {
    const char *state = config_string(config, "state").ptr;
    struct dm_slice url = config_string(config, "database.url");
    database->lock_fd = -1;
    database->conninfo = url.ptr;
    database->use = use;
    int r = use == BACKEND_GATEWAY ? owner_require(state)
            : is_verb(database)    ? owner_become(state)
                                   : CLI_OK;
    int founds = use != BACKEND_VERB_READS && use != BACKEND_VERB;
    if (!r && founds)
        r = make_state_dir(state);
    else if (!r && !url.ptr)
        r = require_private(state);
    if (!r && !url.ptr && is_verb(database))
        r = may_found(state);
    return r || url.ptr ? r : start_private(database, state);
}

void database_close(struct database *database) {
    /* Let go first: of several that end together the last one then finds itself alone. */
    if (database->cluster && may_stop(database) && !flock(database->lock_fd, LOCK_UN)
        && !flock(database->lock_fd, LOCK_EX | LOCK_NB))
        private_cluster_stop(database->cluster);
    private_cluster_free(database->cluster);
    if (database->lock_fd >= 0)
        close(database->lock_fd);
}

static int explain(int error) {
    switch (error) {
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

int database_migrate(const struct database *database, int *ret_from, int *ret_to) {
    return explain(migrate_run(database->conninfo, ret_from, ret_to));
}

static int prepare(const struct database *database, const struct config *config) {
    int version;
    if (database->use != BACKEND_VERB_READS && config_bool(config, "database.migrate"))
        return database_migrate(database, NULL, NULL);
    int r = explain(migrate_check(database->conninfo, &version));
    if (r || version == migrate_wanted())
        return r;
    return cli_fail(CLI_FAILED, "the schema is at version %d and this program wants %d: see "
                                "`dragoman migrate`", version, migrate_wanted());
}

/* ---- in the pool ---- */

struct bringing_up {
    struct loop_job job;
    struct database *database;
    struct config *config;
    enum backend_use use;
    int result;
    enum { BRINGING_UP = 0, BROUGHT_UP } state;
};

static void bring_up(struct loop_job *job) {
    struct bringing_up *task = container_of(job, struct bringing_up, job);
    task->result = database_open(task->database, task->config, task->use);
    if (!task->result && task->use != BACKEND_WORKER)
        task->result = prepare(task->database, task->config);
}

static void brought_up(struct loop_job *job, int status) {
    container_of(job, struct bringing_up, job)->state = BROUGHT_UP;
}

int database_bring_up(struct database *database, struct config *config, enum backend_use use,
                      struct loop *loop) {
    struct bringing_up task = { .database = database, .config = config, .use = use };
    loop_job_start(loop, &task.job, bring_up, brought_up);
    while (task.state != BROUGHT_UP)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    return task.result;
}
