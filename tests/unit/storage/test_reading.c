#include "tests/unit/storage/rig.h"

TestSuite(reading, .timeout = 300);

static int64_t filled(struct rig *rig, int count) {
    char text[16];
    rig_open(rig);
    rig_users(rig, 4);
    int64_t thread = rig_direct(rig, USER(1), USER(2), 0);
    for (int i = 1; i <= count; i++) {
        snprintf(text, sizeof(text), "%d", i);
        rig_append(rig, thread, USER(1 + i % 2), text);
    }
    return thread;
}

static void check_page(const struct call *call, uint64_t newest, size_t count) {
    cr_assert(eq(sz, call->result.message_count, count));
    for (size_t i = 0; i < count; i++)
        cr_assert(eq(u64, call->result.messages[i]->seq, newest - i));
}

Test(reading, pages_of_a_history) {
    struct rig rig;
    int64_t thread = filled(&rig, 20);
    struct call call = { .call = { .thread_id = thread }, .command = { .limit = 5 } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_HISTORY), DM_OK));
    check_page(&call, 20, 5);
    const struct dm_message *m = call.result.messages[0];
    check_slice(m->text, DM_SLICE("20"));
    cr_assert(eq(i64, m->author->id, USER(1)));
    cr_assert(eq(i64, m->recipient->id, USER(2)));
    check_true(dm_uuid_eq(&m->thread_uuid, &call.result.thread->uuid));
    cr_assert(eq(u64, call.result.thread->message_count, 20));
    check_true(call.result.thread->last_message && call.result.thread->last_message->seq == 20);
    int64_t id = call.result.messages[4]->id;
    call.command.before = call.result.messages[4]->seq;
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    check_page(&call, 15, 5);
    call.command.before = 0;
    call.command.before_id = id;
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    check_page(&call, 15, 5);
    call.command.before_id = 0;
    call.command.offset = 17;
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    check_page(&call, 3, 3);
    call.command.offset = 0;
    call.command.flags = DM_CMD_OLDEST_FIRST;
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    cr_assert(eq(u64, call.result.messages[0]->seq, 16));
    cr_assert(eq(u64, call.result.messages[4]->seq, 20));
    call.command.flags = DM_CMD_WITHOUT_BODIES;
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    cr_assert(eq(sz, call.result.message_count, 0));
    cr_assert(eq(u64, call.result.thread->message_count, 20));
    rig_close(&rig);
}

/* Also where what cannot be seen lies between. */
Test(reading, pages_by_number) {
    struct rig rig;
    int64_t thread = filled(&rig, 20);
    struct call call = { .call = { .thread_id = thread },
                         .command = { .limit = 5, .offset = 10 } };
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    check_page(&call, 10, 5);
    call.command.before = 18;
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    check_page(&call, 7, 5);
    call.command.offset = 30;
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    check_page(&call, 0, 0);
    rig_sql(&rig, "UPDATE messages SET deleted = true WHERE seq = 19");
    rig_sql(&rig, "UPDATE threads SET count_lo = 19, count_hi = 19");
    call.command.before = 0;
    call.command.offset = 10;
    rig_command(&rig, &call, USER(1), DM_CMD_HISTORY);
    check_page(&call, 9, 5);
    rig_close(&rig);
}

Test(reading, by_user_name_uuid_and_strangers) {
    struct rig rig;
    struct call call = { 0 };
    int64_t thread = filled(&rig, 3);
    call.command.user = dm_ref_name(DM_SLICE("u2"));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_HISTORY), DM_OK));
    check_page(&call, 3, 3);
    call.command.user = dm_ref_uuid(&call.result.messages[0]->author->uuid);
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_HISTORY), DM_OK));
    check_page(&call, 3, 3);
    call.command.user = dm_ref_id(USER(3));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(ptr, (void *)call.result.thread, NULL));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_THREAD_GET), DM_NO_THREAD));
    call.command.user = dm_ref_name(DM_SLICE("nobody"));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_HISTORY), DM_NO_USER));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_UNREAD_COUNT), DM_NO_USER));
    call = (struct call){ .call = { .thread_id = thread } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(3), DM_CMD_HISTORY), DM_NO_THREAD));
    cr_assert(eq(int, rig_command(&rig, &call, USER(3), DM_CMD_THREAD_GET), DM_NO_THREAD));
    call = (struct call){ .command = { .user = dm_ref_id(USER(1)) } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_UNREAD_COUNT), DM_OK));
    cr_assert(eq(u64, call.result.count, 1));
    rig_close(&rig);
}

