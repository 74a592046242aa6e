/* Whom a foreign token names, and what an account is made of. */
#include "tests/unit/auth/support.h"

#define EXP ",\"exp\":1700000060}"

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

TestSuite(auth_users, .init = setup, .fini = teardown);

/* Verifies a token with the claim {"who": value}. */
static enum dm_status verify_who(enum auth_user_kind kind, const char *value,
                                 struct auth_claims *ret_claims) {
    struct signer signer = signer_secret(FOREIGN_SECRET);
    char payload[256];
    issuer.user_claim = "who";
    issuer.user_kind = kind;
    open_issuer();
    snprintf(payload, sizeof(payload), "{\"who\":%s" EXP, value);
    forge_plain(&token, &signer, payload);
    enum dm_status status =
        fixture.auth->ops->verify(fixture.auth, buf_slice(&token), "x", ret_claims);
    fixture_close(&fixture);
    return status;
}

Test(auth_users, users_by_id) {
    static const char *const good[] = { "10000001", "\"10000001\"" };
    static const char *const bad[] = {
        "0", "\"0\"", "-1", "\"-1\"", "1.0", "\"1.0\"", "\"010000001\"", "\"\"", "\" 1\"",
        "\"1 \"", "9007199254740992", "\"9007199254740992\"", "\"99999999999999999999\"", "true",
        "18446744073709551615", "null", "[1]", "\"0x10\"",
    };
    struct auth_claims claims;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        cr_assert(eq(int, verify_who(AUTH_USER_ID, good[i], &claims), DM_OK), "%s", good[i]);
        cr_assert(eq(int, claims.subject.kind, DM_REF_ID));
        cr_assert(eq(i64, claims.subject.id, 10000001));
        auth_claims_fini(&claims);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(eq(int, verify_who(AUTH_USER_ID, bad[i], &claims), DM_UNAUTHENTICATED), "%s",
                  bad[i]);
    cr_assert(eq(int, verify_who(AUTH_USER_ID, "9007199254740991", &claims), DM_OK));
    auth_claims_fini(&claims);
}

Test(auth_users, users_by_uuid) {
    struct auth_claims claims;
    cr_assert(eq(int, verify_who(AUTH_USER_UUID, "\"" UUID_TEXT "\"", &claims), DM_OK));
    cr_assert(eq(int, claims.subject.kind, DM_REF_UUID));
    auth_claims_fini(&claims);
    cr_assert(eq(int, verify_who(AUTH_USER_UUID, "\"bob\"", &claims), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_who(AUTH_USER_UUID, "\"00000000-0000-0000-0000-000000000000\"",
                                 &claims), DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_who(AUTH_USER_UUID, "7", &claims), DM_UNAUTHENTICATED));
}

Test(auth_users, users_by_email_only_when_it_is_verified) {
    struct auth_claims claims;
    cr_assert(eq(int, verify_who(AUTH_USER_EMAIL, "\"bob@example.org\"", &claims), DM_OK));
    cr_assert(eq(int, claims.subject.kind, DM_REF_NAME));
    check_slice(claims.subject.name, DM_SLICE("bob@example.org"));
    auth_claims_fini(&claims);
    cr_assert(eq(int, verify_who(AUTH_USER_EMAIL, "\"b@e\",\"email_verified\":true", &claims),
                 DM_OK));
    auth_claims_fini(&claims);
    cr_assert(eq(int, verify_who(AUTH_USER_EMAIL, "\"b@e\",\"email_verified\":false", &claims),
                 DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_who(AUTH_USER_EMAIL, "\"b@e\",\"email_verified\":\"true\"", &claims),
                 DM_UNAUTHENTICATED));
    cr_assert(eq(int, verify_who(AUTH_USER_EMAIL, "\"bob\"", &claims), DM_UNAUTHENTICATED));
}

Test(auth_users, provisioning_maps_claims) {
    struct signer signer = signer_secret(FOREIGN_SECRET);
    struct auth_claims claims;
    issuer.provisioning = AUTH_PROVISION;
    issuer.profile = (struct auth_profile_map){
        .email = "mail", .first_name = "given_name", .last_name = "family_name",
        .photo = "picture", .color = "color", .role = "role", .location = "nowhere",
    };
    open_issuer();
    forge_plain(&token, &signer,
                "{\"username\":\"bob\",\"mail\":\"b@e\",\"given_name\":\"B\\u00f6b\","
                "\"family_name\":7,\"picture\":\"\",\"color\":\"a\\u0000b\",\"role\":\"tutor\""
                EXP);
    cr_assert(eq(int, fixture.auth->ops->verify(fixture.auth, buf_slice(&token), "x", &claims),
                 DM_OK));
    cr_assert(eq(int, claims.provisioning, AUTH_PROVISION));
    check_slice(claims.profile.username, DM_SLICE("bob"));
    check_slice(claims.profile.email, DM_SLICE("b@e"));
    check_slice(claims.profile.first_name, DM_SLICE("B\xc3\xb6""b"));
    check_slice(claims.profile.last_name, DM_SLICE_NONE);
    check_slice(claims.profile.photo, DM_SLICE_NONE);
    check_slice(claims.profile.color, DM_SLICE_NONE);
    check_slice(claims.profile.role, DM_SLICE("TUTOR"));
    check_slice(claims.profile.location, DM_SLICE_NONE);
    check_slice(claims.subject.name, DM_SLICE("bob"));
    auth_claims_fini(&claims);
    fixture_close(&fixture);
}
