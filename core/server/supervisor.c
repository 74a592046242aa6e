#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/supervisor_internal.h"
#include "core/server/tally.h"
#include "core/server/upgrade.h"
#include "version.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define STEADY_MS 10000 /* who ran so long is started again without delay */
#define LOOK_MS 1000

unsigned supervisor_count(const struct supervisor *supervisor, int state) {
    unsigned count = 0;
    for (unsigned i = 0; i < supervisor->count; i++)
        count += (int)supervisor->workers[i].state == state;
    return count;
}

/* ---- the end ---- */

static void stop_if_alone(struct supervisor *supervisor) {
    if (supervisor->state == SUPERVISOR_DRAINS
        && supervisor_count(supervisor, WORKER_DOWN) == supervisor->count)
        loop_stop(supervisor->loop);
}

static void drain_workers(struct supervisor *supervisor, const char *order) {
    supervisor->state = SUPERVISOR_DRAINS;
    supervisor_sockets_close(&supervisor->sockets, !strcmp(order, SUPERVISOR_DRAIN)
                                                       ? LISTENER_UNLINK : LISTENER_KEEP);
    for (unsigned i = 0; i < supervisor->count; i++)
        loop_timer_cancel(supervisor->loop, &supervisor->workers[i].restart);
    for (unsigned i = 0; i < supervisor->count; i++) {
        /* One that does not listen yet hears no order. */
        if (supervisor->workers[i].state == WORKER_STARTING)
            child_kill(supervisor->workers[i].child, SIGTERM);
        else if (supervisor->workers[i].state == WORKER_UP)
            child_tell(supervisor->workers[i].child, order);
    }
    stop_if_alone(supervisor);
}

static void drain(struct supervisor *supervisor, const char *why) {
    if (supervisor->state == SUPERVISOR_DRAINS)
        return;
    if (supervisor->state == SUPERVISOR_UPGRADES) {
        upgrade_cancel(supervisor->upgrade);
        control_answer(supervisor->upgrade_call, CONTROL_NOT_NOW, "it drains");
    }
    log_event(LOG_LEVEL_INFO, "draining", LOG_STR("why", why));
    notify_send(supervisor->notify, "STOPPING=1");
    drain_workers(supervisor, SUPERVISOR_DRAIN);
}

static void drain_asked(void *owner, struct control_call *call) {
    drain(owner, call ? "asked to" : "signal");
    control_answer(call, CONTROL_DONE, "draining");
}

/* ---- a successor ---- */

static void upgraded(void *owner, const char *error, pid_t successor) {
    struct supervisor *supervisor = owner;
    struct control_call *call = supervisor->upgrade_call;
    supervisor->upgrade_call = NULL;
    if (error) {
        supervisor->state = SUPERVISOR_RUNS;
        log_event(LOG_LEVEL_ERROR, "not upgraded, this process goes on", LOG_STR("error", error));
        control_answer(call, CONTROL_REFUSED, "not upgraded: %s", error);
        return;
    }
    log_event(LOG_LEVEL_INFO, "draining", LOG_STR("why", "a successor serves"),
              LOG_INT("successor", successor));
    control_answer(call, CONTROL_DONE, "process %d has taken over", (int)successor);
    drain_workers(supervisor, SUPERVISOR_DRAIN_SUCCEEDED);
}

static void upgrade_asked(void *owner, struct control_call *call) {
    struct supervisor *supervisor = owner;
    struct inherit sockets = supervisor->sockets.shared;
    if (supervisor->state != SUPERVISOR_RUNS) {
        control_answer(call, CONTROL_NOT_NOW, "not while it upgrades already, starts, or drains");
        return;
    }
    for (size_t i = 0; i < supervisor->sockets.admin.count; i++)
        inherit_add(&sockets, INHERIT_ADMIN, supervisor->sockets.admin.items[i].fd);
    int r = upgrade_start(supervisor->loop, &supervisor->cli->program, &sockets,
                          supervisor->notify, upgraded, supervisor, &supervisor->upgrade);
    if (r) {
        log_event(LOG_LEVEL_ERROR, "no process can be started", LOG_ERRNO("error", r));
        control_answer(call, CONTROL_REFUSED, "not upgraded: %s", strerror(-r));
        return;
    }
    supervisor->state = SUPERVISOR_UPGRADES;
    supervisor->upgrade_call = call;
}

static const struct control_handler control_handler = {
    .drain = drain_asked,
    .reload = supervisor_reload,
    .upgrade = upgrade_asked,
};

/* ---- workers ---- */

