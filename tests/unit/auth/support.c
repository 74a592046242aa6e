#include "tests/unit/auth/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/auth/jws.h"
#include "core/base/base64.h"
#include "core/base/clock.h"

int64_t test_now_us = NOW * 1000000;

int64_t test_clock(void) {
    return test_now_us;
}

static void export_pem(struct signer *signer) {
    char *data;
    BIO *bio = BIO_new(BIO_s_mem());
    check_true(PEM_write_bio_PUBKEY(bio, signer->pkey));
    long len = BIO_get_mem_data(bio, &data);
    buf_append(&signer->pem, data, (size_t)len);
    BIO_free(bio);
}

struct signer signer_secret(const char *secret) {
    return (struct signer){ .algorithm = AUTH_HS256, .secret = dm_slice_str(secret) };
}

struct signer signer_rsa(unsigned bits) {
    struct signer signer = { .algorithm = AUTH_RS256, .pkey = EVP_RSA_gen(bits) };
    check_true(signer.pkey);
    export_pem(&signer);
    return signer;
}

struct signer signer_ec(const char *curve) {
    struct signer signer = { .algorithm = AUTH_ES256, .pkey = EVP_EC_gen(curve) };
    check_true(signer.pkey);
    export_pem(&signer);
    return signer;
}

void signer_fini(struct signer *signer) {
    EVP_PKEY_free(signer->pkey);
    buf_fini(&signer->pem);
}

static void append_number(const struct signer *signer, const char *param, size_t width,
                          struct buf *ret) {
    BIGNUM *number = NULL;
    uint8_t bytes[1024];
    check_true(EVP_PKEY_get_bn_param(signer->pkey, param, &number));
    size_t len = width ? width : (size_t)BN_num_bytes(number);
    check_true(BN_bn2binpad(number, bytes, (int)len) >= 0);
    BN_free(number);
    append_part(ret, (struct dm_slice){ (char *)bytes, len });
}

void signer_jwk(const struct signer *signer, const char *kid, const char *more, struct buf *ret) {
    if (signer->algorithm == AUTH_RS256) {
        buf_append_str(ret, "{\"kty\":\"RSA\",\"n\":\"");
        append_number(signer, OSSL_PKEY_PARAM_RSA_N, 0, ret);
        buf_append_str(ret, "\",\"e\":\"");
        append_number(signer, OSSL_PKEY_PARAM_RSA_E, 0, ret);
    } else if (signer->algorithm == AUTH_ES256) {
        buf_append_str(ret, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
        append_number(signer, OSSL_PKEY_PARAM_EC_PUB_X, 32, ret);
        buf_append_str(ret, "\",\"y\":\"");
        append_number(signer, OSSL_PKEY_PARAM_EC_PUB_Y, 32, ret);
    } else {
        buf_append_str(ret, "{\"kty\":\"oct\",\"k\":\"");
        append_part(ret, signer->secret);
    }
    buf_append_char(ret, '"');
    if (kid)
        buf_printf(ret, ",\"kid\":\"%s\"", kid);
    buf_printf(ret, "%s}", more);
}

void append_part(struct buf *buf, struct dm_slice bytes) {
    char *place = buf_reserve(buf, base64_encoded_len(BASE64_URL, bytes.len) + 1);
    buf->len += base64_encode(BASE64_URL, bytes.ptr, bytes.len, place);
}

/* r and s, 32 bytes each, of a signature in DER. */
static void raw_from_der(const unsigned char *der, size_t len, unsigned char *ret_raw) {
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    check_true(BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_raw, 32) == 32);
    check_true(BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_raw + 32, 32) == 32);
    ECDSA_SIG_free(sig);
}

static size_t sign(const struct signer *signer, struct dm_slice input, unsigned char *ret) {
    unsigned char der[1024];
    size_t len = sizeof(der);
    unsigned mac_len = 0;
    if (signer->algorithm == AUTH_HS256) {
        HMAC(EVP_sha256(), signer->secret.ptr, (int)signer->secret.len,
             (const unsigned char *)input.ptr, input.len, ret, &mac_len);
        return mac_len;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    check_true(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signer->pkey));
    check_true(EVP_DigestSign(ctx, der, &len, (const unsigned char *)input.ptr, input.len) == 1);
    EVP_MD_CTX_free(ctx);
    if (signer->algorithm == AUTH_RS256) {
        memcpy(ret, der, len);
        return len;
    }
    raw_from_der(der, len, ret);
    return 64;
}

