#include "storage/listen_pg.h"
#include "tests/unit/storage/rig.h"

TestSuite(accounts, .timeout = 300);

static enum dm_status create(struct rig *rig, struct call *call, const char *username,
                             const char *email) {
    call->call = (struct store_call){ .base = { .kind = STORE_USER_CREATE, .lane = 1 } };
    call->account.profile.username = dm_slice_str(username);
    call->account.profile.email = dm_slice_str(email);
    return rig_call(rig, call);
}

static enum dm_status find(struct rig *rig, struct call *call, const char *name) {
    *call = (struct call){ .call = { .base = { .kind = STORE_USER_FIND } },
                           .command = { .user = dm_ref_name(dm_slice_str(name)) } };
    return rig_call(rig, call);
}

Test(accounts, keep_everything_they_are_made_of) {
    struct rig rig;
    struct call call = { .account = { .profile = { .first_name = DM_SLICE("Jörg"),
                                                   .last_name = DM_SLICE("O'Neil"),
                                                   .photo = DM_SLICE("https://x.example/p"),
                                                   .color = DM_SLICE("#aabbcc"),
                                                   .role = DM_SLICE("TUTOR"),
                                                   .location = DM_SLICE("here") },
                                      .password_hash = DM_SLICE("$argon2id$p"),
                                      .pin_hash = DM_SLICE("$argon2id$q") } };
    rig_open(&rig);
    cr_assert(eq(int, create(&rig, &call, "joerg", "J@X.example"), DM_OK));
    cr_assert(eq(i64, call.result.user->id, DM_USER_ID_FIRST));
    check_true(call.result.flags & DM_RESULT_CREATED);
    check_slice(call.result.user->first_name, DM_SLICE("Jörg"));
    check_slice(call.result.user->location, DM_SLICE("here"));
    cr_assert(eq(int, call.result.user->flags, DM_USER_ACTIVE));
    cr_assert(eq(int, find(&rig, &call, "j@x.EXAMPLE"), DM_OK));
    check_slice(call.result.user->email, DM_SLICE("J@X.example"));
    check_slice(call.call.ret_account.password_hash, DM_SLICE("$argon2id$p"));
    check_slice(call.call.ret_account.pin_hash, DM_SLICE("$argon2id$q"));
    check_slice(call.call.ret_account.profile.role, DM_SLICE("TUTOR"));
    cr_assert(eq(int, find(&rig, &call, "joerg"), DM_OK));
    cr_assert(eq(int, find(&rig, &call, "JOERG"), DM_NO_USER));
    rig_close(&rig);
}

Test(accounts, share_one_name_space) {
    struct rig rig;
    struct call call = { 0 };
    rig_open(&rig);
    cr_assert(eq(int, create(&rig, &call, "ann", "ann@x.example"), DM_OK));
    cr_assert(eq(int, create(&rig, &call, "ann", NULL), DM_EXISTS));
    cr_assert(eq(int, create(&rig, &call, "Ann", NULL), DM_OK));
    cr_assert(eq(int, create(&rig, &call, "bob", "ANN@x.example"), DM_EXISTS));
    cr_assert(eq(int, create(&rig, &call, "ANN@X.example", NULL), DM_EXISTS));
    cr_assert(eq(int, create(&rig, &call, NULL, NULL), DM_INVALID));
    /* The e-mail as username of the same account, and no username at all. */
    cr_assert(eq(int, create(&rig, &call, "carl@x.example", "Carl@x.example"), DM_OK));
    cr_assert(eq(int, create(&rig, &call, NULL, "dora@x.example"), DM_OK));
    cr_assert(eq(ptr, (void *)call.result.user->username.ptr, NULL));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM users"), 4));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM user_names"), 5));
    rig_close(&rig);
}

Test(accounts, chosen_ids_and_counted_ones_do_not_collide) {
    struct rig rig;
    struct call call = { .account = { .id = DM_USER_ID_FIRST + 1 } };
    rig_open(&rig);
    memset(call.account.uuid.bytes, 7, 16);
    cr_assert(eq(int, create(&rig, &call, "chosen", NULL), DM_OK));
    cr_assert(eq(i64, call.result.user->id, DM_USER_ID_FIRST + 1));
    check_true(dm_uuid_eq(&call.result.user->uuid, &call.account.uuid));
    cr_assert(eq(int, create(&rig, &call, "again", NULL), DM_EXISTS));
    call.account.id = 0;
    cr_assert(eq(int, create(&rig, &call, "sameuuid", NULL), DM_EXISTS));
    memset(&call.account, 0, sizeof(call.account));
    for (int i = 0; i < 3; i++) {
        char name[8] = { (char)('a' + i), 0 };
        cr_assert(eq(int, create(&rig, &call, name, NULL), DM_OK));
        check_true(call.result.user->id != DM_USER_ID_FIRST + 1);
    }
    call.account.id = 5;
    cr_assert(eq(int, create(&rig, &call, "low", NULL), DM_INVALID));
    call.account.id = INT64_C(1) << 53;
    cr_assert(eq(int, create(&rig, &call, "high", NULL), DM_INVALID));
    rig_close(&rig);
}

