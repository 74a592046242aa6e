/* LOGIN and REGISTER: commands that bring a secret. */
#include "core/base/random.h"
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/handshake.h"
#include "core/engine/session.h"

/* A login under way. */
struct attempt {
    struct dm_slice address;
    struct store_account account; /* REGISTER */
};

static struct attempt *attempt_new(struct operation *op) {
    struct attempt *attempt = arena_zalloc(&op->arena, sizeof(*attempt));
    const struct engine_session *session = operation_session(op);
    char text[ENGINE_ADDRESS_TEXT];
    if (session) {
        size_t len = op->engine->client->address(session, text);
        attempt->address = arena_slice(&op->arena, (struct dm_slice){ text, len });
    }
    op->extra = attempt;
    return attempt;
}

static void succeed(struct operation *op) {
    enum dm_status status = DM_OK;
    if (op->command.flags & DM_CMD_WITH_TOKENS)
        status = handshake_issue(op);
    if (status == DM_OK)
        handshake_succeed(op);
    else
        operation_finish(op, status);
}

/* ---- LOGIN ---- */

/* 1, and the operation over, when there were too many wrong secrets. */
static int is_throttled(struct operation *op) {
    struct engine *engine = op->engine;
    const struct attempt *attempt = op->extra;
    int64_t wait_us = throttle_wait_us(&engine->throttle, op->command.name, attempt->address,
                                       engine->config.guesses, engine_now_us(engine));
    if (wait_us <= 0)
        return 0;
    op->result.retry_after = (uint32_t)((wait_us + 999999) / 1000000);
    handshake_fail(op, DM_LIMITED);
    return 1;
}

static void wrong(struct operation *op) {
    struct engine *engine = op->engine;
    const struct attempt *attempt = op->extra;
    int64_t delay_us = throttle_wrong(&engine->throttle, op->command.name, attempt->address,
                                      engine->config.guesses, engine_now_us(engine));
    counters_auth_failure(&engine->counters, DM_UNAUTHENTICATED);
    operation_finish_later(op, DM_UNAUTHENTICATED, delay_us);
}

/* Guesses that were under way together are all counted before the first answer of the last. */
static void checked(void *owner, enum dm_status status) {
    struct operation *op = owner;
    operation_ref(op);
    if (status == DM_UNAUTHENTICATED && !is_throttled(op)) {
        wrong(op);
    } else if (status == DM_OK && !is_throttled(op)) {
        succeed(op);
        operation_settle(op);
    } else {
        if (op->state != OPERATION_DONE)
            operation_finish(op, status);
        operation_settle(op);
    }
    operation_unref(op);
}

static void account_found(struct operation *op, enum dm_status status) {
    struct engine *engine = op->engine;
    const struct store_account *account = &op->at.call.ret_account;
    struct dm_slice hash = DM_SLICE_NONE;
    if (status != DM_OK && status != DM_NO_USER) {
        operation_finish(op, status);
        return;
    }
    if (status == DM_OK && op->result.user) {
        operation_take_user(op);
        if (engine_user_active(op->other))
            hash = op->command.secret_kind == DM_SECRET_PIN ? account->pin_hash
                                                            : account->password_hash;
        op->result.user = NULL;
    }
    engine->auth->ops->check(engine->auth, op->command.secret, hash, checked, op);
}

void login_begin(struct operation *op) {
    struct dm_command *query;
    struct store_call *call;
    if (handshake_is_over(op)) {
        operation_finish(op, DM_EXISTS);
        return;
    }
    attempt_new(op);
    if (is_throttled(op))
        return;
    query = operation_query(op);
    query->kind = DM_CMD_USER_GET;
    query->user = dm_ref_name(op->command.name);
    call = operation_prepare(op, STORE_USER_FIND);
    call->command = query;
    operation_call(op, 0, account_found);
}

/* ---- REGISTER ---- */

static void created(struct operation *op, enum dm_status status) {
    if (status != DM_OK || !op->result.user) {
        operation_finish(op, status == DM_OK ? DM_INTERNAL : status);
        return;
    }
    operation_take_user(op);
    op->result.user = operation_user(op, op->other->user);
    op->result.flags |= DM_RESULT_CREATED | DM_RESULT_CHANGED;
    if (op->command.flags & DM_CMD_LOGIN_AFTER)
        succeed(op);
    else if (op->command.flags & DM_CMD_WITH_TOKENS)
        operation_finish(op, handshake_issue(op));
    else
        operation_finish(op, DM_OK);
}

static void hashed(void *owner, enum dm_status status, struct dm_slice hash) {
    struct operation *op = owner;
    struct attempt *attempt = op->extra;
    struct store_account *account = &attempt->account;
    operation_ref(op);
    if (status != DM_OK) {
        operation_finish(op, status);
        operation_settle(op);
    } else {
        struct dm_slice kept = arena_slice(&op->arena, hash);
        account->profile = op->command.profile;
        uuid_random(&account->uuid);
        if (op->command.secret_kind == DM_SECRET_PIN)
            account->pin_hash = kept;
        else
            account->password_hash = kept;
        handshake_create(op, account, created);
    }
    operation_unref(op);
}

void register_begin(struct operation *op) {
    struct engine *engine = op->engine;
    if (handshake_is_over(op)) {
        operation_finish(op, DM_EXISTS);
        return;
    }
    attempt_new(op);
    engine->auth->ops->hash(engine->auth, op->command.secret, hashed, op);
}
