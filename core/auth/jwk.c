#include "core/auth/jwk.h"

#include <errno.h>

#include "core/auth/error.h"
#include "core/auth/json.h"
#include "core/auth/jws.h"
#include "core/base/base64.h"
#include "core/base/mem.h"
#include "core/base/secret.h"

#define NUMBER_MAX 1024
#define KID_MAX 256

/* A decoded number or secret of a key. */
struct octets {
    size_t len;
    char bytes[NUMBER_MAX];
};

static int read_octets(yyjson_val *jwk, const char *name, struct octets *ret_octets,
                       char *ret_error) {
    struct dm_slice text = json_string(jwk, name);
    if (!text.ptr
        || base64_decode(BASE64_URL, text, ret_octets->bytes, sizeof(ret_octets->bytes),
                         &ret_octets->len) < 0) {
        error_set(ret_error, "%s is missing or no base64url", name);
        return -EINVAL;
    }
    return 0;
}

static struct dm_slice octets_slice(const struct octets *octets) {
    return (struct dm_slice){ octets->bytes, octets->len };
}

static int read_pair(yyjson_val *jwk, const char *first, const char *second,
                     int (*make)(struct dm_slice, struct dm_slice, struct token_key *, char *),
                     struct token_key *ret_key, char *ret_error) {
    struct octets a, b;
    if (read_octets(jwk, first, &a, ret_error) < 0 || read_octets(jwk, second, &b, ret_error) < 0)
        return -EINVAL;
    return make(octets_slice(&a), octets_slice(&b), ret_key, ret_error);
}

static int read_secret(const struct crypto *crypto, yyjson_val *jwk, struct token_key *ret_key,
                       char *ret_error) {
    struct octets k;
    int r = read_octets(jwk, "k", &k, ret_error);
    if (r == 0)
        r = token_key_from_secret(crypto, octets_slice(&k), ret_key, ret_error);
    secret_wipe(&k, sizeof(k));
    return r;
}

/* The one algorithm we use a key of this type for; 0: none. */
static uint32_t algorithm_of(yyjson_val *jwk) {
    struct dm_slice type = json_string(jwk, "kty");
    if (dm_slice_eq(type, DM_SLICE("oct")))
        return AUTH_HS256;
    if (dm_slice_eq(type, DM_SLICE("RSA")))
        return AUTH_RS256;
    if (dm_slice_eq(type, DM_SLICE("EC"))
        && dm_slice_eq(json_string(jwk, "crv"), DM_SLICE("P-256")))
        return AUTH_ES256;
    return 0;
}

static int verifies(yyjson_val *jwk) {
    yyjson_val *use = yyjson_obj_get(jwk, "use");
    yyjson_val *ops = yyjson_obj_get(jwk, "key_ops");
    size_t index, max;
    yyjson_val *op;
    if (use && !dm_slice_eq(json_text(use), DM_SLICE("sig")))
        return 0;
    if (!ops)
        return 1;
    yyjson_arr_foreach(ops, index, max, op) {
        if (dm_slice_eq(json_text(op), DM_SLICE("verify")))
            return 1;
    }
    return 0;
}

static int concerns_us(yyjson_val *jwk, uint32_t algorithm, uint32_t algorithms) {
    yyjson_val *alg = yyjson_obj_get(jwk, "alg");
    if (!(algorithm & algorithms) || !verifies(jwk))
        return 0;
    const char *name = jws_algorithm_name((enum auth_algorithm)algorithm);
    return !alg || dm_slice_eq(json_text(alg), dm_slice_str(name));
}

static int read_key(const struct crypto *crypto, yyjson_val *jwk, uint32_t algorithm,
                    struct token_key *ret_key, char *ret_error) {
    yyjson_val *kid = yyjson_obj_get(jwk, "kid");
    int r;
    if (!json_keys_unique(jwk)
        || (kid && (!yyjson_is_str(kid) || yyjson_get_len(kid) > KID_MAX))) {
        error_set(ret_error, "a doubled member, or a bad kid");
        return -EINVAL;
    }
    if (algorithm == AUTH_HS256)
        r = read_secret(crypto, jwk, ret_key, ret_error);
    else if (algorithm == AUTH_RS256)
        r = read_pair(jwk, "n", "e", token_key_from_rsa, ret_key, ret_error);
    else
        r = read_pair(jwk, "x", "y", token_key_from_p256, ret_key, ret_error);
    if (r == 0 && kid) {
        ret_key->kid = mem_dup(yyjson_get_str(kid), yyjson_get_len(kid));
        ret_key->kid_len = yyjson_get_len(kid);
    }
    return r;
}

static int read_keys(const struct crypto *crypto, yyjson_val *list, uint32_t algorithms,
                     struct key_set *ret_keys, char *ret_error) {
    size_t index, max;
    yyjson_val *jwk;
    yyjson_arr_foreach(list, index, max, jwk) {
        char why[AUTH_ERROR_SIZE];
        struct token_key key;
        uint32_t algorithm = algorithm_of(jwk);
        if (!concerns_us(jwk, algorithm, algorithms))
            continue;
        if (read_key(crypto, jwk, algorithm, &key, why) < 0) {
            error_set(ret_error, "key %zu: %.200s", index, why);
            return -EINVAL;
        }
        key_set_add(ret_keys, key);
    }
    return 0;
}

int jwk_set_parse(const struct crypto *crypto, struct dm_slice text, uint32_t algorithms,
                  struct key_set *ret_keys, char ret_error[AUTH_ERROR_SIZE]) {
    yyjson_read_err why;
    int r = -EINVAL;
    *ret_keys = (struct key_set){ 0 };
    /* Without INSITU the reader does not write to the text. */
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len, 0, NULL, &why);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *list = yyjson_obj_get(root, "keys");
    if (!doc)
        error_set(ret_error, "no JSON: %s at byte %zu", why.msg, why.pos);
    else if (!yyjson_is_obj(root) || !json_keys_unique(root) || !yyjson_is_arr(list))
        error_set(ret_error, "no JWK Set: an object with an array `keys` is needed");
    else if (yyjson_arr_size(list) > JWK_KEYS_MAX)
        error_set(ret_error, "more than %d keys", JWK_KEYS_MAX);
    else
        r = read_keys(crypto, list, algorithms, ret_keys, ret_error);
    yyjson_doc_free(doc);
    if (r < 0)
        key_set_fini(ret_keys);
    return r;
}
