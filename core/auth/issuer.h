/* The issuers of one configuration, ours first, with their keys. */
#ifndef DRAGOMAN_AUTH_ISSUER_H
#define DRAGOMAN_AUTH_ISSUER_H

#include "core/auth/claims.h"
#include "core/auth/crypto.h"
#include "core/auth/jwks_file.h"
#include "core/auth/jws.h"
#include "core/base/arena.h"

struct issuer {
    const char *name;
    uint32_t algorithms;
    const char *const *adapters;
    size_t adapter_count;
    struct claims_rules rules;
    struct dm_slice public_key;
    struct key_set keys;           /* secret and PEM */
    const char *jwks_path;         /* NULL: none */
    struct key_set jwks;
    struct file_stamp stamp;
    char file_error[AUTH_ERROR_SIZE]; /* already reported; empty since the last good reading */
};

/* Counted, because a job in the pool may outlive its being current. */
struct issuer_set {
    unsigned refs;
    struct arena arena;            /* strings of the issuers */
    struct auth_config config;     /* numbers with defaults filled in; key and issuers are gone */
    struct issuer *items;
    size_t count;
    size_t file_count;             /* issuers with a JWKS file */
};

/* Copies and checks a configuration and makes the symmetric keys; touches no file. Returns 0 with
 * one reference, or -EINVAL with ret_error set. */
int issuer_set_new(const struct crypto *crypto, const struct auth_config *config,
                   struct issuer_set **ret_set, char ret_error[AUTH_ERROR_SIZE]);

/* Reads public keys and JWKS files. Any thread, while nobody else uses the set; blocks on files.
 * Returns 0 or negative errno with ret_error set. */
int issuer_set_load(const struct crypto *crypto, struct issuer_set *set,
                    char ret_error[AUTH_ERROR_SIZE]);

struct issuer_set *issuer_set_ref(struct issuer_set *set);
/* Wipes the keys with the last reference. NULL does nothing. Returns NULL. */
struct issuer_set *issuer_set_unref(struct issuer_set *set);

/* Our own signing key. */
static inline struct token_key *issuer_set_own_key(struct issuer_set *set) {
    return &set->items[0].keys.keys[0];
}

/* Puts the token before every issuer that may have made it, until one takes it. hash is the
 * SHA-256 of its signing input. As claims_check; ret_issuer names the one that decided (or is
 * NULL). */
enum dm_status issuer_set_verify(struct issuer_set *set, const struct jws *jws,
                                 const uint8_t hash[CRYPTO_HASH_LEN], yyjson_val *payload,
                                 const char *adapter, int64_t now_s,
                                 struct auth_claims *ret_claims, const char **ret_issuer,
                                 const char **ret_reason);

#endif
