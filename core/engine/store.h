/* The store port: what the engine asks of durable storage. Implemented by storage/ on PostgreSQL
 * and, for unit tests of the engine, by a scripted fake.
 *
 * A request is a struct embedded by the asker, alive and untouched by it from submit until its
 * `done` runs. `done` runs exactly once, on the loop, never inside submit, and after that the
 * request is the asker's again. A write's done(DM_OK) means committed. Requests with the same lane
 * take effect, and complete, in the order submitted; others in any order.
 *
 * When the database is away or answers nothing, requests wait, bounded in number and time, then end
 * DM_UNAVAILABLE, before earlier ones of their lane maybe. A write that has been sent stays pending
 * until its outcome is known, also when the connection is lost before the answer; it is neither
 * repeated blindly nor confirmed blindly. */
#ifndef DRAGOMAN_ENGINE_STORE_H
#define DRAGOMAN_ENGINE_STORE_H

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/model/result.h"

struct store_request;
typedef void (*store_done_fn)(struct store_request *request, enum dm_status status);

enum store_kind {
    /* Hot writes; joined into batches. */
    STORE_APPEND,         /* struct store_append */
    STORE_MARK_DELIVERED, /* struct store_mark */

    /* Everything below is a struct store_call. */
    STORE_COMMAND,        /* carries out call->command for call->actor, user references resolved
                             by the store itself, thread reference already resolved by the engine
                             into call->thread_id where the command names one. See the table
                             below for what the events need beside the answer */
    STORE_DIRECT_OPEN,    /* opens (or finds) the direct thread actor ↔ call->other_id;
                             call->gate: a new one may start REQUESTED → result->thread,
                             DM_RESULT_CREATED */
    STORE_THREAD_FIND,    /* command->thread (id or uuid), or command->message.id, or the direct
                             thread of actor and call->other_id → call->ret_thread. No membership
                             check: the engine's own look-up, never shown to anybody */
    STORE_MEMBERS,        /* call->thread_id → call->ret_thread incl. members */
    STORE_USER_FIND,      /* command->user → result->user + call->ret_account; also inactive ones */
    STORE_USERS_FIND,     /* command->users (ids) → result->users, in any order, unknown left out */
    STORE_USER_CREATE,    /* call->account → result->user; EXISTS */
    STORE_USER_UPDATE,    /* call->account (absent slices: unchanged) for call->other_id
                             → result->user; EXISTS, NO_USER */
    STORE_USER_PAGE,      /* command->cursor, limit: all users with inactive ones → result->users */
    STORE_TOKEN_REVOKE,   /* call->fingerprint, call->expires_us */
    STORE_REVOKED_LIST,   /* → call->ret_fingerprints: those not yet expired */
    STORE_FRIENDS_CHECK,  /* read: are actor and call->other_id friends → result->count 0 or 1 */
    STORE_EVENTS,         /* what happened in call->thread_id, by call->events → call->events, in
                             order; ret_thread incl. members; result->messages (whole) and
                             ->users, to which the events refer by index; NO_THREAD */
    STORE_THREADS_TOUCHED, /* threads of command->users (ids) in which something happened after
                             call->since_us → call->ret_threads */
};

/* STORE_COMMAND: what is filled for the engine's events, beside what command.h promises.
 *
 * Everywhere: thread as the actor sees it, direct ones with peer; DM_RESULT_CHANGED unless the
 * command found everything done already. A thread or message that is not the actor's ends
 * DM_NO_THREAD or DM_NO_MESSAGE, a named user unknown or inactive DM_NO_USER.
 *
 *  THREAD_LIST   ret_threads: ids of those behind the page, in order, at most behind_max. With
 *                listed: those threads, in that order, and neither cursor nor count; who has left
 *                one since does not get it
 *  HISTORY       comes without DM_CMD_MARK_READ: the engine runs READ before it
 *  READ          thread; messages now read, oldest first: id, uuid, thread, seq, author (and
 *                recipient); text may be empty. With .user and no thread yet: OK and nothing.
 *                thread_id is set when the engine knows it, also where .user is named
 *  READ_ONE      message (as above), thread, count; a message of one's own: NO_MESSAGE
 *  DELETE        message (as above), thread; not the author: NO_MESSAGE. Where it was a thread's
 *                request, messages: the next that waited, if any; it is the request now, complete
 *  APPROVE       thread; messages released by it, oldest first, complete; the engine has checked
 *                the actor's role. A chat: DM_FORBIDDEN
 *  BLOCK         thread. A chat: DM_FORBIDDEN
 *  CHAT_*        thread with members, those who stay; users; on a direct thread DM_FORBIDDEN.
 *                CREATE never means a direct thread here: the engine opens those itself
 *  FRIEND_*      user; DM_RESULT_CHANGED only when the other side has to hear of it */

