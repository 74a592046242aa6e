/* Tokens and secrets: the auth port on OpenSSL and libargon2.
 *
 * Tokens are JWTs (RFC 7519) in compact form (RFC 7515 section 7.1), at most AUTH_TOKEN_MAX bytes,
 * of our own issuer or of configured ones. What a token's header says chooses among what the
 * configuration allows, never beyond it (RFC 8725 section 3.1): each issuer has a fixed list of
 * algorithms, and a key serves one algorithm only.
 *
 * Secrets are hashed and checked with argon2id (RFC 9106) in libuv's pool.
 *
 * Not thread-safe: everything is called, and calls back, on the loop's thread. */
#ifndef DRAGOMAN_AUTH_AUTH_H
#define DRAGOMAN_AUTH_AUTH_H

#include <uv.h>

#include "core/engine/auth.h"

#define AUTH_TOKEN_MAX 8192
#define AUTH_KEY_LEN 32
#define AUTH_ERROR_SIZE 256
#define AUTH_ISSUER_MAX 32
#define AUTH_OWN_ISSUER "dragoman"

enum auth_algorithm {
    AUTH_HS256 = 1u << 0, /* key: secret, or a JWK of type oct */
    AUTH_RS256 = 1u << 1, /* key: RSA of 2048 to 8192 bits, from PEM or a JWK */
    AUTH_ES256 = 1u << 2, /* key: EC on P-256, from PEM or a JWK */
};

/* What the claim that names the user holds. */
enum auth_user_kind {
    AUTH_USER_UUID = 0,
    AUTH_USER_ID,       /* an integer, or its digits as a string */
    AUTH_USER_USERNAME,
    AUTH_USER_EMAIL,    /* refused when the token says `email_verified` and it is not true */
};

enum auth_expiry {
    AUTH_EXPIRY_REQUIRED = 0,
    AUTH_EXPIRY_OPTIONAL, /* a token without exp is good until it is revoked */
};

/* Which claim fills which member of a new account; NULL: none. A claim that is absent, no string,
 * or no storable text leaves the member absent. `role` is put into upper case. */
struct auth_profile_map {
    const char *username;
    const char *email;
    const char *first_name;
    const char *last_name;
    const char *photo;
    const char *color;
    const char *role;
    const char *location;
};

/* A foreign issuer. Everything is copied where it is handed over. */
struct auth_issuer_config {
    const char *name;            /* for log and error texts; unique, not AUTH_OWN_ISSUER */
    uint32_t algorithms;         /* enum auth_algorithm, at least one; each needs a key, unless
                                    there is a JWKS */
    struct dm_slice secret;      /* for HS256; any bytes but a PEM text. Under 32 bytes (RFC 7518
                                    section 3.2) it is taken, with a warning in the log */
    struct dm_slice public_key;  /* PEM, SubjectPublicKeyInfo; for RS256 or ES256 */
    const char *jwks_path;       /* JWK Set file (RFC 7517 section 5), read again when it changes.
                                    Keys are chosen by `kid`; a token without one is tried against
                                    the first four keys of its algorithm */
    const char *issuer;          /* iss must be this; NULL: not looked at */
    const char *const *audiences; /* aud must name one of these. None: a token with aud is refused
                                    (RFC 7519 section 4.1.3) */
    size_t audience_count;
    const char *user_claim;      /* NULL: "sub" */
    enum auth_user_kind user_kind;
    const char *type_claim;      /* tells access from refresh tokens; NULL: "token_type". Absent,
                                    "access" and "Bearer" are access, "refresh" and "offline" are
                                    refresh, without regard to case; anything else is refused */
    const char *const *adapters; /* that accept it; none: all do */
    size_t adapter_count;
    enum auth_expiry expiry;
    uint32_t leeway;             /* seconds, at most 600, for exp, nbf and iat */
    int provisioning;            /* AUTH_KNOWN_ONLY or AUTH_PROVISION */
    struct auth_profile_map profile; /* with AUTH_PROVISION; the claim that names the user by
                                    username or e-mail fills that member by itself */
};

