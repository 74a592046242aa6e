#include "core/auth/issuer.h"

#include <errno.h>
#include <stdlib.h>

#include "core/auth/error.h"
#include "core/auth/issuer_config.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define ARENA_CHUNK 1024
#define TRIES_WITHOUT_KID 4

static int init_own(const struct crypto *crypto, const struct auth_config *config,
                    struct issuer *issuer, char *ret_error) {
    struct token_key key;
    if (token_key_from_secret(crypto, config->key, &key, ret_error) < 0)
        return -EINVAL;
    *issuer = (struct issuer){
        .name = AUTH_OWN_ISSUER,
        .algorithms = AUTH_HS256,
        .rules = {
            .issuer = AUTH_OWN_ISSUER,
            .user_claim = "sub",
            .user_kind = AUTH_USER_UUID,
            .type_claim = "token_type",
            .type_rule = CLAIMS_TYPE_EXACT,
            .leeway = config->leeway,
        },
    };
    key_set_add(&issuer->keys, key);
    return 0;
}

static int name_taken(const struct issuer_set *set, const char *name) {
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return 1;
    return 0;
}

static int fill(const struct crypto *crypto, const struct auth_config *config,
                struct issuer_set *set, char *ret_error) {
    if (init_own(crypto, config, &set->items[set->count], ret_error) < 0)
        return -EINVAL;
    set->count++;
    for (size_t i = 0; i < config->issuer_count; i++) {
        struct issuer *issuer = &set->items[set->count];
        if (issuer_from_config(crypto, &config->issuers[i], &set->arena, issuer, ret_error) < 0)
            return -EINVAL;
        int taken = name_taken(set, issuer->name);
        set->count++;
        if (taken) {
            error_set(ret_error, "issuer %.60s: the name is taken", issuer->name);
            return -EINVAL;
        }
        if (issuer->jwks_path)
            set->file_count++;
    }
    return 0;
}

int issuer_set_new(const struct crypto *crypto, const struct auth_config *config,
                   struct issuer_set **ret_set, char ret_error[AUTH_ERROR_SIZE]) {
    struct auth_config complete = *config;
    if (auth_config_complete(&complete, ret_error) < 0)
        return -EINVAL;
    if (config->issuer_count > AUTH_ISSUER_MAX - 1) {
        error_set(ret_error, "more than %d issuers", AUTH_ISSUER_MAX - 1);
        return -EINVAL;
    }
    struct issuer_set *set = mem_zalloc(sizeof(*set));
    set->refs = 1;
    arena_init(&set->arena, ARENA_CHUNK);
    set->items = mem_calloc(config->issuer_count + 1, sizeof(*set->items));
    int r = fill(crypto, config, set, ret_error);
    set->config = complete;
    set->config.key = DM_SLICE_NONE;
    set->config.issuers = NULL;
    set->config.issuer_count = 0;
    if (r < 0)
        set = issuer_set_unref(set);
    *ret_set = set;
    return r;
}

struct issuer_set *issuer_set_ref(struct issuer_set *set) {
    set->refs++;
    return set;
}

struct issuer_set *issuer_set_unref(struct issuer_set *set) {
    if (!set || --set->refs > 0)
        return NULL;
    for (size_t i = 0; i < set->count; i++) {
        key_set_fini(&set->items[i].keys);
        key_set_fini(&set->items[i].jwks);
    }
    free(set->items);
    arena_fini(&set->arena);
    free(set);
    return NULL;
}

static int load_public_key(struct issuer *issuer, char *ret_error) {
    char why[AUTH_ERROR_SIZE] = "";
    struct token_key key;
    int r = token_key_from_pem(issuer->public_key, &key, why);
    if (r == 0 && !(key.algorithm & issuer->algorithms)) {
        token_key_fini(&key);
        error_set(why, "the public key fits none of the algorithms");
        r = -EINVAL;
    }
    if (r < 0) {
        error_set(ret_error, "issuer %.60s: %.180s", issuer->name, why);
        return r;
    }
    key_set_add(&issuer->keys, key);
    return 0;
}

static int load_file(const struct crypto *crypto, struct issuer *issuer, char *ret_error) {
    char why[AUTH_ERROR_SIZE] = "";
    int r = jwks_file_load(crypto, issuer->jwks_path, issuer->algorithms, &issuer->stamp,
                           &issuer->jwks, why);
    if (r < 0) {
        error_set(ret_error, "issuer %.60s: JWKS file %.80s: %.80s", issuer->name,
                  issuer->jwks_path, why);
        return r;
    }
    if (issuer->jwks.count == 0)
        log_event(LOG_LEVEL_WARNING, "JWKS file holds no usable key",
                  LOG_STR("issuer", issuer->name), LOG_STR("path", issuer->jwks_path));
    return 0;
}

int issuer_set_load(const struct crypto *crypto, struct issuer_set *set,
                    char ret_error[AUTH_ERROR_SIZE]) {
    for (size_t i = 0; i < set->count; i++) {
        struct issuer *issuer = &set->items[i];
        int r = issuer->public_key.len ? load_public_key(issuer, ret_error) : 0;
        if (r == 0 && issuer->jwks_path)
            r = load_file(crypto, issuer, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int accepts(const struct issuer *issuer, enum auth_algorithm algorithm,
                   const char *adapter) {
    if (!(issuer->algorithms & algorithm))
        return 0;
    if (issuer->adapter_count == 0 || !adapter)
        return 1;
    for (size_t i = 0; i < issuer->adapter_count; i++)
        if (strcmp(issuer->adapters[i], adapter) == 0)
            return 1;
    return 0;
}

static int kid_fits(const struct token_key *key, struct dm_slice kid) {
    struct dm_slice own = { key->kid, key->kid_len };
    return !kid.ptr || !own.ptr || dm_slice_eq(kid, own);
}

static int signed_by(struct key_set *set, const struct jws *jws, const uint8_t *hash) {
    struct dm_slice signature = { (const char *)jws->signature, jws->signature_len };
    size_t tries = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct token_key *key = &set->keys[i];
        if (key->algorithm != jws->algorithm || !kid_fits(key, jws->kid))
            continue;
        /* Bounds what a forged token can make us compute. */
        if (tries++ == TRIES_WITHOUT_KID)
            break;
        if (token_key_verify(key, jws->signing_input, hash, signature))
            return 1;
    }
    return 0;
}

enum dm_status issuer_set_verify(struct issuer_set *set, const struct jws *jws,
                                 const uint8_t hash[CRYPTO_HASH_LEN], yyjson_val *payload,
                                 const char *adapter, int64_t now_s,
                                 struct auth_claims *ret_claims, const char **ret_issuer,
                                 const char **ret_reason) {
    enum dm_status outcome = DM_UNAUTHENTICATED;
    *ret_issuer = NULL;
    *ret_reason = "no issuer's signature";
    for (size_t i = 0; i < set->count; i++) {
        struct issuer *issuer = &set->items[i];
        const char *reason;
        if (!accepts(issuer, jws->algorithm, adapter)
            || !claims_issuer_fits(&issuer->rules, payload)
            || !(signed_by(&issuer->keys, jws, hash) || signed_by(&issuer->jwks, jws, hash)))
            continue;
        enum dm_status status = claims_check(&issuer->rules, payload, now_s, ret_claims, &reason);
        if (status == DM_OK || outcome != DM_TOKEN_EXPIRED) {
            outcome = status;
            *ret_issuer = issuer->name;
            *ret_reason = reason;
        }
        if (status == DM_OK)
            break;
    }
    return outcome;
}
