/* Foreign issuers: algorithms, keys, audiences, adapters. */
#include <errno.h>
#include <openssl/bn.h>

#include "core/base/base64.h"
#include "tests/unit/auth/support.h"

#define EXP ",\"exp\":1700000060}"
#define BOB "{\"username\":\"bob\"" EXP

static struct service_fixture fixture;
static struct auth_issuer_config issuer;
static struct buf token;

static void setup(void) {
    test_now_us = NOW * 1000000;
    issuer = test_issuer();
}

static void open_issuer(void) {
    struct auth_config config = test_config(&issuer, 1);
    fixture_open(&fixture, &config);
}

static void teardown(void) {
    buf_fini(&token);
}

TestSuite(auth_issuers, .init = setup, .fini = teardown);

#define check_status(expected, what) \
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), (expected)), "%s", (what))

static void with_public_key(const struct signer *signer) {
    issuer.algorithms = signer->algorithm;
    issuer.secret = DM_SLICE_NONE;
    issuer.public_key = buf_slice(&signer->pem);
}

/* The attacker knows the public key and signs with its text as if that were a secret. */
static void forge_confused(const struct signer *signer) {
    struct signer confused = { .algorithm = AUTH_HS256, .secret = buf_slice(&signer->pem) };
    forge_plain(&token, &confused, BOB);
    check_status(DM_UNAUTHENTICATED, "HS256 with the public key");
    confused.secret.len--;
    forge_plain(&token, &confused, BOB);
    check_status(DM_UNAUTHENTICATED, "HS256 with the public key, no newline");
}

Test(auth_issuers, rs256) {
    struct signer signer = signer_rsa(2048);
    struct signer other = signer_rsa(2048);
    with_public_key(&signer);
    open_issuer();
    forge_plain(&token, &signer, BOB);
    check_status(DM_OK, "good");
    check_status(DM_OK, "good again, with the same prepared key");
    token.data[token.len - 9] = token.data[token.len - 9] == 'A' ? 'B' : 'A';
    check_status(DM_UNAUTHENTICATED, "changed");
    forge_plain(&token, &other, BOB);
    check_status(DM_UNAUTHENTICATED, "another key");
    forge(&token, &signer, "{\"alg\":\"HS256\"}", BOB);
    check_status(DM_UNAUTHENTICATED, "an RSA signature called HS256");
    forge(&token, &signer, "{\"alg\":\"ES256\"}", BOB);
    check_status(DM_UNAUTHENTICATED, "an RSA signature called ES256");
    forge(&token, &signer, "{\"alg\":\"none\"}", BOB);
    check_status(DM_UNAUTHENTICATED, "none");
    forge_confused(&signer);
    forge_plain(&token, &signer, "{\"username\":\"bob\",\"exp\":1699999999}");
    check_status(DM_TOKEN_EXPIRED, "expired");
    fixture_close(&fixture);
    signer_fini(&signer);
    signer_fini(&other);
}

/* (r, s) and (r, n - s) sign the same: nobody may slip past a revocation with that. */
static void check_twin_signature(void) {
    static const char order[] = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
    uint8_t raw[64], first[AUTH_FINGERPRINT_LEN], twin[AUTH_FINGERPRINT_LEN];
    const char *dot = memrchr(token.data, '.', token.len);
    size_t input_len = (size_t)(dot - token.data), len;
    struct dm_slice part = { dot + 1, token.len - input_len - 1 };
    BIGNUM *n = NULL;
    check_true(base64_decode(BASE64_URL, part, raw, sizeof(raw), &len) == 0 && len == 64);
    auth_fingerprint(buf_slice(&token), first);
    BN_hex2bn(&n, order);
    BIGNUM *s = BN_bin2bn(raw + 32, 32, NULL);
    BN_sub(s, n, s);
    BN_bn2binpad(s, raw + 32, 32);
    BN_free(s);
    BN_free(n);
    token.len = input_len + 1;
    append_part(&token, (struct dm_slice){ (char *)raw, sizeof(raw) });
    check_status(DM_OK, "the twin is a valid signature");
    auth_fingerprint(buf_slice(&token), twin);
    check_true(memcmp(first, twin, sizeof(first)) == 0);
}

