/* Events of threads, in order. Private to core/engine.
 *
 * The events of one thread leave in the order given here. A chat's event that needs newer members
 * than are known waits for them, and everything behind it in the same thread waits too. */
#ifndef DRAGOMAN_ENGINE_FANOUT_H
#define DRAGOMAN_ENGINE_FANOUT_H

#include "core/engine/operation.h"
#include "core/engine/thread_cache.h"
#include "core/model/event.h"

/* Runs emit(op) now or when its turn has come; op->thread is the thread, op->member_rev the age
 * of members it needs (0: none). Keeps op alive until then. */
void fanout_in_order(struct operation *op, operation_fn emit);

/* Tries again to read members that could not be read. Returns when to call again. */
int64_t fanout_run(struct engine *engine);

/* One event of a direct thread or chat, from op's actor: the actor's other sessions as ACTOR with
 * `own`, all other members' as MEMBER with `others`. Returns to how many sessions of others bytes
 * were queued, in direct threads. `except` gets nothing. */
size_t fanout_thread(struct operation *op, struct dm_event *event, const struct dm_thread *own,
                     const struct dm_thread *others, const struct engine_session *except);

/* As fanout_thread with what the store answered (op->result.thread). */
size_t fanout_result(struct operation *op, struct dm_event *event);

#endif
