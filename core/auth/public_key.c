/* Public keys from PEM and from the numbers of a JWK. */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "core/auth/crypto.h"
#include "core/auth/error.h"

#define RSA_BITS_MIN 2048 /* RFC 7518 section 3.3 */
#define RSA_BITS_MAX 8192 /* what a verification may cost */
#define P256_NUMBER 32

static int fail(char *ret_error, const char *text) {
    ERR_clear_error();
    error_set(ret_error, "%s", text);
    return -EINVAL;
}

/* Verification with SHA-256, PKCS #1 v1.5 for RSA (RFC 7518 sections 3.3 and 3.4). */
static EVP_PKEY_CTX *verifier_new(EVP_PKEY *pkey, enum auth_algorithm algorithm) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx && EVP_PKEY_verify_init(ctx) == 1
        && (algorithm != AUTH_RS256
            || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1)
        && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static int public_key_sound(EVP_PKEY *pkey) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    int sound = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return sound;
}

static int algorithm_of(EVP_PKEY *pkey, enum auth_algorithm *ret_algorithm, char *ret_error) {
    char group[64];
    size_t len = 0;
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        int bits = EVP_PKEY_get_bits(pkey);
        if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
            return fail(ret_error, "an RSA key must have 2048 to 8192 bits");
        *ret_algorithm = AUTH_RS256;
        return 0;
    }
    if (!EVP_PKEY_is_a(pkey, "EC"))
        return fail(ret_error, "the key is neither RSA nor EC");
    if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1
        || strcmp(group, SN_X9_62_prime256v1) != 0)
        return fail(ret_error, "an EC key must be on the curve P-256");
    *ret_algorithm = AUTH_ES256;
    return 0;
}

/* Takes pkey over. */
static int key_from_pkey(EVP_PKEY *pkey, struct token_key *ret_key, char *ret_error) {
    int r = algorithm_of(pkey, &ret_key->algorithm, ret_error);
    if (r == 0 && !public_key_sound(pkey))
        r = fail(ret_error, "the key's numbers do not form a sound key");
    if (r == 0) {
        ret_key->verifier = verifier_new(pkey, ret_key->algorithm);
        if (!ret_key->verifier)
            r = fail(ret_error, "OpenSSL cannot verify with the key");
    }
    EVP_PKEY_free(pkey);
    return r;
}

/* OpenSSL would otherwise ask for a passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *user) {
    return -1;
}

int token_key_from_pem(struct dm_slice pem, struct token_key *ret_key,
                       char ret_error[AUTH_ERROR_SIZE]) {
    static const char private_key[] = "PRIVATE KEY-----";
    *ret_key = (struct token_key){ 0 };
    if (memmem(pem.ptr, pem.len, private_key, sizeof(private_key) - 1))
        return fail(ret_error, "a private key stands where the public one belongs");
    if (pem.len > 65536)
        return fail(ret_error, "the PEM text is too long");
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (!pkey)
        return fail(ret_error, "the public key is no PEM text of type PUBLIC KEY");
    return key_from_pkey(pkey, ret_key, ret_error);
}

/* NULL on failure. */
static EVP_PKEY *pkey_build(const char *type, OSSL_PARAM_BLD *build) {
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

int token_key_from_rsa(struct dm_slice n, struct dm_slice e, struct token_key *ret_key,
                       char ret_error[AUTH_ERROR_SIZE]) {
    *ret_key = (struct token_key){ 0 };
    if (n.len == 0 || n.len > RSA_BITS_MAX / 8 || e.len == 0 || e.len > 8)
        return fail(ret_error, "n or e has a wrong length");
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.ptr, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.ptr, (int)e.len, NULL);
    if (build && modulus && exponent
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        pkey = pkey_build("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    if (!pkey)
        return fail(ret_error, "n and e form no RSA key");
    return key_from_pkey(pkey, ret_key, ret_error);
}

int token_key_from_p256(struct dm_slice x, struct dm_slice y, struct token_key *ret_key,
                        char ret_error[AUTH_ERROR_SIZE]) {
    unsigned char point[1 + 2 * P256_NUMBER] = { POINT_CONVERSION_UNCOMPRESSED };
    *ret_key = (struct token_key){ 0 };
    if (x.len != P256_NUMBER || y.len != P256_NUMBER)
        return fail(ret_error, "x or y has a wrong length");
    memcpy(point + 1, x.ptr, P256_NUMBER);
    memcpy(point + 1 + P256_NUMBER, y.ptr, P256_NUMBER);
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build
        && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                           SN_X9_62_prime256v1, 0) == 1
        && OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                            sizeof(point)) == 1)
        pkey = pkey_build("EC", build);
    OSSL_PARAM_BLD_free(build);
    if (!pkey)
        return fail(ret_error, "x and y are no point on P-256");
    return key_from_pkey(pkey, ret_key, ret_error);
}