Test(auth_issuers, es256) {
    struct signer signer = signer_ec("P-256");
    with_public_key(&signer);
    open_issuer();
    for (int i = 0; i < 20; i++) {
        forge_plain(&token, &signer, BOB);
        check_status(DM_OK, "good");
    }
    check_twin_signature();
    forge_confused(&signer);
    forge_plain(&token, &signer, BOB);
    /* The last group of 64 bytes has two characters; two more make it whole, as two zero bytes. */
    buf_append_str(&token, "AA");
    check_status(DM_UNAUTHENTICATED, "more behind r and s");
    forge_plain(&token, &signer, BOB);
    char *dot = memrchr(token.data, '.', token.len);
    memset(dot + 1, 'A', token.len - (size_t)(dot + 1 - token.data));
    check_status(DM_UNAUTHENTICATED, "r and s zero");
    token.len -= 4;
    check_status(DM_UNAUTHENTICATED, "too short");
    fixture_close(&fixture);
    signer_fini(&signer);
}

Test(auth_issuers, a_signature_in_der_is_none) {
    struct signer signer = signer_ec("P-256");
    unsigned char der[80];
    size_t len = sizeof(der);
    with_public_key(&signer);
    open_issuer();
    append_part(&token, DM_SLICE("{\"alg\":\"ES256\"}"));
    buf_append_char(&token, '.');
    append_part(&token, DM_SLICE(BOB));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    check_true(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signer.pkey) == 1);
    check_true(EVP_DigestSign(ctx, der, &len, (unsigned char *)token.data, token.len) == 1);
    EVP_MD_CTX_free(ctx);
    buf_append_char(&token, '.');
    append_part(&token, (struct dm_slice){ (char *)der, len });
    check_status(DM_UNAUTHENTICATED, "DER");
    fixture_close(&fixture);
    signer_fini(&signer);
}

Test(auth_issuers, secret_and_public_key_of_one_issuer_keep_to_their_algorithms) {
    struct signer rsa = signer_rsa(2048);
    struct signer secret = signer_secret(FOREIGN_SECRET);
    issuer.algorithms = AUTH_HS256 | AUTH_RS256;
    issuer.public_key = buf_slice(&rsa.pem);
    open_issuer();
    forge_plain(&token, &rsa, BOB);
    check_status(DM_OK, "RS256");
    forge_plain(&token, &secret, BOB);
    check_status(DM_OK, "HS256");
    forge(&token, &rsa, "{\"alg\":\"HS256\"}", BOB);
    check_status(DM_UNAUTHENTICATED, "an RSA signature called HS256");
    forge(&token, &secret, "{\"alg\":\"RS256\"}", BOB);
    check_status(DM_UNAUTHENTICATED, "a MAC called RS256");
    forge_confused(&rsa);
    fixture_close(&fixture);
    signer_fini(&rsa);
}

static void check_config_refused(const char *what, const char *part) {
    char error[AUTH_ERROR_SIZE] = "";
    struct auth_config config = test_config(&issuer, 1);
    struct auth *auth = NULL;
    uv_loop_t loop;
    check_true(uv_loop_init(&loop) == 0);
    int r = auth_open(&loop, &config, &auth, error);
    cr_assert(eq(int, r, -EINVAL), "%s: %d", what, r);
    cr_assert(eq(int, strstr(error, part) != NULL, 1), "%s: %s", what, error);
    check_true(auth == NULL);
    /* Nothing is left behind in the loop. */
    check_true(uv_loop_close(&loop) == 0);
    issuer = test_issuer();
}