struct store_request {
    struct list link;     /* the store's while pending */
    enum store_kind kind;
    enum dm_status status; /* the store's */
    uint64_t lane;        /* writes: requests of one lane keep their order. The engine uses the
                             thread id, or the user id where no thread is concerned. Reads: see
                             store_submit */
    uint64_t corr;        /* correlation id, for logs and the row */
    int64_t queued_ns;    /* the store's */
    store_done_fn done;
    void *owner;          /* the asker's */
};

enum store_append_flag {
    STORE_APPEND_APPROVES = 1u << 0, /* the author knows no requests: see outcome NEEDS_APPROVE */
};

/* What became of an append; DM_OK from `done` says only that the outcome is committed truth. */
enum store_outcome {
    STORE_APPENDED = 0,
    STORE_APPENDED_HELD,   /* stored behind the request gate, where a request stands */
    STORE_REFUSED_BLOCKED, /* blocked, or requested and the author is the one asked */
    STORE_REFUSED_MEMBER,  /* no such thread, or the author is no member */
    STORE_NEEDS_APPROVE,   /* requested, the author is the one asked, and STORE_APPEND_APPROVES was
                              set: approve first, then append again */
};

/* One message to be appended. Unread, delivered and read positions of the author follow within
 * the same transaction: own messages never count as unread. */
struct store_append {
    struct store_request base;
    int64_t thread_id;
    int64_t lo_id, hi_id;           /* direct: the pair, lo < hi; 0: a chat, or not known */
    int64_t author_id;
    struct dm_uuid uuid;            /* made by the engine; unique */
    struct dm_slice text;
    const struct dm_slice *urls;    /* foreign URLs and ... */
    const int64_t *file_ids;        /* ... own files, parallel: url absent ⇒ file_ids[i] counts */
    size_t attachment_count;
    uint32_t flags;                 /* enum store_append_flag */

    enum store_outcome ret_outcome;
    int64_t ret_id;
    uint64_t ret_seq;
    uint64_t ret_rev;
    int64_t ret_created_us;
    enum dm_thread_state ret_state; /* ALLOWED, REQUESTED or BLOCKED */
    uint64_t ret_unread;            /* direct: unread messages the other one now has */
    uint64_t ret_member_rev;        /* chats: grows whenever the membership or title changes */
};

/* user has been pushed messages from..to (inclusive seqs, of which own ones may be part). */
struct store_mark {
    struct store_request base;
    int64_t thread_id;
    int64_t lo_id, hi_id;           /* as above */
    int64_t user_id;
    uint64_t from;
    uint64_t to;
};

/* An account with what only the core may see. */
struct store_account {
    int64_t id;                     /* create: 0 = choose */
    struct dm_uuid uuid;            /* create: nil = choose */
    struct dm_profile profile;
    struct dm_slice password_hash;  /* argon2id, encoded form */
    struct dm_slice pin_hash;
    enum { STORE_KEEP = 0, STORE_ACTIVATE, STORE_DEACTIVATE } activity;
};

/* A thread as the engine caches it. */
struct store_thread {
    int64_t id;
    struct dm_uuid uuid;
    enum dm_thread_kind kind;
    struct dm_slice title;
    int64_t opener_id;
    int64_t lo_id, hi_id;           /* direct: the pair, lo < hi */
    const int64_t *member_ids;      /* chats */
    size_t member_count;
    uint64_t member_rev;
    int64_t created_us;
    int64_t updated_us;             /* as in dm_thread */
    enum dm_thread_state state;     /* EVENTS: direct, blocks aside */
    uint64_t unread_lo, unread_hi;  /* EVENTS: direct */
};

#define STORE_FINGERPRINT_LEN 32

/* One thing that happened in a thread. */
struct store_event {
    uint64_t rev;                   /* of the thread, after it */
    uint64_t span;                  /* how many revs it took; an opening: none */
    enum dm_command_kind kind;      /* what did it; SEND: a message; THREAD_GET: the opening of a
                                       direct thread; NONE: what shows to nobody */
    int64_t actor_id;
    uint64_t count;                 /* READ_ONE: as in its result */
    size_t first_message, message_count;
    size_t first_user, user_count;
};