static void start_worker(struct worker *worker);

static void restart_in_time(struct loop_timer *timer) {
    start_worker(container_of(timer, struct worker, restart));
}

/* Returns in how many milliseconds. */
static uint64_t restart_later(struct worker *worker) {
    struct loop *loop = worker->supervisor->loop;
    uint64_t wait;
    if (loop_now(loop) - worker->started >= STEADY_MS)
        worker->backoff = 0;
    wait = worker->backoff;
    loop_timer_arm(loop, &worker->restart, wait);
    worker->backoff = wait ? wait * 2 : BACKOFF_MIN_MS;
    if (worker->backoff > BACKOFF_MAX_MS)
        worker->backoff = BACKOFF_MAX_MS;
    return wait;
}

static void announce(struct supervisor *supervisor) {
    fwrite(supervisor->ready_lines.data, 1, supervisor->ready_lines.len, stdout);
    fflush(stdout);
    log_event(LOG_LEVEL_INFO, "supervises", LOG_UINT("workers", supervisor->count),
              LOG_STR("version", DRAGOMAN_VERSION));
    notify_send(supervisor->notify, "READY=1");
}

static void worker_ready(struct child *child, void *owner) {
    struct worker *worker = owner;
    struct supervisor *supervisor = worker->supervisor;
    worker->state = WORKER_UP;
    tally_set(supervisor->tally, worker->number, 0);
    if (supervisor->state == SUPERVISOR_STARTS
        && supervisor_count(supervisor, WORKER_UP) == supervisor->count) {
        supervisor->state = SUPERVISOR_RUNS;
        announce(supervisor);
    }
}

static void worker_said(struct child *child, const char *text, void *owner) {
    struct worker *worker = owner;
    struct supervisor *supervisor = worker->supervisor;
    if (!strcmp(text, WORKER_DRAIN))
        drain(supervisor, "asked through the admin API");
    else if (!strncmp(text, WORKER_RELOADED, strlen(WORKER_RELOADED)))
        supervisor_take_answer(worker, "", text + strlen(WORKER_RELOADED));
    else if (!strncmp(text, WORKER_REFUSED, strlen(WORKER_REFUSED)))
        supervisor_take_answer(worker, text + strlen(WORKER_REFUSED), "");
    else if (!strncmp(text, WORKER_LISTENS, strlen(WORKER_LISTENS)) && worker->number == 0
             && supervisor->state == SUPERVISOR_STARTS)
        buf_printf(&supervisor->ready_lines, "ready %s\n", text + strlen(WORKER_LISTENS));
}

/* Why it failed is in its own words where it had any: they are this process's then. */
static void fail_to_start(struct supervisor *supervisor, const struct child *child, int status) {
    const char *why = child_status(child);
    char end[CHILD_END_TEXT];
    child_end_text(status, end);
    supervisor->result = cli_fail(WIFEXITED(status) && WEXITSTATUS(status)
                                      ? (enum cli_exit)WEXITSTATUS(status) : CLI_FAILED,
                                  "a worker does not start (%s)%s%s", end, *why ? ": " : "", why);
    drain_workers(supervisor, SUPERVISOR_DRAIN);
}

static void worker_ended(struct child *child, int status, void *owner) {
    struct worker *worker = owner;
    struct supervisor *supervisor = worker->supervisor;
    char end[CHILD_END_TEXT];
    worker->state = WORKER_DOWN;
    tally_set(supervisor->tally, worker->number, TALLY_ABSENT);
    supervisor_take_answer(worker, "", "");
    if (supervisor->state == SUPERVISOR_DRAINS) {
        stop_if_alone(supervisor);
    } else if (supervisor->state == SUPERVISOR_STARTS) {
        fail_to_start(supervisor, child, status);
    } else {
        uint64_t wait = restart_later(worker);
        child_end_text(status, end);
        log_event(LOG_LEVEL_ERROR, "a worker has ended, it is started again",
                  LOG_UINT("worker", worker->number), LOG_INT("pid", child_pid(child)),
                  LOG_STR("end", end), LOG_UINT("in_ms", wait));
    }
}

static const struct child_handler worker_handler = {
    .ready = worker_ready,
    .said = worker_said,
    .ended = worker_ended,
};

