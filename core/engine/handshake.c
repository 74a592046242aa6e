#include "core/engine/handshake.h"

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/resolve.h"
#include "core/engine/session.h"

static struct dm_slice copy(struct operation *op, struct dm_slice text) {
    return arena_slice(&op->arena, text);
}

static struct grant *grant_new(struct operation *op, const struct auth_claims *claims) {
    struct grant *grant = arena_zalloc(&op->arena, sizeof(*grant));
    const struct dm_profile *from = &claims->profile;
    grant->subject = claims->subject;
    grant->subject.name = copy(op, claims->subject.name);
    grant->profile = (struct dm_profile){
        .username = copy(op, from->username), .email = copy(op, from->email),
        .first_name = copy(op, from->first_name), .last_name = copy(op, from->last_name),
        .photo = copy(op, from->photo), .color = copy(op, from->color),
        .role = copy(op, from->role), .location = copy(op, from->location),
    };
    memcpy(grant->fingerprint, claims->fingerprint, sizeof(grant->fingerprint));
    if (claims->provisioning == AUTH_PROVISION)
        grant->provisioning = GRANT_PROVISION;
    return grant;
}

enum dm_status handshake_check(struct operation *op, const char *adapter,
                               enum auth_token_kind kind, struct grant **ret_grant) {
    struct engine *engine = op->engine;
    struct auth_claims claims = { 0 };
    enum dm_status status;
    if (engine->revoked.state != REVOKED_KNOWN)
        return DM_UNAVAILABLE;
    status = engine->auth->ops->verify(engine->auth, op->command.token, adapter, &claims);
    if (status != DM_OK)
        return status;
    if (claims.kind != kind || revoked_contains(&engine->revoked, claims.fingerprint))
        status = DM_UNAUTHENTICATED;
    else
        *ret_grant = grant_new(op, &claims);
    auth_claims_fini(&claims);
    return status;
}

/* Of the session's token, as handshake_check. */
static enum dm_status verify_token(struct operation *op, enum auth_token_kind kind,
                                   struct grant **ret_grant) {
    struct engine_session *session = operation_session(op);
    if (!session)
        return DM_UNAVAILABLE;
    return handshake_check(op, session->counters->adapter, kind, ret_grant);
}

int handshake_is_over(const struct operation *op) {
    const struct engine_session *session = operation_session(op);
    return session && session->user;
}

void handshake_fail(struct operation *op, enum dm_status status) {
    counters_auth_failure(&op->engine->counters, status);
    operation_finish(op, status);
}

/* The principal is set when the result goes out and not before: no event may come first. Until
 * then the token may have been revoked or the user deactivated. */
static void settle_principal(struct operation *op, struct engine_session *session) {
    const struct grant *grant = op->command.kind == DM_CMD_AUTHENTICATE ? op->extra : NULL;
    struct engine *engine = op->engine;
    if (op->result.status != DM_OK)
        return;
    if (session->user) {
        operation_finish(op, DM_EXISTS);
    } else if (!engine_user_active(op->other)
               || (grant && revoked_contains(&engine->revoked, grant->fingerprint))) {
        handshake_fail(op, DM_UNAUTHENTICATED);
    } else {
        session_set_user(session, op->other, grant ? grant->fingerprint : NULL);
        op->result.user = operation_user(op, op->other->user);
        log_event(LOG_LEVEL_DEBUG, "authenticated", LOG_UINT("corr", op->corr),
                  LOG_INT("user", op->other->id), LOG_STR("adapter", session->counters->adapter));
    }
}

void handshake_succeed(struct operation *op) {
    op->deliver = settle_principal;
    op->result.user = operation_user(op, op->other->user);
    operation_finish(op, DM_OK);
}

