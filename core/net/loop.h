/* The event loop of the process, over libuv, with what the rest of the gateway needs of it: work
 * at the end of a turn, cheap deadlines, and jobs in the thread pool.
 *
 * One turn = one return from polling with all callbacks it brought, then the hooks. Not
 * thread-safe: everything runs on the thread that calls loop_run, but for the work function of a
 * job. Functions without a stated error cannot fail. */
#ifndef DRAGOMAN_NET_LOOP_H
#define DRAGOMAN_NET_LOOP_H

#include <stdint.h>
#include <uv.h>

#include "core/base/list.h"

struct loop;

/* Makes a loop and ignores SIGPIPE for the process (a write to a reset connection raises it
 * otherwise). Returns 0 or a negative errno. */
int loop_new(struct loop **ret_loop);

/* Frees a loop that is not running and whose users are gone: every handle closed, no timer
 * armed, no hook marked, no job out. Runs pending close callbacks. NULL does nothing. */
void loop_free(struct loop *loop);

/* Runs turns until loop_stop, or until nothing is left that could cause an event. */
void loop_run(struct loop *loop);

/* Runs one turn, without waiting when nothing is ready. For tests and for the last breath of a
 * process. Returns 1 while something is left that could cause an event, else 0. */
int loop_run_once(struct loop *loop);

/* Makes loop_run return at the end of this turn; called before it, loop_run returns at once. */
void loop_stop(struct loop *loop);

/* libuv's own loop, for handles of other owners (libpq's sockets, signals, processes). */
uv_loop_t *loop_uv(struct loop *loop);

/* Milliseconds of a monotonic clock, as of the beginning of this turn. Never 0. */
uint64_t loop_now(const struct loop *loop);

/* 64 KiB shared by whoever reads on this loop: valid until the reader returns to the loop, never
 * to be kept. */
#define LOOP_SCRATCH_SIZE 65536
uint8_t *loop_scratch(struct loop *loop);

/* ---- hooks: once per turn, before polling again ---- */

struct loop_hook;
typedef void loop_hook_fn(struct loop_hook *hook);

/* Calls that were put off (completions) run first, so that what they write still leaves with this
 * turn's flush. */
enum loop_phase {
    LOOP_DEFER,
    LOOP_FLUSH,
};

/* Embedded in its owner; container_of leads back. Fields are the loop's. */
struct loop_hook {
    struct list link;
    loop_hook_fn *fn;
};

/* A hook that is not marked. */
void loop_hook_init(struct loop_hook *hook, loop_hook_fn *fn);

/* Has fn called once at the end of this turn, in the order of marking within its phase, never
 * inside this call. A hook marked already stays as it is. A hook marked by a hook runs in the
 * same turn still; after 8 such rounds, the last of which is LOOP_FLUSH's in any case, the rest
 * waits for the next turn, which then does not sleep, so that I/O is not starved. The hook may be
 * freed inside fn. */
void loop_hook_mark(struct loop *loop, struct loop_hook *hook, enum loop_phase phase);

/* Takes a marked hook back; does nothing to another. Required before its memory is freed. */
void loop_hook_cancel(struct loop_hook *hook);

/* ---- timers: one heap for all, no handle per timer ---- */

struct loop_timer;
typedef void loop_timer_fn(struct loop_timer *timer);

#define LOOP_TIMER_DUE_BITS 40
#define LOOP_TIMER_PLACE_BITS 24

/* Embedded in its owner. Fields are the loop's. Two words: idle connections are many. */
struct loop_timer {
    loop_timer_fn *fn;
    uint64_t due : LOOP_TIMER_DUE_BITS;     /* milliseconds: 34 years of a machine's clock */
    uint64_t place : LOOP_TIMER_PLACE_BITS; /* in the heap, counted from 1; 0: not armed */
};

/* A timer that is not armed. */
void loop_timer_init(struct loop_timer *timer, loop_timer_fn *fn);

/* Has fn called once, on the loop, ms milliseconds from now, never inside this
 * call; 0 counts as 1. Arming an armed timer moves it; moving it later costs next to nothing. fn
 * may arm the timer again or free it. Counted from loop_now, in whole milliseconds. */
void loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t ms);

/* Disarms; does nothing to a timer that is not armed. Required before its memory is freed. */
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* 1 while armed, else 0. */
int loop_timer_is_armed(const struct loop_timer *timer);

/* ---- jobs in libuv's thread pool ---- */

struct loop_job;
typedef void loop_job_fn(struct loop_job *job);

/* status: 0 when work ran, -ECANCELED when it was cancelled before. */
typedef void loop_job_done_fn(struct loop_job *job, int status);

/* Embedded in its owner, which must live until done. Fields are the loop's. */
struct loop_job {
    uv_work_t request;
    loop_job_fn *work;
    loop_job_done_fn *done;
};

/* Runs work on a thread of the pool, which may block, and afterwards done on the loop, exactly
 * once and never inside this call. work must not touch anything the loop owns. How many jobs are
 * out is for the caller to bound. */
void loop_job_start(struct loop *loop, struct loop_job *job, loop_job_fn *work,
                    loop_job_done_fn *done);

/* Tries to take back a job that no thread has begun; done still runs, later, with -ECANCELED.
 * Returns 0 when it was taken back, -EBUSY when it runs or has run (done comes with 0). */
int loop_job_cancel(struct loop_job *job);

#endif
