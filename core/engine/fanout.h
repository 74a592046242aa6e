/* Events of threads, in order. Private to core/engine.
 *
 * The events of one thread leave in the order given here. A chat's event that needs newer members
 * than are known waits for them, and everything behind it in the same thread waits too. */
#ifndef DRAGOMAN_ENGINE_FANOUT_H
#define DRAGOMAN_ENGINE_FANOUT_H

#include "core/engine/operation.h"
#include "core/engine/thread_cache.h"
#include "core/model/event.h"

/* Tells the other nodes what op did, and runs emit(op) here, now or when its turn has come:
 * op->thread is the thread, op->rev its place in the thread's order, op->member_rev the age of
 * members it needs (0: none). Keeps op alive until then. emit describes by the functions below and
 * may run twice, for the others and for here. */
void fanout_announce(struct operation *op, operation_fn emit);

/* The same without waiting, for what is first in its thread's order. */
void fanout_announce_now(struct operation *op, operation_fn emit);

/* The thread's first event that waits; NULL when there is none. */
struct operation *fanout_first(const struct thread *thread);

/* Shows what has waited and waits no more. */
void fanout_drain(struct engine *engine, struct thread *thread);

/* Tries again to read members that could not be read. Returns when to call again. */
int64_t fanout_run(struct engine *engine);

/* One event of a direct thread or chat, from event->actor: the actor's other sessions as ACTOR with
 * `own`, all other members' as MEMBER with `others`. New messages that were pushed count as
 * delivered. `except` gets nothing. */
void fanout_thread(struct operation *op, struct dm_event *event, const struct dm_thread *own,
                   const struct dm_thread *others, const struct engine_session *except);

/* As fanout_thread with what the store answered (op->result.thread). */
void fanout_result(struct operation *op, struct dm_event *event);

/* One event of a chat whose membership it tells: the actor's other sessions as ACTOR,
 * event->users as SUBJECT, `others`'s members as MEMBER. */
void fanout_listed(struct operation *op, struct dm_event *event, const struct dm_thread *others,
                   const struct engine_session *except);

/* One event for one user, as SUBJECT. */
void fanout_user(struct operation *op, struct dm_event *event, int64_t user_id);

/* For an event that shows to nobody but takes its place in the order. */
void fanout_nothing(struct operation *op);

#endif
