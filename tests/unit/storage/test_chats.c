#include "tests/unit/storage/rig.h"

TestSuite(chats, .timeout = 300);

static int64_t three(struct rig *rig) {
    const int64_t others[] = { USER(2), USER(3) };
    rig_open(rig);
    rig_users(rig, 6);
    return rig_chat(rig, USER(1), others, 2);
}

static enum dm_status change(struct rig *rig, struct call *call, int64_t actor, int64_t chat,
                             enum dm_command_kind kind, const struct dm_ref *users, size_t count) {
    *call = (struct call){ .call = { .thread_id = chat },
                           .command = { .users = users, .user_count = count } };
    return rig_command(rig, call, actor, kind);
}

Test(chats, are_made_with_their_maker) {
    struct rig rig;
    const struct dm_ref users[] = { dm_ref_name(DM_SLICE("u2")), dm_ref_id(USER(1)),
                                    dm_ref_id(USER(2)), dm_ref_id(USER(3)) };
    struct call call;
    rig_open(&rig);
    rig_users(&rig, 3);
    call = (struct call){ .command = { .users = users, .user_count = 4 } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_CREATE), DM_OK));
    cr_assert(eq(int, call.result.thread->kind, DM_THREAD_CHAT));
    cr_assert(eq(sz, call.result.thread->member_count, 3));
    cr_assert(eq(ptr, (void *)call.result.thread->title.ptr, NULL));
    check_true(call.result.flags & DM_RESULT_CREATED);
    cr_assert(eq(i64, call.call.ret_thread.id, call.result.thread->id));
    cr_assert(eq(sz, call.call.ret_thread.member_count, 3));
    /* Two without a title are a direct thread, which exists the second time. */
    call = (struct call){ .command = { .users = users, .user_count = 3 } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_CREATE), DM_OK));
    cr_assert(eq(int, call.result.thread->kind, DM_THREAD_DIRECT));
    int64_t direct = call.result.thread->id;
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_CREATE), DM_EXISTS));
    cr_assert(eq(i64, call.result.thread->id, direct));
    const struct dm_ref unknown[] = { dm_ref_id(USER(2)), dm_ref_id(USER(99)) };
    call = (struct call){ .command = { .users = unknown, .user_count = 2 } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_CREATE), DM_NO_USER));
    call = (struct call){ .command = { .users = users + 1, .user_count = 1 } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_CREATE), DM_SELF));
    call = (struct call){ 0 };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_CREATE), DM_SELF));
    rig_close(&rig);
}

Test(chats, have_a_limit) {
    struct rig rig;
    struct dm_ref users[5];
    struct call call;
    const struct store_pg_config config = { .chat_members = 4 };
    rig_open_with(&rig, &config);
    rig_users(&rig, 6);
    for (int i = 0; i < 5; i++)
        users[i] = dm_ref_id(USER(2 + i));
    call = (struct call){ .command = { .users = users, .user_count = 4 } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_CREATE), DM_TOO_LARGE));
    call.command.user_count = 3;
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_CREATE), DM_OK));
    int64_t chat = call.result.thread->id;
    cr_assert(eq(int, change(&rig, &call, USER(1), chat, DM_CMD_CHAT_ADD, users, 4),
                 DM_TOO_LARGE));
    cr_assert(eq(int, change(&rig, &call, USER(1), chat, DM_CMD_CHAT_ADD, users, 3), DM_OK));
    rig_close(&rig);
}

Test(chats, titles_change_and_go) {
    struct rig rig;
    int64_t chat = three(&rig);
    struct call call = { .call = { .thread_id = chat }, .command = { .title = DM_SLICE("new") } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_CHAT_UPDATE), DM_OK));
    check_slice(call.result.thread->title, DM_SLICE("new"));
    cr_assert(eq(sz, call.result.thread->member_count, 3));
    check_true(call.result.thread->updated_us > call.result.thread->created_us);
    uint64_t rev = call.call.ret_thread.member_rev;
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_CHAT_UPDATE), DM_OK));
    cr_assert(eq(int, call.result.flags, 0));
    call.command.title = DM_SLICE_NONE;
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_CHAT_UPDATE), DM_OK));
    cr_assert(eq(ptr, (void *)call.result.thread->title.ptr, NULL));
    check_true(call.call.ret_thread.member_rev > rev);
    cr_assert(eq(int, rig_command(&rig, &call, USER(4), DM_CMD_CHAT_UPDATE), DM_NO_THREAD));
    rig_close(&rig);
}

