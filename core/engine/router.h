/* Brings events to sessions of this node. Private to core/engine.
 *
 * A session's callback may close sessions, also the one being called and the next one: walks over
 * sessions are registered with the engine, and engine_session_close moves them on. */
#ifndef DRAGOMAN_ENGINE_ROUTER_H
#define DRAGOMAN_ENGINE_ROUTER_H

#include "core/engine/engine.h"

struct thread;

/* A walk over a list of sessions. */
struct router_cursor {
    struct list *head;
    struct list *next;
    struct router_cursor *outer;
};

void router_walk(struct engine *engine, struct router_cursor *cursor, struct list *head);
struct list *router_step(struct router_cursor *cursor);
void router_walk_end(struct engine *engine, struct router_cursor *cursor);

/* Moves every walk that stands before this link past it. */
void router_leave(struct engine *engine, const struct list *link);

/* A new event of that kind, numbered. */
struct dm_event router_event(struct engine *engine, enum dm_event_kind kind, uint64_t corr,
                             const struct dm_user *actor);

/* To the listed sessions of one user but `except` (which may be NULL); events of chats only to
 * those that asked for chats. Returns to how many bytes were queued. */
size_t router_to_user(struct engine *engine, int64_t user_id, const struct dm_event *event,
                      enum dm_audience audience, const struct engine_session *except);

/* To all listed sessions of all users but user_id (0: of all). */
void router_to_all(struct engine *engine, const struct dm_event *event, int64_t but_user_id);

/* To every member of a chat: the actor's sessions but `except` as ACTOR, others as MEMBER. Marks
 * messages as delivered. */
void router_to_members(struct engine *engine, struct thread *thread,
                       const struct dm_event *event, const struct engine_session *except);

#endif
