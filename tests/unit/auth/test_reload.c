/* Configurations replaced while running, and the end of the service. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/auth/support.h"

#define BOB "{\"username\":\"bob\",\"exp\":1700000060}"

static struct service_fixture fixture;
static struct buf token;

struct outcome {
    unsigned count;
    int failed;
    char error[AUTH_ERROR_SIZE];
};

static void reloaded(void *owner, const char *error) {
    struct outcome *outcome = owner;
    outcome->count++;
    outcome->failed = error != NULL;
    snprintf(outcome->error, sizeof(outcome->error), "%s", error ? error : "");
}

static void setup(void) {
    struct auth_issuer_config issuer = test_issuer();
    struct auth_config config = test_config(&issuer, 1);
    test_now_us = NOW * 1000000;
    fixture_open(&fixture, &config);
}

static void teardown(void) {
    buf_fini(&token);
}

TestSuite(auth_reload, .init = setup, .fini = teardown);

static void reload(const struct auth_config *config, struct outcome *ret) {
    *ret = (struct outcome){ 0 };
    cr_assert(eq(int, auth_reload(fixture.auth, config, reloaded, ret), 0));
    cr_assert(eq(int, ret->count, 0), "not inside the call");
    fixture_run(&fixture, &ret->count, 1);
}

Test(auth_reload, issuers_are_replaced) {
    struct signer first = signer_secret(FOREIGN_SECRET);
    struct signer second = signer_secret("the second secret, also long enough for it");
    struct auth_issuer_config issuer = test_issuer();
    struct outcome outcome;
    issuer.secret = second.secret;
    struct auth_config config = test_config(&issuer, 1);
    config.access_ttl = 77;
    config.refresh_ttl = 99;
    reload(&config, &outcome);
    cr_assert(eq(int, outcome.failed, 0), "%s", outcome.error);
    forge_plain(&token, &first, BOB);
    cr_assert(eq(int, verify_only(&fixture, &token, "x"), DM_UNAUTHENTICATED));
    forge_plain(&token, &second, BOB);
    cr_assert(eq(int, verify_only(&fixture, &token, "x"), DM_OK));
    cr_assert(eq(i64, fixture.auth->access_ttl, 77));
    cr_assert(eq(i64, fixture.auth->refresh_ttl, 99));
    fixture_close(&fixture);
}

Test(auth_reload, a_bad_configuration_changes_nothing) {
    struct signer signer = signer_secret(FOREIGN_SECRET);
    struct auth_issuer_config issuers[2] = { test_issuer(), test_issuer() };
    struct outcome outcome;
    issuers[0].secret = DM_SLICE("a good but different secret");
    issuers[1].name = "bad";
    issuers[1].algorithms = AUTH_RS256;
    struct auth_config config = test_config(issuers, 2);
    config.access_ttl = 77;
    reload(&config, &outcome);
    check_true(outcome.failed && strstr(outcome.error, "issuer bad"));
    issuers[1] = (struct auth_issuer_config){ .name = "file", .algorithms = AUTH_ES256,
                                              .jwks_path = "/nonexistent/keys" };
    reload(&config, &outcome);
    check_true(outcome.failed && strstr(outcome.error, "/nonexistent/keys"));
    issuers[1] = (struct auth_issuer_config){ .name = "pem", .algorithms = AUTH_ES256,
                                              .public_key = DM_SLICE("nonsense") };
    reload(&config, &outcome);
    check_true(outcome.failed && strstr(outcome.error, "issuer pem"));
    forge_plain(&token, &signer, BOB);
    cr_assert(eq(int, verify_only(&fixture, &token, "x"), DM_OK));
    cr_assert(eq(i64, fixture.auth->access_ttl, 3600));
    fixture_close(&fixture);
}

Test(auth_reload, one_at_a_time) {
    struct outcome first = { 0 }, second = { 0 };
    struct auth_config config = test_config(NULL, 0);
    cr_assert(eq(int, auth_reload(fixture.auth, &config, reloaded, &first), 0));
    cr_assert(eq(int, auth_reload(fixture.auth, &config, reloaded, &second), -EBUSY));
    fixture_run(&fixture, &first.count, 1);
    cr_assert(eq(int, auth_reload(fixture.auth, &config, reloaded, &second), 0));
    fixture_run(&fixture, &second.count, 1);
    cr_assert(eq(int, first.count, 1));
    fixture_close(&fixture);
}

Test(auth_reload, a_reload_under_way_ends_with_the_service) {
    struct outcome outcome = { 0 };
    struct auth_config config = test_config(NULL, 0);
    cr_assert(eq(int, auth_reload(fixture.auth, &config, reloaded, &outcome), 0));
    fixture_close(&fixture);
    cr_assert(eq(int, outcome.count, 1));
    check_true(outcome.failed);
}

static void count_closed(void *owner) {
    ++*(unsigned *)owner;
}

static void close_when_reloaded(void *owner, const char *error) {
    auth_close(fixture.auth, count_closed, owner);
}

Test(auth_reload, the_one_told_may_close_the_service) {
    unsigned count = 0;
    struct auth_config config = test_config(NULL, 0);
    cr_assert(eq(int, auth_reload(fixture.auth, &config, close_when_reloaded, &count), 0));
    fixture_run(&fixture, &count, 1);
    cr_assert(eq(int, count, 1));
    check_true(uv_loop_close(&fixture.loop) == 0);
}

Test(auth_reload, closing_nothing) {
    unsigned count = 0;
    auth_close(NULL, count_closed, &count);
    cr_assert(eq(int, count, 1));
    auth_close(NULL, NULL, NULL);
    fixture_close(&fixture);
}

Test(auth_reload, an_idle_service_does_not_keep_the_loop) {
    struct outcome outcome;
    char path[300];
    snprintf(path, sizeof(path), "%s/keys", temp_folder());
    write_file(path, DM_SLICE("{\"keys\":[]}"));
    struct auth_issuer_config issuer = { .name = "file", .algorithms = AUTH_ES256,
                                         .jwks_path = path };
    struct auth_config config = test_config(&issuer, 1);
    reload(&config, &outcome);
    cr_assert(eq(int, outcome.failed, 0), "%s", outcome.error);
    /* Returns although the files are looked at for ever. */
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    fixture_close(&fixture);
    *strrchr(path, '/') = '\0';
    remove_folder(path);
}
