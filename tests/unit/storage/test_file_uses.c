/* What ties files to messages, and who may open them therefore. */
#include "tests/unit/storage/shelf.h"

TestSuite(file_uses, .timeout = 300);

static struct store_append send_files(struct shelf *shelf, int64_t thread, int64_t author,
                                      const int64_t *ids, size_t count, enum dm_status expected) {
    struct dm_slice urls[4] = { { 0 } };
    struct append append = { .append = { .urls = urls, .file_ids = ids,
                                         .attachment_count = count } };
    append_submit(shelf->rig.port, &append, thread, author, "see");
    rig_wait(&shelf->rig, &append.probe.done);
    cr_assert(eq(int, append.probe.status, expected));
    return append.append;
}

Test(file_uses, belong_to_their_owner_until_they_are_sent) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t id = shelf_put(&shelf, DM_SLICE("x"));
    check_true(shelf_may_read(&shelf, id, OWNER));
    check_true(!shelf_may_read(&shelf, id, FRIEND));
    check_true(!shelf_may_read(&shelf, id, STRANGER));
    struct store_append sent = send_files(&shelf, shelf.thread, OWNER, &id, 1, DM_OK);
    cr_assert(eq(int, sent.ret_outcome, STORE_APPENDED));
    check_true(shelf_may_read(&shelf, id, OWNER));
    check_true(shelf_may_read(&shelf, id, FRIEND));
    check_true(!shelf_may_read(&shelf, id, STRANGER));
    check_true(shelf_may_read(&shelf, id, 0));
    shelf_close(&shelf);
}

Test(file_uses, histories_name_them) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t ids[] = { shelf_put(&shelf, DM_SLICE("first")), shelf_put(&shelf, DM_SLICE("")) };
    send_files(&shelf, shelf.thread, OWNER, ids, 2, DM_OK);
    struct call call = { .call = { .thread_id = shelf.thread }, .command = { .limit = 10 } };
    call.command.thread = dm_ref_id(shelf.thread);
    cr_assert(eq(int, rig_command(&shelf.rig, &call, FRIEND, DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    const struct dm_message *message = call.result.messages[0];
    cr_assert(eq(sz, message->attachment_count, 2));
    cr_assert(eq(i64, message->attachments[0]->file_id, ids[0]));
    cr_assert(eq(i64, message->attachments[0]->size, 5));
    check_slice(message->attachments[0]->name, DM_SLICE("a.png"));
    check_true(!message->attachments[0]->url.ptr);
    cr_assert(eq(i64, message->attachments[1]->size, 0));
    shelf_close(&shelf);
}

Test(file_uses, only_those_the_author_may_open_can_be_sent) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t other = rig_direct(&shelf.rig, FRIEND, STRANGER, 0);
    int64_t ids[] = { shelf_put(&shelf, DM_SLICE("x")), 999 };
    send_files(&shelf, other, FRIEND, ids, 1, DM_INVALID);
    send_files(&shelf, shelf.thread, OWNER, ids, 2, DM_INVALID);
    send_files(&shelf, shelf.thread, OWNER, &ids[1], 1, DM_INVALID);
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM messages"), 0));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT sum(last_seq) FROM threads"), 0));
    send_files(&shelf, shelf.thread, OWNER, ids, 1, DM_OK);
    send_files(&shelf, other, FRIEND, ids, 1, DM_OK);
    check_true(shelf_may_read(&shelf, ids[0], STRANGER));
    int64_t unfinished = rig_sql(&shelf.rig, "INSERT INTO files VALUES (777, %lld, NULL, 1, false,"
                                 "'x') RETURNING id", (long long)OWNER);
    send_files(&shelf, shelf.thread, OWNER, &unfinished, 1, DM_INVALID);
    shelf_close(&shelf);
}

Test(file_uses, a_bad_one_spoils_no_other_message_of_its_batch) {
    struct shelf shelf;
    struct append appends[20] = { 0 };
    struct dm_slice none[1] = { { 0 } };
    int64_t bad = 999;
    shelf_open(&shelf, NULL);
    for (int i = 0; i < 20; i++) {
        if (i % 7 == 3) {
            appends[i].append.urls = none;
            appends[i].append.file_ids = &bad;
            appends[i].append.attachment_count = 1;
        }
        append_submit(shelf.rig.port, &appends[i], shelf.thread, OWNER, "x");
    }
    uint64_t seq = 0;
    for (int i = 0; i < 20; i++) {
        rig_wait(&shelf.rig, &appends[i].probe.done);
        cr_assert(eq(int, appends[i].probe.status, i % 7 == 3 ? DM_INVALID : DM_OK));
        if (i % 7 != 3)
            cr_assert(eq(u64, appends[i].append.ret_seq, ++seq));
    }
    shelf_close(&shelf);
}

