/* Sessions that ask for what they have missed (UNDELIVERED, FRIEND_PENDING), or for a picture of
 * now that what comes live must follow (DM_CMD_HOLD_EVENTS). Private to core/engine.
 *
 * From the submission until the answer, what comes for the session of the same subject is kept;
 * then it follows, but for what the answer contained. An event of such a thing that comes later
 * still is dropped. So everything is shown once, and in order. A list of threads contains, of each,
 * all up to its last message: shown behind it, they would run backwards. They count as pushed to
 * nobody. A release that confirms the session's own message waits too, but no answer contains it.
 *
 * A message is there for good. A friend request ends with its answer: then it is kept no longer,
 * and the next one of the same user is another. */
#ifndef DRAGOMAN_ENGINE_CATCHUP_H
#define DRAGOMAN_ENGINE_CATCHUP_H

#include "core/engine/engine.h"

/* What is kept apart. */
enum catchup_subject {
    CATCHUP_MESSAGES = 0,
    CATCHUP_REQUESTS, /* by which others ask to be friends */
    CATCHUP_SUBJECT_COUNT,
    CATCHUP_NOTHING = CATCHUP_SUBJECT_COUNT,
};

/* A command was submitted, be it such a one or not; several may be under way. */
void catchup_begin(struct engine_session *session, const struct dm_command *command);

/* ... is about to be answered with this result, made in that arena. What was missed may end with
 * messages written while it was asked for: what is kept of the same threads and older than these
 * goes into the result, in its place. */
void catchup_complete(struct engine_session *session, const struct dm_command *command,
                      struct arena *arena, struct dm_result *result);

/* ... was answered with this result, which the session has got. May close the session. */
void catchup_answered(struct engine_session *session, const struct dm_command *command,
                      const struct dm_result *result);

/* The session is losing its principal. */
void catchup_end(struct engine_session *session);

enum catchup_verdict {
    CATCHUP_PASS = 0, /* none of its business */
    CATCHUP_KEPT,     /* not shown yet */
    CATCHUP_SHOWN,    /* shown already */
    CATCHUP_TOLD,     /* a list of threads has shown it, or what came after it */
};

/* What is to become of an event for the session, which has session->catchup. */
enum catchup_verdict catchup_meets(struct engine_session *session, const struct dm_event *event,
                                   const struct engine_view *view);

/* 1 when a session here asks, or asked lately. */
int catchup_is_any(const struct engine *engine);

/* An event goes to one user, here or elsewhere, that may end what others wait to be shown. */
void catchup_hears(struct engine *engine, const struct dm_event *event, int64_t to_id);

/* Forgets answers that are old enough; returns when to call again. */
int64_t catchup_run(struct engine *engine);

#endif
