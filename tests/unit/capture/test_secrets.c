/* Which keys hold secrets, and which only look like it. */
#include <criterion/criterion.h>

#include "core/capture/secrets.h"

static void all_are(enum secrecy expected, const char *const *keys) {
    for (; *keys; keys++)
        cr_expect_eq(secrets_of_key(dm_slice_str(*keys)), expected, "%s", *keys);
}

Test(secrets, keys_of_secrets) {
    static const char *const keys[] = {
        "password", "passwd", "pwd", "pass", "psw", "pin", "pincode", "pin_code", "secret", "token",
        "jwt", "bearer", "otp", "credential", "apikey", "api_key", "X-Api-Key", "Authorization",
        "Set-Cookie", "ticket", "access_token", NULL,
    };
    all_are(SECRECY_FULL, keys);
}

Test(secrets, the_case_does_not_matter) {
    static const char *const keys[] = { "PASSWORD", "Pin", "API_KEY", "PINCode", "PassWord",
                                        "accesstoken", "AccessToken", NULL };
    all_are(SECRECY_FULL, keys);
}

Test(secrets, a_part_of_the_key_is_enough) {
    static const char *const keys[] = {
        "newPassword", "newpassword", "old_password", "login_password", "passwordConfirmation",
        "password2", "user_pin", "userPIN", "pin_new", "authToken", "x-csrf-token",
        "user[password]", "clientSecret", "userPwd", "otp_code", "userpassword_hash", "db.pass",
        NULL,
    };
    all_are(SECRECY_FULL, keys);
}

Test(secrets, keys_that_speak_of_a_secret) {
    static const char *const keys[] = {
        "tokens", "credentials", "tokens_left", "tokenCount", "token_expires_in", "password_length",
        "password_changed_at", "pass_through", NULL,
    };
    all_are(SECRECY_ABOUT, keys);
}

Test(secrets, ordinary_words_are_none) {
    static const char *const keys[] = {
        "passenger", "passengers", "compass", "bypass", "passed", "pinned", "pinned_at", "spin",
        "spinner", "opinion", "ping", "pins", "pin_message", "pinMessageId", "ticket_id",
        "tokenizer", "secretary", "token_type", "tokenType", "cookie_banner", "laptop", "optional",
        "stop", "key", "monkey", "authorizations", "", "_", "7", NULL,
    };
    all_are(SECRECY_NONE, keys);
}

Test(secrets, keys_of_any_bytes) {
    static const char *const keys[] = { "\xff\xfe", "\xc3\xa9", "--__--", "s", "S", NULL };
    all_are(SECRECY_NONE, keys);
    cr_expect_eq(secrets_of_key(DM_SLICE("\xffpin\xff")), SECRECY_FULL);
    cr_expect_eq(secrets_of_key(DM_SLICE("a\0pin")), SECRECY_FULL);
    cr_expect_eq(secrets_of_key((struct dm_slice){ NULL, 0 }), SECRECY_NONE);
}
