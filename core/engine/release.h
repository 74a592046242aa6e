/* What is let through a gate. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_RELEASE_H
#define DRAGOMAN_ENGINE_RELEASE_H

#include "core/engine/operation.h"

/* Announces the state of the thread to all but the session of the command, and each released
 * message to everybody, with the author's waiting cookies. `approved` is the result of the store's
 * APPROVE (or BLOCK: then without messages); nothing happens unless it is CHANGED. */
void release_announce(struct operation *op, const struct dm_result *approved);

/* Announces a message of the actor, held so far, that has become the request of op->thread:
 * op->result.thread is the thread as its author sees it. */
void release_request(struct operation *op, const struct dm_message *message);

#endif
