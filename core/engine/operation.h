/* Operations: commands under way, and the engine's own errands. Private to core/engine.
 *
 * An operation is a chain of steps. `begin` (commands.h) starts it; each store request it makes
 * names the step that runs when the answer is there; operation_finish sets the result. A command's
 * operation belongs to a strand, which keeps the order of its session and delivers the result; an
 * errand has none. Operations are pooled, with an arena on embedded memory, so that a message of
 * usual size costs no allocation.
 *
 *   QUEUED ─begin─▶ LOOKING ─▶ READY ─▶ RUNNING ─finish─▶ DONE ─deliver─▶ (released)
 *      └───────────begin, alone───────────▲                 ▲
 *      └─────────── refused at submit or begin ─────────────┘
 *
 * LOOKING and READY are of commands that may run beside others (SEND): LOOKING, identities are
 * looked up; READY, it waits until its lane is free. The operation is then still at the head of
 * its strand's queue. */
#ifndef DRAGOMAN_ENGINE_OPERATION_H
#define DRAGOMAN_ENGINE_OPERATION_H

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/engine/store.h"
#include "core/model/result.h"

struct attachments;
struct engine;
struct engine_session;
struct engine_user;
struct operation;
struct strand;
struct thread;

typedef void (*operation_fn)(struct operation *op);
typedef void (*operation_step_fn)(struct operation *op, enum dm_status status);
typedef void (*operation_deliver_fn)(struct operation *op, struct engine_session *session);

enum operation_state {
    OPERATION_QUEUED = 0,
    OPERATION_LOOKING,
    OPERATION_READY,
    OPERATION_RUNNING,
    OPERATION_DONE,
};

#define OPERATION_MEMORY 1024

struct operation {
    struct list link;         /* strand's queue or running; the pool */
    struct list live_link;    /* among all operations, oldest first */
    struct list event_link;   /* thread's pending events */
    struct list delay_link;
    struct engine *engine;
    struct strand *strand;    /* NULL: an errand */
    struct engine_user *actor; /* counted; the principal when the command began */
    struct engine_user *other; /* counted; the user that the command names */
    struct thread *thread;    /* counted */
    operation_step_fn next;   /* when the store answers */
    operation_step_fn then;   /* when a look-up (resolve.h) is over */
    operation_step_fn after;  /* when a look-up of two steps is */
    operation_fn resume;      /* READY: goes on */
    operation_fn answer;      /* of an errand, once DONE: tells whoever sent it */
    operation_fn emit;        /* once DONE and delivered: the events. Runs once more, before, when
                                 there are nodes to be told */
    operation_deliver_fn deliver; /* right before the result goes out */
    struct attachments *attachments; /* in the arena; of attachment.c */
    size_t upload_bytes;      /* counted in engine->files */
    void *extra;              /* in the arena; of the command's own file */
    struct store_thread *found; /* in the arena; of resolve.c */
    uint64_t corr;
    uint64_t begun_ns;
    int64_t due_us;           /* DELAYED answers */
    uint64_t lane;
    uint64_t member_rev;      /* the event needs members of this age or newer */
    uint64_t told_rev;        /* the event tells the members of this age; 0: it tells none */
    uint64_t rev;             /* of the thread, after what op did; 0: of no order */
    uint64_t span;            /* how many revs that took */
    uint64_t seq;             /* of the message it added; 0: none */
    enum { OPERATION_LOCAL = 0, OPERATION_REMOTE } origin; /* of the event: another node's */
    operation_fn cleanup;     /* runs before the memory goes */
    enum operation_state state;
    uint32_t refs;
    struct dm_command command;
    struct dm_slice cookie;
    struct dm_result result;
    union {
        struct store_append append;
        struct store_call call;
    } at;                     /* the one store request under way */
    struct arena arena;
    char memory[OPERATION_MEMORY] __attribute__((aligned(16)));
};

struct operation_pool {
    struct list idle;
    struct list live;
    size_t idle_count;
    size_t live_count;
    uint64_t corr;
};

void operation_pool_init(struct operation_pool *pool);

/* All operations must be over. */
void operation_pool_fini(struct operation_pool *pool);

/* The corr of the oldest operation alive; UINT64_MAX when there is none. */
uint64_t operation_oldest(const struct operation_pool *pool);

/* A zeroed operation with one reference. With a strand, which it keeps alive. An errand (strand
 * NULL) drops that reference itself when it is settled after operation_finish. */
struct operation *operation_new(struct engine *engine, struct strand *strand);

void operation_ref(struct operation *op);

/* The last one gives all back, secrets wiped. */
void operation_unref(struct operation *op);

/* Sets a counted member to a user or thread. */
void operation_set_actor(struct operation *op, struct engine_user *user);
void operation_set_other(struct operation *op, struct engine_user *user);
void operation_set_thread(struct operation *op, struct thread *thread);

/* The user that the result shows goes into the cache, and is op->other from now on. */
void operation_take_user(struct operation *op);

/* A zeroed command in the arena, for a look-up whose arguments are not the command's own. */
struct dm_command *operation_query(struct operation *op);

/* Prepares op->at.call for a request: zeroed, with op's actor, command and result, the result
 * zeroed but for its kind. The caller fills the rest and passes it on by operation_call. */
struct store_call *operation_prepare(struct operation *op, enum store_kind kind);

/* Submits op->at.call; `next` runs with its outcome. */
void operation_call(struct operation *op, uint64_t lane, operation_step_fn next);

/* Ends an operation with that status; the result's other members are the caller's. */
void operation_finish(struct operation *op, enum dm_status status);

/* As operation_finish with a field, for bad arguments. */
void operation_refuse(struct operation *op, enum dm_status status, const char *field);

/* operation_finish, and operation_settle, after a delay (0: at once). Not inside begin. */
void operation_finish_later(struct operation *op, enum dm_status status, int64_t delay_us);

/* Lets op's strand go on: results out, events of op, next commands in. To be called last in
 * whatever the loop calls about an operation; never inside engine_submit. */
void operation_settle(struct operation *op);

/* Runs `then` with DM_OK after a delay, or soon when the session is closed. */
void operation_wait(struct operation *op, int64_t delay_us, operation_step_fn then);

/* Ends the delays that are over; returns when the next one is. */
int64_t operation_run_delayed(struct engine *engine);

/* The session that commands it, NULL when closed or an errand. */
struct engine_session *operation_session(const struct operation *op);

/* A copy of the user in op's arena, its presence filled in. */
const struct dm_user *operation_user(struct operation *op, const struct dm_user *user);

#endif
