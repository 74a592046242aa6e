/* Deep copies of the model. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_COPY_H
#define DRAGOMAN_ENGINE_COPY_H

#include "core/base/arena.h"
#include "core/model/event.h"

/* NULL gives NULL, for each. */
struct dm_user *copy_user(struct arena *arena, const struct dm_user *user);
struct dm_message *copy_message(struct arena *arena, const struct dm_message *message);

/* Without members and last message. */
struct dm_thread *copy_thread(struct arena *arena, const struct dm_thread *thread);

/* Without its lists, of messages and of users. */
struct dm_event copy_event(struct arena *arena, const struct dm_event *event);

#endif
