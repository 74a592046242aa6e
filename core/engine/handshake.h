/* What the handshake commands share. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_HANDSHAKE_H
#define DRAGOMAN_ENGINE_HANDSHAKE_H

#include "core/engine/auth.h"
#include "core/engine/operation.h"

/* A good token as an operation keeps it. */
struct grant {
    struct dm_ref subject;
    struct dm_profile profile;
    uint8_t fingerprint[STORE_FINGERPRINT_LEN];
    enum { GRANT_KNOWN_ONLY = 0, GRANT_PROVISION } provisioning;
    int provisioned; /* 1 once tried */
};

/* Checks command.token, which came through that adapter (NULL: through none, any issuer's will do):
 * kind, validity, revocation. DM_OK with the grant in op's arena. */
enum dm_status handshake_check(struct operation *op, const char *adapter,
                               enum auth_token_kind kind, struct grant **ret_grant);

/* 1 when the session has a principal already, which a handshake must not change. */
int handshake_is_over(const struct operation *op);

/* Ends the operation with op->other as the user; when the result goes out, the session gets it as
 * its principal (unless something changed meanwhile). */
void handshake_succeed(struct operation *op);

/* Ends the operation, counted as refused credentials. */
void handshake_fail(struct operation *op, enum dm_status status);

/* Puts access and refresh token for op->other into the result. DM_OK or DM_INTERNAL. */
enum dm_status handshake_issue(struct operation *op);

/* Makes an account; next runs with the outcome, and op->result.user. */
void handshake_create(struct operation *op, const struct store_account *account,
                      operation_step_fn next);

#endif
