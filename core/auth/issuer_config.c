#include "core/auth/issuer_config.h"

#include <errno.h>

#include "core/auth/error.h"
#include "core/auth/hasher.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#define LEEWAY_MAX 600u
#define SECRET_ADVISED 32
#define TTL_MAX (INT64_C(100) * 366 * 86400)

static int refuse(const struct auth_issuer_config *config, char *ret_error, const char *why) {
    error_set(ret_error, "issuer %.60s: %s", config->name ? config->name : "(without name)", why);
    return -EINVAL;
}

static int is_pem(struct dm_slice text) {
    static const char begin[] = "-----BEGIN ";
    return text.len && memmem(text.ptr, text.len, begin, sizeof(begin) - 1) != NULL;
}

/* A text when algorithms and keys do not fit each other. */
static const char *check_keys(const struct auth_issuer_config *config) {
    const uint32_t known = AUTH_HS256 | AUTH_RS256 | AUTH_ES256;
    uint32_t asymmetric = config->algorithms & (AUTH_RS256 | AUTH_ES256);
    if (!config->algorithms || (config->algorithms & ~known))
        return "algorithms must be some of HS256, RS256, ES256";
    if (config->secret.len && !(config->algorithms & AUTH_HS256))
        return "a secret is of no use without HS256";
    if (is_pem(config->secret))
        return "the secret is a PEM text; a public key known to others would sign tokens";
    if (config->public_key.len && !asymmetric)
        return "a public key is of no use without RS256 or ES256";
    if (config->jwks_path)
        return NULL;
    if ((config->algorithms & AUTH_HS256) && !config->secret.len)
        return "HS256 needs a secret or a JWKS file";
    if (asymmetric && !config->public_key.len)
        return "RS256 and ES256 need a public key or a JWKS file";
    if (asymmetric == (AUTH_RS256 | AUTH_ES256))
        return "one public key cannot serve both RS256 and ES256";
    return NULL;
}

static const char *check_rest(const struct auth_issuer_config *config) {
    if (!config->name || !config->name[0] || strcmp(config->name, AUTH_OWN_ISSUER) == 0)
        return "a name is needed, and it must not be " AUTH_OWN_ISSUER;
    if (config->issuer && strcmp(config->issuer, AUTH_OWN_ISSUER) == 0)
        return "iss " AUTH_OWN_ISSUER " is our own";
    if (config->leeway > LEEWAY_MAX)
        return "leeway is over 600 seconds";
    if ((unsigned)config->user_kind > AUTH_USER_EMAIL)
        return "unknown kind of user claim";
    return NULL;
}

static const char *copy_string(struct arena *arena, const char *text) {
    return text ? arena_dup(arena, text, strlen(text)) : NULL;
}

