/* One order for the events of a thread, wherever they come from: the thread's rev. Private to
 * core/engine.
 *
 * While there are other nodes, an event that does not follow the last one shown waits a moment for
 * those between, which are on their way over the bus or still at the store; then they are read
 * from the store. The answer to who caused it waits as well: to its session it is one of the
 * thread's events. Where nothing of a thread was shown yet, the first event and its answer wait for
 * a moment too, because earlier ones may still be on their way. A node that is alone waits for
 * nothing, but reads what is missing when it sees that it is not. */
#ifndef DRAGOMAN_ENGINE_ORDER_H
#define DRAGOMAN_ENGINE_ORDER_H

#include "core/engine/operation.h"

/* 1 when op's event may be shown as far as the order goes. */
int order_is_met(const struct operation *op);

/* 1 for another node's event that was shown already. */
int order_is_late(const struct operation *op);

/* 1 while the answer of op, which is done and whose own event is still to be shown, has to wait for
 * others' events that come before it. */
int order_holds(const struct operation *op);

/* op's event is being shown. */
void order_note(const struct operation *op);

/* Something happened in a thread that is shown to nobody here. */
void order_pass(struct thread *thread, uint64_t rev, uint64_t span, uint64_t seq);

/* The thread's first pending event waits for others. */
void order_wait(struct engine *engine, struct thread *thread);

/* Looks after those that have waited long enough; returns when to call again. */
int64_t order_run(struct engine *engine);

#endif