Test(chats, who_joins_sees_what_comes) {
    struct rig rig;
    struct call call;
    const struct dm_ref users[] = { dm_ref_id(USER(3)), dm_ref_id(USER(4)) };
    int64_t chat = three(&rig);
    int64_t before = rig_append(&rig, chat, USER(1), "before").ret_id;
    rig_append(&rig, chat, USER(1), "also before");
    cr_assert(eq(int, change(&rig, &call, USER(2), chat, DM_CMD_CHAT_ADD, users, 2), DM_OK));
    cr_assert(eq(sz, call.result.user_count, 1));
    cr_assert(eq(i64, call.result.users[0]->id, USER(4)));
    cr_assert(eq(sz, call.result.thread->member_count, 4));
    cr_assert(eq(int, change(&rig, &call, USER(2), chat, DM_CMD_CHAT_ADD, users, 2), DM_OK));
    cr_assert(eq(sz, call.result.user_count, 0));
    cr_assert(eq(int, call.result.flags, 0));
    rig_append(&rig, chat, USER(1), "after");
    call = (struct call){ .command = { .message = dm_ref_id(before) } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(4), DM_CMD_READ_ONE), DM_NO_MESSAGE));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_DELETE), DM_OK));
    call = (struct call){ .call = { .thread_id = chat } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(4), DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    check_slice(call.result.messages[0]->text, DM_SLICE("after"));
    cr_assert(eq(u64, call.result.thread->message_count, 1));
    cr_assert(eq(u64, call.result.thread->unread, 1));
    cr_assert(eq(int, rig_command(&rig, &call, USER(3), DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 2));
    cr_assert(eq(u64, call.result.thread->message_count, 2));
    /* Whoever joined later owes no reading of what was before. */
    rig_command(&rig, &call, USER(2), DM_CMD_READ);
    rig_command(&rig, &call, USER(3), DM_CMD_READ);
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    cr_assert(eq(int, call.result.messages[1]->state, DM_MESSAGE_READ));
    cr_assert(eq(int, call.result.messages[0]->state, DM_MESSAGE_DELIVERED));
    rig_close(&rig);
}

Test(chats, who_is_removed_is_out) {
    struct rig rig;
    struct call call;
    const struct dm_ref users[] = { dm_ref_id(USER(3)), dm_ref_id(USER(5)) };
    int64_t chat = three(&rig);
    rig_append(&rig, chat, USER(3), "mine");
    cr_assert(eq(int, change(&rig, &call, USER(1), chat, DM_CMD_CHAT_REMOVE, users, 2), DM_OK));
    cr_assert(eq(sz, call.result.user_count, 1));
    cr_assert(eq(i64, call.result.users[0]->id, USER(3)));
    cr_assert(eq(sz, call.result.thread->member_count, 2));
    cr_assert(eq(int, rig_append(&rig, chat, USER(3), "x").ret_outcome, STORE_REFUSED_MEMBER));
    call = (struct call){ .call = { .thread_id = chat } };
    const enum dm_command_kind kinds[] = { DM_CMD_HISTORY, DM_CMD_THREAD_GET, DM_CMD_READ,
                                           DM_CMD_CHAT_UPDATE, DM_CMD_CHAT_ADD,
                                           DM_CMD_CHAT_REMOVE };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        cr_assert(eq(int, rig_command(&rig, &call, USER(3), kinds[i]), DM_NO_THREAD), "%s",
                  dm_command_name(kinds[i]));
    cr_assert(eq(int, rig_command(&rig, &call, USER(3), DM_CMD_THREAD_LIST), DM_OK));
    cr_assert(eq(sz, call.result.thread_count, 0));
    /* Nothing happens when one of them is nobody. */
    const struct dm_ref nobody[] = { dm_ref_id(USER(2)), dm_ref_id(USER(99)) };
    cr_assert(eq(int, change(&rig, &call, USER(1), chat, DM_CMD_CHAT_REMOVE, nobody, 2),
                 DM_NO_USER));
    /* Leaving. */
    const struct dm_ref self = dm_ref_id(USER(1));
    cr_assert(eq(int, change(&rig, &call, USER(1), chat, DM_CMD_CHAT_REMOVE, &self, 1), DM_OK));
    cr_assert(eq(sz, call.result.thread->member_count, 1));
    cr_assert(eq(i64, call.result.users[0]->id, USER(1)));
    cr_assert(eq(sz, call.result.thread->message_count, 0));
    rig_close(&rig);
}

Test(chats, direct_threads_keep_their_members) {
    struct rig rig;
    struct call call;
    const struct dm_ref users[] = { dm_ref_id(USER(3)) };
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    const enum dm_command_kind kinds[] = { DM_CMD_CHAT_ADD, DM_CMD_CHAT_REMOVE };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        cr_assert(eq(int, change(&rig, &call, USER(1), thread, kinds[i], users, 1),
                     DM_FORBIDDEN));
    rig_close(&rig);
}

Test(chats, direct_threads_take_a_title) {
    struct rig rig;
    struct call call;
    rig_open(&rig);
    rig_users(&rig, 4);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    call = (struct call){ .call = { .thread_id = thread }, .command = { .title = DM_SLICE("us") } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_CHAT_UPDATE), DM_OK));
    check_slice(call.result.thread->title, DM_SLICE("us"));
    cr_assert(eq(i64, call.result.thread->peer->id, USER(1)));
    cr_assert(eq(sz, call.result.thread->member_count, 0));
    cr_assert(eq(int, rig_command(&rig, &call, USER(3), DM_CMD_CHAT_UPDATE), DM_NO_THREAD));
    /* Not while one of the two waits, or wants to hear nothing. */
    thread = rig_direct(&rig, USER(1), USER(3), 1);
    call.call.thread_id = thread;
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_UPDATE), DM_BLOCKED));
    thread = rig_direct(&rig, USER(1), USER(4), 0);
    call.call.thread_id = thread;
    cr_assert(eq(int, rig_command(&rig, &call, USER(4), DM_CMD_BLOCK), DM_OK));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_CHAT_UPDATE), DM_BLOCKED));
    rig_close(&rig);
}