Test(accounts, change_and_end) {
    struct rig rig;
    struct call call = { 0 };
    rig_open(&rig);
    create(&rig, &call, "ann", "ann@x.example");
    int64_t ann = call.result.user->id;
    create(&rig, &call, "bob", NULL);
    call = (struct call){ .call = { .base = { .kind = STORE_USER_UPDATE }, .other_id = ann },
                          .account = { .profile = { .username = DM_SLICE("anna"),
                                                    .role = DM_SLICE("ADMIN") } } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    check_slice(call.result.user->username, DM_SLICE("anna"));
    check_slice(call.result.user->email, DM_SLICE("ann@x.example"));
    call.account.profile.username = DM_SLICE("bob");
    cr_assert(eq(int, rig_call(&rig, &call), DM_EXISTS));
    call.call.other_id = 1 << 29;
    cr_assert(eq(int, rig_call(&rig, &call), DM_NO_USER));
    cr_assert(eq(int, find(&rig, &call, "ann"), DM_NO_USER));
    cr_assert(eq(int, find(&rig, &call, "anna"), DM_OK));
    check_slice(call.result.user->role, DM_SLICE("ADMIN"));
    call = (struct call){ .call = { .base = { .kind = STORE_USER_UPDATE }, .other_id = ann },
                          .account = { .activity = STORE_DEACTIVATE } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(int, find(&rig, &call, "anna"), DM_OK));
    cr_assert(eq(int, call.result.user->flags & DM_USER_ACTIVE, 0));
    call = (struct call){ .command = { .user = dm_ref_id(ann) } };
    cr_assert(eq(int, rig_command(&rig, &call, ann + 1, DM_CMD_USER_GET), DM_NO_USER));
    cr_assert(eq(int, rig_command(&rig, &call, ann + 1, DM_CMD_FRIEND_REQUEST), DM_NO_USER));
    rig_close(&rig);
}

Test(accounts, lists_page_by_id) {
    struct rig rig;
    struct call call = { .command = { .limit = 3 } };
    rig_open(&rig);
    rig_users(&rig, 8);
    rig_sql(&rig, "UPDATE users SET active = false WHERE id = 10000003");
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_USER_LIST), DM_OK));
    cr_assert(eq(sz, call.result.user_count, 3));
    cr_assert(eq(i64, call.result.users[0]->id, USER(1)));
    cr_assert(eq(i64, call.result.users[1]->id, USER(4)));
    call.command.cursor = call.result.next_cursor;
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_USER_LIST), DM_OK));
    cr_assert(eq(i64, call.result.users[2]->id, USER(8)));
    cr_assert(eq(u64, call.result.next_cursor, 0));
    call = (struct call){ .call = { .base = { .kind = STORE_USER_PAGE } } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(sz, call.result.user_count, 8));
    const struct dm_ref refs[] = { dm_ref_id(USER(5)), dm_ref_id(USER(3)), dm_ref_id(1) };
    call = (struct call){ .call = { .base = { .kind = STORE_USERS_FIND } },
                          .command = { .users = refs, .user_count = 3 } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(sz, call.result.user_count, 2));
    call = (struct call){ 0 };
    cr_assert(eq(int, rig_command(&rig, &call, USER(6), DM_CMD_USER_GET), DM_OK));
    cr_assert(eq(i64, call.result.user->id, USER(6)));
    rig_close(&rig);
}

Test(accounts, friends_ask_and_answer) {
    struct rig rig;
    struct call call = { .command = { .user = dm_ref_id(USER(2)) } };
    rig_open(&rig);
    rig_users(&rig, 3);
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_FRIEND_REQUEST), DM_OK));
    check_true(call.result.flags & DM_RESULT_CHANGED);
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_FRIEND_REQUEST), DM_OK));
    cr_assert(eq(int, call.result.flags, 0));
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_FRIEND_REQUEST), DM_SELF));
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_FRIEND_PENDING), DM_OK));
    cr_assert(eq(sz, call.result.user_count, 1));
    cr_assert(eq(i64, call.result.users[0]->id, USER(1)));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_FRIEND_ACCEPT), DM_NO_REQUEST));
    call.command.user = dm_ref_name(DM_SLICE("u1"));
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_FRIEND_ACCEPT), DM_OK));
    cr_assert(eq(i64, call.result.user->id, USER(1)));
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_FRIEND_ACCEPT), DM_NO_REQUEST));
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_FRIEND_REQUEST), DM_EXISTS));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_FRIEND_LIST), DM_OK));
    cr_assert(eq(i64, call.result.users[0]->id, USER(2)));
    cr_assert(eq(int, rig_command(&rig, &call, USER(3), DM_CMD_FRIEND_REQUEST), DM_OK));
    call.command.user = dm_ref_id(USER(3));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_FRIEND_DENY), DM_OK));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_FRIEND_LIST), DM_OK));
    cr_assert(eq(sz, call.result.user_count, 1));
    call = (struct call){ .call = { .base = { .kind = STORE_FRIENDS_CHECK }, .actor_id = USER(2),
                                    .other_id = USER(1) } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(u64, call.result.count, 1));
    call.call.other_id = USER(3);
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(u64, call.result.count, 0));
    rig_close(&rig);
}

