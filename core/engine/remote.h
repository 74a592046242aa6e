/* Units of other nodes (unit.h), and those read from the store: shown to the sessions here.
 * Private to core/engine.
 *
 * A unit becomes an errand (operation.h) that waits, behind the ones that came before it, until
 * the users it names are known, and then for its turn among the thread's events (fanout.h). What
 * concerns nobody with a session here is only counted. */
#ifndef DRAGOMAN_ENGINE_REMOTE_H
#define DRAGOMAN_ENGINE_REMOTE_H

#include "core/engine/unit.h"

struct engine;
struct thread;

/* Takes a unit that another node has told. */
void remote_take(struct engine *engine, struct wire_reader *reader);

/* Takes one that was read from the store. Returns 1 when it has entered its thread's order, 0 when
 * some of its users have to be read first, or it is none. */
int remote_give(struct engine *engine, struct dm_slice unit);

/* 1 when a member of the thread, as far as they are known, has a session here. */
int remote_concerns(const struct engine *engine, const struct thread *thread);

#endif