/* A message and the removal of its author at once: one of both orders, never a mix. */
Test(chats, removal_and_message_do_not_cross) {
    struct rig rig;
    const struct dm_ref users[] = { dm_ref_id(USER(3)) };
    int64_t chat = three(&rig);
    struct store_pg *second = rig_store(&rig, NULL);
    for (int i = 0; i < 40; i++) {
        struct call call = { .call = { .base = { .kind = STORE_COMMAND }, .actor_id = USER(1),
                                       .thread_id = chat },
                             .command = { .kind = DM_CMD_CHAT_REMOVE, .users = users,
                                          .user_count = 1 } };
        struct append list[6] = { 0 };
        for (int k = 0; k < 6; k++) {
            append_submit(rig.port, &list[k], chat, USER(3), "x");
            if (k == i % 6)
                call_submit(&rig, store_pg_port(second), &call);
            if (k % 2)
                rig_run(&rig, 1);
        }
        rig_wait(&rig, &call.probe.done);
        int refused = 0;
        for (int k = 0; k < 6; k++) {
            rig_wait(&rig, &list[k].probe.done);
            int now = list[k].append.ret_outcome == STORE_REFUSED_MEMBER;
            check_true(now >= refused);
            refused = now;
        }
        cr_assert(eq(int, change(&rig, &call, USER(1), chat, DM_CMD_CHAT_ADD, users, 1), DM_OK));
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT last_seq - (SELECT count(*) FROM messages) "
                                    "FROM threads"), 0));
    rig_store_close(&rig, second);
    rig_close(&rig);
}
