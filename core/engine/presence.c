#include "core/engine/presence.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/core.h"
#include "core/engine/session.h"

/* A user who is watched. */
struct watched {
    struct engine_user *user; /* counted by each watch */
    struct list watchers;
    struct list changed;
};

/* One session's interest in one user, whose data are there when it comes online. */
struct watch {
    struct list session_link;
    struct list watched_link;
    struct engine_session *session;
    struct watched *watched;
    int told;                 /* what the session knows: 1 online */
};

void presence_init(struct presence *presence) {
    map_u64_init(&presence->remote);
    map_u64_init(&presence->watched);
    list_init(&presence->changed);
    map_u64_init(&presence->news);
}

void presence_fini(struct presence *presence) {
    assert(presence->watched.count == 0);
    map_u64_fini(&presence->remote);
    map_u64_fini(&presence->watched);
    map_u64_fini(&presence->news);
}

static uintptr_t remote_count(const struct presence *presence, int64_t user_id) {
    return (uintptr_t)map_u64_get(&presence->remote, (uint64_t)user_id);
}

int presence_is_online(const struct engine *engine, int64_t user_id) {
    const struct engine_user *user = user_cache_find_id(&engine->users, user_id);
    return (user && user->online_count) || remote_count(&engine->presence, user_id);
}

/* The user has come online, or gone. */
static void changed(struct engine *engine, int64_t user_id) {
    struct engine_user *user = user_cache_find_id(&engine->users, user_id);
    struct watched *watched = map_u64_get(&engine->presence.watched, (uint64_t)user_id);
    if (user) {
        user->user->flags &= ~(uint32_t)DM_USER_ONLINE;
        if (presence_is_online(engine, user_id))
            user->user->flags |= DM_USER_ONLINE;
    }
    if (watched && list_is_empty(&watched->changed)) {
        list_push_back(&engine->presence.changed, &watched->changed);
        engine_wake_at(engine, 0);
    }
}

/* The first session here has come, or the last one has gone. */
static void local_changed(struct engine *engine, const struct engine_user *user) {
    struct presence *presence = &engine->presence;
    if (cluster_has_peers(&engine->cluster)) {
        map_u64_put(&presence->news, (uint64_t)user->id, presence);
        engine_wake_at(engine, 0);
    }
    if (!remote_count(presence, user->id))
        changed(engine, user->id);
}

void presence_add(struct engine *engine, struct engine_user *user) {
    if (!user->online_count++)
        local_changed(engine, user);
}

void presence_remove(struct engine *engine, struct engine_user *user) {
    if (!--user->online_count)
        local_changed(engine, user);
}

void presence_add_remote(struct engine *engine, int64_t user_id) {
    struct presence *presence = &engine->presence;
    int before = presence_is_online(engine, user_id);
    uintptr_t nodes = remote_count(presence, user_id) + 1;
    map_u64_put(&presence->remote, (uint64_t)user_id, (void *)nodes);
    if (!before)
        changed(engine, user_id);
}

void presence_remove_remote(struct engine *engine, int64_t user_id) {
    struct presence *presence = &engine->presence;
    uintptr_t nodes = remote_count(presence, user_id) - 1;
    if (nodes)
        map_u64_put(&presence->remote, (uint64_t)user_id, (void *)nodes);
    else
        map_u64_remove(&presence->remote, (uint64_t)user_id);
    if (!presence_is_online(engine, user_id))
        changed(engine, user_id);
}

int64_t *presence_local(const struct engine *engine, size_t *ret_count) {
    const struct map_u64 *users = &engine->users.by_id;
    int64_t *ids = mem_calloc(users->count + 1, sizeof(*ids));
    struct map_iter iter = { 0 };
    void *value;
    *ret_count = 0;
    while (map_u64_next(users, &iter, NULL, &value)) {
        const struct engine_user *user = value;
        if (user->online_count)
            ids[(*ret_count)++] = user->id;
    }
    return ids;
}

/* ---- watching ---- */

static struct watched *obtain(struct presence *presence, struct engine_user *user) {
    struct watched *watched = map_u64_get(&presence->watched, (uint64_t)user->id);
    if (watched)
        return watched;
    watched = mem_zalloc(sizeof(*watched));
    watched->user = user;
    list_init(&watched->watchers);
    list_init(&watched->changed);
    map_u64_put(&presence->watched, (uint64_t)user->id, watched);
    return watched;
}

