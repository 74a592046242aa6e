#include "tests/unit/storage/rig.h"

TestSuite(missed, .timeout = 300);

enum { LIMIT = 3 };

/* Asks as USER(2), who has been told all up to `told`. */
static void check_missed(struct rig *rig, int64_t told, const int64_t *ids, size_t count) {
    struct call call = { .command = { .limit = LIMIT, .flags = DM_CMD_TOLD_LATER,
                                      .cursor = (uint64_t)told } };
    cr_assert(eq(int, rig_command(rig, &call, USER(2), DM_CMD_UNDELIVERED), DM_OK));
    cr_assert(eq(sz, call.result.message_count, count));
    for (size_t i = 0; i < count; i++)
        cr_assert(eq(i64, call.result.messages[i]->id, ids[i]));
}

static int64_t delivered(struct rig *rig, int64_t thread) {
    return rig_sql(rig, "SELECT delivered_hi FROM threads WHERE id = %lld", (long long)thread);
}

Test(missed, comes_again_until_it_was_told) {
    struct rig rig;
    int64_t ids[7];
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    int64_t other = rig_direct(&rig, USER(3), USER(2), 0);
    for (int i = 0; i < 7; i++) {
        ids[i] = rig_append(&rig, i % 2 ? other : thread, USER(i % 2 ? 3 : 1), "x").ret_id;
        rig_append(&rig, thread, USER(2), "own");
    }
    check_missed(&rig, 0, ids, 3);
    check_missed(&rig, 0, ids, 3);
    cr_assert(eq(i64, delivered(&rig, thread), 0));
    check_missed(&rig, ids[2], ids + 3, 3);
    cr_assert(gt(i64, delivered(&rig, thread), 1));
    check_missed(&rig, 0, ids + 3, 3);
    check_missed(&rig, ids[5], ids + 6, 1);
    check_missed(&rig, ids[6], NULL, 0);
    check_missed(&rig, 0, NULL, 0);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    rig_close(&rig);
}

/* With their titles, for who does not know chats. */
Test(missed, names_the_threads_for_who_is_shown_chats) {
    struct rig rig;
    const int64_t others[] = { USER(2), USER(3) };
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t chat = rig_chat(&rig, USER(1), others, 2);
    int64_t direct = rig_direct(&rig, USER(3), USER(2), 0);
    rig_append(&rig, chat, USER(1), "x");
    rig_append(&rig, direct, USER(3), "x");
    rig_append(&rig, chat, USER(3), "x");
    rig_sql(&rig, "UPDATE threads SET title = 'House' WHERE kind = 1");
    struct call call = { .command = { .flags = DM_CMD_TOLD_LATER } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_UNDELIVERED), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 3));
    cr_assert(eq(sz, call.result.thread_count, 2));
    const struct dm_thread *first = call.result.threads[0], *second = call.result.threads[1];
    check_slice((first->id == chat ? first : second)->title, DM_SLICE("House"));
    call.command.flags |= DM_CMD_DIRECT_ONLY;
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_UNDELIVERED), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    cr_assert(eq(sz, call.result.thread_count, 0));
    rig_close(&rig);
}

/* What came meanwhile, in whatever thread, is not taken for told. */
Test(missed, of_what_is_newer_nothing_counts_as_told) {
    struct rig rig;
    int64_t ids[4];
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    int64_t other = rig_direct(&rig, USER(3), USER(2), 0);
    ids[0] = rig_append(&rig, thread, USER(1), "x").ret_id;
    check_missed(&rig, 0, ids, 1);
    ids[1] = rig_append(&rig, thread, USER(1), "x").ret_id;
    ids[2] = rig_append(&rig, other, USER(3), "x").ret_id;
    check_missed(&rig, ids[0], ids + 1, 2);
    check_missed(&rig, ids[1], ids + 2, 1);
    check_missed(&rig, ids[2], NULL, 0);
    rig_close(&rig);
}
