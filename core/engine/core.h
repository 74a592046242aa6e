/* What the parts of the engine share. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_CORE_H
#define DRAGOMAN_ENGINE_CORE_H

#include "core/engine/cluster.h"
#include "core/engine/counters.h"
#include "core/engine/engine.h"
#include "core/engine/marks.h"
#include "core/engine/observer.h"
#include "core/engine/operation.h"
#include "core/engine/presence.h"
#include "core/engine/recovery.h"
#include "core/engine/revoked.h"
#include "core/engine/router.h"
#include "core/engine/thread_cache.h"
#include "core/engine/throttle.h"
#include "core/engine/user_cache.h"

#define ENGINE_NEVER INT64_MAX

/* How long something that failed because the database was away waits before it is tried again. */
#define ENGINE_RETRY_US INT64_C(1000000)

/* Files, and the bytes of uploads that commands under way hold. */
struct engine_files {
    struct file_store *store; /* NULL: none */
    file_url_check_fn check;
    void *check_owner;
    size_t upload_bytes;
};

struct engine {
    struct engine_config config; /* defaults filled in */
    struct dm_slice gate_role;
    struct store *store;
    struct auth *auth;
    struct engine_files files;
    const struct engine_client *client;
    struct counters counters;
    const struct engine_observer *observer; /* NULL: nobody watches */
    uint64_t observed_serial;      /* the last event it was shown */
    struct operation_pool operations;
    struct user_cache users;
    struct thread_cache threads;
    struct presence presence;
    struct throttle throttle;
    struct revoked revoked;
    struct marks marks;
    struct cluster cluster;
    struct recovery recovery;
    struct list sessions;          /* by all_link, newest first */
    struct list ready;             /* strands with answers that were known at submit */
    struct list delayed;           /* operations whose answer is put off */
    struct list catchups;          /* sessions that ask for what they missed */
    struct list caught_up;         /* ... that have the answer, the first to be forgotten first */
    struct list reloads;           /* threads whose members could not be read */
    struct list out_of_order;      /* threads whose events wait for others */
    int64_t reload_due_us;
    int64_t recheck_us;            /* ENGINE_NEVER, or when users are to be checked again */
    struct router_cursor *cursors; /* walks over sessions under way */
    uint64_t serial;
    int64_t wake_us;               /* when the host was asked to call; ENGINE_NEVER: it was not */
    char gate_text[64];
};

/* Microseconds of a clock that only serves for distances in time. */
int64_t engine_now_us(const struct engine *engine);

/* Asks the host for engine_run at that time of engine_now_us (0: at once), unless it was asked
 * for an earlier one already. */
void engine_wake_at(struct engine *engine, int64_t due_us);

/* Asks the store about all users with sessions, and takes the principal where they are no more. */
void notice_recheck(struct engine *engine);

#endif
