/* Threads and chats. Part of the adapter contract (see user.h on growth). */
#ifndef DRAGOMAN_MODEL_THREAD_H
#define DRAGOMAN_MODEL_THREAD_H

#include "user.h"

struct dm_message;

enum dm_thread_kind {
    DM_THREAD_DIRECT = 0, /* the one thread of an unordered pair of users */
    DM_THREAD_CHAT = 1,   /* has a title (maybe absent) and a membership that can change */
};

/* The state of a direct thread as one member sees it. Chats are always allowed.
 *
 *              first message, gated           approve*
 *   (none) ───────────────────────▶ REQUESTED ─────────▶ ALLOWED
 *      └──────── not gated ───────────────────────────────▲ │
 *                                     block │    approve* │ │ block
 *                                           ▼             │ ▼
 *                                          BLOCKED (by me / by the other)
 *
 * Either of the two may block. (*) Only a user of the gate's role (TUTOR) may approve: that is the
 * answer to a request, and what takes one's own block back. For everybody else it is FORBIDDEN,
 * and a block once made stays. */
enum dm_thread_state {
    DM_THREAD_ALLOWED = 0,
    DM_THREAD_REQUESTED = 1,
    DM_THREAD_BLOCKED = 2,          /* the viewer blocked it */
    DM_THREAD_BLOCKED_BY_OTHER = 3, /* only the other one did */
};

/* A thread as the viewer (the caller of the command, or the recipient of the event) sees it. */
struct dm_thread {
    int64_t id;
    struct dm_uuid uuid;
    enum dm_thread_kind kind;
    enum dm_thread_state state;
    struct dm_slice title;             /* absent when there is none, as direct ones seldom have */
    const struct dm_user *peer;        /* direct: the other member; chats: NULL */
    int64_t opener_id;                 /* who wrote the first message or created the chat */
    const struct dm_user *const *members; /* chats, where the command asks for them; else NULL */
    size_t member_count;
    const struct dm_message *last_message; /* newest visible to the viewer; NULL when none */
    uint64_t message_count;            /* visible to the viewer */
    uint64_t unread;                   /* of others, not read by the viewer */
    uint64_t rev;                      /* counts all events of the thread */
    int64_t created_us;
    int64_t updated_us;
};

#endif
