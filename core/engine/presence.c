#include "core/engine/presence.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/core.h"
#include "core/engine/session.h"

struct entry {
    int64_t user_id;
    uint32_t local;
    uint32_t remote;
    struct list watchers;
    struct list changed;
    struct list news;
};

/* One session's interest in one user. */
struct watch {
    struct list session_link;
    struct list entry_link;
    struct engine_session *session;
    struct engine_user *user; /* counted, so that its data are there when it comes online */
    struct entry *entry;
    int told;                 /* what the session knows: 1 online */
};

void presence_init(struct presence *presence) {
    map_u64_init(&presence->entries);
    list_init(&presence->changed);
    list_init(&presence->news);
}

void presence_fini(struct presence *presence) {
    struct map_iter iter = { 0 };
    void *value;
    while (map_u64_next(&presence->entries, &iter, NULL, &value))
        free(value);
    map_u64_fini(&presence->entries);
}

static struct entry *find(const struct presence *presence, int64_t user_id) {
    return map_u64_get(&presence->entries, (uint64_t)user_id);
}

static struct entry *obtain(struct presence *presence, int64_t user_id) {
    struct entry *entry = find(presence, user_id);
    if (entry)
        return entry;
    entry = mem_zalloc(sizeof(*entry));
    entry->user_id = user_id;
    list_init(&entry->watchers);
    list_init(&entry->changed);
    list_init(&entry->news);
    map_u64_put(&presence->entries, (uint64_t)user_id, entry);
    return entry;
}

static int is_online(const struct entry *entry) {
    return entry->local || entry->remote;
}

static void release(struct presence *presence, struct entry *entry) {
    if (is_online(entry) || !list_is_empty(&entry->watchers) || !list_is_empty(&entry->news))
        return;
    list_remove(&entry->changed);
    map_u64_remove(&presence->entries, (uint64_t)entry->user_id);
    free(entry);
}

static void changed(struct engine *engine, struct entry *entry) {
    struct engine_user *user = user_cache_find_id(&engine->users, entry->user_id);
    if (user) {
        user->user->flags &= ~(uint32_t)DM_USER_ONLINE;
        if (is_online(entry))
            user->user->flags |= DM_USER_ONLINE;
    }
    if (!list_is_empty(&entry->watchers) && list_is_empty(&entry->changed)) {
        list_push_back(&engine->presence.changed, &entry->changed);
        engine_wake_at(engine, 0);
    }
    release(&engine->presence, entry);
}

/* The first session here has come, or the last one has gone. */
static void note_news(struct engine *engine, struct entry *entry) {
    if (!cluster_has_peers(&engine->cluster) || !list_is_empty(&entry->news))
        return;
    list_push_back(&engine->presence.news, &entry->news);
    engine_wake_at(engine, 0);
}

void presence_add(struct engine *engine, int64_t user_id) {
    struct entry *entry = obtain(&engine->presence, user_id);
    if (entry->local++)
        return;
    note_news(engine, entry);
    if (!entry->remote)
        changed(engine, entry);
}

void presence_remove(struct engine *engine, int64_t user_id) {
    struct entry *entry = find(&engine->presence, user_id);
    if (--entry->local)
        return;
    note_news(engine, entry);
    if (!entry->remote)
        changed(engine, entry);
}

void presence_add_remote(struct engine *engine, int64_t user_id) {
    struct entry *entry = obtain(&engine->presence, user_id);
    if (!entry->remote++ && !entry->local)
        changed(engine, entry);
}

void presence_remove_remote(struct engine *engine, int64_t user_id) {
    struct entry *entry = find(&engine->presence, user_id);
    if (!--entry->remote && !entry->local)
        changed(engine, entry);
}

int64_t *presence_local(const struct presence *presence, size_t *ret_count) {
    int64_t *ids = mem_calloc(presence->entries.count + 1, sizeof(*ids));
    struct map_iter iter = { 0 };
    void *value;
    *ret_count = 0;
    while (map_u64_next(&presence->entries, &iter, NULL, &value)) {
        const struct entry *entry = value;
        if (entry->local)
            ids[(*ret_count)++] = entry->user_id;
    }
    return ids;
}

int presence_is_online(const struct presence *presence, int64_t user_id) {
    const struct entry *entry = find(presence, user_id);
    return entry && is_online(entry);
}

static struct watch *find_watch(const struct engine_session *session, int64_t user_id) {
    if (!session->kept)
        return NULL;
    list_foreach(it, &session->kept->watches) {
        struct watch *watch = container_of(it, struct watch, session_link);
        if (watch->entry->user_id == user_id)
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
        watch->user = user;
        watch->entry = obtain(&engine->presence, user->id);
        engine_user_ref(user);
        list_push_back(&kept->watches, &watch->session_link);
        list_push_back(&watch->entry->watchers, &watch->entry_link);
        kept->watch_count++;
    }
    watch->told = is_online(watch->entry);
    return DM_OK;
}

static void forget(struct watch *watch) {
    struct engine *engine = watch->session->engine;
    router_leave(engine, &watch->entry_link);
    list_remove(&watch->session_link);
    list_remove(&watch->entry_link);
    watch->session->kept->watch_count--;
    release(&engine->presence, watch->entry);
    engine_user_unref(engine, watch->user);
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

static void tell(struct engine *engine, struct entry *entry) {
    int online = is_online(entry);
    enum dm_event_kind kind = online ? DM_EVENT_USER_ONLINE : DM_EVENT_USER_OFFLINE;
    struct engine_user *user = user_cache_find_id(&engine->users, entry->user_id);
    struct dm_event event = router_event(engine, kind, ++engine->operations.corr, user->user);
    struct engine_view view = { .audience = DM_AUDIENCE_SUBJECT, .sharing = ENGINE_SHARED };
    struct router_cursor cursor;
    struct list *link;
    engine_user_ref(user);
    router_walk(engine, &cursor, &entry->watchers);
    while ((link = router_step(&cursor))) {
        struct watch *watch = container_of(link, struct watch, entry_link);
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
    struct presence *presence = &engine->presence;
    size_t most = presence->entries.count;
    size_t came_count = 0, went_count = 0;
    int64_t *came, *went;
    struct list *link;
    if (list_is_empty(&presence->news))
        return;
    came = mem_calloc(2 * most, sizeof(*came));
    went = came + most;
    while ((link = list_pop_front(&presence->news))) {
        struct entry *entry = container_of(link, struct entry, news);
        if (entry->local)
            came[came_count++] = entry->user_id;
        else
            went[went_count++] = entry->user_id;
        release(presence, entry);
    }
    cluster_tell_presence(engine, came, came_count, went, went_count);
    free(came);
}

void presence_run(struct engine *engine) {
    struct list batch;
    struct list *link;
    tell_nodes(engine);
    list_init(&batch);
    list_splice_back(&batch, &engine->presence.changed);
    while ((link = list_pop_front(&batch))) {
        struct entry *entry = container_of(link, struct entry, changed);
        if (!list_is_empty(&entry->watchers))
            tell(engine, entry);
    }
}
