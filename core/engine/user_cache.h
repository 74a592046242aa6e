/* Users known to this node: those with sessions, those pinned, and the last used others. Private
 * to core/engine. */
#ifndef DRAGOMAN_ENGINE_USER_CACHE_H
#define DRAGOMAN_ENGINE_USER_CACHE_H

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/model/command.h"

struct engine;

/* A user with the newest snapshot known. A snapshot that is replaced stays readable as long as an
 * operation lives that began before, so that results may point into it. */
struct engine_user {
    int64_t id;
    struct dm_user *user;  /* one block with its texts */
    uint32_t refs;         /* 0: may be dropped */
    uint32_t online_count : 31; /* sessions here that count for presence */
    uint32_t asks_missed : 1;   /* one of its sessions was told what no session had been */
    union {
        struct list lru;      /* while there is no reference */
        struct list sessions; /* of this node, by user_link; each counts a reference */
    };
};

/* 1 when it has a session of this node. */
static inline int engine_user_has_sessions(const struct engine_user *user) {
    return user->refs && !list_is_empty(&user->sessions);
}

struct user_cache {
    struct map_u64 by_id;
    struct map_bytes by_uuid;
    struct map_bytes by_name; /* usernames and e-mails */
    struct list lru;          /* unused ones, last used first */
    struct list retired;      /* snapshots replaced */
};

void user_cache_init(struct user_cache *cache);
void user_cache_fini(struct user_cache *cache);

/* The user, borrowed until the next call that may drop users; NULL when not known here, which
 * says nothing about whether there is one. Inactive users are found too. */
struct engine_user *user_cache_find(const struct user_cache *cache, const struct dm_ref *ref);
struct engine_user *user_cache_find_id(const struct user_cache *cache, int64_t id);

/* Takes in what the store said of a user, with one more reference for the caller. When it differs
 * from what is known, the snapshot is replaced and the user's sessions are told (user_changed), or
 * lose their principal when the user is inactive now. */
struct engine_user *user_cache_put(struct engine *engine, const struct dm_user *user);

void engine_user_ref(struct engine_user *user);
void engine_user_unref(struct engine *engine, struct engine_user *user);

/* 1 when active. */
int engine_user_active(const struct engine_user *user);

/* The ids of all users with sessions, in the arena. */
int64_t *user_cache_present(const struct user_cache *cache, struct arena *arena,
                            size_t *ret_count);

/* Forgets every user that nobody uses. */
void user_cache_drop(struct engine *engine);

/* Frees the replaced snapshots that no operation can point to any more. */
void user_cache_collect(struct engine *engine);

#endif
