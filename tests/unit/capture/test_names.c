/* Which values of a conversation are secrets, which the server made up, and which stay. */
#include <criterion/criterion.h>

#include "core/capture/names.h"

static struct names names;
static const char *own[] = { "sesame", NULL };
static const struct masks masks = { own };

static void setup(void) {
    names_init(&names, &masks);
}

static void teardown(void) {
    names_fini(&names);
}

TestSuite(names, .init = setup, .fini = teardown);

static enum value_class text(const char *key, const char *value) {
    return names_class(&names, dm_slice_str(key), dm_slice_str(value), 1);
}

static enum value_class number(const char *key, const char *value) {
    return names_class(&names, dm_slice_str(key), dm_slice_str(value), 0);
}

Test(names, secrets_go_by_their_key) {
    cr_expect_eq(text("token", "x"), VALUE_SECRET);
    cr_expect_eq(text("Authorization", "Bearer x"), VALUE_SECRET);
    cr_expect_eq(text("Sesame", "open"), VALUE_SECRET);
    cr_expect_eq(number("pin", "1234"), VALUE_SECRET);
    cr_expect_eq(text("token", ""), VALUE_PLAIN);
    cr_expect_eq(text("newPassword", "x"), VALUE_SECRET);
    cr_expect_eq(text("passenger", "x"), VALUE_PLAIN);
}

Test(names, numbers_and_times_about_secrets_are_none) {
    cr_expect_eq(text("tokens", "x"), VALUE_SECRET);
    cr_expect_eq(number("tokens_left", "3"), VALUE_PLAIN);
    cr_expect_eq(text("tokens_left", "3"), VALUE_PLAIN);
    cr_expect_eq(text("password_changed_at", "2026-11-20T08:29:21Z"), VALUE_TIME);
    cr_expect_eq(text("password_hint", "my dog"), VALUE_SECRET);
    cr_expect_eq(text("token_type", "bearer"), VALUE_PLAIN);
    cr_expect_eq(text("user_pin", "1234"), VALUE_SECRET);
    cr_expect_eq(number("user_pin", "1234"), VALUE_SECRET);
}

Test(names, a_jwt_is_one_under_any_key) {
    cr_expect_eq(text("whatever", "eyJhbGciOi.eyJzdWIiOi.c2ln_-"), VALUE_SECRET);
    cr_expect_eq(text("whatever", "eyJhbGciOi.eyJzdWIiOi"), VALUE_PLAIN);
    cr_expect_eq(text("whatever", "eyJhbGciOi eyJzdWIiOi.c2ln.x"), VALUE_PLAIN);
}

Test(names, ids_and_times_are_the_servers) {
    cr_expect_eq(text("x", "a2d40043-0000-4000-8000-000000000000"), VALUE_UUID);
    cr_expect_eq(text("x", "A2D40043-0000-4000-8000-000000000000"), VALUE_PLAIN);
    cr_expect_eq(number("chat_id", "7"), VALUE_INT);
    cr_expect_eq(number("chat", "7"), VALUE_INT);
    cr_expect_eq(text("chat", "lobby"), VALUE_PLAIN);
    cr_expect_eq(number("count", "7"), VALUE_PLAIN);
    cr_expect_eq(text("messageId", "m-7"), VALUE_TEXT);
    cr_expect_eq(number("created_at", "1700000000"), VALUE_INT);
    cr_expect_eq(text("at", "2026-11-20T08:29:21.766487"), VALUE_ISO);
    cr_expect_eq(text("at", "2026-11-20T08:29:21.766487Z"), VALUE_ISO_Z);
    cr_expect_eq(text("at", "2026-11-20T08:29:21.766487+00:00"), VALUE_ISO_OFFSET);
    cr_expect_eq(text("at", "2026-11-20T08:29:21Z"), VALUE_TIME);
    cr_expect_eq(text("photo", "https://old.example/p.png"), VALUE_URL);
    cr_expect_eq(text("text", "hello"), VALUE_PLAIN);
}

Test(names, a_value_is_named_once_after_its_first_key) {
    const struct name *name;
    names_see(&names, DM_SLICE("count"), DM_SLICE("42"), 0, BY_SERVER);
    cr_assert_null(names_find(&names, DM_SLICE("42")));
    names_see(&names, DM_SLICE("chat_id"), DM_SLICE("42"), 0, BY_SERVER);
    names_see(&names, DM_SLICE("id"), DM_SLICE("42"), 0, BY_CLIENT);
    names_see(&names, DM_SLICE("text"), DM_SLICE("hello"), 1, BY_CLIENT);
    name = names_find(&names, DM_SLICE("42"));
    cr_assert_not_null(name);
    cr_expect_eq(name->first, BY_SERVER);
    cr_expect_eq(strncmp(name->name, "chat_id", 7), 0, "%s", name->name);
    cr_expect_null(names_find(&names, DM_SLICE("hello")));
}

Test(names, what_turns_out_a_secret_is_one) {
    names_see(&names, DM_SLICE("id"), DM_SLICE("s3cret-value"), 1, BY_SERVER);
    names_see(&names, DM_SLICE("password"), DM_SLICE("s3cret-value"), 1, BY_CLIENT);
    cr_expect_eq(names_find(&names, DM_SLICE("s3cret-value"))->class, VALUE_SECRET);
}
