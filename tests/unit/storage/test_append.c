#include "tests/unit/storage/rig.h"

TestSuite(append, .timeout = 300);

Test(append, first_message_of_an_open_thread) {
    struct rig rig;
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    struct store_append a = rig_append(&rig, thread, USER(1), "one");
    cr_assert(eq(int, a.ret_outcome, STORE_APPENDED));
    cr_assert(eq(u64, a.ret_seq, 1));
    cr_assert(eq(u64, a.ret_rev, 1));
    cr_assert(eq(u64, a.ret_unread, 1));
    cr_assert(eq(int, a.ret_state, DM_THREAD_ALLOWED));
    check_true(a.ret_created_us > INT64_C(1700000000000000));
    struct store_append b = rig_append(&rig, thread, USER(2), "two");
    cr_assert(eq(u64, b.ret_seq, 2));
    check_true(b.ret_id > a.ret_id);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages WHERE thread_id = %lld",
                              (long long)thread), 2));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT unread_hi FROM threads"), 1));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT unread_lo FROM threads"), 1));
    rig_close(&rig);
}

/* At an upgrade it serves on a schema that the new one has migrated. */
Test(append, the_version_before_is_still_served) {
    struct rig rig;
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_sql(&rig, "INSERT INTO writer (id, number) VALUES (99, 0)");
    rig_sql(&rig, "SELECT * FROM append_one(99, 1, %lld, %lld, gen_random_uuid(), 'one')",
            (long long)thread, (long long)USER(1));
    cr_assert(eq(u64, rig_append(&rig, thread, USER(2), "two").ret_seq, 2));
    rig_close(&rig);
}

/* Each alone, and all by the plans that the first ones left on the only connection. */
Test(append, kinds_of_threads_take_turns_on_one_connection) {
    enum { ROUNDS = 8 };
    const struct store_pg_config config = { .write_connections = 1 };
    const int64_t other = USER(2);
    struct rig rig;
    rig_open_with(&rig, &config);
    rig_users(&rig, 2);
    const int64_t threads[] = { rig_chat(&rig, USER(1), &other, 1),
                                rig_direct(&rig, USER(1), USER(2), 0) };
    for (int i = 0; i < 2 * ROUNDS; i++) {
        struct store_append a = rig_append(&rig, threads[i % 2], USER(1), "x");
        cr_assert(eq(int, a.ret_outcome, STORE_APPENDED));
        cr_assert(eq(u64, a.ret_seq, (uint64_t)(i / 2 + 1)));
        cr_assert(eq(int, rig_append(&rig, threads[i % 2], USER(3), "x").ret_outcome,
                     STORE_REFUSED_MEMBER));
        cr_assert(eq(i64, rig_sql(&rig, "SELECT (date_part('epoch', created_at) * 1e6)::bigint "
                                        "FROM messages WHERE id = %lld", (long long)a.ret_id),
                     a.ret_created_us));
    }
    rig_close(&rig);
}

Test(append, strangers_and_unknown_threads_are_refused) {
    struct rig rig;
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    cr_assert(eq(int, rig_append(&rig, thread, USER(3), "x").ret_outcome, STORE_REFUSED_MEMBER));
    cr_assert(eq(int, rig_append(&rig, 999, USER(1), "x").ret_outcome, STORE_REFUSED_MEMBER));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), 0));
    rig_close(&rig);
}

Test(append, members_and_strangers_in_one_batch) {
    struct rig rig;
    struct append list[12] = { 0 };
    rig_open(&rig);
    rig_users(&rig, 4);
    int64_t thread = rig_direct(&rig, USER(2), USER(3), 0);
    for (int i = 0; i < 12; i++)
        append_submit(rig.port, &list[i], thread, USER(1 + i % 4), "x");
    uint64_t last[4] = { 0 };
    for (int i = 0; i < 12; i++) {
        int member = i % 4 == 1 || i % 4 == 2;
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].append.ret_outcome,
                     member ? STORE_APPENDED : STORE_REFUSED_MEMBER));
        check_true(!member || list[i].append.ret_seq > last[i % 4]);
        last[i % 4] = list[i].append.ret_seq;
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(DISTINCT seq) FROM messages"), 6));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT last_seq FROM threads"), 6));
    rig_close(&rig);
}

