/* Sessions that ask for what they have missed (UNDELIVERED), or for a picture of now that what
 * comes live must follow (DM_CMD_HOLD_EVENTS). Private to core/engine.
 *
 * From the submission until the answer, messages for the session are kept; then they follow, but
 * for those that the answer contained. An event of such a message that comes later still is
 * dropped. So everything is shown once, and in order. */
#ifndef DRAGOMAN_ENGINE_CATCHUP_H
#define DRAGOMAN_ENGINE_CATCHUP_H

#include "core/engine/engine.h"

/* Whether messages for the session wait for the answer of this command. */
static inline int catchup_holds(const struct dm_command *command) {
    return command->kind == DM_CMD_UNDELIVERED || (command->flags & DM_CMD_HOLD_EVENTS);
}

/* Such a command was submitted; several may be under way. */
void catchup_begin(struct engine_session *session);

/* Such a command was answered with this result, which the session has got. May close the
 * session. */
void catchup_answered(struct engine_session *session, const struct dm_result *result);

/* The session is losing its principal. */
void catchup_end(struct engine_session *session);

enum catchup_verdict {
    CATCHUP_PASS = 0, /* none of its business */
    CATCHUP_KEPT,     /* not shown yet */
    CATCHUP_SHOWN,    /* shown already */
};

/* What is to become of an event for the session, which has session->catchup. */
enum catchup_verdict catchup_meets(struct engine_session *session, const struct dm_event *event,
                                   const struct engine_view *view);

/* Forgets answers that are old enough; returns when to call again. */
int64_t catchup_run(struct engine *engine);

#endif