Test(accounts, commands_the_store_does_not_know_fail) {
    struct rig rig;
    struct call call = { 0 };
    rig_open(&rig);
    rig_users(&rig, 1);
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_FILE_PUT), DM_INTERNAL));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_LOGIN), DM_INTERNAL));
    rig_close(&rig);
}

/* Notices */

struct heard {
    struct rig *rig;
    struct bus_notice list[16];
    int count;
    int closed;
};

static void hear(void *owner, const struct bus_notice *notice) {
    struct heard *heard = owner;
    if (heard->count < 16)
        heard->list[heard->count++] = *notice;
}

static void heard_closed(void *owner) {
    ((struct heard *)owner)->closed = 1;
}

static void wait_heard(struct heard *heard, int count) {
    for (int i = 0; i < 3000 && heard->count < count; i++)
        rig_run(heard->rig, 10);
    cr_assert(eq(int, heard->count, count));
}

Test(accounts, changes_are_told_to_all_nodes) {
    struct rig rig;
    struct heard heard = { .rig = &rig };
    struct listen_pg *listen;
    struct call call = { 0 };
    rig_open(&rig);
    cr_assert(eq(int, listen_pg_open(&rig.loop, rig.conninfo, 0, hear, &heard, &listen), 0));
    wait_heard(&heard, 1);
    cr_assert(eq(int, heard.list[0].kind, BUS_RESYNC));
    create(&rig, &call, "ann", NULL);
    int64_t ann = call.result.user->id;
    cr_assert(eq(int, create(&rig, &call, "ann", NULL), DM_EXISTS));
    call = (struct call){ .call = { .base = { .kind = STORE_USER_UPDATE }, .other_id = ann },
                          .account = { .activity = STORE_DEACTIVATE } };
    rig_call(&rig, &call);
    call = (struct call){ .call = { .base = { .kind = STORE_TOKEN_REVOKE } } };
    memset(call.call.fingerprint, 0xab, STORE_FINGERPRINT_LEN);
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    wait_heard(&heard, 4);
    cr_assert(eq(int, heard.list[1].kind, BUS_USER_CREATED));
    cr_assert(eq(i64, heard.list[1].id, ann));
    cr_assert(eq(int, heard.list[2].kind, BUS_USER_DEACTIVATED));
    cr_assert(eq(int, heard.list[3].kind, BUS_TOKEN_REVOKED));
    cr_assert(eq(int, heard.list[3].fingerprint[31], 0xab));
    rig_cut(&rig);
    wait_heard(&heard, 6);
    cr_assert(eq(int, heard.list[4].kind, BUS_DEAF));
    cr_assert(eq(int, heard.list[5].kind, BUS_RESYNC));
    listen_pg_close(listen, heard_closed, &heard);
    rig_wait(&rig, &heard.closed);
    rig_close(&rig);
}

Test(accounts, revoked_tokens_are_kept_until_they_expire) {
    struct rig rig;
    struct call call = { .call = { .base = { .kind = STORE_TOKEN_REVOKE },
                                   .expires_us = 1000000 } };
    rig_open(&rig);
    call.call.fingerprint[0] = 1;
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    call.call.fingerprint[0] = 2;
    call.call.expires_us = INT64_C(9000000000000000);
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    call.call.fingerprint[0] = 3;
    call.call.expires_us = 0;
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    call = (struct call){ .call = { .base = { .kind = STORE_REVOKED_LIST } } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(sz, call.call.ret_fingerprint_count, 2));
    cr_assert(eq(int, call.call.ret_fingerprints[0][0] + call.call.ret_fingerprints[1][0], 5));
    rig_close(&rig);
}

Test(accounts, payloads_are_read_strictly) {
    struct bus_notice notice;
    static const char *const bad[] = { "", "user_created", "user_created ", "user_created x",
                                       "user_created 1x", "user_created -5", "user_made 5",
                                       "user_created 99999999999999999999", "token_revoked abc",
                                       "token_revoked zz" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check_true(listen_pg_parse(bad[i], &notice) < 0);
    cr_assert(eq(int, listen_pg_parse("user_changed 10000005", &notice), 0));
    cr_assert(eq(i64, notice.id, 10000005));
}
