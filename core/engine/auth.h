/* The auth port: tokens and secrets, as the engine sees them. Implemented by core/auth. */
#ifndef DRAGOMAN_ENGINE_AUTH_H
#define DRAGOMAN_ENGINE_AUTH_H

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/model/command.h"

#define AUTH_FINGERPRINT_LEN 32

enum auth_token_kind {
    AUTH_TOKEN_ACCESS,
    AUTH_TOKEN_REFRESH,
};

/* What a good token says. Slices point into `text`, which the caller owns and finishes. */
struct auth_claims {
    struct buf text;
    enum auth_token_kind kind;
    struct dm_ref subject;           /* who: UUID, id, username or e-mail */
    int64_t expires_us;              /* 0: never */
    uint8_t fingerprint[AUTH_FINGERPRINT_LEN]; /* SHA-256 of the token's bytes before its signature
                                        (an ES256 token has a second valid one): the key under
                                        which it can be revoked */
    enum { AUTH_KNOWN_ONLY = 0, AUTH_PROVISION } provisioning; /* unknown users are made ... */
    struct dm_profile profile;       /* ... of this; from a foreign issuer's claims */
};

struct auth;

/* Runs on the loop, once, never inside the call that started it. */
typedef void (*auth_hash_fn)(void *owner, enum dm_status status, struct dm_slice hash);
typedef void (*auth_check_fn)(void *owner, enum dm_status status);

struct auth_ops {
    /* Checks signature, algorithm, issuer, audience, times. Never blocks. `adapter` is the name of
     * the adapter the token came through (issuers may be limited to some); NULL: any. Returns
     * DM_OK, DM_TOKEN_EXPIRED or DM_UNAUTHENTICATED; on DM_OK ret_claims is filled and the caller
     * calls auth_claims_fini. Revocation is the engine's to check. */
    enum dm_status (*verify)(struct auth *auth, struct dm_slice token, const char *adapter,
                             struct auth_claims *ret_claims);
    /* Appends a token of our own issuer for the user. Returns 0 or negative errno. */
    int (*issue)(struct auth *auth, const struct dm_user *user, enum auth_token_kind kind,
                 int64_t ttl_seconds, struct buf *ret_token);
    /* Hashes the secret with argon2id in the pool. DM_OK with the encoded hash (borrowed), or
     * DM_UNAVAILABLE when too many are under way. The secret is copied, and wiped after use. */
    void (*hash)(struct auth *auth, struct dm_slice secret, auth_hash_fn done, void *owner);
    /* DM_OK when the secret matches the encoded hash, DM_UNAUTHENTICATED when not, DM_UNAVAILABLE.
     * An absent hash costs the same time and does not match: names cannot be probed. */
    void (*check)(struct auth *auth, struct dm_slice secret, struct dm_slice hash,
                  auth_check_fn done, void *owner);
};

struct auth {
    const struct auth_ops *ops;
    int64_t access_ttl;  /* seconds */
    int64_t refresh_ttl; /* seconds */
};

static inline void auth_claims_fini(struct auth_claims *claims) {
    buf_fini(&claims->text);
}

#endif
