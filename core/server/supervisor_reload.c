/* Reloading: every worker for itself; the answer is that of all. */
#include "core/server/notify.h"
#include "core/server/supervisor_internal.h"

static void finish_reload(struct supervisor *supervisor) {
    struct control_call *call = supervisor->reload_call;
    struct buf *error = &supervisor->reload_error, *restart = &supervisor->reload_restart;
    supervisor->reload_call = NULL;
    if (supervisor->state != SUPERVISOR_DRAINS)
        notify_send(supervisor->notify, "READY=1");
    if (error->len)
        control_answer(call, CONTROL_REFUSED, "the configuration stays as it is: %.*s",
                       (int)error->len, error->data);
    else
        control_answer(call, CONTROL_DONE, "reloaded%s%.*s",
                       restart->len ? "; needs a restart: " : "", (int)restart->len,
                       restart->len ? restart->data : "");
}

void supervisor_take_answer(struct worker *worker, const char *error, const char *restart) {
    struct supervisor *supervisor = worker->supervisor;
    if (worker->reload != RELOAD_AWAITED)
        return;
    worker->reload = RELOAD_NOTHING;
    if (!supervisor->reload_error.len)
        buf_append_str(&supervisor->reload_error, error);
    if (!supervisor->reload_restart.len)
        buf_append_str(&supervisor->reload_restart, restart);
    if (--supervisor->reloads == 0)
        finish_reload(supervisor);
}

void supervisor_reload(void *owner, struct control_call *call) {
    struct supervisor *supervisor = owner;
    if (supervisor->reloads || supervisor->state != SUPERVISOR_RUNS
        || !supervisor_count(supervisor, WORKER_UP)) {
        control_answer(call, CONTROL_NOT_NOW, "not while it reloads already, starts, or drains");
        return;
    }
    supervisor->reload_call = call;
    buf_reset(&supervisor->reload_error);
    buf_reset(&supervisor->reload_restart);
    notify_reloading(supervisor->notify);
    for (unsigned i = 0; i < supervisor->count; i++) {
        struct worker *worker = &supervisor->workers[i];
        if (worker->state != WORKER_UP)
            continue;
        worker->reload = RELOAD_AWAITED;
        supervisor->reloads++;
        child_tell(worker->child, SUPERVISOR_RELOAD);
    }
}