/* Which of them are asked for, and the answer. */
struct store_events {
    uint64_t after_rev;             /* only what lies behind; 0: behind since_us */
    uint64_t after_seq;             /* and of messages, behind this one */
    uint64_t before_rev;            /* only what lies below; 0: all */
    int64_t since_us;
    const struct store_event *ret_list;
    size_t ret_count;
    uint64_t ret_rev;               /* up to here this is all */
    int ret_more;                   /* 1: there is more than one answer holds */
};

/* Any request but the hot ones. Inputs must live until done; the store allocates outputs from
 * `arena`. */
struct store_call {
    struct store_request base;
    struct arena *arena;
    int64_t actor_id;               /* 0: the gateway itself */
    const struct dm_command *command;
    int64_t thread_id;
    int64_t other_id;
    enum { STORE_NOT_GATED = 0, STORE_GATED } gate;
    struct dm_uuid uuid;            /* of whatever is created; made by the engine */
    const struct store_account *account;
    uint8_t fingerprint[STORE_FINGERPRINT_LEN]; /* SHA-256 of the token */
    int64_t expires_us;

    uint32_t behind_max;            /* THREAD_LIST */
    const int64_t *listed;          /* ... NULL: a page by cursor */
    size_t listed_count;

    int64_t since_us;               /* THREADS_TOUCHED */
    struct store_events *events;    /* EVENTS */

    struct dm_result *result;       /* zeroed by the engine, filled by the store */
    uint64_t ret_rev;               /* of the thread that a command has changed, right after it; 0
                                       when nothing changed */
    const int64_t *ret_threads;
    size_t ret_thread_count;
    struct store_thread ret_thread;
    struct store_account ret_account;
    const uint8_t (*ret_fingerprints)[STORE_FINGERPRINT_LEN];
    size_t ret_fingerprint_count;
    const struct dm_message *const *ret_read; /* HISTORY with DM_CMD_MARK_READ: those that became
                                       read by it (ids, seq, author only), oldest first */
    size_t ret_read_count;
};

enum store_state {
    STORE_DOWN,  /* no usable connection; requests wait or fail */
    STORE_UP,
};

struct store;

/* Implementations hold this as their first member. */
struct store_ops {
    /* Takes the request. Reads (store_is_read) run on connections of their own and see every
     * write that completed before they were submitted. */
    void (*submit)(struct store *store, struct store_request *request);
    /* Requests pending, for backpressure and drain. */
    size_t (*pending)(const struct store *store);
    enum store_state (*state)(const struct store *store);
};

struct store {
    const struct store_ops *ops;
};

/* Whether the call only reads. HISTORY with DM_CMD_MARK_READ writes, UNDELIVERED too. */
static inline int store_is_read(const struct store_request *request) {
    const struct store_call *call = (const struct store_call *)request;
    switch (request->kind) {
    case STORE_THREAD_FIND:
    case STORE_MEMBERS:
    case STORE_USER_FIND:
    case STORE_USERS_FIND:
    case STORE_USER_PAGE:
    case STORE_REVOKED_LIST:
    case STORE_FRIENDS_CHECK:
    case STORE_EVENTS:
    case STORE_THREADS_TOUCHED:
        return 1;
    case STORE_COMMAND:
        break;
    default:
        return 0;
    }
    switch (call->command->kind) {
    case DM_CMD_USER_GET:
    case DM_CMD_USER_LOOKUP:
    case DM_CMD_USER_LIST:
    case DM_CMD_THREAD_LIST:
    case DM_CMD_THREAD_GET:
    case DM_CMD_UNREAD_COUNT:
    case DM_CMD_FRIEND_LIST:
    case DM_CMD_FRIEND_PENDING:
        return 1;
    case DM_CMD_HISTORY:
        return !(call->command->flags & DM_CMD_MARK_READ);
    default:
        return 0;
    }
}

static inline void store_submit(struct store *store, struct store_request *request) {
    store->ops->submit(store, request);
}

static inline size_t store_pending(const struct store *store) {
    return store->ops->pending(store);
}

static inline enum store_state store_current_state(const struct store *store) {
    return store->ops->state(store);
}

#endif
