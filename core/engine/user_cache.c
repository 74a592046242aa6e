#include "core/engine/user_cache.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/core.h"
#include "core/engine/session.h"

/* A snapshot that was replaced, or whose user was dropped. */
struct retired {
    struct list link;
    uint64_t since; /* corr of the newest operation then */
    struct dm_user *user;
};

static struct dm_slice keep(char **at, struct dm_slice text) {
    struct dm_slice kept = { *at, text.len };
    if (!text.ptr)
        return DM_SLICE_NONE;
    memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return kept;
}

/* One block: the struct, then its texts. */
static struct dm_user *snapshot_new(const struct dm_user *user) {
    size_t size = user->username.len + user->email.len + user->first_name.len
                  + user->last_name.len + user->photo.len + user->color.len + user->role.len
                  + user->location.len;
    struct dm_user *snapshot = mem_alloc(sizeof(*snapshot) + size);
    char *at = (char *)(snapshot + 1);
    *snapshot = *user;
    snapshot->username = keep(&at, user->username);
    snapshot->email = keep(&at, user->email);
    snapshot->first_name = keep(&at, user->first_name);
    snapshot->last_name = keep(&at, user->last_name);
    snapshot->photo = keep(&at, user->photo);
    snapshot->color = keep(&at, user->color);
    snapshot->role = keep(&at, user->role);
    snapshot->location = keep(&at, user->location);
    return snapshot;
}

static int same(const struct dm_user *a, const struct dm_user *b) {
    const uint32_t told = DM_USER_ACTIVE;
    return dm_uuid_eq(&a->uuid, &b->uuid) && dm_slice_eq(a->username, b->username)
           && dm_slice_eq(a->email, b->email) && dm_slice_eq(a->first_name, b->first_name)
           && dm_slice_eq(a->last_name, b->last_name) && dm_slice_eq(a->photo, b->photo)
           && dm_slice_eq(a->color, b->color) && dm_slice_eq(a->role, b->role)
           && dm_slice_eq(a->location, b->location) && (a->flags & told) == (b->flags & told);
}

static struct dm_slice uuid_key(const struct dm_user *user) {
    return (struct dm_slice){ (const char *)user->uuid.bytes, sizeof(user->uuid.bytes) };
}

static void put_name(struct map_bytes *map, struct dm_slice name, struct engine_user *user) {
    if (name.len)
        map_bytes_put(map, name, user);
}

/* A name may have passed to somebody else meanwhile. */
static void remove_name(struct map_bytes *map, struct dm_slice name, struct engine_user *user) {
    if (name.len && map_bytes_get(map, name) == user)
        map_bytes_remove(map, name);
}

static void index_add(struct user_cache *cache, struct engine_user *user) {
    map_bytes_put(&cache->by_uuid, uuid_key(user->user), user);
    put_name(&cache->by_name, user->user->username, user);
    put_name(&cache->by_name, user->user->email, user);
}

static void index_remove(struct user_cache *cache, struct engine_user *user) {
    map_bytes_remove(&cache->by_uuid, uuid_key(user->user));
    remove_name(&cache->by_name, user->user->username, user);
    remove_name(&cache->by_name, user->user->email, user);
}

void user_cache_init(struct user_cache *cache) {
    map_u64_init(&cache->by_id);
    map_bytes_init(&cache->by_uuid);
    map_bytes_init(&cache->by_name);
    list_init(&cache->lru);
    list_init(&cache->retired);
}

/* Operations that began before may still point to it: they outlive their references to the user. */
static void retire(struct user_cache *cache, struct dm_user *user, uint64_t corr) {
    struct retired *retired = mem_alloc(sizeof(*retired));
    *retired = (struct retired){ .since = corr, .user = user };
    list_push_back(&cache->retired, &retired->link);
}

static void drop(struct user_cache *cache, struct engine_user *user, uint64_t corr) {
    assert(!user->refs);
    index_remove(cache, user);
    map_u64_remove(&cache->by_id, (uint64_t)user->id);
    list_remove(&user->lru);
    retire(cache, user->user, corr);
    free(user);
}

static void free_retired(struct user_cache *cache, uint64_t oldest) {
    list_foreach_safe(it, &cache->retired) {
        struct retired *retired = container_of(it, struct retired, link);
        if (retired->since >= oldest)
            break;
        list_remove(it);
        free(retired->user);
        free(retired);
    }
}

