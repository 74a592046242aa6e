/* A store in memory, driven by the test, and an auth port that knows passwords by heart.
 *
 * Requests wait in the order submitted until fake_store_run answers them; those of a kind that is
 * held stay, with all that come later in their lane. Look-ups, opening and appending follow the
 * rules of the port; every other command is answered by the test's own function. */
#ifndef DRAGOMAN_TESTS_ENGINE_FAKE_H
#define DRAGOMAN_TESTS_ENGINE_FAKE_H

#include "core/engine/auth.h"
#include "core/engine/store.h"

#define FAKE_USERS 1200
#define FAKE_THREADS 64
#define FAKE_HELD 16
#define FAKE_GROUP 1100

struct fake_user {
    struct dm_user user;
    char texts[4][64];
    struct dm_slice password_hash;
    struct dm_slice pin_hash;
};

struct fake_thread {
    int64_t id;
    struct dm_uuid uuid;
    enum dm_thread_kind kind;
    enum dm_thread_state state;
    int64_t opener_id;
    int64_t lo_id, hi_id;
    const char *title;
    int64_t members[FAKE_GROUP];
    size_t member_count;
    uint64_t member_rev;
    uint64_t seq;
    uint64_t rev;
    uint64_t unread;
    struct { uint64_t seq; int64_t author_id; char text[64]; } held[FAKE_HELD];
    size_t held_count;
};

struct fake_store;
typedef enum dm_status (*fake_command_fn)(struct fake_store *fake, struct store_call *call);

struct fake_store {
    struct store store;
    struct list pending;
    struct fake_user users[FAKE_USERS];
    size_t user_count;
    struct fake_thread threads[FAKE_THREADS];
    size_t thread_count;
    uint32_t held_kinds;           /* 1 << kind: not answered for now */
    enum dm_status fail[32];       /* by kind: what to answer instead */
    fake_command_fn command;       /* STORE_COMMAND but APPROVE */
    fake_command_fn events;        /* STORE_EVENTS, STORE_THREADS_TOUCHED; NULL: nothing happened */
    size_t counts[32];             /* requests answered, by kind */
    uint64_t friends;              /* what FRIENDS_CHECK says */
    uint8_t revoked[8][STORE_FINGERPRINT_LEN];
    size_t revoked_count;
    struct { int64_t thread_id, user_id; uint64_t from, to; } marks[4096];
    size_t mark_count;
    size_t marks_under_way;        /* the most there ever were at a time, per thread and user */
};

void fake_store_init(struct fake_store *fake);

/* Answers whatever is not held, once; returns how many. */
size_t fake_store_run(struct fake_store *fake);

/* Requests of that kind now waiting. */
size_t fake_waiting(const struct fake_store *fake, enum store_kind kind);

/* Adds a user (role NULL: none). Ids ascend from DM_USER_ID_FIRST. */
struct fake_user *fake_add_user(struct fake_store *fake, const char *name, const char *role);
struct fake_user *fake_user_named(struct fake_store *fake, const char *name);
const struct dm_user *fake_user_by_id(struct fake_store *fake, int64_t id);
struct fake_thread *fake_add_chat(struct fake_store *fake, const char *title,
                                  const char *const *names);
struct fake_thread *fake_thread_by_id(struct fake_store *fake, int64_t id);

/* A message as a command's result shows it, in the call's arena. */
struct dm_message *fake_message(struct fake_store *fake, struct store_call *call,
                                struct fake_thread *thread, uint64_t seq, int64_t author_id);

/* Answers with what a thread is; DM_NO_THREAD for none. */
enum dm_status fake_show_thread(struct store_call *call, const struct fake_thread *thread);

/* A thread as the call's actor sees it, with members, in the call's arena. */
struct dm_thread *fake_view(struct fake_store *fake, struct store_call *call,
                            struct fake_thread *thread);

/* Tokens are "<kind>:<subject>[:provision]" with kind access, refresh or expired, and subject a
 * username; the fingerprint is the token's first bytes. A secret's hash is "#" and the secret. */
struct fake_auth {
    struct auth auth;
    struct fake_job { enum { FAKE_HASH, FAKE_CHECK } kind; enum dm_status status; char hash[64];
                      auth_hash_fn hashed; auth_check_fn checked; void *owner; } jobs[64];
    size_t job_count;
    size_t checks_of_nothing; /* checks against an absent hash */
    int busy;                 /* 1: DM_UNAVAILABLE for every job */
};

void fake_auth_init(struct fake_auth *fake);

/* Ends the jobs begun so far; returns how many. */
size_t fake_auth_run(struct fake_auth *fake);

void fake_fingerprint(const char *token, uint8_t ret_fingerprint[AUTH_FINGERPRINT_LEN]);

#endif