Test(auth_issuers, keys_that_do_not_fit_are_refused) {
    struct signer weak = signer_rsa(1024);
    struct signer rsa = signer_rsa(2048);
    struct signer p384 = signer_ec("P-384");
    struct signer p256 = signer_ec("P-256");
    with_public_key(&weak);
    check_config_refused("1024 bits", "other: an RSA key must have 2048");
    with_public_key(&p384);
    check_config_refused("another curve", "P-256");
    with_public_key(&p256);
    issuer.algorithms = AUTH_RS256;
    check_config_refused("EC for RS256", "fits none");
    with_public_key(&rsa);
    issuer.algorithms = AUTH_RS256 | AUTH_ES256;
    check_config_refused("one key for two", "cannot serve both");
    issuer.secret = buf_slice(&rsa.pem);
    check_config_refused("PEM as secret", "PEM");
    issuer.public_key = buf_slice(&rsa.pem);
    check_config_refused("useless key", "of no use");
    issuer.algorithms = AUTH_RS256;
    check_config_refused("useless secret", "of no use");
    issuer.algorithms = 0;
    check_config_refused("no algorithm", "algorithms must be");
    issuer.algorithms = 1u << 7;
    check_config_refused("unknown algorithm", "algorithms must be");
    issuer.secret = DM_SLICE("");
    check_config_refused("empty secret", "needs a secret");
    issuer.algorithms = AUTH_ES256;
    issuer.secret = DM_SLICE_NONE;
    check_config_refused("no key", "need a public key");
    issuer.algorithms = AUTH_RS256;
    issuer.secret = DM_SLICE_NONE;
    issuer.public_key = DM_SLICE("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    check_config_refused("broken PEM", "no PEM");
    issuer.algorithms = AUTH_RS256;
    issuer.secret = DM_SLICE_NONE;
    issuer.public_key = DM_SLICE("-----BEGIN PRIVATE KEY-----\n");
    check_config_refused("private PEM", "private key");
    signer_fini(&weak);
    signer_fini(&rsa);
    signer_fini(&p384);
    signer_fini(&p256);
}

Test(auth_issuers, other_slips_are_refused) {
    issuer.name = NULL;
    check_config_refused("no name", "name");
    issuer.name = AUTH_OWN_ISSUER;
    check_config_refused("our name", "name");
    issuer.issuer = AUTH_OWN_ISSUER;
    check_config_refused("our iss", "our own");
    issuer.leeway = 601;
    check_config_refused("leeway", "leeway");
    struct auth_issuer_config twice[2] = { test_issuer(), test_issuer() };
    struct auth_config config = test_config(twice, 2);
    char error[AUTH_ERROR_SIZE] = "";
    struct auth *auth;
    uv_loop_t loop;
    uv_loop_init(&loop);
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -EINVAL));
    check_true(strstr(error, "taken") != NULL);
    config = test_config(NULL, 0);
    config.key.len--;
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -EINVAL));
    config = test_config(NULL, 0);
    config.argon2_lanes = 9;
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -EINVAL));
    config = test_config(NULL, 0);
    config.access_ttl = -1;
    cr_assert(eq(int, auth_open(&loop, &config, &auth, error), -EINVAL));
    check_true(uv_loop_close(&loop) == 0);
}

Test(auth_issuers, iss_and_aud) {
    static const char *const audiences[] = { "chat", "mail" };
    struct signer signer = signer_secret(FOREIGN_SECRET);
    static const struct {
        const char *claims;
        enum dm_status status;
    } cases[] = {
        { "\"iss\":\"them\",\"aud\":\"chat\"", DM_OK },
        { "\"iss\":\"them\",\"aud\":[\"x\",\"mail\"]", DM_OK },
        { "\"iss\":\"them\",\"aud\":[7,\"mail\"]", DM_OK },
        { "\"iss\":\"them\"", DM_UNAUTHENTICATED },
        { "\"iss\":\"them\",\"aud\":\"cha\"", DM_UNAUTHENTICATED },
        { "\"iss\":\"them\",\"aud\":\"chat\\u0000\"", DM_UNAUTHENTICATED },
        { "\"iss\":\"them\",\"aud\":[[\"chat\"]]", DM_UNAUTHENTICATED },
        { "\"iss\":\"them\",\"aud\":{\"chat\":1}", DM_UNAUTHENTICATED },
        { "\"iss\":\"Them\",\"aud\":\"chat\"", DM_UNAUTHENTICATED },
        { "\"iss\":[\"them\"],\"aud\":\"chat\"", DM_UNAUTHENTICATED },
        { "\"iss\":\"dragoman\",\"aud\":\"chat\"", DM_UNAUTHENTICATED },
        { "\"aud\":\"chat\"", DM_UNAUTHENTICATED },
    };
    issuer.issuer = "them";
    issuer.audiences = audiences;
    issuer.audience_count = 2;
    open_issuer();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char payload[256];
        snprintf(payload, sizeof(payload), "{\"username\":\"bob\",%s" EXP, cases[i].claims);
        forge_plain(&token, &signer, payload);
        check_status(cases[i].status, payload);
    }
    fixture_close(&fixture);
}

