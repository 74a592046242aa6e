#include "core/server/upgrade.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"

/* Starting may mean to recover a database and to migrate it. */
#define PATIENCE_MS 600000

struct upgrade {
    struct loop *loop;
    struct notify *notify;
    struct child *child;
    struct loop_timer timer;
    upgrade_done_fn *done;
    void *owner;
};

static void finish(struct upgrade *upgrade, const char *error, pid_t successor) {
    loop_timer_cancel(upgrade->loop, &upgrade->timer);
    upgrade->done(upgrade->owner, error, successor);
    free(upgrade);
}

static void ready(struct child *child, void *owner) {
    struct upgrade *upgrade = owner;
    pid_t pid = child_pid(child);
    notify_manager(upgrade->notify, "READY=1\nMAINPID=%d", (int)pid);
    child_let_go(child);
    finish(upgrade, NULL, pid);
}

static void ended(struct child *child, int status, void *owner) {
    char end[CHILD_END_TEXT], error[512];
    const char *why = child_status(child);
    child_end_text(status, end);
    snprintf(error, sizeof(error), "the new process ended with %s%s%s", end, *why ? ": " : "", why);
    finish(owner, error, 0);
}

static const struct child_handler handler = { .ready = ready, .ended = ended };

static void is_too_slow(struct loop_timer *timer) {
    struct upgrade *upgrade = container_of(timer, struct upgrade, timer);
    log_event(LOG_LEVEL_ERROR, "the new process takes too long to start");
    child_kill(upgrade->child, SIGKILL);
}

int upgrade_start(struct loop *loop, const struct program *program, const struct inherit *sockets,
                  struct notify *notify, upgrade_done_fn *done, void *owner,
                  struct upgrade **ret_upgrade) {
    struct upgrade *upgrade = mem_zalloc(sizeof(*upgrade));
    struct child_config config = {
        .program = program, .sockets = sockets, .role = CHILD_SUCCESSOR, .handler = &handler,
        .owner = upgrade,
    };
    *upgrade = (struct upgrade){ .loop = loop, .notify = notify, .done = done, .owner = owner };
    int r = child_start(loop, &config, &upgrade->child);
    if (r) {
        free(upgrade);
        return r;
    }
    loop_timer_init(&upgrade->timer, is_too_slow);
    loop_timer_arm(loop, &upgrade->timer, PATIENCE_MS);
    log_event(LOG_LEVEL_INFO, "starting a successor",
              LOG_INT("pid", child_pid(upgrade->child)));
    *ret_upgrade = upgrade;
    return 0;
}

void upgrade_cancel(struct upgrade *upgrade) {
    if (!upgrade)
        return;
    loop_timer_cancel(upgrade->loop, &upgrade->timer);
    child_kill(upgrade->child, SIGTERM);
    child_let_go(upgrade->child);
    free(upgrade);
}
