/* What the tests of tokens share: keys, forged tokens, an open service with a clock of its own. */
#ifndef DRAGOMAN_TESTS_UNIT_AUTH_SUPPORT_H
#define DRAGOMAN_TESTS_UNIT_AUTH_SUPPORT_H

#include <openssl/evp.h>

#include "core/auth/auth.h"
#include "core/auth/crypto.h"
#include "tests/unit/check.h"

#define OWN_KEY "0123456789abcdef0123456789ABCDEF"
#define FOREIGN_SECRET "the secret of another server, long enough"
#define NOW INT64_C(1700000000)
#define UUID_TEXT "6a1f0c1e-8d55-4b7e-9a52-0c1d2e3f4a5b"

/* Seconds and microseconds of the services' clock. */
extern int64_t test_now_us;
int64_t test_clock(void);

/* A private key, and what of it is public. */
struct signer {
    enum auth_algorithm algorithm;
    struct dm_slice secret;
    EVP_PKEY *pkey;
    struct buf pem;
};

struct signer signer_secret(const char *secret);
struct signer signer_rsa(unsigned bits);
struct signer signer_ec(const char *curve);
void signer_fini(struct signer *signer);

/* Appends `{"kty":...}` with the given kid (NULL: none) and further members (`,"use":"sig"`). */
void signer_jwk(const struct signer *signer, const char *kid, const char *more, struct buf *ret);

/* Base64url of a NUL-terminated text. */
void append_part(struct buf *buf, struct dm_slice bytes);

/* Appends the signature of what lies in the buffer, with its dot. */
void append_signature(struct buf *buf, const struct signer *signer);

/* A token of header and payload as they stand. The buffer is emptied before. */
void forge(struct buf *ret_token, const struct signer *signer, const char *header,
           const char *payload);

/* With the plain header for the signer's algorithm. */
void forge_plain(struct buf *ret_token, const struct signer *signer, const char *payload);

struct service_fixture {
    uv_loop_t loop;
    struct auth *auth;
    unsigned closed;
};

/* Small argon2 parameters, OWN_KEY, test_clock. */
struct auth_config test_config(const struct auth_issuer_config *issuers, size_t count);

/* An HS256 issuer of FOREIGN_SECRET, users by `username`. */
struct auth_issuer_config test_issuer(void);

void fixture_open(struct service_fixture *fixture, const struct auth_config *config);
void fixture_close(struct service_fixture *fixture);

/* Runs the loop until *flag is at least wanted; fails the test after ten seconds. */
void fixture_run(struct service_fixture *fixture, const unsigned *flag, unsigned wanted);

/* Runs the loop for some milliseconds' worth of turns. */
void fixture_pass(struct service_fixture *fixture, uint64_t ms);

/* Verifies for an adapter and frees the claims. */
enum dm_status verify_only(struct service_fixture *fixture, const struct buf *token,
                           const char *adapter);

/* Writes a file as a whole, by rename. */
void write_file(const char *path, struct dm_slice content);

/* A new empty folder below the system's temporary one, its path in a static buffer. */
const char *temp_folder(void);
void remove_folder(const char *path);

#endif
