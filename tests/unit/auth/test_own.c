/* Tokens of our own issuer. */
#include <errno.h>
#include <openssl/sha.h>

#include "core/base/base64.h"
#include "tests/unit/auth/support.h"

static struct service_fixture fixture;
static struct buf token;

static struct dm_user somebody(void) {
    struct dm_user user = {
        .id = 10000001,
        .username = DM_SLICE("bo\"b \xc3\xa9"),
        .email = DM_SLICE("bob@example.org"),
    };
    check_true(dm_uuid_parse(DM_SLICE(UUID_TEXT), &user.uuid) == 0);
    return user;
}

static int issue(enum auth_token_kind kind, int64_t ttl) {
    struct dm_user user = somebody();
    buf_reset(&token);
    return fixture.auth->ops->issue(fixture.auth, &user, kind, ttl, &token);
}

static enum dm_status verify(struct auth_claims *ret_claims) {
    return fixture.auth->ops->verify(fixture.auth, buf_slice(&token), "any", ret_claims);
}

static void setup(void) {
    struct auth_config config = test_config(NULL, 0);
    test_now_us = NOW * 1000000 + 250000;
    fixture_open(&fixture, &config);
}

static void teardown(void) {
    fixture_close(&fixture);
    buf_fini(&token);
}

TestSuite(auth_own, .init = setup, .fini = teardown);

Test(auth_own, issued_tokens_are_good) {
    struct auth_claims claims;
    struct dm_user user = somebody();
    check_true(issue(AUTH_TOKEN_ACCESS, 60) == 0);
    cr_assert(eq(int, verify(&claims), DM_OK));
    cr_assert(eq(int, claims.kind, AUTH_TOKEN_ACCESS));
    cr_assert(eq(int, claims.subject.kind, DM_REF_UUID));
    check_true(dm_uuid_eq(&claims.subject.uuid, &user.uuid));
    cr_assert(eq(i64, claims.expires_us, (NOW + 60) * 1000000));
    cr_assert(eq(int, claims.provisioning, AUTH_KNOWN_ONLY));
    check_true(claims.profile.username.ptr == NULL);
    auth_claims_fini(&claims);
}

Test(auth_own, refresh_tokens_say_so) {
    struct auth_claims claims;
    check_true(issue(AUTH_TOKEN_REFRESH, 60) == 0);
    cr_assert(eq(int, verify(&claims), DM_OK));
    cr_assert(eq(int, claims.kind, AUTH_TOKEN_REFRESH));
    auth_claims_fini(&claims);
}

static struct dm_slice payload_of(const struct buf *from, char *text, size_t cap) {
    const char *first = memchr(from->data, '.', from->len);
    const char *last = memrchr(from->data, '.', from->len);
    size_t len = 0;
    struct dm_slice part = { first + 1, (size_t)(last - first - 1) };
    check_true(base64_decode(BASE64_URL, part, text, cap, &len) == 0);
    return (struct dm_slice){ text, len };
}

static int holds(struct dm_slice text, const char *part) {
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

Test(auth_own, claims_are_those_that_clients_read) {
    char text[1024], other[1024];
    check_true(issue(AUTH_TOKEN_ACCESS, 60) == 0);
    struct dm_slice payload = payload_of(&token, text, sizeof(text));
    check_true(holds(payload, "\"iss\":\"dragoman\""));
    check_true(holds(payload, "\"sub\":\"" UUID_TEXT "\""));
    check_true(holds(payload, "\"user_id\":\"" UUID_TEXT "\""));
    check_true(holds(payload, "\"username\":\"bo\\\"b \xc3\xa9\""));
    check_true(holds(payload, "\"iat\":1700000000,"));
    check_true(holds(payload, "\"exp\":1700000060,"));
    check_true(holds(payload, "\"token_type\":\"access\""));
    check_true(issue(AUTH_TOKEN_ACCESS, 60) == 0);
    /* The jti makes two tokens of one second differ. */
    check_true(!dm_slice_eq(payload, payload_of(&token, other, sizeof(other))));
}

Test(auth_own, the_email_stands_in_for_a_username) {
    char text[1024];
    struct dm_user user = somebody();
    user.username = DM_SLICE_NONE;
    check_true(fixture.auth->ops->issue(fixture.auth, &user, AUTH_TOKEN_ACCESS, 5, &token) == 0);
    check_true(holds(payload_of(&token, text, sizeof(text)), "\"username\":\"bob@example.org\""));
}

Test(auth_own, issue_appends_and_refuses_nonsense) {
    struct dm_user user = somebody();
    struct dm_user nobody = { .username = DM_SLICE("x") };
    buf_append_str(&token, "Bearer ");
    check_true(fixture.auth->ops->issue(fixture.auth, &user, AUTH_TOKEN_ACCESS, 5, &token) == 0);
    check_true(token.len > 100 && memcmp(token.data, "Bearer ey", 9) == 0);
    size_t len = token.len;
    cr_assert(eq(int, fixture.auth->ops->issue(fixture.auth, &user, 0, 0, &token), -EINVAL));
    cr_assert(eq(int, fixture.auth->ops->issue(fixture.auth, &user, 0, -1, &token), -EINVAL));
    cr_assert(eq(int, fixture.auth->ops->issue(fixture.auth, &user, 0, INT64_MAX, &token),
                 -EINVAL));
    cr_assert(eq(int, fixture.auth->ops->issue(fixture.auth, &nobody, 0, 5, &token), -EINVAL));
    user.username = DM_SLICE("bad \xff utf-8");
    cr_assert(eq(int, fixture.auth->ops->issue(fixture.auth, &user, 0, 5, &token), -EINVAL));
    static char huge[AUTH_TOKEN_MAX];
    memset(huge, 'a', sizeof(huge));
    user.username = (struct dm_slice){ huge, sizeof(huge) };
    cr_assert(eq(int, fixture.auth->ops->issue(fixture.auth, &user, 0, 5, &token), -EMSGSIZE));
    cr_assert(eq(sz, token.len, len));
}

Test(auth_own, expiry_is_to_the_second) {
    check_true(issue(AUTH_TOKEN_ACCESS, 1) == 0);
    test_now_us = NOW * 1000000 + 999999;
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_OK));
    test_now_us = (NOW + 1) * 1000000;
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_TOKEN_EXPIRED));
    test_now_us = (NOW + 1000) * 1000000;
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_TOKEN_EXPIRED));
}