static enum dm_status issue(struct operation *op, enum auth_token_kind kind, int64_t ttl,
                            struct dm_slice *ret_token) {
    struct auth *auth = op->engine->auth;
    struct buf token = BUF_INIT;
    int r = auth->ops->issue(auth, op->other->user, kind, ttl, &token);
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "token not issued", LOG_ERRNO("error", r));
    else
        *ret_token = arena_slice(&op->arena, buf_slice(&token));
    buf_fini(&token);
    return r < 0 ? DM_INTERNAL : DM_OK;
}

enum dm_status handshake_issue(struct operation *op) {
    const struct auth *auth = op->engine->auth;
    enum dm_status status = issue(op, AUTH_TOKEN_ACCESS, auth->access_ttl,
                                  &op->result.access_token);
    if (status == DM_OK)
        status = issue(op, AUTH_TOKEN_REFRESH, auth->refresh_ttl, &op->result.refresh_token);
    op->result.expires_in = auth->access_ttl;
    return status;
}

void handshake_create(struct operation *op, const struct store_account *account,
                      operation_step_fn next) {
    struct store_call *call = operation_prepare(op, STORE_USER_CREATE);
    call->account = account;
    operation_call(op, 0, next);
}

/* ---- AUTHENTICATE ---- */

static void subject_found(struct operation *op, enum dm_status status);

static void provisioned(struct operation *op, enum dm_status status) {
    struct grant *grant = op->extra;
    if (status == DM_EXISTS) {
        /* Another session of the same user was quicker. */
        resolve_user(op, &grant->subject, subject_found);
        return;
    }
    if (status != DM_OK || !op->result.user) {
        handshake_fail(op, status == DM_OK ? DM_INTERNAL : status);
        return;
    }
    operation_take_user(op);
    handshake_succeed(op);
}

static void provision(struct operation *op, struct grant *grant) {
    struct store_account *account = arena_zalloc(&op->arena, sizeof(*account));
    grant->provisioned = 1;
    account->profile = grant->profile;
    if (grant->subject.kind == DM_REF_UUID)
        account->uuid = grant->subject.uuid;
    else
        uuid_random(&account->uuid);
    if (grant->subject.kind == DM_REF_ID)
        account->id = grant->subject.id;
    if (grant->subject.kind == DM_REF_NAME && !account->profile.username.ptr
        && !account->profile.email.ptr)
        account->profile.username = grant->subject.name;
    handshake_create(op, account, provisioned);
}

static void subject_found(struct operation *op, enum dm_status status) {
    struct grant *grant = op->extra;
    int unknown = status == DM_NO_USER && !op->other;
    if (status == DM_OK)
        handshake_succeed(op);
    else if (unknown && grant->provisioning == GRANT_PROVISION && !grant->provisioned)
        provision(op, grant);
    else
        handshake_fail(op, status == DM_NO_USER ? DM_UNAUTHENTICATED : status);
}

void authenticate_begin(struct operation *op) {
    struct grant *grant = NULL;
    enum dm_status status;
    if (handshake_is_over(op)) {
        operation_finish(op, DM_EXISTS);
        return;
    }
    status = verify_token(op, AUTH_TOKEN_ACCESS, &grant);
    if (status != DM_OK) {
        handshake_fail(op, status);
        return;
    }
    op->extra = grant;
    resolve_user(op, &grant->subject, subject_found);
}

/* ---- REFRESH ---- */

static void refreshed(struct operation *op, enum dm_status status) {
    if (status != DM_OK) {
        handshake_fail(op, status == DM_NO_USER ? DM_UNAUTHENTICATED : status);
        return;
    }
    op->result.user = operation_user(op, op->other->user);
    operation_finish(op, handshake_issue(op));
}

void refresh_begin(struct operation *op) {
    struct grant *grant = NULL;
    enum dm_status status = verify_token(op, AUTH_TOKEN_REFRESH, &grant);
    if (status != DM_OK) {
        handshake_fail(op, status);
        return;
    }
    op->extra = grant;
    resolve_user(op, &grant->subject, refreshed);
}