Test(reading, what_was_said_with_who_is_gone) {
    struct rig rig;
    struct call call = { .command = { .user = dm_ref_name(DM_SLICE("u2")) } };
    filled(&rig, 3);
    rig_sql(&rig, "UPDATE users SET active = false WHERE username IN ('u2', 'u3')");
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_UNREAD_COUNT), DM_OK));
    cr_assert(eq(u64, call.result.count, 2));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_HISTORY), DM_OK));
    check_page(&call, 3, 3);
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_THREAD_GET), DM_OK));
    call.command.user = dm_ref_name(DM_SLICE("u3"));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_HISTORY), DM_NO_USER));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_UNREAD_COUNT), DM_NO_USER));
    rig_close(&rig);
}

Test(reading, history_that_marks_names_what_it_read) {
    struct rig rig;
    int64_t thread = filled(&rig, 6);
    struct call call = { .call = { .thread_id = thread },
                         .command = { .limit = 2, .flags = DM_CMD_MARK_READ } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_HISTORY), DM_OK));
    check_page(&call, 6, 2);
    cr_assert(eq(sz, call.call.ret_read_count, 3));
    cr_assert(eq(u64, call.call.ret_read[0]->seq, 1));
    cr_assert(eq(i64, call.call.ret_read[2]->author->id, USER(2)));
    cr_assert(eq(u64, call.result.thread->unread, 0));
    rig_close(&rig);
}

Test(reading, thread_lists_page_by_their_last_message) {
    struct rig rig;
    struct call call = { .command = { .limit = 2 } };
    const int64_t others[] = { USER(2), USER(3) };
    int64_t a = filled(&rig, 2);
    int64_t b = rig_direct(&rig, USER(3), USER(1), 0);
    int64_t c = rig_chat(&rig, USER(1), others, 2);
    rig_direct(&rig, USER(1), USER(4), 0); /* without messages: in no list */
    rig_append(&rig, b, USER(3), "b");
    rig_append(&rig, c, USER(2), "c");
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_THREAD_LIST), DM_OK));
    cr_assert(eq(sz, call.result.thread_count, 2));
    cr_assert(eq(i64, call.result.threads[0]->id, c));
    cr_assert(eq(i64, call.result.threads[1]->id, b));
    check_slice(call.result.threads[0]->title, DM_SLICE("chat"));
    check_slice(call.result.threads[0]->last_message->text, DM_SLICE("c"));
    cr_assert(eq(i64, call.result.threads[1]->peer->id, USER(3)));
    cr_assert(eq(u64, call.result.threads[1]->unread, 1));
    cr_assert(eq(u64, call.result.count, 3));
    check_true(call.result.next_cursor);
    call.command.cursor = call.result.next_cursor;
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_THREAD_LIST), DM_OK));
    cr_assert(eq(sz, call.result.thread_count, 1));
    cr_assert(eq(i64, call.result.threads[0]->id, a));
    cr_assert(eq(u64, call.result.threads[0]->message_count, 2));
    cr_assert(eq(u64, call.result.next_cursor, 0));
    call.command = (struct dm_command){ .flags = DM_CMD_DIRECT_ONLY };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_THREAD_LIST), DM_OK));
    cr_assert(eq(sz, call.result.thread_count, 2));
    cr_assert(eq(u64, call.result.count, 2));
    cr_assert(eq(int, rig_command(&rig, &call, USER(4), DM_CMD_THREAD_LIST), DM_OK));
    cr_assert(eq(sz, call.result.thread_count, 0));
    rig_close(&rig);
}

