/* Threads as one side sees them. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_VIEW_H
#define DRAGOMAN_ENGINE_VIEW_H

#include "core/engine/thread_cache.h"
#include "core/engine/user_cache.h"

/* A cached thread as viewer_id sees it; chats for everybody. */
void view_thread(const struct thread *thread, int64_t viewer_id, enum dm_thread_state state,
                 struct dm_thread *ret_thread);

/* A thread as the actor got it from the store, turned round for the others: peer is the actor,
 * state is the other side's, and what only the actor may know of it is cleared. */
void view_turn(const struct dm_thread *own, const struct dm_user *actor,
               struct dm_thread *ret_thread);

#endif
