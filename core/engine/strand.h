/* The order of one session's commands. Private to core/engine.
 *
 * Commands wait in `queue` and are in `running` from their begin until their result is delivered;
 * both are in the order of submission. One that runs alone begins when nothing runs; those that
 * join (SEND) run beside each other as long as all use one lane of the store. A strand outlives
 * its session until its commands are carried out, and exists only while there are some. */
#ifndef DRAGOMAN_ENGINE_STRAND_H
#define DRAGOMAN_ENGINE_STRAND_H

#include <stdint.h>

#include "core/base/list.h"

struct command_counters;
struct engine;
struct engine_session;
struct engine_user;
struct operation;

struct strand {
    struct engine *engine;
    struct engine_session *session; /* NULL once it is closed */
    struct engine_user *user;       /* counted; the principal, once the session is closed */
    struct list queue;
    struct list running;
    struct list ready_link;
    uint32_t refs;                  /* its operations, and calls under way */
    uint32_t backlog;               /* not yet answered */
    struct command_counters *counters; /* of the session's adapter */
    uint64_t lane;                  /* of all that runs; 0: what runs is alone */
};

/* The session's strand, made when it has none; a new one has no reference yet. */
struct strand *strand_of(struct engine_session *session);

void strand_ref(struct strand *strand);
void strand_unref(struct strand *strand);

/* Cuts the strand from its session, which is being closed. */
void strand_orphan(struct strand *strand);

/* Appends an operation, whose reference the strand takes over, and begins what may begin. Answers
 * that are known at once wait for strand_run_ready. */
void strand_push(struct strand *strand, struct operation *op);

/* Moves an operation from the queue's head to `running`. lane 0: nothing may run beside it. */
void strand_enter(struct operation *op, uint64_t lane);

/* Keeps everything behind the running operations back until they are answered. */
void strand_close_lane(struct strand *strand);

/* Delivers what is done at the head; begins what may begin; and again while something moves. What
 * is submitted meanwhile is answered from engine_run, so that a session that asks again upon each
 * answer holds nobody up. strand_deliver leaves it to the caller to see to that. */
void strand_deliver(struct strand *strand);
void strand_advance(struct strand *strand);

/* An answer that waited for its place in a thread's order waits no more (order.h). Delivers only;
 * what may begin now begins from engine_run. The caller keeps the strand alive. */
void strand_release(struct strand *strand);

/* Advances every strand that strand_push or strand_release marked. */
void strand_run_ready(struct engine *engine);

#endif
