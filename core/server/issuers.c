#include "core/server/issuers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/base/secret.h"

#define KEY_FILE_MAX 65536
#define ADAPTERS_MAX 64

struct auth_setup {
    struct arena arena;
    struct auth_config config;
    uint8_t key[AUTH_KEY_LEN];
};

/* The claims of OpenID Connect Core 1.0, section 5.1, and a `role`. */
static const struct auth_profile_map standard_claims = {
    .username = "preferred_username",
    .email = "email",
    .first_name = "given_name",
    .last_name = "family_name",
    .photo = "picture",
    .role = "role",
};

static const char *issuer_string(const struct config *config, size_t index, const char *key) {
    return config_at(config, "auth.issuers[%zu].%s", index, key).ptr;
}

static int read_key_file(struct auth_setup *setup, const char *path, struct dm_slice *ret_bytes) {
    char *bytes = arena_alloc(&setup->arena, KEY_FILE_MAX);
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    size_t len = fread(bytes, 1, KEY_FILE_MAX, file);
    int failed = ferror(file) || len == KEY_FILE_MAX;
    fclose(file);
    *ret_bytes = (struct dm_slice){ bytes, len };
    return failed ? -EIO : 0;
}

static int take_key_file(struct config *config, struct auth_setup *setup, size_t index,
                         const char *key, struct dm_slice *ret_bytes) {
    char path[64];
    snprintf(path, sizeof(path), "auth.issuers[%zu].%s", index, key);
    struct dm_slice file = config_string(config, path);
    if (!file.ptr)
        return 0;
    int r = read_key_file(setup, file.ptr, ret_bytes);
    return r ? config_fail(config, path, "%s: %s", file.ptr, strerror(-r)) : 0;
}

/* A secret in a file may end with the newline that an editor put there. */
static void trim_newline(struct dm_slice *text) {
    if (text->len && text->ptr[text->len - 1] == '\n')
        text->len--;
}

static uint32_t algorithm_of(const char *word) {
    if (word && !strcmp(word, "RS256"))
        return AUTH_RS256;
    return word && !strcmp(word, "ES256") ? AUTH_ES256 : AUTH_HS256;
}

static enum auth_user_kind user_kind_of(const char *word) {
    static const char *const words[] = { "uuid", "id", "username", "email" };
    for (size_t i = 0; word && i < 4; i++)
        if (!strcmp(words[i], word))
            return (enum auth_user_kind)i;
    return AUTH_USER_UUID;
}

static void take_adapters(const struct config *config, struct auth_setup *setup, size_t index,
                          struct auth_issuer_config *issuer) {
    const char **names = arena_alloc(&setup->arena, ADAPTERS_MAX * sizeof(*names));
    for (size_t i = 0; i < ADAPTERS_MAX; i++) {
        const char *name = config_at(config, "auth.issuers[%zu].adapters[%zu]", index, i).ptr;
        if (!name)
            break;
        names[issuer->adapter_count++] = name;
    }
    issuer->adapters = names;
}

/* The table's fallback for a list's row is looked up by the row's own path. */
static int is_true(const struct config *config, size_t index, const char *key) {
    const char *text = issuer_string(config, index, key);
    return text && !strcmp(text, "true");
}

