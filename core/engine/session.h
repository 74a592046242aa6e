/* What the engine does with sessions beside engine.h. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_SESSION_H
#define DRAGOMAN_ENGINE_SESSION_H

#include "core/engine/engine.h"

/* NEW → KNOWN. */
void session_set_user(struct engine_session *session, struct engine_user *user,
                      const uint8_t *fingerprint);

/* KNOWN → NEW, and tells the host. */
void session_revoke(struct engine_session *session);

/* Takes the principal of every session of the user. */
void session_revoke_user(struct engine *engine, struct engine_user *user);

/* What few sessions have. */
struct session_kept {
    struct list watches; /* users whose presence is watched */
    struct list held;    /* cookies that wait for a release, bounded */
    uint32_t watch_count, held_count;
    struct thread_list *list; /* whose further pages may be asked for; NULL: none */
};

/* Makes it where it is missing. */
struct session_kept *session_kept(struct engine_session *session);

/* Keeps a copy of the cookie until the message is released; the oldest gives way at held_max. */
void session_hold(struct engine_session *session, int64_t message_id, struct dm_slice cookie);

/* Takes the cookie kept for the message out of the session. Returns the memory that ret_cookie
 * lies in, for free(3); NULL, and an absent cookie, when there is none. */
void *session_take_held(struct engine_session *session, int64_t message_id,
                        struct dm_slice *ret_cookie);

#endif
