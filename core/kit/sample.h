/* Events made up for a session, as the core would announce them. Internal to the kit. */
#ifndef DRAGOMAN_KIT_SAMPLE_H
#define DRAGOMAN_KIT_SAMPLE_H

#include "core/kit/stage.h"

enum sample_place { SAMPLE_DIRECT, SAMPLE_REQUESTED, SAMPLE_CHAT, SAMPLE_PLACES };

/* Gives the session, which has a principal, an event of that kind. Its actor is made up, but for
 * the audience ACTOR. Returns what the host said: 1 when frames were queued. */
int sample_deliver(struct stage *stage, struct engine_session *session, enum dm_event_kind kind,
                   enum dm_audience audience, enum sample_place place);

/* The newest session of the user that gets events, or NULL. */
struct engine_session *sample_session(struct stage *stage, int64_t user_id);

#endif
