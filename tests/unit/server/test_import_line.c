#include "core/server/import_line.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/check.h"

static int check(enum transfer_kind kind, const char *line) {
    char why[IMPORT_WHY_SIZE] = "";
    int good = import_line_check(kind, dm_slice_str(line), why);
    cr_assert(eq(int, good, !why[0]), "%s: %s", line, why);
    return good;
}

Test(import_line, takes_objects_with_known_keys) {
    check_true(check(TRANSFER_MESSAGES, "{}") == 1);
    check_true(check(TRANSFER_MESSAGES, "{\"uuid\":7,\"held\":null,\"to\":[]}") == 1);
    check_true(check(TRANSFER_THREADS, " {\"members\":[]} ") == 1);
    check_true(check(TRANSFER_USERS, "{\"uuid\":\"x\",\"pin\":12345678}") == 1);
    check_true(check(TRANSFER_FRIENDS, "{\"uuid\":\"x\",\"friends\":7}") == 1);
}

Test(import_line, refuses_all_else) {
    static const char *const lines[] = {
        "", "[]", "null", "7", "{", "{} {}", "{\"txet\":1}", "{\"text\":\"\\ud800\"}",
        "{\"text\":\"\xff\"}", "{\"text\":NaN}", "{\"members\":[]}", "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        cr_assert(eq(int, check(TRANSFER_MESSAGES, lines[i]) == 0, 1), "%s", lines[i]);
}

Test(import_line, refuses_users_without_uuid_and_odd_secrets) {
    static const char *const lines[] = {
        "{}", "{\"uuid\":7}", "{\"uuid\":\"x\",\"pin\":-1}", "{\"uuid\":\"x\",\"pin\":1.5}",
        "{\"uuid\":\"x\",\"pin\":\"\"}", "{\"uuid\":\"x\",\"password\":7}",
        "{\"uuid\":\"x\",\"password\":\"\"}", "{\"uuid\":\"x\",\"password\":null}",
        "{\"uuid\":\"x\",\"password\":\"a\\u0000b\"}", "{\"uuid\":\"x\",\"pin\":\"1\\u0000\"}",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        cr_assert(eq(int, check(TRANSFER_USERS, lines[i]) == 0, 1), "%s", lines[i]);
}

Test(import_line, an_unknown_key_is_named_but_not_at_any_length) {
    char line[400], why[IMPORT_WHY_SIZE];
    snprintf(line, sizeof(line), "{\"%0300d\":1}", 7);
    check_true(import_line_check(TRANSFER_THREADS, dm_slice_str(line), why) == 0);
    check_true(strlen(why) < IMPORT_WHY_SIZE && strstr(why, "unknown key"));
}

Test(import_line, secrets_come_out_and_hashes_go_in) {
    struct dm_slice line = DM_SLICE("{\"uuid\":\"x\",\"password\":\"pw\",\"pin\":42,\"id\":9}");
    struct buf store = BUF_INIT, out = BUF_INIT;
    struct import_secrets secrets;
    import_line_secrets(line, &store, &secrets);
    check_slice(secrets.password, DM_SLICE("pw"));
    check_slice(secrets.pin, DM_SLICE("42"));
    import_line_seal(line, DM_SLICE("P"), DM_SLICE("N"), &out);
    check_slice(buf_slice(&out), DM_SLICE("{\"uuid\":\"x\",\"id\":9,\"password_hash\":\"P\","
                                          "\"pin_hash\":\"N\"}"));
    buf_fini(&store);
    buf_fini(&out);
}

Test(import_line, a_line_without_secrets_has_none) {
    struct buf store = BUF_INIT;
    struct import_secrets secrets;
    import_line_secrets(DM_SLICE("{\"uuid\":\"x\"}"), &store, &secrets);
    check_true(!secrets.password.ptr && !secrets.pin.ptr);
    check_true(import_line_has_friends(DM_SLICE("{\"uuid\":\"x\"}")) == 0);
    check_true(import_line_has_friends(DM_SLICE("{\"friend_requests\":[]}")) == 1);
    buf_fini(&store);
}
