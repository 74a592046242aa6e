/* Signatures: algorithms fetched once, keys prepared once (RFC 7518 section 3). */
#ifndef DRAGOMAN_AUTH_CRYPTO_H
#define DRAGOMAN_AUTH_CRYPTO_H

#include <openssl/evp.h>

#include "core/auth/auth.h"

#define CRYPTO_HASH_LEN 32

/* OpenSSL's implementations, looked up once. The two algorithms may be shared between threads,
 * the context belongs to the loop. */
struct crypto {
    EVP_MAC *hmac;
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
};

/* Returns 0, or -ENOSYS when this OpenSSL lacks something (or is older than 3.0.3, whose HMAC
 * contexts cannot be used twice). */
int crypto_init(struct crypto *crypto);
void crypto_fini(struct crypto *crypto);

/* Gives back what OpenSSL keeps for the calling thread. At the end of a job in the pool that made
 * keys: the pool's threads do not live to do so themselves. */
void crypto_leave_thread(void);

/* SHA-256. On the loop only. */
void crypto_sha256(struct crypto *crypto, struct dm_slice bytes,
                   uint8_t ret_hash[CRYPTO_HASH_LEN]);

/* One key, good for one algorithm. Made on any thread, used by one at a time. */
struct token_key {
    enum auth_algorithm algorithm;
    char *kid;                /* NUL-terminated; NULL: none */
    size_t kid_len;
    EVP_MAC_CTX *mac;         /* HS256 */
    EVP_PKEY_CTX *verifier;   /* RS256, ES256 */
};

/* All return 0, or -EINVAL with ret_error saying what is wrong with the key (without a subject:
 * the caller puts the issuer's name before it). kid is not set by them. */
int token_key_from_secret(const struct crypto *crypto, struct dm_slice secret,
                          struct token_key *ret_key, char ret_error[AUTH_ERROR_SIZE]);
int token_key_from_pem(struct dm_slice pem, struct token_key *ret_key,
                       char ret_error[AUTH_ERROR_SIZE]);
/* Big-endian numbers of a JWK (RFC 7518 sections 6.2.1 and 6.3.1). */
int token_key_from_rsa(struct dm_slice n, struct dm_slice e, struct token_key *ret_key,
                       char ret_error[AUTH_ERROR_SIZE]);
int token_key_from_p256(struct dm_slice x, struct dm_slice y, struct token_key *ret_key,
                        char ret_error[AUTH_ERROR_SIZE]);

/* Wipes and frees. Safe on a zeroed key. */
void token_key_fini(struct token_key *key);

/* HMAC-SHA-256 of the input with an HS256 key. Returns 0 or -EIO. */
int token_key_mac(struct token_key *key, struct dm_slice input,
                  uint8_t ret_mac[CRYPTO_HASH_LEN]);

/* 1 when signature is that of the input by this key, else 0. `hash` is the SHA-256 of input. */
int token_key_verify(struct token_key *key, struct dm_slice input,
                     const uint8_t hash[CRYPTO_HASH_LEN], struct dm_slice signature);

struct key_set {
    struct token_key *keys;
    size_t count;
};

/* Appends; the set takes the key over. */
void key_set_add(struct key_set *set, struct token_key key);
void key_set_fini(struct key_set *set);

#endif
