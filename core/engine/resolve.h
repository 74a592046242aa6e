/* Finds what references name: in the caches, else in the store. Private to core/engine.
 *
 * Each calls `then` with DM_OK, a domain outcome, or DM_UNAVAILABLE; inside the call when the
 * answer is known. */
#ifndef DRAGOMAN_ENGINE_RESOLVE_H
#define DRAGOMAN_ENGINE_RESOLVE_H

#include "core/engine/operation.h"

/* An active user → op->other; else NO_USER. The reference must live as long as op. */
void resolve_user(struct operation *op, const struct dm_ref *ref, operation_step_fn then);

/* command.thread → op->thread, and for direct threads the other one → op->other. NO_THREAD when
 * there is none, or it is a direct thread of others. Membership of chats is not checked. */
void resolve_thread(struct operation *op, operation_step_fn then);

/* The thread of command.message → op->thread, else NO_MESSAGE. */
void resolve_message(struct operation *op, operation_step_fn then);

/* command.thread, or the direct thread with command.user, who need not be active when there is
 * one. */
void resolve_place(struct operation *op, operation_step_fn then);

/* The direct thread of op->actor and op->other → op->thread, opened when there is none yet, in
 * which case op->result.flags has DM_RESULT_CREATED and both sides' other sessions are told. */
void resolve_open(struct operation *op, operation_step_fn then);

/* 1 when op->actor may not open a thread with op->other without being asked to wait. */
int resolve_is_gated(const struct operation *op);

#endif
