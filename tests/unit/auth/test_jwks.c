/* Keys from a JWK Set file, and its changes. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/auth/jwk.h"
#include "core/auth/service.h"
#include "tests/unit/auth/support.h"

#define BOB "{\"username\":\"bob\",\"exp\":1700000060}"

static struct service_fixture fixture;
static struct buf token, text;
static char folder[256], path[300];

static void setup(void) {
    test_now_us = NOW * 1000000;
    snprintf(folder, sizeof(folder), "%s", temp_folder());
    snprintf(path, sizeof(path), "%s/keys.json", folder);
}

static void teardown(void) {
    buf_fini(&token);
    buf_fini(&text);
    remove_folder(folder);
}

TestSuite(auth_jwks, .init = setup, .fini = teardown);

static void set_begin(void) {
    buf_reset(&text);
    buf_append_str(&text, "{\"keys\":[{\"kty\":\"new kind\",\"kid\":\"x\"}");
}

static void set_add(const struct signer *signer, const char *kid, const char *more) {
    buf_append_char(&text, ',');
    signer_jwk(signer, kid, more, &text);
}

static void set_write(void) {
    buf_append_str(&text, "]}");
    write_file(path, buf_slice(&text));
}

static void open_set(uint32_t algorithms) {
    struct auth_issuer_config issuer = test_issuer();
    issuer.algorithms = algorithms;
    issuer.secret = DM_SLICE_NONE;
    issuer.jwks_path = path;
    struct auth_config config = test_config(&issuer, 1);
    fixture_open(&fixture, &config);
}

static enum dm_status verify_kid(const struct signer *signer, const char *kid) {
    const char *name = signer->algorithm == AUTH_HS256   ? "HS256"
                       : signer->algorithm == AUTH_RS256 ? "RS256"
                                                         : "ES256";
    char header[128];
    if (kid)
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}", name, kid);
    else
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", name);
    forge(&token, signer, header, BOB);
    return verify_only(&fixture, &token, "any");
}

Test(auth_jwks, each_algorithm_and_kid) {
    struct signer rsa = signer_rsa(2048), ec = signer_ec("P-256"), other = signer_ec("P-256");
    struct signer secret = signer_secret("a symmetric key of a JWK set, long enough");
    set_begin();
    set_add(&rsa, "r", ",\"use\":\"sig\",\"alg\":\"RS256\"");
    set_add(&ec, "e", ",\"key_ops\":[\"verify\"]");
    set_add(&other, NULL, "");
    set_add(&secret, "s", "");
    set_write();
    open_set(AUTH_HS256 | AUTH_RS256 | AUTH_ES256);
    cr_assert(eq(int, verify_kid(&rsa, "r"), DM_OK));
    cr_assert(eq(int, verify_kid(&rsa, NULL), DM_OK));
    cr_assert(eq(int, verify_kid(&rsa, "e"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&rsa, "R"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&rsa, ""), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&ec, "e"), DM_OK));
    cr_assert(eq(int, verify_kid(&ec, NULL), DM_OK));
    cr_assert(eq(int, verify_kid(&ec, "r"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&other, "whatever"), DM_OK), "a key without kid fits any");
    cr_assert(eq(int, verify_kid(&secret, "s"), DM_OK));
    struct signer confused = { .algorithm = AUTH_HS256, .secret = buf_slice(&rsa.pem) };
    cr_assert(eq(int, verify_kid(&confused, "r"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&confused, NULL), DM_UNAUTHENTICATED));
    fixture_close(&fixture);
    signer_fini(&rsa);
    signer_fini(&ec);
    signer_fini(&other);
}

Test(auth_jwks, keys_that_do_not_concern_us_are_left_out) {
    struct signer ec = signer_ec("P-256");
    struct signer secret = signer_secret("a symmetric key of a JWK set, long enough");
    set_begin();
    set_add(&ec, "enc", ",\"use\":\"enc\"");
    set_add(&ec, "ops", ",\"key_ops\":[\"sign\"]");
    set_add(&ec, "alg", ",\"alg\":\"ECDH-ES\"");
    set_add(&secret, "s", "");
    buf_append_str(&text, ",{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"A\"},7,{}");
    set_write();
    open_set(AUTH_ES256);
    cr_assert(eq(int, verify_kid(&ec, "enc"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&ec, "ops"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&ec, "alg"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&secret, "s"), DM_UNAUTHENTICATED));
    fixture_close(&fixture);
    signer_fini(&ec);
}

Test(auth_jwks, a_token_without_kid_is_tried_against_few_keys) {
    struct signer keys[6];
    set_begin();
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char kid[8];
        keys[i] = signer_ec("P-256");
        snprintf(kid, sizeof(kid), "k%zu", i);
        set_add(&keys[i], kid, "");
    }
    set_write();
    open_set(AUTH_ES256);
    cr_assert(eq(int, verify_kid(&keys[3], NULL), DM_OK));
    cr_assert(eq(int, verify_kid(&keys[4], NULL), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_kid(&keys[5], "k5"), DM_OK));
    fixture_close(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        signer_fini(&keys[i]);
}

static void wait_for(const struct signer *signer, const char *kid, enum dm_status wanted) {
    for (int i = 0; i < 2000 && verify_kid(signer, kid) != wanted; i++)
        fixture_pass(&fixture, 2);
    cr_assert(eq(int, verify_kid(signer, kid), wanted), "%s", kid);
}

Test(auth_jwks, keys_rotate_while_running) {
    struct signer old = signer_ec("P-256"), new = signer_ec("P-256");
    set_begin();
    set_add(&old, "1", "");
    set_write();
    open_set(AUTH_ES256);
    cr_assert(eq(int, verify_kid(&old, "1"), DM_OK));
    cr_assert(eq(int, verify_kid(&new, "2"), DM_UNAUTHENTICATED));
    set_begin();
    set_add(&old, "1", "");
    set_add(&new, "2", "");
    set_write();
    wait_for(&new, "2", DM_OK);
    cr_assert(eq(int, verify_kid(&old, "1"), DM_OK));
    set_begin();
    set_add(&new, "2", "");
    set_write();
    wait_for(&old, "1", DM_UNAUTHENTICATED);
    cr_assert(eq(int, verify_kid(&new, "2"), DM_OK));
    /* All keys withdrawn: nobody gets in, rather than everybody as before. */
    write_file(path, DM_SLICE("{\"keys\":[]}"));
    wait_for(&new, "2", DM_UNAUTHENTICATED);
    fixture_close(&fixture);
    signer_fini(&old);
    signer_fini(&new);
}

