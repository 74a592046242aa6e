/* Who is online, and who watches. Private to core/engine.
 *
 * Counts sessions of this node, and other nodes that have some. Watchers and other nodes are told
 * from engine_run, so that a change within one turn of the loop shows nowhere. */
#ifndef DRAGOMAN_ENGINE_PRESENCE_H
#define DRAGOMAN_ENGINE_PRESENCE_H

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/status.h"

struct engine;
struct engine_session;
struct engine_user;

/* Sessions here are counted where the user is (user_cache.h): who is not watched, as most are,
 * takes nothing beside. */
struct presence {
    struct map_u64 remote;  /* user id → how many other nodes have sessions, as a pointer */
    struct map_u64 watched; /* user id → who watches */
    struct list changed;    /* whose watchers are to be told */
    struct map_u64 news;    /* ids of those whose coming or going other nodes are to be told */
};

void presence_init(struct presence *presence);
void presence_fini(struct presence *presence);

/* A session that counts has come or gone. */
void presence_add(struct engine *engine, struct engine_user *user);
void presence_remove(struct engine *engine, struct engine_user *user);

/* Another node has a session of the user, or has none any more. */
void presence_add_remote(struct engine *engine, int64_t user_id);
void presence_remove_remote(struct engine *engine, int64_t user_id);

/* The users with sessions here; to be freed. */
int64_t *presence_local(const struct engine *engine, size_t *ret_count);

/* 1 when the user is online on any node. */
int presence_is_online(const struct engine *engine, int64_t user_id);

/* Lets the session hear of the user's comings and goings from now on; DM_LIMITED at watch_max. */
enum dm_status presence_watch(struct engine_session *session, struct engine_user *user);
void presence_unwatch(struct engine_session *session, int64_t user_id);
void presence_unwatch_all(struct engine_session *session);

/* Tells watchers and other nodes what has changed. */
void presence_run(struct engine *engine);

#endif
