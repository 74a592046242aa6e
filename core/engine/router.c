#include "core/engine/router.h"

#include <stdlib.h>

#include "core/engine/catchup.h"
#include "core/engine/core.h"
#include "core/engine/session.h"

void router_walk(struct engine *engine, struct router_cursor *cursor, struct list *head) {
    cursor->head = head;
    cursor->next = head->next;
    cursor->outer = engine->cursors;
    engine->cursors = cursor;
}

struct list *router_step(struct router_cursor *cursor) {
    struct list *link = cursor->next;
    if (link == cursor->head)
        return NULL;
    cursor->next = link->next;
    return link;
}

void router_walk_end(struct engine *engine, struct router_cursor *cursor) {
    engine->cursors = cursor->outer;
}

void router_leave(struct engine *engine, const struct list *link) {
    for (struct router_cursor *cursor = engine->cursors; cursor; cursor = cursor->outer) {
        if (cursor->next == link)
            cursor->next = link->next;
    }
}

struct dm_event router_event(struct engine *engine, enum dm_event_kind kind, uint64_t corr,
                             const struct dm_user *actor) {
    return (struct dm_event){
        .kind = kind, .actor = actor, .corr = corr, .serial = ++engine->serial
    };
}

/* The walks for one event come one after the other; the first of them shows it. */
static void observe(struct engine *engine, const struct dm_event *event) {
    if (!engine->observer || engine->observed_serial == event->serial)
        return;
    engine->observed_serial = event->serial;
    engine->observer->event(engine->observer->owner, event);
}

static uint32_t wanted_flags(const struct dm_event *event) {
    if (event->thread && event->thread->kind == DM_THREAD_CHAT)
        return ENGINE_SESSION_LISTED | ENGINE_SESSION_CHATS;
    return ENGINE_SESSION_LISTED;
}

/* The one session that waits for this release gets its cookie back with it. */
static int deliver(struct engine *engine, struct engine_session *session,
                   const struct dm_event *event, struct engine_view *view) {
    void *held = NULL;
    int pushed;
    if (session->catchup) {
        enum catchup_verdict verdict = catchup_meets(session, event, view);
        if (verdict != CATCHUP_PASS)
            return verdict == CATCHUP_SHOWN;
    }
    view->cookie = DM_SLICE_NONE;
    if (event->kind == DM_EVENT_MESSAGE_RELEASED && view->audience == DM_AUDIENCE_ACTOR)
        held = session_take_held(session, event->message->id, &view->cookie);
    pushed = engine->client->event(session, event, view);
    free(held);
    return pushed == 1;
}

/* To the sessions of one user; returns to how many bytes were queued. */
static size_t to_sessions(struct engine *engine, struct engine_user *user,
                          const struct dm_event *event, struct engine_view *view,
                          const struct engine_session *except) {
    uint32_t wanted = wanted_flags(event);
    struct router_cursor cursor;
    struct list *link;
    size_t pushed = 0;
    engine_user_ref(user);
    router_walk(engine, &cursor, &user->sessions);
    while ((link = router_step(&cursor))) {
        struct engine_session *session = container_of(link, struct engine_session, user_link);
        if (session == except || (session->flags & wanted) != wanted)
            continue;
        view->viewer = user->user;
        pushed += (size_t)deliver(engine, session, event, view);
    }
    router_walk_end(engine, &cursor);
    engine_user_unref(engine, user);
    return pushed;
}

size_t router_to_user(struct engine *engine, int64_t user_id, const struct dm_event *event,
                      enum dm_audience audience, const struct engine_session *except) {
    struct engine_user *user = user_cache_find_id(&engine->users, user_id);
    struct engine_view view = { .audience = audience, .sharing = ENGINE_SINGLE };
    observe(engine, event);
    if (!user || !engine_user_has_sessions(user))
        return 0;
    return to_sessions(engine, user, event, &view, except);
}

void router_to_all(struct engine *engine, const struct dm_event *event, int64_t but_user_id) {
    struct engine_view view = { .audience = DM_AUDIENCE_ALL, .sharing = ENGINE_SHARED };
    struct router_cursor cursor;
    struct list *link;
    observe(engine, event);
    router_walk(engine, &cursor, &engine->sessions);
    while ((link = router_step(&cursor))) {
        struct engine_session *session = container_of(link, struct engine_session, all_link);
        if (!session->user || session->user->id == but_user_id
            || !(session->flags & ENGINE_SESSION_LISTED))
            continue;
        view.viewer = session->user->user;
        (void)deliver(engine, session, event, &view);
    }
    router_walk_end(engine, &cursor);
}

/* A message that was pushed to members[place]; the first of all is what makes it delivered. */
static void mark(struct engine *engine, struct thread *thread, size_t place,
                 const struct dm_event *event, size_t marked) {
    if (event->kind != DM_EVENT_MESSAGE)
        return;
    if (marked)
        marks_grow(engine, thread, place, event->message->seq);
    else
        marks_delivered(engine, thread, thread->members[place], event->message->seq);
}

/* A chat of thousands is in no cache when its turn comes: what will be looked at of the members to
 * come is asked for ahead, their places in the map first, then they themselves, then the first
 * session of each. */
static void look_ahead(const struct engine *engine, const struct thread *thread, size_t place) {
    enum { MAP_AHEAD = 12, USER_AHEAD = 8, SESSION_AHEAD = 4 };
    const struct user_cache *users = &engine->users;
    const int64_t *ids = thread->members + place;
    size_t left = thread->member_count - place;
    if (left > MAP_AHEAD)
        map_u64_prefetch(&users->by_id, (uint64_t)ids[MAP_AHEAD]);
    if (left > USER_AHEAD)
        __builtin_prefetch(user_cache_find_id(users, ids[USER_AHEAD]));
    if (left > SESSION_AHEAD) {
        const struct engine_user *user = user_cache_find_id(users, ids[SESSION_AHEAD]);
        if (user && engine_user_has_sessions(user))
            __builtin_prefetch(user->sessions.next);
    }
}

void router_to_members(struct engine *engine, struct thread *thread,
                       const struct dm_event *event, const struct engine_session *except) {
    struct engine_view view = { .audience = DM_AUDIENCE_MEMBER, .sharing = ENGINE_SHARED };
    int64_t actor_id = event->actor->id;
    size_t marked = 0;
    router_to_user(engine, actor_id, event, DM_AUDIENCE_ACTOR, except);
    for (size_t i = 0; i < thread->member_count; i++) {
        struct engine_user *user = user_cache_find_id(&engine->users, thread->members[i]);
        look_ahead(engine, thread, i);
        if (user && engine_user_has_sessions(user) && user->id != actor_id
            && to_sessions(engine, user, event, &view, NULL))
            mark(engine, thread, i, event, marked++);
    }
}