static const struct issuer *watched(void) {
    return &service_of(fixture.auth)->issuers->items[1];
}

static void wait_for_error(const char *part) {
    for (int i = 0; i < 2000 && !strstr(watched()->file_error, part); i++)
        fixture_pass(&fixture, 2);
    cr_assert(eq(int, strstr(watched()->file_error, part) != NULL, 1), "%s",
              watched()->file_error);
}

Test(auth_jwks, a_broken_or_missing_file_changes_nothing) {
    struct signer old = signer_ec("P-256"), new = signer_ec("P-256");
    set_begin();
    set_add(&old, "1", "");
    set_write();
    open_set(AUTH_ES256);
    unlink(path);
    wait_for_error("cannot open it");
    cr_assert(eq(int, verify_kid(&old, "1"), DM_OK));
    set_begin();
    set_add(&new, "2", "");
    write_file(path, buf_slice(&text));
    wait_for_error("no JSON");
    cr_assert(eq(int, verify_kid(&old, "1"), DM_OK), "half a file");
    set_write();
    wait_for(&new, "2", DM_OK);
    cr_assert(eq(int, watched()->file_error[0], 0));
    fixture_close(&fixture);
    signer_fini(&old);
    signer_fini(&new);
}

Test(auth_jwks, a_file_that_does_not_change_is_not_read_again) {
    struct signer ec = signer_ec("P-256");
    set_begin();
    set_add(&ec, "1", "");
    set_write();
    open_set(AUTH_ES256);
    set_begin();
    set_add(&ec, "2", "");
    set_write();
    wait_for(&ec, "2", DM_OK);
    const struct token_key *keys = watched()->jwks.keys;
    for (int i = 0; i < 20; i++) {
        fixture_pass(&fixture, 3);
        check_true(watched()->jwks.keys == keys);
    }
    fixture_close(&fixture);
    signer_fini(&ec);
}

Test(auth_jwks, a_missing_or_broken_file_stops_the_start) {
    char error[AUTH_ERROR_SIZE] = "";
    struct auth_issuer_config issuer = test_issuer();
    struct auth *auth;
    uv_loop_t loop;
    uv_loop_init(&loop);
    issuer.secret = DM_SLICE_NONE;
    issuer.jwks_path = path;
    struct auth_config config = test_config(&issuer, 1);
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -ENOENT));
    check_true(strstr(error, "issuer other: JWKS file ") != NULL);
    write_file(path, DM_SLICE("{\"keys\":"));
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -EINVAL));
    unlink(path);
    check_true(mkdir(path, 0700) == 0);
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -EINVAL));
    rmdir(path);
    check_true(mkfifo(path, 0600) == 0);
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -EINVAL));
    unlink(path);
    struct buf big = BUF_INIT;
    memset(buf_reserve(&big, JWKS_FILE_MAX + 1), ' ', JWKS_FILE_MAX + 1);
    big.len = JWKS_FILE_MAX + 1;
    write_file(path, buf_slice(&big));
    buf_fini(&big);
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -EFBIG));
    check_true(uv_loop_close(&loop) == 0);
}

Test(auth_jwks, broken_sets) {
    static const char *const sets[] = {
        "", "{}", "[]", "{\"keys\":{}}", "{\"keys\":null}", "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":7}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAA=\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":7}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"k\":\"BBBB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
    };
    struct crypto crypto;
    check_true(crypto_init(&crypto) == 0);
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        char error[AUTH_ERROR_SIZE] = "";
        struct key_set keys;
        int r = jwk_set_parse(&crypto, dm_slice_str(sets[i]),
                              AUTH_HS256 | AUTH_RS256 | AUTH_ES256, &keys, error);
        cr_assert(eq(int, r, -EINVAL), "%s", sets[i]);
        check_true(error[0] && keys.count == 0);
    }
    crypto_fini(&crypto);
}

Test(auth_jwks, an_exponent_of_one_is_no_key) {
    struct signer rsa = signer_rsa(2048);
    struct crypto crypto;
    struct key_set keys;
    char error[AUTH_ERROR_SIZE];
    check_true(crypto_init(&crypto) == 0);
    set_begin();
    set_add(&rsa, "1", "");
    buf_append_str(&text, "]}");
    buf_append_char(&text, '\0');
    char *e = strstr(text.data, "\"e\":\"AQAB\"");
    check_true(e != NULL);
    check_true(jwk_set_parse(&crypto, dm_slice_str(text.data), AUTH_RS256, &keys, error) == 0);
    cr_assert(eq(sz, keys.count, 1));
    key_set_fini(&keys);
    memcpy(e, "\"e\":\"AAAB\"", 10);
    cr_assert(eq(int, jwk_set_parse(&crypto, dm_slice_str(text.data), AUTH_RS256, &keys, error),
                 -EINVAL));
    crypto_fini(&crypto);
    signer_fini(&rsa);
}