static void release(struct presence *presence, struct watched *watched) {
    if (!list_is_empty(&watched->watchers))
        return;
    list_remove(&watched->changed);
    map_u64_remove(&presence->watched, (uint64_t)watched->user->id);
    free(watched);
}

static struct watch *find_watch(const struct engine_session *session, int64_t user_id) {
    if (!session->kept)
        return NULL;
    list_foreach(it, &session->kept->watches) {
        struct watch *watch = container_of(it, struct watch, session_link);
        if (watch->watched->user->id == user_id)
            return watch;
    }
    return NULL;
}

enum dm_status presence_watch(struct engine_session *session, struct engine_user *user) {
    struct engine *engine = session->engine;
    struct watch *watch = find_watch(session, user->id);
    if (!watch) {
        struct session_kept *kept = session_kept(session);
        if (kept->watch_count >= engine->config.watch_max)
            return DM_LIMITED;
        watch = mem_zalloc(sizeof(*watch));
        watch->session = session;
        watch->watched = obtain(&engine->presence, user);
        engine_user_ref(user);
        list_push_back(&kept->watches, &watch->session_link);
        list_push_back(&watch->watched->watchers, &watch->watched_link);
        kept->watch_count++;
    }
    watch->told = presence_is_online(engine, user->id);
    return DM_OK;
}

static void forget(struct watch *watch) {
    struct engine *engine = watch->session->engine;
    struct engine_user *user = watch->watched->user;
    router_leave(engine, &watch->watched_link);
    list_remove(&watch->session_link);
    list_remove(&watch->watched_link);
    watch->session->kept->watch_count--;
    release(&engine->presence, watch->watched);
    engine_user_unref(engine, user);
    free(watch);
}

void presence_unwatch(struct engine_session *session, int64_t user_id) {
    struct watch *watch = find_watch(session, user_id);
    if (watch)
        forget(watch);
}

void presence_unwatch_all(struct engine_session *session) {
    struct list *link;
    while (session->kept && (link = list_front(&session->kept->watches)))
        forget(container_of(link, struct watch, session_link));
}

static void tell(struct engine *engine, struct watched *watched) {
    struct engine_user *user = watched->user;
    int online = presence_is_online(engine, user->id);
    enum dm_event_kind kind = online ? DM_EVENT_USER_ONLINE : DM_EVENT_USER_OFFLINE;
    struct dm_event event = router_event(engine, kind, ++engine->operations.corr, user->user);
    struct engine_view view = { .audience = DM_AUDIENCE_SUBJECT, .sharing = ENGINE_SHARED };
    struct router_cursor cursor;
    struct list *link;
    engine_user_ref(user);
    router_walk(engine, &cursor, &watched->watchers);
    while ((link = router_step(&cursor))) {
        struct watch *watch = container_of(link, struct watch, watched_link);
        if (watch->told == online || !(watch->session->flags & ENGINE_SESSION_LISTED))
            continue;
        watch->told = online;
        view.viewer = watch->session->user->user;
        (void)engine->client->event(watch->session, &event, &view);
    }
    router_walk_end(engine, &cursor);
    engine_user_unref(engine, user);
}

static void tell_nodes(struct engine *engine) {
    struct map_u64 *news = &engine->presence.news;
    size_t most = news->count;
    size_t came_count = 0, went_count = 0;
    struct map_iter iter = { 0 };
    int64_t *came, *went;
    uint64_t id;
    if (!most)
        return;
    came = mem_calloc(2 * most, sizeof(*came));
    went = came + most;
    while (map_u64_next(news, &iter, &id, NULL)) {
        const struct engine_user *user = user_cache_find_id(&engine->users, (int64_t)id);
        if (user && user->online_count)
            came[came_count++] = (int64_t)id;
        else
            went[went_count++] = (int64_t)id;
    }
    map_u64_fini(news);
    cluster_tell_presence(engine, came, came_count, went, went_count);
    free(came);
}

void presence_run(struct engine *engine) {
    struct list batch;
    struct list *link;
    tell_nodes(engine);
    list_init(&batch);
    list_splice_back(&batch, &engine->presence.changed);
    while ((link = list_pop_front(&batch)))
        tell(engine, container_of(link, struct watched, changed));
}