Test(auth_issuers, leeway_and_optional_expiry) {
    struct signer signer = signer_secret(FOREIGN_SECRET);
    struct auth_claims claims;
    issuer.leeway = 5;
    issuer.expiry = AUTH_EXPIRY_OPTIONAL;
    open_issuer();
    forge_plain(&token, &signer, "{\"username\":\"bob\",\"exp\":1699999996,\"nbf\":1700000005}");
    cr_assert(eq(int, fixture.auth->ops->verify(fixture.auth, buf_slice(&token), "x", &claims),
                 DM_OK));
    /* A revocation must be remembered as long as the token would be taken. */
    cr_assert(eq(i64, claims.expires_us, (NOW + 1) * 1000000));
    auth_claims_fini(&claims);
    forge_plain(&token, &signer, "{\"username\":\"bob\",\"exp\":1699999995}");
    check_status(DM_TOKEN_EXPIRED, "past the leeway");
    forge_plain(&token, &signer, "{\"username\":\"bob\",\"nbf\":1700000006}");
    check_status(DM_UNAUTHENTICATED, "before the leeway");
    forge_plain(&token, &signer, "{\"username\":\"bob\",\"exp\":\"never\"}");
    check_status(DM_UNAUTHENTICATED, "optional does not mean any");
    forge_plain(&token, &signer, "{\"username\":\"bob\"}");
    cr_assert(eq(int, fixture.auth->ops->verify(fixture.auth, buf_slice(&token), "x", &claims),
                 DM_OK));
    cr_assert(eq(i64, claims.expires_us, 0));
    auth_claims_fini(&claims);
    fixture_close(&fixture);
}

Test(auth_issuers, adapters) {
    static const char *const adapters[] = { "one", "two" };
    struct signer signer = signer_secret(FOREIGN_SECRET);
    issuer.adapters = adapters;
    issuer.adapter_count = 2;
    open_issuer();
    forge_plain(&token, &signer, BOB);
    cr_assert(eq(int, verify_only(&fixture, &token, "two"), DM_OK));
    cr_assert(eq(int, verify_only(&fixture, &token, "three"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_only(&fixture, &token, "tw"), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_only(&fixture, &token, NULL), DM_OK));
    fixture_close(&fixture);
}

Test(auth_issuers, kinds_are_told_apart) {
    struct signer signer = signer_secret(FOREIGN_SECRET);
    struct auth_claims claims;
    issuer.type_claim = "typ";
    open_issuer();
    static const char *const refreshing[] = { "refresh", "Refresh", "Offline" };
    for (size_t i = 0; i < ARRAY_LEN(refreshing); i++) {
        char payload[128];
        snprintf(payload, sizeof(payload), "{\"username\":\"bob\",\"typ\":\"%s\"" EXP,
                 refreshing[i]);
        forge_plain(&token, &signer, payload);
        cr_assert(eq(int,
                     fixture.auth->ops->verify(fixture.auth, buf_slice(&token), "x", &claims),
                     DM_OK));
        cr_assert(eq(int, claims.kind, AUTH_TOKEN_REFRESH));
        auth_claims_fini(&claims);
    }
    forge_plain(&token, &signer, "{\"username\":\"bob\",\"typ\":\"ID\"" EXP);
    check_status(DM_UNAUTHENTICATED, "an ID token");
    fixture_close(&fixture);
}

Test(auth_issuers, two_issuers_with_one_secret) {
    static const char *const first[] = { "one" };
    struct auth_issuer_config issuers[2] = { test_issuer(), test_issuer() };
    struct signer signer = signer_secret(FOREIGN_SECRET);
    struct auth_claims claims;
    issuers[0].adapters = first;
    issuers[0].adapter_count = 1;
    issuers[1].name = "second";
    issuers[1].user_kind = AUTH_USER_ID;
    issuers[1].user_claim = "id";
    issuers[1].leeway = 10;
    struct auth_config config = test_config(issuers, 2);
    fixture_open(&fixture, &config);
    forge_plain(&token, &signer, "{\"username\":\"bob\",\"id\":10000001,\"exp\":1699999999}");
    /* The first says expired, the second takes it. */
    cr_assert(eq(int, fixture.auth->ops->verify(fixture.auth, buf_slice(&token), "one", &claims),
                 DM_OK));
    cr_assert(eq(int, claims.subject.kind, DM_REF_ID));
    auth_claims_fini(&claims);
    forge_plain(&token, &signer, "{\"username\":\"bob\",\"exp\":1699999999}");
    /* The first says expired, the second finds no user. */
    cr_assert(eq(int, verify_only(&fixture, &token, "one"), DM_TOKEN_EXPIRED));
    cr_assert(eq(int, verify_only(&fixture, &token, "two"), DM_UNAUTHENTICATED));
    fixture_close(&fixture);
}
