/* What the files of the supervisor share. */
#ifndef DRAGOMAN_SERVER_SUPERVISOR_INTERNAL_H
#define DRAGOMAN_SERVER_SUPERVISOR_INTERNAL_H

#include "core/base/buf.h"
#include "core/server/control.h"
#include "core/server/database.h"
#include "core/server/supervisor.h"

struct tally;
struct upgrade;

/*   DOWN ──▶ STARTING ──ready──▶ UP ──┐
 *    ▲ ◀─────────┴──────ended─────────┘
 */
struct worker {
    struct supervisor *supervisor;
    unsigned number;
    struct child *child;
    struct loop_timer restart;
    uint64_t started;
    uint64_t backoff;
    enum { WORKER_DOWN = 0, WORKER_STARTING, WORKER_UP } state;
    enum { RELOAD_NOTHING = 0, RELOAD_AWAITED } reload;
};

/*   STARTING ──all ready──▶ RUNS ⇄ UPGRADES
 *       └──one fails──▶ DRAINS ◀──────┴── stop, or a successor serves
 */
enum supervisor_state {
    SUPERVISOR_STARTS,
    SUPERVISOR_RUNS,
    SUPERVISOR_UPGRADES,
    SUPERVISOR_DRAINS,
};

struct supervisor {
    struct cli *cli;
    struct notify *notify;
    struct loop *loop;
    struct database database;
    struct loop_timer look;   /* after the database */
    struct loop_job revival;
    enum { REVIVAL_IDLE = 0, REVIVAL_RUNS } revival_state;
    struct supervisor_sockets sockets;
    struct tally *tally;
    struct control *control;
    struct upgrade *upgrade;
    struct control_call *upgrade_call;
    struct control_call *reload_call;
    unsigned reloads;         /* answers awaited */
    struct buf reload_error, reload_restart;
    struct buf ready_lines;
    struct worker *workers;
    unsigned count;
    enum supervisor_state state;
    int result;
};

/* How many workers are in that state. */
unsigned supervisor_count(const struct supervisor *supervisor, int state);

/* supervisor_start.c: the admin sockets, and the database; runs the loop meanwhile. Returns a CLI
 * exit code. */
int supervisor_bring_up(struct supervisor *supervisor);

/* supervisor_reload.c: a control_handler's. */
void supervisor_reload(void *owner, struct control_call *call);

/* What a worker has answered; one that has ended answers nothing more. */
void supervisor_take_answer(struct worker *worker, const char *error, const char *restart);

#endif