void append_signature(struct buf *buf, const struct signer *signer) {
    unsigned char signature[1024];
    size_t len = sign(signer, buf_slice(buf), signature);
    buf_append_char(buf, '.');
    append_part(buf, (struct dm_slice){ (char *)signature, len });
}

void forge(struct buf *ret_token, const struct signer *signer, const char *header,
           const char *payload) {
    buf_reset(ret_token);
    append_part(ret_token, dm_slice_str(header));
    buf_append_char(ret_token, '.');
    append_part(ret_token, dm_slice_str(payload));
    append_signature(ret_token, signer);
}

void forge_plain(struct buf *ret_token, const struct signer *signer, const char *payload) {
    char header[64];
    snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\"}",
             jws_algorithm_name(signer->algorithm));
    forge(ret_token, signer, header, payload);
}

struct auth_config test_config(const struct auth_issuer_config *issuers, size_t count) {
    return (struct auth_config){
        .key = DM_SLICE(OWN_KEY),
        .issuers = issuers,
        .issuer_count = count,
        .argon2_passes = 1,
        .argon2_memory = 8,
        .argon2_lanes = 1,
        .hash_memory_max = 1024,
        .jwks_interval = 2,
        .now_us = test_clock,
    };
}

struct auth_issuer_config test_issuer(void) {
    return (struct auth_issuer_config){
        .name = "other",
        .algorithms = AUTH_HS256,
        .secret = DM_SLICE(FOREIGN_SECRET),
        .user_claim = "username",
        .user_kind = AUTH_USER_USERNAME,
    };
}

void fixture_open(struct service_fixture *fixture, const struct auth_config *config) {
    char error[AUTH_ERROR_SIZE] = "";
    *fixture = (struct service_fixture){ 0 };
    check_true(uv_loop_init(&fixture->loop) == 0);
    int r = auth_open(&fixture->loop, config, &fixture->auth, error);
    cr_assert(eq(int, r, 0), "%s", error);
}

static void closed(void *owner) {
    struct service_fixture *fixture = owner;
    fixture->closed++;
}

void fixture_close(struct service_fixture *fixture) {
    auth_close(fixture->auth, closed, fixture);
    fixture_run(fixture, &fixture->closed, 1);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    check_true(uv_loop_close(&fixture->loop) == 0);
}

static void tick(uv_timer_t *timer) {
    (void)timer;
}

void fixture_run(struct service_fixture *fixture, const unsigned *flag, unsigned wanted) {
    uint64_t end = clock_mono_ms() + 10000;
    uv_timer_t timer;
    uv_timer_init(&fixture->loop, &timer);
    uv_timer_start(&timer, tick, 1, 1);
    while (*flag < wanted && clock_mono_ms() < end)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    check_true(*flag >= wanted);
}

void fixture_pass(struct service_fixture *fixture, uint64_t ms) {
    uint64_t end = clock_mono_ms() + ms;
    uv_timer_t timer;
    uv_timer_init(&fixture->loop, &timer);
    uv_timer_start(&timer, tick, 1, 1);
    while (clock_mono_ms() < end)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

enum dm_status verify_only(struct service_fixture *fixture, const struct buf *token,
                           const char *adapter) {
    struct auth_claims claims;
    enum dm_status status =
        fixture->auth->ops->verify(fixture->auth, buf_slice(token), adapter, &claims);
    if (status == DM_OK)
        auth_claims_fini(&claims);
    return status;
}

void write_file(const char *path, struct dm_slice content) {
    char temp[512];
    snprintf(temp, sizeof(temp), "%s.new", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check_true(fd >= 0);
    check_true(write(fd, content.ptr, content.len) == (ssize_t)content.len);
    close(fd);
    check_true(rename(temp, path) == 0);
}

const char *temp_folder(void) {
    static char path[256];
    const char *base = getenv("TMPDIR");
    snprintf(path, sizeof(path), "%s/auth-test-XXXXXX", base ? base : "/tmp");
    check_true(mkdtemp(path) != NULL);
    return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    return remove(path);
}

void remove_folder(const char *path) {
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