void user_cache_fini(struct user_cache *cache) {
    struct list *link;
    while ((link = list_front(&cache->lru)))
        drop(cache, container_of(link, struct engine_user, lru), 0);
    assert(cache->by_id.count == 0);
    free_retired(cache, UINT64_MAX);
    map_u64_fini(&cache->by_id);
    map_bytes_fini(&cache->by_uuid);
    map_bytes_fini(&cache->by_name);
}

struct engine_user *user_cache_find_id(const struct user_cache *cache, int64_t id) {
    return map_u64_get(&cache->by_id, (uint64_t)id);
}

struct engine_user *user_cache_find(const struct user_cache *cache, const struct dm_ref *ref) {
    switch (ref->kind) {
    case DM_REF_ID:
        return user_cache_find_id(cache, ref->id);
    case DM_REF_UUID:
        return map_bytes_get(&cache->by_uuid, (struct dm_slice){ (const char *)ref->uuid.bytes,
                                                                 sizeof(ref->uuid.bytes) });
    case DM_REF_NAME:
        return map_bytes_get(&cache->by_name, ref->name);
    case DM_REF_NONE:
        break;
    }
    return NULL;
}

static void tell_sessions(struct engine *engine, struct engine_user *user) {
    struct router_cursor cursor;
    struct list *link;
    router_walk(engine, &cursor, &user->sessions);
    while ((link = router_step(&cursor)))
        engine->client->user_changed(container_of(link, struct engine_session, user_link));
    router_walk_end(engine, &cursor);
}

static void replace(struct engine *engine, struct engine_user *user, const struct dm_user *now) {
    struct user_cache *cache = &engine->users;
    struct dm_user *old = user->user;
    index_remove(cache, user);
    user->user = snapshot_new(now);
    user->user->flags = (now->flags & ~(uint32_t)DM_USER_ONLINE) | (old->flags & DM_USER_ONLINE);
    index_add(cache, user);
    retire(cache, old, engine->operations.corr);
    engine_wake_at(engine, 0);
    if (engine_user_active(user))
        tell_sessions(engine, user);
    else
        session_revoke_user(engine, user);
}

struct engine_user *user_cache_put(struct engine *engine, const struct dm_user *now) {
    struct user_cache *cache = &engine->users;
    struct engine_user *user = user_cache_find_id(cache, now->id);
    if (user) {
        engine_user_ref(user);
        if (!same(user->user, now))
            replace(engine, user, now);
        return user;
    }
    user = mem_zalloc(sizeof(*user));
    user->id = now->id;
    user->refs = 1;
    user->user = snapshot_new(now);
    user->user->flags &= ~(uint32_t)DM_USER_ONLINE;
    if (presence_is_online(engine, user->id))
        user->user->flags |= DM_USER_ONLINE;
    list_init(&user->sessions);
    map_u64_put(&cache->by_id, (uint64_t)user->id, user);
    index_add(cache, user);
    return user;
}

void engine_user_ref(struct engine_user *user) {
    if (!user->refs++)
        list_remove(&user->lru);
}

static void drop_and_retire(struct engine *engine, struct engine_user *user) {
    drop(&engine->users, user, engine->operations.corr);
}

void engine_user_unref(struct engine *engine, struct engine_user *user) {
    struct user_cache *cache = &engine->users;
    struct list *last;
    if (--user->refs)
        return;
    assert(list_is_empty(&user->sessions));
    list_push_front(&cache->lru, &user->lru);
    while (cache->by_id.count > engine->config.cache_users && (last = list_back(&cache->lru)))
        drop_and_retire(engine, container_of(last, struct engine_user, lru));
}

int engine_user_active(const struct engine_user *user) {
    return !!(user->user->flags & DM_USER_ACTIVE);
}

int64_t *user_cache_present(const struct user_cache *cache, struct arena *arena,
                            size_t *ret_count) {
    int64_t *ids = arena_alloc(arena, cache->by_id.count * sizeof(*ids));
    struct map_iter iter = { 0 };
    void *value;
    *ret_count = 0;
    while (map_u64_next(&cache->by_id, &iter, NULL, &value)) {
        const struct engine_user *user = value;
        if (engine_user_has_sessions(user))
            ids[(*ret_count)++] = user->id;
    }
    return ids;
}

void user_cache_drop(struct engine *engine) {
    struct list *link;
    while ((link = list_front(&engine->users.lru)))
        drop_and_retire(engine, container_of(link, struct engine_user, lru));
}

void user_cache_collect(struct engine *engine) {
    free_retired(&engine->users, operation_oldest(&engine->operations));
}