static const char *const *copy_list(struct arena *arena, const char *const *list, size_t count) {
    const char **copy = arena_alloc(arena, count * sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = copy_string(arena, list[i]);
    return copy;
}

static void copy_rules(struct arena *arena, const struct auth_issuer_config *config,
                       struct claims_rules *ret_rules) {
    const struct auth_profile_map *map = &config->profile;
    *ret_rules = (struct claims_rules){
        .issuer = copy_string(arena, config->issuer),
        .audiences = copy_list(arena, config->audiences, config->audience_count),
        .audience_count = config->audience_count,
        .user_claim = copy_string(arena, config->user_claim ? config->user_claim : "sub"),
        .user_kind = config->user_kind,
        .type_claim = copy_string(arena, config->type_claim ? config->type_claim : "token_type"),
        .type_rule = CLAIMS_TYPE_OPTIONAL,
        .expiry = config->expiry,
        .leeway = config->leeway,
        .provisioning = config->provisioning,
        .profile = {
            .username = copy_string(arena, map->username),
            .email = copy_string(arena, map->email),
            .first_name = copy_string(arena, map->first_name),
            .last_name = copy_string(arena, map->last_name),
            .photo = copy_string(arena, map->photo),
            .color = copy_string(arena, map->color),
            .role = copy_string(arena, map->role),
            .location = copy_string(arena, map->location),
        },
    };
}

static int make_secret_key(const struct crypto *crypto, const struct auth_issuer_config *config,
                           struct issuer *issuer, char *ret_error) {
    char why[AUTH_ERROR_SIZE];
    struct token_key key;
    if (!config->secret.len)
        return 0;
    if (token_key_from_secret(crypto, config->secret, &key, why) < 0)
        return refuse(config, ret_error, why);
    key_set_add(&issuer->keys, key);
    if (config->secret.len < SECRET_ADVISED)
        log_event(LOG_LEVEL_WARNING, "issuer's secret is shorter than HS256 asks for",
                  LOG_STR("issuer", config->name), LOG_UINT("bytes", config->secret.len),
                  LOG_UINT("advised", SECRET_ADVISED));
    return 0;
}

int issuer_from_config(const struct crypto *crypto, const struct auth_issuer_config *config,
                       struct arena *arena, struct issuer *ret_issuer,
                       char ret_error[AUTH_ERROR_SIZE]) {
    const char *why = check_rest(config);
    if (!why)
        why = check_keys(config);
    if (why)
        return refuse(config, ret_error, why);
    ret_issuer->name = copy_string(arena, config->name);
    ret_issuer->algorithms = config->algorithms;
    ret_issuer->adapters = copy_list(arena, config->adapters, config->adapter_count);
    ret_issuer->adapter_count = config->adapter_count;
    ret_issuer->jwks_path = copy_string(arena, config->jwks_path);
    if (config->public_key.len)
        ret_issuer->public_key = arena_slice(arena, config->public_key);
    copy_rules(arena, config, &ret_issuer->rules);
    return make_secret_key(crypto, config, ret_issuer, ret_error);
}

static void default_u32(uint32_t *value, uint32_t standard) {
    if (*value == 0)
        *value = standard;
}

int auth_config_complete(struct auth_config *config, char ret_error[AUTH_ERROR_SIZE]) {
    config->access_ttl = config->access_ttl ? config->access_ttl : 3600;
    config->refresh_ttl = config->refresh_ttl ? config->refresh_ttl : 30 * 86400;
    default_u32(&config->argon2_passes, 2);
    default_u32(&config->argon2_memory, 19456);
    default_u32(&config->argon2_lanes, 1);
    default_u32(&config->hash_memory_max, 131072);
    default_u32(&config->hash_parallel, 2);
    default_u32(&config->hash_queue, 256);
    default_u32(&config->jwks_interval, 5000);
    if (config->hash_memory_max < config->argon2_memory)
        config->hash_memory_max = config->argon2_memory;
    if (!config->now_us)
        config->now_us = clock_real_us;
    if (config->key.len != AUTH_KEY_LEN) {
        error_set(ret_error, "the key of our own issuer must have %d bytes", AUTH_KEY_LEN);
    } else if (config->access_ttl < 0 || config->refresh_ttl < 0 || config->access_ttl > TTL_MAX
               || config->refresh_ttl > TTL_MAX || config->leeway > LEEWAY_MAX) {
        error_set(ret_error, "token times or leeway (at most 600 seconds) out of range");
    } else if (config->argon2_passes > HASHER_PASSES_MAX
               || config->argon2_lanes > HASHER_LANES_MAX
               || config->argon2_memory < 8 * config->argon2_lanes
               || config->hash_memory_max > HASHER_MEMORY_MAX) {
        error_set(ret_error, "argon2: at most %d passes, %d lanes, %d KiB; at least 8 KiB a lane",
                  HASHER_PASSES_MAX, HASHER_LANES_MAX, HASHER_MEMORY_MAX);
    } else {
        return 0;
    }
    return -EINVAL;
}