static int take_issuer(struct config *config, struct auth_setup *setup, size_t index,
                       struct auth_issuer_config *issuer) {
    const char *audience = issuer_string(config, index, "audience");
    *issuer = (struct auth_issuer_config){
        .name = issuer_string(config, index, "name"),
        .algorithms = algorithm_of(issuer_string(config, index, "algorithm")),
        .secret = config_at(config, "auth.issuers[%zu].secret", index),
        .jwks_path = issuer_string(config, index, "jwks_file"),
        .issuer = issuer_string(config, index, "issuer"),
        .user_claim = issuer_string(config, index, "claim"),
        .user_kind = user_kind_of(issuer_string(config, index, "names")),
        .expiry = is_true(config, index, "require_exp") ? AUTH_EXPIRY_REQUIRED
                                                        : AUTH_EXPIRY_OPTIONAL,
        .leeway = (uint32_t)config_int(config, "auth.leeway"),
        .provisioning = is_true(config, index, "provision") ? AUTH_PROVISION : AUTH_KNOWN_ONLY,
        .profile = standard_claims,
    };
    if (audience) {
        const char **audiences = arena_alloc(&setup->arena, sizeof(*audiences));
        audiences[0] = audience;
        issuer->audiences = audiences;
        issuer->audience_count = 1;
    }
    take_adapters(config, setup, index, issuer);
    int r = take_key_file(config, setup, index, "secret_file", &issuer->secret);
    if (!r)
        r = take_key_file(config, setup, index, "public_key_file", &issuer->public_key);
    if (issuer_string(config, index, "secret_file"))
        trim_newline(&issuer->secret);
    return r;
}

static int take_issuers(struct config *config, struct auth_setup *setup) {
    size_t count = config_count(config, "auth.issuers");
    if (count >= AUTH_ISSUER_MAX)
        return config_fail(config, "auth.issuers", "at most %d issuers", AUTH_ISSUER_MAX - 1);
    struct auth_issuer_config *issuers =
        arena_zalloc(&setup->arena, (count + 1) * sizeof(*issuers));
    for (size_t i = 0; i < count; i++) {
        int r = take_issuer(config, setup, i, &issuers[i]);
        if (r)
            return r;
    }
    setup->config.issuers = issuers;
    setup->config.issuer_count = count;
    return 0;
}

typedef int own_key_fn(const char *path, uint8_t ret_key[AUTH_KEY_LEN],
                       char ret_error[AUTH_ERROR_SIZE]);

/* Any key will do where none is there yet. */
static int try_own_key(const char *path, uint8_t ret_key[AUTH_KEY_LEN],
                       char ret_error[AUTH_ERROR_SIZE]) {
    int r = auth_key_read(path, ret_key, ret_error);
    return r == -ENOENT ? 0 : r;
}

static int take_own_key(struct config *config, struct auth_setup *setup, own_key_fn *take) {
    char path[4096], error[AUTH_ERROR_SIZE];
    snprintf(path, sizeof(path), "%s/token.key", config_string(config, "state").ptr);
    if (take(path, setup->key, error))
        return config_fail(config, "state", "%s", error);
    setup->config.key = (struct dm_slice){ (const char *)setup->key, sizeof(setup->key) };
    return 0;
}

static int setup_new(struct config *config, own_key_fn *take, struct auth_setup **ret_setup) {
    struct auth_setup *setup = mem_zalloc(sizeof(*setup));
    arena_init(&setup->arena, 4096);
    setup->config = (struct auth_config){
        .access_ttl = config_int(config, "auth.access_ttl"),
        .refresh_ttl = config_int(config, "auth.refresh_ttl"),
        .leeway = (uint32_t)config_int(config, "auth.leeway"),
        .argon2_passes = (uint32_t)config_int(config, "auth.hash_passes"),
        .argon2_memory = (uint32_t)config_int(config, "auth.hash_memory_kib"),
        .hash_parallel = (uint32_t)config_int(config, "auth.hash_parallel"),
    };
    int r = take_own_key(config, setup, take);
    if (!r)
        r = take_issuers(config, setup);
    if (r) {
        auth_setup_free(setup);
        return r;
    }
    *ret_setup = setup;
    return 0;
}

int auth_setup_new(struct config *config, struct auth_setup **ret_setup) {
    return setup_new(config, auth_key_load, ret_setup);
}

int auth_setup_try(struct config *config, struct auth_setup **ret_setup) {
    return setup_new(config, try_own_key, ret_setup);
}

const struct auth_config *auth_setup_config(const struct auth_setup *setup) {
    return &setup->config;
}

void auth_setup_free(struct auth_setup *setup) {
    if (!setup)
        return;
    secret_wipe(setup->key, sizeof(setup->key));
    arena_fini(&setup->arena);
    free(setup);
}
