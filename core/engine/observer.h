/* Watching the engine at work: for the inspector of operators, never for deciding anything.
 *
 * While nobody watches there is no observer, and each place costs one branch on a pointer that is
 * NULL. Everything is borrowed for the call. An observer must not call the engine. */
#ifndef DRAGOMAN_ENGINE_OBSERVER_H
#define DRAGOMAN_ENGINE_OBSERVER_H

#include "core/engine/engine.h"

struct engine_observer {
    /* A session submitted a command, which got that correlation id. Inside engine_submit. */
    void (*command)(void *owner, const struct engine_session *session, uint64_t corr,
                    const struct dm_command *command);
    /* Its result is known, and goes to the session (NULL: closed meanwhile) next. */
    void (*result)(void *owner, const struct engine_session *session, uint64_t corr,
                   const struct dm_result *result);
    /* An event is on its way to sessions; once for each event, whether or not somebody is there to
     * hear of it. */
    void (*event)(void *owner, const struct dm_event *event);
    void *owner;
};

/* From now on; NULL: nobody. The observer must outlive its use. */
void engine_observe(struct engine *engine, const struct engine_observer *observer);

#endif
