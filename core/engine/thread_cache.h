/* Threads known to this node, with what routing and sending need. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_THREAD_CACHE_H
#define DRAGOMAN_ENGINE_THREAD_CACHE_H

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/engine/store.h"

struct engine;
struct engine_user;

enum thread_flag {
    THREAD_FRIENDS = 1u << 0, /* the two are friends; friendship does not end */
    THREAD_LOADING = 1u << 1, /* members are being read */
    THREAD_STALE = 1u << 2,   /* ... and have changed since that began */
    THREAD_OPENED = 1u << 3,  /* its opening was told here, which has no rev to be known again by */
};

struct thread {
    int64_t id;
    struct dm_uuid uuid;
    enum dm_thread_kind kind;
    uint32_t flags;            /* enum thread_flag */
    struct dm_slice title;     /* owned */
    int64_t opener_id;
    int64_t created_us;
    int64_t pair[2];           /* direct: lower id first */
    struct engine_user *users[2]; /* direct: the same; counted */
    int64_t *members;          /* chats; owned */
    size_t member_count;
    uint64_t member_rev;       /* 0: members unknown */
    uint64_t rev;              /* of the last event shown here, or passed over; 0: unknown */
    uint64_t seq;              /* of the last message among them; 0: unknown */
    uint32_t readings;         /* of what was missed, under way (recovery.h) */
    uint32_t refs;             /* 0: may be dropped */
    struct list lru;
    struct list pending;       /* operations whose events wait, by event_link */
    struct list marks;         /* delivered positions not yet stored, by number */
    struct thread_tail {
        int64_t user_id;
        uint64_t to;           /* the last that was pushed */
        uint64_t reach;        /* `to`, and own messages right behind it */
    } tails[2];
    struct list mark_link;     /* among threads with marks to be sent */
    int64_t mark_due_us;       /* when that is */
    struct thread_pushed { uint64_t from, to; } *pushed; /* chats: to each member, not yet on its
                                  way to the store; to 0: nothing. NULL: to nobody. Owned */
    int64_t ripe_us;           /* when that goes */
    struct list chat_link;     /* among chats with such; counts a reference */
    struct list reload_link;
    struct list order_link;    /* among threads whose events wait for others (order.h) */
    int64_t order_due_us;
};

struct thread_cache {
    struct map_u64 by_id;
    struct map_bytes by_uuid;
    struct map_bytes by_pair;
    struct list lru;
};

void thread_cache_init(struct thread_cache *cache);

/* Every thread must be unused. */
void thread_cache_fini(struct engine *engine);

/* Borrowed until the next call that may drop threads; NULL when not known here. */
struct thread *thread_cache_find_id(const struct thread_cache *cache, int64_t id);
struct thread *thread_cache_find_uuid(const struct thread_cache *cache,
                                      const struct dm_uuid *uuid);
struct thread *thread_cache_find_direct(const struct thread_cache *cache, int64_t a, int64_t b);

/* Takes in a direct thread of two users, or a chat, with its members when found->member_ids has
 * them, with one more reference for the caller. */
struct thread *thread_cache_put_direct(struct engine *engine, const struct store_thread *found,
                                       struct engine_user *a, struct engine_user *b);
struct thread *thread_cache_put_chat(struct engine *engine, const struct store_thread *found);

void thread_set_title(struct thread *thread, struct dm_slice title);

/* Replaces a chat's title and members. */
void thread_set_members(struct engine *engine, struct thread *thread,
                        const struct store_thread *found);

/* The members have changed: what is known, and what is being read, counts no more. */
void thread_forget_members(struct thread *thread);

void thread_ref(struct thread *thread);
void thread_unref(struct engine *engine, struct thread *thread);

/* Direct threads: the other one; NULL when user is not one of the two. */
struct engine_user *thread_other(const struct thread *thread, int64_t user_id);

/* Forgets the members of all threads. */
void thread_cache_forget_members(struct engine *engine);

#endif