static void remove_member(struct shelf *shelf, int64_t chat, int64_t actor, int64_t user) {
    struct dm_ref ref = dm_ref_id(user);
    struct call call = { .call = { .thread_id = chat },
                         .command = { .users = &ref, .user_count = 1 } };
    call.command.thread = dm_ref_id(chat);
    cr_assert(eq(int, rig_command(&shelf->rig, &call, actor, DM_CMD_CHAT_REMOVE), DM_OK));
}

Test(file_uses, a_removed_member_opens_and_sends_them_no_longer) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t chat = rig_chat(&shelf.rig, OWNER, (int64_t[]){ FRIEND, STRANGER }, 2);
    int64_t with_owner = rig_direct(&shelf.rig, STRANGER, USER(4), 0);
    int64_t id = shelf_put(&shelf, DM_SLICE("x"));
    send_files(&shelf, chat, OWNER, &id, 1, DM_OK);
    check_true(shelf_may_read(&shelf, id, STRANGER));
    remove_member(&shelf, chat, OWNER, STRANGER);
    check_true(!shelf_may_read(&shelf, id, STRANGER));
    check_true(shelf_may_read(&shelf, id, FRIEND));
    send_files(&shelf, with_owner, STRANGER, &id, 1, DM_INVALID);
    shelf_close(&shelf);
}

Test(file_uses, of_held_messages_are_their_authors_alone) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t gated = rig_direct(&shelf.rig, OWNER, STRANGER, 1);
    int64_t first = shelf_put(&shelf, DM_SLICE("1"));
    int64_t second = shelf_put(&shelf, DM_SLICE("2"));
    send_files(&shelf, gated, OWNER, &first, 1, DM_OK);
    struct store_append held = send_files(&shelf, gated, OWNER, &second, 1, DM_OK);
    cr_assert(eq(int, held.ret_outcome, STORE_APPENDED_HELD));
    check_true(shelf_may_read(&shelf, first, STRANGER));
    check_true(!shelf_may_read(&shelf, second, STRANGER));
    check_true(shelf_may_read(&shelf, second, OWNER));
    shelf_close(&shelf);
}

Test(file_uses, go_with_the_last_message_that_refers_to_them) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t id = shelf_put(&shelf, DM_SLICE("x"));
    struct store_append one = send_files(&shelf, shelf.thread, OWNER, &id, 1, DM_OK);
    struct store_append two = send_files(&shelf, shelf.thread, FRIEND, &id, 1, DM_OK);
    struct call call = { .command = { .message = dm_ref_id(one.ret_id) } };
    call.call.thread_id = shelf.thread;
    cr_assert(eq(int, rig_command(&shelf.rig, &call, OWNER, DM_CMD_DELETE), DM_OK));
    check_true(shelf_may_read(&shelf, id, FRIEND) && shelf_may_read(&shelf, id, OWNER));
    shelf_drop(&shelf, id);
    check_true(shelf_may_read(&shelf, id, 0));
    call.command.message = dm_ref_id(two.ret_id);
    cr_assert(eq(int, rig_command(&shelf.rig, &call, FRIEND, DM_CMD_DELETE), DM_OK));
    check_true(!shelf_may_read(&shelf, id, FRIEND));
    check_true(shelf_may_read(&shelf, id, OWNER));
    shelf_drop(&shelf, id);
    check_true(!shelf_may_read(&shelf, id, 0));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM file_pieces"), 0));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM file_uses"), 0));
    shelf_close(&shelf);
}

/* ---- collecting ---- */

Test(file_uses, unused_ones_are_removed_when_they_are_old) {
    struct file_pg_config config = { .collect_ms = 20, .unused_age_s = 3600 };
    struct shelf shelf;
    struct file_pg_stats stats = { 0 };
    shelf_open(&shelf, &config);
    int64_t used = shelf_put(&shelf, DM_SLICE("used"));
    int64_t fresh = shelf_put(&shelf, DM_SLICE("fresh"));
    send_files(&shelf, shelf.thread, OWNER, &used, 1, DM_OK);
    for (int i = 0; i < 40; i++)
        (void)shelf_put(&shelf, DM_SLICE("old"));
    rig_sql(&shelf.rig, "UPDATE files SET created_at = now() - interval '2 hours' "
                        "WHERE id <> %lld", (long long)fresh);
    for (int i = 0; i < 3000 && stats.collected < 40; i++) {
        rig_run(&shelf.rig, 10);
        file_pg_stats(shelf.store, &stats);
    }
    rig_run(&shelf.rig, 50);
    cr_assert(eq(u64, stats.collected, 40));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM files"), 2));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM file_pieces"), 2));
    check_true(shelf_may_read(&shelf, used, FRIEND) && shelf_may_read(&shelf, fresh, OWNER));
    shelf_close(&shelf);
}
