/* Deep copies of the model. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_COPY_H
#define DRAGOMAN_ENGINE_COPY_H

#include "core/base/arena.h"
#include "core/model/event.h"

/* NULL gives NULL. */
struct dm_user *copy_user(struct arena *arena, const struct dm_user *user);

/* Without its lists, of messages and of users. */
struct dm_event copy_event(struct arena *arena, const struct dm_event *event);

#endif
