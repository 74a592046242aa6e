#include "core/engine/thread_cache.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/core.h"

struct pair_key {
    int64_t ids[2];
};

static struct pair_key make_pair(int64_t a, int64_t b) {
    return a < b ? (struct pair_key){ { a, b } } : (struct pair_key){ { b, a } };
}

static struct dm_slice uuid_key(const struct dm_uuid *uuid) {
    return (struct dm_slice){ (const char *)uuid->bytes, sizeof(uuid->bytes) };
}

static struct dm_slice pair_slice(const int64_t *pair) {
    return (struct dm_slice){ (const char *)pair, 2 * sizeof(*pair) };
}

void thread_cache_init(struct thread_cache *cache) {
    map_u64_init(&cache->by_id);
    map_bytes_init(&cache->by_uuid);
    map_bytes_init(&cache->by_pair);
    list_init(&cache->lru);
}

static void drop(struct engine *engine, struct thread *thread) {
    struct thread_cache *cache = &engine->threads;
    assert(!thread->refs && list_is_empty(&thread->pending) && list_is_empty(&thread->marks));
    list_remove(&thread->lru);
    list_remove(&thread->mark_link);
    list_remove(&thread->reload_link);
    list_remove(&thread->order_link);
    map_u64_remove(&cache->by_id, (uint64_t)thread->id);
    map_bytes_remove(&cache->by_uuid, uuid_key(&thread->uuid));
    if (thread->kind == DM_THREAD_DIRECT) {
        map_bytes_remove(&cache->by_pair, pair_slice(thread->pair));
        engine_user_unref(engine, thread->users[0]);
        engine_user_unref(engine, thread->users[1]);
    }
    free((char *)thread->title.ptr);
    free(thread->members);
    free(thread->pushed);
    free(thread);
}

void thread_cache_fini(struct engine *engine) {
    struct thread_cache *cache = &engine->threads;
    struct list *link;
    while ((link = list_front(&cache->lru)))
        drop(engine, container_of(link, struct thread, lru));
    assert(cache->by_id.count == 0);
    map_u64_fini(&cache->by_id);
    map_bytes_fini(&cache->by_uuid);
    map_bytes_fini(&cache->by_pair);
}

struct thread *thread_cache_find_id(const struct thread_cache *cache, int64_t id) {
    return map_u64_get(&cache->by_id, (uint64_t)id);
}

struct thread *thread_cache_find_uuid(const struct thread_cache *cache,
                                      const struct dm_uuid *uuid) {
    return map_bytes_get(&cache->by_uuid, uuid_key(uuid));
}

struct thread *thread_cache_find_direct(const struct thread_cache *cache, int64_t a, int64_t b) {
    struct pair_key key = make_pair(a, b);
    return map_bytes_get(&cache->by_pair, pair_slice(key.ids));
}

void thread_set_title(struct thread *thread, struct dm_slice title) {
    free((char *)thread->title.ptr);
    thread->title = DM_SLICE_NONE;
    if (title.ptr)
        thread->title = (struct dm_slice){ mem_dup(title.ptr, title.len), title.len };
}

static struct thread *thread_new(struct engine *engine, const struct store_thread *found) {
    struct thread_cache *cache = &engine->threads;
    struct thread *thread = mem_zalloc(sizeof(*thread));
    thread->id = found->id;
    thread->uuid = found->uuid;
    thread->kind = found->kind;
    thread->opener_id = found->opener_id;
    thread->created_us = found->created_us;
    thread->refs = 1;
    thread_set_title(thread, found->title);
    list_init(&thread->lru);
    list_init(&thread->pending);
    list_init(&thread->marks);
    list_init(&thread->mark_link);
    list_init(&thread->chat_link);
    list_init(&thread->reload_link);
    list_init(&thread->order_link);
    map_u64_put(&cache->by_id, (uint64_t)thread->id, thread);
    map_bytes_put(&cache->by_uuid, uuid_key(&thread->uuid), thread);
    return thread;
}

struct thread *thread_cache_put_direct(struct engine *engine, const struct store_thread *found,
                                       struct engine_user *a, struct engine_user *b) {
    struct thread_cache *cache = &engine->threads;
    struct thread *thread = thread_cache_find_id(cache, found->id);
    struct pair_key key = make_pair(a->id, b->id);
    if (thread) {
        thread_ref(thread);
        return thread;
    }
    thread = thread_new(engine, found);
    thread->kind = DM_THREAD_DIRECT;
    memcpy(thread->pair, key.ids, sizeof(thread->pair));
    thread->users[0] = a->id == key.ids[0] ? a : b;
    thread->users[1] = a->id == key.ids[0] ? b : a;
    engine_user_ref(a);
    engine_user_ref(b);
    map_bytes_put(&cache->by_pair, pair_slice(thread->pair), thread);
    return thread;
}

struct thread *thread_cache_put_chat(struct engine *engine, const struct store_thread *found) {
    struct thread *thread = thread_cache_find_id(&engine->threads, found->id);
    if (thread)
        thread_ref(thread);
    else
        thread = thread_new(engine, found);
    if (found->member_ids && found->member_rev > thread->member_rev)
        thread_set_members(engine, thread, found);
    return thread;
}

void thread_set_members(struct engine *engine, struct thread *thread,
                        const struct store_thread *found) {
    marks_ripen(engine, thread);
    thread_set_title(thread, found->title);
    free(thread->members);
    thread->members = mem_calloc(found->member_count + 1, sizeof(*thread->members));
    if (found->member_count)
        memcpy(thread->members, found->member_ids,
               found->member_count * sizeof(*thread->members));
    thread->member_count = found->member_count;
    thread->member_rev = found->member_rev;
}

void thread_forget_members(struct thread *thread) {
    thread->member_rev = 0;
    if (thread->flags & THREAD_LOADING)
        thread->flags |= THREAD_STALE;
}

void thread_ref(struct thread *thread) {
    if (!thread->refs++)
        list_remove(&thread->lru);
}

void thread_unref(struct engine *engine, struct thread *thread) {
    struct thread_cache *cache = &engine->threads;
    struct list *last;
    if (--thread->refs)
        return;
    list_push_front(&cache->lru, &thread->lru);
    while (cache->by_id.count > engine->config.cache_threads && (last = list_back(&cache->lru)))
        drop(engine, container_of(last, struct thread, lru));
}

struct engine_user *thread_other(const struct thread *thread, int64_t user_id) {
    if (thread->pair[0] == user_id)
        return thread->users[1];
    return thread->pair[1] == user_id ? thread->users[0] : NULL;
}

void thread_cache_forget_members(struct engine *engine) {
    struct map_iter iter = { 0 };
    void *value;
    while (map_u64_next(&engine->threads.by_id, &iter, NULL, &value))
        thread_forget_members(value);
}
