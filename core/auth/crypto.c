#include "core/auth/crypto.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "core/auth/error.h"
#include "core/base/mem.h"
#include "core/base/secret.h"

#define ES256_HALF 32

int crypto_init(struct crypto *crypto) {
    *crypto = (struct crypto){ 0 };
    if (OpenSSL_version_num() < 0x30000030L)
        return -ENOSYS;
    crypto->hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    crypto->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    crypto->digest = EVP_MD_CTX_new();
    if (crypto->hmac && crypto->sha256 && crypto->digest
        && EVP_DigestInit_ex2(crypto->digest, crypto->sha256, NULL) == 1)
        return 0;
    ERR_clear_error();
    crypto_fini(crypto);
    return -ENOSYS;
}

void crypto_fini(struct crypto *crypto) {
    EVP_MD_CTX_free(crypto->digest);
    EVP_MD_free(crypto->sha256);
    EVP_MAC_free(crypto->hmac);
    *crypto = (struct crypto){ 0 };
}

void crypto_leave_thread(void) {
    OPENSSL_thread_stop();
}

void crypto_sha256(struct crypto *crypto, struct dm_slice bytes,
                   uint8_t ret_hash[CRYPTO_HASH_LEN]) {
    /* Of a digest in memory only running out of memory could fail. */
    if (EVP_DigestInit_ex2(crypto->digest, NULL, NULL) != 1
        || EVP_DigestUpdate(crypto->digest, bytes.ptr, bytes.len) != 1
        || EVP_DigestFinal_ex(crypto->digest, ret_hash, NULL) != 1)
        abort();
}

int token_key_from_secret(const struct crypto *crypto, struct dm_slice secret,
                          struct token_key *ret_key, char ret_error[AUTH_ERROR_SIZE]) {
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    *ret_key = (struct token_key){ .algorithm = AUTH_HS256 };
    if (secret.len == 0) {
        error_set(ret_error, "the secret is empty");
        return -EINVAL;
    }
    ret_key->mac = EVP_MAC_CTX_new(crypto->hmac);
    if (ret_key->mac
        && EVP_MAC_init(ret_key->mac, (const unsigned char *)secret.ptr, secret.len, params) == 1)
        return 0;
    ERR_clear_error();
    token_key_fini(ret_key);
    error_set(ret_error, "OpenSSL does not take the secret");
    return -EINVAL;
}

void token_key_fini(struct token_key *key) {
    EVP_MAC_CTX_free(key->mac);
    EVP_PKEY_CTX_free(key->verifier);
    free(key->kid);
    *key = (struct token_key){ 0 };
}

int token_key_mac(struct token_key *key, struct dm_slice input,
                  uint8_t ret_mac[CRYPTO_HASH_LEN]) {
    size_t len = 0;
    assert(key->algorithm == AUTH_HS256);
    if (EVP_MAC_init(key->mac, NULL, 0, NULL) == 1
        && EVP_MAC_update(key->mac, (const unsigned char *)input.ptr, input.len) == 1
        && EVP_MAC_final(key->mac, ret_mac, &len, CRYPTO_HASH_LEN) == 1
        && len == CRYPTO_HASH_LEN)
        return 0;
    ERR_clear_error();
    return -EIO;
}

static int mac_verify(struct token_key *key, struct dm_slice input, struct dm_slice signature) {
    uint8_t mac[CRYPTO_HASH_LEN];
    if (signature.len != sizeof(mac) || token_key_mac(key, input, mac) < 0)
        return 0;
    int equal = secret_equal(mac, signature.ptr, sizeof(mac));
    /* The right signature of somebody else's text is worth a token. */
    secret_wipe(mac, sizeof(mac));
    return equal;
}

/* A JWS holds r and s as they are (RFC 7518 section 3.4), OpenSSL wants them in DER. Returns the
 * length, 0 on failure; the caller frees with OPENSSL_free. */
static size_t der_from_raw(struct dm_slice raw, unsigned char **ret_der) {
    const unsigned char *bytes = (const unsigned char *)raw.ptr;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, ES256_HALF, NULL);
    BIGNUM *s = BN_bin2bn(bytes + ES256_HALF, ES256_HALF, NULL);
    int len = 0;
    *ret_der = NULL;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL;
        len = i2d_ECDSA_SIG(sig, ret_der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return len > 0 ? (size_t)len : 0;
}

static int ecdsa_verify(struct token_key *key, const uint8_t hash[CRYPTO_HASH_LEN],
                        struct dm_slice signature) {
    unsigned char *der;
    if (signature.len != 2 * ES256_HALF)
        return 0;
    size_t len = der_from_raw(signature, &der);
    int good = len > 0 && EVP_PKEY_verify(key->verifier, der, len, hash, CRYPTO_HASH_LEN) == 1;
    OPENSSL_free(der);
    return good;
}

int token_key_verify(struct token_key *key, struct dm_slice input,
                     const uint8_t hash[CRYPTO_HASH_LEN], struct dm_slice signature) {
    int good = 0;
    switch (key->algorithm) {
    case AUTH_HS256:
        return mac_verify(key, input, signature);
    case AUTH_RS256:
        good = EVP_PKEY_verify(key->verifier, (const unsigned char *)signature.ptr, signature.len,
                               hash, CRYPTO_HASH_LEN) == 1;
        break;
    case AUTH_ES256:
        good = ecdsa_verify(key, hash, signature);
        break;
    }
    /* What stays in the thread's error queue would be taken for a TLS connection's error. */
    if (!good)
        ERR_clear_error();
    return good;
}

void key_set_add(struct key_set *set, struct token_key key) {
    set->keys = mem_realloc(set->keys, (set->count + 1) * sizeof(*set->keys));
    set->keys[set->count++] = key;
}

void key_set_fini(struct key_set *set) {
    for (size_t i = 0; i < set->count; i++)
        token_key_fini(&set->keys[i]);
    free(set->keys);
    *set = (struct key_set){ 0 };
}