/* The asker knows the pair from its cache, which may be empty or wrong. */
Test(append, without_the_pair_all_is_as_with_it) {
    enum { COUNT = 30 };
    static const int64_t wrong[] = { 0, USER(3) };
    struct rig rig;
    struct append list[COUNT] = { 0 };
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    for (size_t w = 0; w < 2; w++) {
        uint64_t before = w * COUNT;
        rig_sql(&rig, "UPDATE threads SET unread_lo = 0, unread_hi = 0");
        rig_forget_pairs(wrong[w]);
        for (int i = 0; i < COUNT; i++) {
            list[i] = (struct append){ 0 };
            append_submit(rig.port, &list[i], thread, USER(1 + (i % 3 == 0)), "x");
        }
        uint64_t unread[2] = { 0 };
        for (int i = 0; i < COUNT; i++) {
            const struct store_append *a = &list[i].append;
            rig_wait(&rig, &list[i].probe.done);
            cr_assert(eq(int, a->ret_outcome, STORE_APPENDED));
            cr_assert(eq(u64, a->ret_seq, before + (uint64_t)i + 1));
            cr_assert(eq(u64, a->ret_rev, before + (uint64_t)i + 1));
            unread[i % 3 == 0]++;
            /* One that goes alone with a wrong pair does not know. */
            check_true(i == 0 || a->ret_unread == unread[i % 3 == 0]);
        }
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(DISTINCT seq) FROM messages"), 2 * COUNT));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT unread_lo FROM threads"), COUNT / 3));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT unread_hi FROM threads"), COUNT - COUNT / 3));
    rig_close(&rig);
}

Test(append, order_seq_id_rev_and_unread_agree_within_a_batch) {
    struct rig rig;
    struct append list[100] = { 0 };
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    for (int i = 0; i < 100; i++)
        append_submit(rig.port, &list[i], thread, USER(1 + (i % 3 == 0)), "x");
    uint64_t unread[3] = { 0 };
    for (int i = 0; i < 100; i++) {
        const struct store_append *a = &list[i].append;
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(u64, a->ret_seq, (uint64_t)i + 1));
        cr_assert(eq(u64, a->ret_rev, (uint64_t)i + 1));
        cr_assert(eq(u64, a->ret_unread, ++unread[i % 3 == 0]));
        check_true(i == 0 || a->ret_id > list[i - 1].append.ret_id);
        check_true(i == 0 || list[i].probe.order > list[i - 1].probe.order);
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM (SELECT seq, lag(seq) OVER w s, id, "
                                    "lag(id) OVER w i FROM messages WINDOW w AS (ORDER BY seq)) m "
                                    "WHERE seq <> s + 1 OR id <= i"), 0));
    rig_close(&rig);
}

Test(append, bad_text_harms_nobody_else) {
    struct rig rig;
    struct append list[20] = { 0 };
    static const char nul[] = "a\0b";
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    for (int i = 0; i < 20; i++) {
        if (i == 7)
            list[i].append.text = (struct dm_slice){ nul, 3 };
        append_submit(rig.port, &list[i], thread, USER(1),
                      i == 7 ? NULL : i == 13 ? "\xff\xfe" : "fine");
    }
    for (int i = 0; i < 20; i++) {
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].probe.status, i == 7 || i == 13 ? DM_INVALID : DM_OK));
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), 18));
    rig_close(&rig);
}

