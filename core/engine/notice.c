/* What the bus tells of users and tokens, from the command line or another node. */
#include "core/engine/core.h"
#include "core/engine/session.h"

/* So many users are checked with one request after a gap in the notices. */
#define RECHECK_MAX 500

/* ---- one user ---- */

static void to_all(struct operation *op, enum dm_event_kind kind) {
    struct dm_event event = router_event(op->engine, kind, op->corr, op->other->user);
    router_to_all(op->engine, &event, op->other->id);
}

/* Takes the answer in; 1 when there is such a user. */
static int take(struct operation *op, enum dm_status status) {
    if (status != DM_OK || !op->result.user)
        return 0;
    operation_take_user(op);
    return 1;
}

static void created(struct operation *op, enum dm_status status) {
    if (take(op, status) && engine_user_active(op->other))
        to_all(op, DM_EVENT_USER_CREATED);
    operation_finish(op, status);
}

static void changed(struct operation *op, enum dm_status status) {
    if (take(op, status))
        to_all(op, engine_user_active(op->other) ? DM_EVENT_USER_UPDATED
                                                 : DM_EVENT_USER_DEACTIVATED);
    operation_finish(op, status);
}

static void deactivated(struct operation *op, enum dm_status status) {
    if (take(op, status) && !engine_user_active(op->other))
        to_all(op, DM_EVENT_USER_DEACTIVATED);
    operation_finish(op, status);
}

static void look_up(struct engine *engine, int64_t user_id, operation_step_fn next) {
    struct operation *op = operation_new(engine, NULL);
    struct dm_command *query = operation_query(op);
    query->kind = DM_CMD_USER_GET;
    query->user = dm_ref_id(user_id);
    operation_prepare(op, STORE_USER_FIND)->command = query;
    operation_call(op, 0, next);
}

/* The sessions go at once; who it was is told when the data are there. */
static void deactivate(struct engine *engine, int64_t user_id) {
    struct engine_user *user = user_cache_find_id(&engine->users, user_id);
    if (user) {
        user->user->flags &= ~(uint32_t)DM_USER_ACTIVE;
        session_revoke_user(engine, user);
    }
    look_up(engine, user_id, deactivated);
}

/* ---- all users ---- */

/* A walk over the users with sessions, in the order of their ids as they were at its start. */
struct recheck {
    size_t count;
    size_t done;
    int64_t *ids;
    struct dm_ref refs[RECHECK_MAX];
};

static void recheck_next(struct operation *op);

static int is_among(const struct dm_result *result, int64_t id) {
    for (size_t i = 0; i < result->user_count; i++) {
        if (result->users[i]->id == id)
            return 1;
    }
    return 0;
}

static void rechecked(struct operation *op, enum dm_status status) {
    struct recheck *recheck = op->extra;
    struct engine *engine = op->engine;
    const struct dm_result *result = &op->result;
    size_t asked = op->command.user_count;
    if (status != DM_OK) {
        engine->recheck_us = engine_now_us(engine) + ENGINE_RETRY_US;
        engine_wake_at(engine, engine->recheck_us);
        operation_finish(op, status);
        return;
    }
    for (size_t i = 0; i < result->user_count; i++)
        engine_user_unref(engine, user_cache_put(engine, result->users[i]));
    for (size_t i = 0; i < asked; i++) {
        int64_t id = recheck->ids[recheck->done - asked + i];
        struct engine_user *user = user_cache_find_id(&engine->users, id);
        if (user && !is_among(result, id))
            session_revoke_user(engine, user);
    }
    recheck_next(op);
}

static void recheck_next(struct operation *op) {
    struct recheck *recheck = op->extra;
    size_t left = recheck->count - recheck->done;
    size_t count = left < RECHECK_MAX ? left : RECHECK_MAX;
    if (!count) {
        operation_finish(op, DM_OK);
        return;
    }
    for (size_t i = 0; i < count; i++)
        recheck->refs[i] = dm_ref_id(recheck->ids[recheck->done + i]);
    recheck->done += count;
    op->command.users = recheck->refs;
    op->command.user_count = count;
    operation_prepare(op, STORE_USERS_FIND);
    operation_call(op, 0, rechecked);
}

void notice_recheck(struct engine *engine) {
    struct operation *op = operation_new(engine, NULL);
    struct recheck *recheck = arena_zalloc(&op->arena, sizeof(*recheck));
    engine->recheck_us = ENGINE_NEVER;
    recheck->ids = user_cache_present(&engine->users, &op->arena, &recheck->count);
    op->extra = recheck;
    recheck_next(op);
    if (op->state == OPERATION_DONE)
        operation_settle(op);
}

static void resync(struct engine *engine) {
    thread_cache_forget_members(engine);
    user_cache_drop(engine);
    revoked_load(engine);
    notice_recheck(engine);
    cluster_resync(engine);
}

void engine_notice(struct engine *engine, const struct bus_notice *notice) {
    switch (notice->kind) {
    case BUS_USER_CREATED:
        look_up(engine, notice->id, created);
        break;
    case BUS_USER_CHANGED:
        look_up(engine, notice->id, changed);
        break;
    case BUS_USER_DEACTIVATED:
        deactivate(engine, notice->id);
        break;
    case BUS_TOKEN_REVOKED:
        revoked_add(engine, notice->fingerprint);
        break;
    case BUS_DEAF:
        engine->cluster.hearing = 0;
        break;
    case BUS_RESYNC:
        resync(engine);
        break;
    case BUS_FRAME:
        cluster_hear(engine, notice->frame);
        break;
    case BUS_NODES:
        cluster_nodes(engine, notice);
        break;
    }
}