/* Zero anywhere takes the default named. */
struct auth_config {
    struct dm_slice key;      /* of our own issuer: AUTH_KEY_LEN bytes, see auth_key_load. Copied */
    int64_t access_ttl;       /* seconds; 3600 */
    int64_t refresh_ttl;      /* seconds; 30 days */
    uint32_t leeway;          /* seconds, for our own tokens; 0 */
    const struct auth_issuer_config *issuers;
    size_t issuer_count;      /* at most AUTH_ISSUER_MAX - 1 */
    uint32_t argon2_passes;   /* t; 2 */
    uint32_t argon2_memory;   /* m, KiB; 19456 */
    uint32_t argon2_lanes;    /* p; 1 */
    uint32_t hash_memory_max; /* KiB; a stored hash that asks for more does not match; 131072, or
                                 argon2_memory when that is more */
    uint32_t hash_parallel;   /* jobs in the pool at once; 2 */
    uint32_t hash_queue;      /* jobs that wait for their turn; 256 */
    uint32_t jwks_interval;   /* milliseconds between looks at the JWKS files; 5000 */
    int64_t (*now_us)(void);  /* real time; NULL: the clock */
};

/* Error is a sentence for the operator, or NULL when it went well; borrowed. */
typedef void (*auth_reload_fn)(void *owner, const char *error);
typedef void (*auth_close_fn)(void *owner);

/* Starts the service on the loop. Copies the config. Reads JWKS files, so it blocks on files: call
 * it before the loop runs. Returns 0, -EINVAL for a bad configuration, or another negative errno;
 * on failure ret_error says which issuer and why, and nothing is left behind. */
int auth_open(uv_loop_t *loop, const struct auth_config *config, struct auth **ret_auth,
              char ret_error[AUTH_ERROR_SIZE]);

/* Replaces the whole configuration while running: keys and files are read in the pool, then all
 * of it is put in place at once, or, with any error, none. `done` runs once, on the loop, never
 * inside this call; it may be NULL. Copies the config. Returns 0, or -EBUSY while an earlier
 * reload is under way (`done` then never runs). Hashing jobs under way end as they began. */
int auth_reload(struct auth *auth, const struct auth_config *config, auth_reload_fn done,
                void *owner);

/* Ends the service. Waiting hash jobs complete with DM_UNAVAILABLE, those in the pool as they
 * turn out, a reload with an error; then all keys are wiped, the memory is freed, and `done` (may
 * be NULL) runs. The loop must run until then. Nothing may be called on auth after this. NULL for
 * auth runs `done` inside this call. */
void auth_close(struct auth *auth, auth_close_fn done, void *owner);

/* The key under which a token is revoked: SHA-256 of its bytes up to, without, the last dot. The
 * signature stays out because whoever holds an ES256 token can make a second valid signature of
 * it. Of anything without a dot: SHA-256 of all bytes. What verify puts into its claims. */
void auth_fingerprint(struct dm_slice token, uint8_t ret_fingerprint[AUTH_FINGERPRINT_LEN]);

/* Why this can be no token, whoever its issuer; NULL when it can. Static. */
const char *auth_token_fault(struct dm_slice token);

/* Reads the key of our own issuer from the file; when there is none, makes a random one first
 * (mode 0600, in place as a whole or not at all, on disk before this returns). Of several
 * processes that start at once one makes it and all read the same. Refuses (-EACCES) a file that
 * group or others have any right to, and (-EINVAL) one that is no regular file of AUTH_KEY_LEN
 * bytes. Blocks on files. Returns 0 or negative errno with ret_error set. Wipe the key after
 * use. */
int auth_key_load(const char *path, uint8_t ret_key[AUTH_KEY_LEN],
                  char ret_error[AUTH_ERROR_SIZE]);

/* The same, but makes none: -ENOENT, with ret_error untouched, when there is no file. */
int auth_key_read(const char *path, uint8_t ret_key[AUTH_KEY_LEN],
                  char ret_error[AUTH_ERROR_SIZE]);

#endif