/* What no check before can see: PostgreSQL itself refuses one row. */
Test(append, a_poisoned_batch_is_split_until_the_culprit_is_alone) {
    struct rig rig;
    struct append list[64] = { 0 };
    struct store_pg_stats stats;
    rig_open(&rig);
    rig_users(&rig, 2);
    rig_sql(&rig, "ALTER TABLE messages ADD CHECK (text <> 'poison')");
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    for (int i = 0; i < 64; i++)
        append_submit(rig.port, &list[i], thread, USER(1), i == 20 || i == 21 ? "poison" : "x");
    uint64_t seq = 0;
    for (int i = 0; i < 64; i++) {
        int bad = i == 20 || i == 21;
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].probe.status, bad ? DM_INVALID : DM_OK));
        if (!bad)
            cr_assert(eq(u64, list[i].append.ret_seq, ++seq));
    }
    store_pg_stats(rig.store, &stats);
    check_true(stats.splits >= 6);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), 62));
    rig_close(&rig);
}

Test(append, attachments_come_back_as_they_were) {
    struct rig rig;
    const struct dm_slice urls[] = { DM_SLICE("https://x.example/a \"b\\c\".png?q=1"),
                                     DM_SLICE("https://x.example/{d},e") };
    struct append append = { .append = { .urls = urls, .attachment_count = 2 } };
    struct call call = { 0 };
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    append_submit(rig.port, &append, thread, USER(1), "");
    rig_wait(&rig, &append.probe.done);
    cr_assert(eq(int, append.probe.status, DM_OK));
    call.call.thread_id = thread;
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    const struct dm_message *m = call.result.messages[0];
    cr_assert(eq(sz, m->attachment_count, 2));
    check_slice(m->attachments[0]->url, urls[0]);
    check_slice(m->attachments[0]->name, DM_SLICE("a \"b\\c\".png"));
    check_slice(m->attachments[1]->url, urls[1]);
    check_slice(m->text, DM_SLICE(""));
    rig_close(&rig);
}

Test(append, chats_ask_the_membership) {
    struct rig rig;
    struct append list[9] = { 0 };
    const int64_t others[] = { USER(2), USER(3) };
    rig_open(&rig);
    rig_users(&rig, 4);
    int64_t chat = rig_chat(&rig, USER(1), others, 2);
    int64_t direct = rig_direct(&rig, USER(1), USER(4), 0);
    /* A batch of both kinds, with a stranger to the chat. */
    for (int i = 0; i < 9; i++)
        append_submit(rig.port, &list[i], i % 2 ? direct : chat, USER(i % 2 ? 1 : 1 + i / 2), "x");
    uint64_t seq[2] = { 0 };
    for (int i = 0; i < 9; i++) {
        const struct store_append *a = &list[i].append;
        int refused = i == 6 || i == 8;
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, a->ret_outcome, refused ? STORE_REFUSED_MEMBER : STORE_APPENDED), "%d",
                  i);
        if (!refused)
            cr_assert(eq(u64, a->ret_seq, ++seq[i % 2]));
    }
    check_true(list[0].append.ret_member_rev >= 1);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count_lo FROM threads WHERE kind = 1"), 3));
    rig_close(&rig);
}

Test(append, full_queue_and_closing_store_refuse) {
    struct rig rig;
    struct append list[12] = { 0 };
    const struct store_pg_config config = { .queue_count = 8 };
    rig_open_with(&rig, &config);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    for (int i = 0; i < 12; i++)
        append_submit(rig.port, &list[i], thread, USER(1), "x");
    for (int i = 0; i < 12; i++) {
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].probe.status, i < 8 ? DM_OK : DM_UNAVAILABLE));
    }
    cr_assert(eq(sz, store_pending(rig.port), 0));
    rig_close(&rig);
}

Test(append, closing_finishes_what_was_submitted) {
    struct rig rig;
    struct append list[500] = { 0 };
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    for (int i = 0; i < 500; i++)
        append_submit(rig.port, &list[i], thread, USER(1), "x");
    rig_store_close(&rig, rig.store);
    rig.store = NULL;
    for (int i = 0; i < 500; i++) {
        cr_assert(eq(int, list[i].probe.done, 1));
        cr_assert(eq(int, list[i].probe.status, DM_OK));
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), 500));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM writer"), 0));
    rig_close(&rig);
}