Test(reading, thread_lists_tell_what_lies_behind_the_page) {
    struct rig rig;
    struct call call = { .call = { .behind_max = 2 }, .command = { .limit = 1 } };
    const int64_t others[] = { USER(2), USER(3) };
    int64_t a = filled(&rig, 2);
    int64_t b = rig_chat(&rig, USER(1), others, 2);
    int64_t c = rig_direct(&rig, USER(3), USER(1), 0);
    int64_t d = rig_direct(&rig, USER(4), USER(1), 0);
    rig_append(&rig, b, USER(2), "b");
    rig_append(&rig, c, USER(3), "c");
    rig_append(&rig, d, USER(4), "d");
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_THREAD_LIST), DM_OK));
    cr_assert(eq(sz, call.result.thread_count, 1));
    cr_assert(eq(i64, call.result.threads[0]->id, d));
    check_true(call.result.next_cursor);
    cr_assert(eq(sz, call.call.ret_thread_count, 2));
    cr_assert(eq(i64, call.call.ret_threads[0], c));
    cr_assert(eq(i64, call.call.ret_threads[1], b));
    call = (struct call){ .command = { .limit = 1 } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_THREAD_LIST), DM_OK));
    cr_assert(eq(sz, call.call.ret_thread_count, 0));
    /* Those it told, as they are now: 1 has left b. */
    const int64_t listed[] = { b, a, c };
    rig_append(&rig, a, USER(2), "new");
    rig_sql(&rig, "DELETE FROM members WHERE thread_id = %ld AND user_id = %ld", (long)b,
            (long)USER(1));
    call = (struct call){ .call = { .listed = listed, .listed_count = 3 } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_THREAD_LIST), DM_OK));
    cr_assert(eq(sz, call.result.thread_count, 2));
    cr_assert(eq(i64, call.result.threads[0]->id, a));
    check_slice(call.result.threads[0]->last_message->text, DM_SLICE("new"));
    cr_assert(eq(i64, call.result.threads[1]->id, c));
    cr_assert(eq(u64, call.result.next_cursor, 0));
    rig_close(&rig);
}

Test(reading, the_engines_own_look_ups) {
    struct rig rig;
    int64_t thread = filled(&rig, 1);
    int64_t message = rig_sql(&rig, "SELECT id FROM messages");
    const int64_t others[] = { USER(2), USER(3) };
    int64_t chat = rig_chat(&rig, USER(1), others, 2);
    struct call call = { .call = { .base = { .kind = STORE_THREAD_FIND } },
                         .command = { .message = dm_ref_id(message) } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(i64, call.call.ret_thread.id, thread));
    cr_assert(eq(int, call.call.ret_thread.kind, DM_THREAD_DIRECT));
    struct dm_uuid uuid = call.call.ret_thread.uuid;
    call.command = (struct dm_command){ .thread = dm_ref_uuid(&uuid) };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(i64, call.call.ret_thread.id, thread));
    call.command = (struct dm_command){ .thread = dm_ref_id(chat) };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(i64, call.call.ret_thread.id, chat));
    call.command = (struct dm_command){ 0 };
    call.call.actor_id = USER(2);
    call.call.other_id = USER(1);
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(i64, call.call.ret_thread.id, thread));
    call.call.other_id = USER(4);
    cr_assert(eq(int, rig_call(&rig, &call), DM_NO_THREAD));
    call.command = (struct dm_command){ .message = dm_ref_id(message + 100) };
    cr_assert(eq(int, rig_call(&rig, &call), DM_NO_MESSAGE));
    call = (struct call){ .call = { .base = { .kind = STORE_MEMBERS }, .thread_id = chat } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(sz, call.call.ret_thread.member_count, 3));
    check_true(call.call.ret_thread.member_rev > 0);
    check_slice(call.call.ret_thread.title, DM_SLICE("chat"));
    rig_close(&rig);
}

/* Answers fit their questions also when many are in the pipe. */
Test(reading, many_at_once) {
    enum { COUNT = 500 };
    struct rig rig;
    struct call *calls = calloc(COUNT, sizeof(*calls));
    int64_t thread = filled(&rig, 9);
    for (int i = 0; i < COUNT; i++) {
        calls[i].call.base.kind = STORE_COMMAND;
        calls[i].call.actor_id = USER(1);
        calls[i].call.thread_id = thread;
        calls[i].command.kind = DM_CMD_HISTORY;
        calls[i].command.limit = (uint32_t)(1 + i % 9);
        call_submit(&rig, rig.port, &calls[i]);
        if (i == COUNT / 2)
            rig_run(&rig, 5);
        if (i == COUNT / 2)
            rig_cut(&rig);
    }
    for (int i = 0; i < COUNT; i++) {
        rig_wait(&rig, &calls[i].probe.done);
        cr_assert(eq(int, calls[i].probe.status, DM_OK));
        check_page(&calls[i], 9, (size_t)(1 + i % 9));
    }
    free(calls);
    rig_close(&rig);
}
