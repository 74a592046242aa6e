/* JSON Web Keys (RFC 7517). */
#ifndef DRAGOMAN_AUTH_JWK_H
#define DRAGOMAN_AUTH_JWK_H

#include "core/auth/crypto.h"

#define JWK_KEYS_MAX 64

/* Reads the text of a JWK Set. Keys that cannot concern us (unknown kty or curve, use other than
 * sig, an alg or key_ops that does not fit, an algorithm outside the mask) are left out, as
 * section 5 asks; a key that should serve but is broken fails the whole set, so that a slip does
 * not silently lock users out. An empty set is a set. Any thread. Returns 0, or -EINVAL with
 * ret_error set and ret_keys empty. */
int jwk_set_parse(const struct crypto *crypto, struct dm_slice text, uint32_t algorithms,
                  struct key_set *ret_keys, char ret_error[AUTH_ERROR_SIZE]);

#endif