static void start_worker(struct worker *worker) {
    struct supervisor *supervisor = worker->supervisor;
    struct inherit sockets = supervisor->sockets.shared;
    char option[sizeof(WORKER_OPTION) + 12];
    struct child_config config = {
        .program = &supervisor->cli->program, .extra = option, .sockets = &sockets,
        .role = CHILD_WORKER, .handler = &worker_handler, .owner = worker,
    };
    snprintf(option, sizeof(option), WORKER_OPTION "%u", worker->number);
    if (worker->number < supervisor->sockets.admin.count)
        inherit_add(&sockets, INHERIT_ADMIN,
                    supervisor->sockets.admin.items[worker->number].fd);
    inherit_add(&sockets, INHERIT_TALLY, tally_fd(supervisor->tally));
    worker->started = loop_now(supervisor->loop);
    int r = child_start(supervisor->loop, &config, &worker->child);
    if (r) {
        log_event(LOG_LEVEL_ERROR, "no process can be started", LOG_ERRNO("error", r));
        restart_later(worker);
        return;
    }
    worker->state = WORKER_STARTING;
}

/* ---- the database ---- */

static void revive(struct loop_job *job) {
    database_revive(&container_of(job, struct supervisor, revival)->database);
}

static void revived(struct loop_job *job, int status) {
    container_of(job, struct supervisor, revival)->revival_state = REVIVAL_IDLE;
}

static void look_after_database(struct loop_timer *timer) {
    struct supervisor *supervisor = container_of(timer, struct supervisor, look);
    loop_timer_arm(supervisor->loop, timer, LOOK_MS);
    if (database_is_up(&supervisor->database) || supervisor->revival_state == REVIVAL_RUNS)
        return;
    supervisor->revival_state = REVIVAL_RUNS;
    loop_job_start(supervisor->loop, &supervisor->revival, revive, revived);
}

/* ---- all of it ---- */

static int open_all(struct supervisor *supervisor) {
    struct cli *cli = supervisor->cli;
    const char *state = config_string(cli->config, "state").ptr;
    if (loop_new(&supervisor->loop))
        return cli_fail(CLI_FAILED, "no event loop");
    int r = supervisor_bring_up(supervisor);
    if (!r)
        r = supervisor_sockets_open(&supervisor->sockets, cli->config, &cli->inherit);
    if (r)
        return r;
    r = tally_new((unsigned)config_int(cli->config, "workers"), &supervisor->tally);
    if (r)
        return cli_fail(CLI_FAILED, "no memory to share: %s", strerror(-r));
    r = control_open(supervisor->loop, state, &control_handler, supervisor,
                     &supervisor->control);
    return r ? cli_fail(CLI_FAILED, "%s/control: %s", state, strerror(-r)) : CLI_OK;
}

static void start_workers(struct supervisor *supervisor) {
    supervisor->count = (unsigned)config_int(supervisor->cli->config, "workers");
    supervisor->workers = mem_calloc(supervisor->count, sizeof(*supervisor->workers));
    for (unsigned i = 0; i < supervisor->count; i++) {
        struct worker *worker = &supervisor->workers[i];
        worker->supervisor = supervisor;
        worker->number = i;
        loop_timer_init(&worker->restart, restart_in_time);
        start_worker(worker);
    }
}

static void run(struct supervisor *supervisor) {
    loop_timer_init(&supervisor->look, look_after_database);
    if (database_can_be_revived(&supervisor->database))
        loop_timer_arm(supervisor->loop, &supervisor->look, LOOK_MS);
    notify_feed(supervisor->notify, supervisor->loop);
    start_workers(supervisor);
    loop_run(supervisor->loop);
    loop_timer_cancel(supervisor->loop, &supervisor->look);
    while (supervisor->revival_state == REVIVAL_RUNS)
        uv_run(loop_uv(supervisor->loop), UV_RUN_ONCE);
}

int supervisor_run(struct cli *cli) {
    struct supervisor supervisor = {
        .cli = cli, .notify = &cli->notify, .database.lock_fd = -1, .reload_error = BUF_INIT,
        .reload_restart = BUF_INIT, .ready_lines = BUF_INIT,
    };
    int r = open_all(&supervisor);
    inherit_close(&cli->inherit);
    if (!r)
        run(&supervisor);
    notify_still(supervisor.notify);
    supervisor_sockets_close(&supervisor.sockets, LISTENER_UNLINK);
    control_close(supervisor.control);
    loop_free(supervisor.loop);
    database_close(&supervisor.database);
    tally_free(supervisor.tally);
    free(supervisor.workers);
    buf_fini(&supervisor.reload_error);
    buf_fini(&supervisor.reload_restart);
    buf_fini(&supervisor.ready_lines);
    if (!r)
        log_event(LOG_LEVEL_INFO, "stopped");
    return r ? r : supervisor.result;
}