Test(auth_own, an_expired_token_with_a_bad_signature_is_just_bad) {
    check_true(issue(AUTH_TOKEN_ACCESS, 1) == 0);
    test_now_us = (NOW + 5) * 1000000;
    token.data[token.len - 5] = token.data[token.len - 5] == 'A' ? 'B' : 'A';
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_UNAUTHENTICATED));
}

Test(auth_own, no_changed_bit_goes_unnoticed) {
    check_true(issue(AUTH_TOKEN_ACCESS, 60) == 0);
    for (size_t i = 0; i < token.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            token.data[i] = (char)(token.data[i] ^ (1 << bit));
            cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_UNAUTHENTICATED),
                      "byte %zu bit %u", i, bit);
            token.data[i] = (char)(token.data[i] ^ (1 << bit));
        }
    }
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_OK));
}

Test(auth_own, no_cut_token_is_good) {
    check_true(issue(AUTH_TOKEN_ACCESS, 60) == 0);
    size_t len = token.len;
    for (token.len = 0; token.len < len; token.len++)
        cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_UNAUTHENTICATED));
}

Test(auth_own, another_key_is_another_issuer) {
    struct service_fixture other;
    struct auth_config config = test_config(NULL, 0);
    config.key = DM_SLICE("another key of thirty-two bytes.");
    fixture_open(&other, &config);
    check_true(issue(AUTH_TOKEN_ACCESS, 60) == 0);
    cr_assert(eq(int, verify_only(&other, &token, "any"), DM_UNAUTHENTICATED));
    fixture_close(&other);
}

Test(auth_own, the_type_must_be_ours) {
    struct signer signer = signer_secret(OWN_KEY);
    const char *const refused[] = {
        "", ",\"token_type\":\"Access\"", ",\"token_type\":\"bearer\"", ",\"token_type\":\"\"",
        ",\"token_type\":null", ",\"token_type\":1", ",\"token_type\":[\"access\"]",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        char payload[512];
        snprintf(payload, sizeof(payload),
                 "{\"iss\":\"dragoman\",\"sub\":\"" UUID_TEXT "\",\"exp\":1700000060%s}",
                 refused[i]);
        forge_plain(&token, &signer, payload);
        cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_UNAUTHENTICATED), "%s",
                  refused[i]);
    }
}

Test(auth_own, a_second_between_two_nodes_clocks_is_tolerated_at_birth_only) {
    check_true(issue(AUTH_TOKEN_ACCESS, 60) == 0);
    test_now_us = NOW * 1000000 - 1;
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_OK));
    test_now_us = (NOW - 1) * 1000000 - 1;
    cr_assert(eq(int, verify_only(&fixture, &token, "any"), DM_UNAUTHENTICATED));
}

Test(auth_own, the_fingerprint_is_that_of_what_was_signed) {
    struct auth_claims claims;
    uint8_t expected[32], told[AUTH_FINGERPRINT_LEN];
    check_true(issue(AUTH_TOKEN_ACCESS, 60) == 0);
    const char *dot = memrchr(token.data, '.', token.len);
    SHA256((const unsigned char *)token.data, (size_t)(dot - token.data), expected);
    cr_assert(eq(int, verify(&claims), DM_OK));
    check_true(memcmp(claims.fingerprint, expected, 32) == 0);
    auth_claims_fini(&claims);
    auth_fingerprint(buf_slice(&token), told);
    check_true(memcmp(told, expected, 32) == 0);
    SHA256((const unsigned char *)"no dot", 6, expected);
    auth_fingerprint(DM_SLICE("no dot"), told);
    check_true(memcmp(told, expected, 32) == 0);
    SHA256((const unsigned char *)"", 0, expected);
    auth_fingerprint(DM_SLICE_NONE, told);
    check_true(memcmp(told, expected, 32) == 0);
}

Test(auth_own, the_service_tells_how_long_its_tokens_live) {
    cr_assert(eq(i64, fixture.auth->access_ttl, 3600));
    cr_assert(eq(i64, fixture.auth->refresh_ttl, 30 * 86400));
}
