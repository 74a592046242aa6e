/* What follows an approval. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_RELEASE_H
#define DRAGOMAN_ENGINE_RELEASE_H

#include "core/engine/operation.h"

/* Announces the state of the thread to all but the session of the command, and each released
 * message to everybody, with the author's waiting cookies. `approved` is the result of the store's
 * APPROVE (or BLOCK: then without messages); nothing happens unless it is CHANGED. */
void release_announce(struct operation *op, const struct dm_result *approved);

#endif
