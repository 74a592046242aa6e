#include "tests/unit/storage/rig.h"

TestSuite(marks, .timeout = 300);

static int64_t two(struct rig *rig) {
    rig_open(rig);
    rig_users(rig, 3);
    return rig_direct(rig, USER(1), USER(2), 0);
}

static enum dm_message_state state_of(struct rig *rig, int64_t thread, uint64_t seq) {
    struct call call = { .call = { .thread_id = thread },
                         .command = { .before = seq + 1, .limit = 1 } };
    cr_assert(eq(int, rig_command(rig, &call, USER(1), DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    cr_assert(eq(u64, call.result.messages[0]->seq, seq));
    return call.result.messages[0]->state;
}

static enum dm_status read_one(struct rig *rig, struct call *call, int64_t actor, int64_t id) {
    *call = (struct call){ .command = { .message = dm_ref_id(id) } };
    return rig_command(rig, call, actor, DM_CMD_READ_ONE);
}

static enum dm_status read_all(struct rig *rig, struct call *call, int64_t actor,
                               int64_t thread) {
    *call = (struct call){ .call = { .thread_id = thread } };
    return rig_command(rig, call, actor, DM_CMD_READ);
}

Test(marks, a_contiguous_run_moves_the_prefix_only) {
    struct rig rig;
    int64_t thread = two(&rig);
    for (int i = 0; i < 6; i++)
        rig_append(&rig, thread, USER(1), "x");
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 1, 2), DM_OK));
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 3, 3), DM_OK));
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 2, 4), DM_OK));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT delivered_hi FROM threads"), 4));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    cr_assert(eq(int, state_of(&rig, thread, 4), DM_MESSAGE_DELIVERED));
    cr_assert(eq(int, state_of(&rig, thread, 5), DM_MESSAGE_STORED));
    rig_close(&rig);
}

/* Whatever the order in which marks come, what counts as delivered is what was marked, and no row
 * is left when all are. */
Test(marks, any_order_joins_in_the_end) {
    struct rig rig;
    uint64_t random = 42;
    int64_t thread = two(&rig);
    int order[60];
    for (int i = 0; i < 60; i++) {
        /* Own messages of the reader lie between. */
        rig_append(&rig, thread, USER(sequence_next(&random) % 3 ? 1 : 2), "x");
        order[i] = i + 1;
    }
    for (int i = 59; i > 0; i--) {
        int k = (int)(sequence_next(&random) % (uint64_t)(i + 1));
        int swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    rig_sql(&rig, "CREATE TABLE pushed (seq bigint)");
    for (int i = 0; i < 60; i++) {
        if (rig_sql(&rig, "SELECT author_id FROM messages WHERE seq = %d", order[i]) == USER(2))
            continue;
        cr_assert(eq(int, rig_mark(&rig, thread, USER(2), (uint64_t)order[i], (uint64_t)order[i]),
                     DM_OK));
        rig_sql(&rig, "INSERT INTO pushed VALUES (%d)", order[i]);
        cr_assert(eq(i64, rig_sql(&rig,
            "SELECT count(*) FROM messages m, threads t WHERE m.author_id = t.lo_id AND "
            "(m.seq <= t.delivered_hi OR marked(t.id, t.hi_id, 1::smallint, m.seq)) "
            "<> (m.seq IN (SELECT seq FROM pushed))"), 0), "after %d", order[i]);
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT gaps_hi::int FROM threads"), 0));
    rig_close(&rig);
}

/* The same with marks that share a batch with messages: the fast way. */
Test(marks, interleaved_authors_stay_on_the_fast_way) {
    struct rig rig;
    struct append appends[60] = { 0 };
    struct mark marks[120];
    int64_t thread = two(&rig);
    for (int round = 0; round < 10; round++) {
        struct append *now = &appends[round * 6];
        for (int i = 0; i < 6; i++)
            append_submit(rig.port, &now[i], thread, USER(1 + (i * 7 + round) % 3 % 2), "x");
        for (int i = 0; i < 6; i++)
            rig_wait(&rig, &now[i].probe.done);
        for (int i = 0; i < 6; i++)
            mark_submit(rig.port, &marks[round * 6 + i], thread,
                        now[i].append.author_id == USER(1) ? USER(2) : USER(1),
                        now[i].append.ret_seq, now[i].append.ret_seq);
        for (int i = 0; i < 6; i++)
            rig_wait(&rig, &marks[round * 6 + i].probe.done);
        cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
        cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages m, threads t WHERE m.seq > "
                                        "CASE m.author_id WHEN lo_id THEN delivered_hi ELSE "
                                        "delivered_lo END"), 0));
    }
    /* A row of marks written and removed again would have left its trace. */
    cr_assert(eq(i64, rig_sql(&rig, "SELECT pg_relation_size('marks')"), 0));
    rig_close(&rig);
}

Test(marks, a_gap_is_kept_and_closed) {
    struct rig rig;
    int64_t thread = two(&rig);
    for (int i = 0; i < 200; i++)
        rig_append(&rig, thread, USER(1), "x");
    rig_mark(&rig, thread, USER(2), 100, 110);
    rig_mark(&rig, thread, USER(2), 190, 200);
    rig_mark(&rig, thread, USER(2), 111, 150);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 2));
    cr_assert(eq(int, state_of(&rig, thread, 150), DM_MESSAGE_DELIVERED));
    cr_assert(eq(int, state_of(&rig, thread, 151), DM_MESSAGE_STORED));
    cr_assert(eq(int, state_of(&rig, thread, 99), DM_MESSAGE_STORED));
    rig_mark(&rig, thread, USER(2), 1, 120);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT delivered_hi FROM threads"), 150));
    rig_mark(&rig, thread, USER(2), 140, 195);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT delivered_hi FROM threads"), 200));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    rig_close(&rig);
}

Test(marks, nonsense_changes_nothing) {
    struct rig rig;
    int64_t thread = two(&rig);
    rig_append(&rig, thread, USER(1), "x");
    cr_assert(eq(int, rig_mark(&rig, thread, USER(3), 1, 1), DM_OK));
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 0, 0), DM_OK));
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 3, 2), DM_OK));
    cr_assert(eq(int, rig_mark(&rig, 12345, USER(2), 1, 1), DM_OK));
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 5, 9), DM_OK));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT delivered_lo + delivered_hi FROM threads"), 0));
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 1, UINT64_MAX), DM_OK));
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 1, 1000), DM_OK));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT delivered_hi FROM threads"), 1));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    rig_close(&rig);
}

Test(marks, chats_keep_a_prefix_for_each_member) {
    struct rig rig;
    struct mark marks[30];
    const int64_t others[] = { USER(2), USER(3) };
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t chat = rig_chat(&rig, USER(1), others, 2);
    for (int i = 0; i < 10; i++)
        rig_append(&rig, chat, USER(1 + i % 3), "x");
    for (int i = 0; i < 30; i++)
        mark_submit(rig.port, &marks[i], chat, USER(1 + i % 3), (uint64_t)i / 3 + 1,
                    (uint64_t)i / 3 + 1);
    for (int i = 0; i < 30; i++)
        rig_wait(&rig, &marks[i].probe.done);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT sum(delivered_seq) FROM members"), 30));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    rig_append(&rig, chat, USER(1), "x");
    rig_append(&rig, chat, USER(1), "x");
    rig_mark(&rig, chat, USER(2), 12, 12);
    cr_assert(eq(int, state_of(&rig, chat, 12), DM_MESSAGE_DELIVERED));
    cr_assert(eq(int, state_of(&rig, chat, 11), DM_MESSAGE_STORED));
    rig_mark(&rig, chat, USER(2), 11, 11);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT max(delivered_seq) FROM members"), 12));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    rig_close(&rig);
}

Test(marks, reading_everything_tells_what_it_read) {
    struct rig rig;
    struct call call;
    int64_t thread = two(&rig);
    for (int i = 0; i < 5; i++)
        rig_append(&rig, thread, USER(1 + i % 2), "x");
    cr_assert(eq(int, read_all(&rig, &call, USER(2), thread), DM_OK));
    cr_assert(eq(int, call.result.flags, DM_RESULT_CHANGED));
    cr_assert(eq(sz, call.result.message_count, 3));
    for (size_t i = 0; i < 3; i++) {
        const struct dm_message *m = call.result.messages[i];
        cr_assert(eq(u64, m->seq, 2 * i + 1));
        cr_assert(eq(i64, m->author->id, USER(1)));
        cr_assert(eq(i64, m->recipient->id, USER(2)));
        cr_assert(eq(int, dm_uuid_is_nil(&m->uuid), 0));
        check_true(m->id > 0 && m->text.ptr);
    }
    cr_assert(eq(u64, call.result.thread->unread, 0));
    cr_assert(eq(int, state_of(&rig, thread, 5), DM_MESSAGE_READ));
    cr_assert(eq(int, read_all(&rig, &call, USER(2), thread), DM_OK));
    cr_assert(eq(int, call.result.flags, 0));
    cr_assert(eq(sz, call.result.message_count, 0));
    cr_assert(eq(int, read_all(&rig, &call, USER(3), thread), DM_NO_THREAD));
    rig_close(&rig);
}

Test(marks, by_user_without_a_thread_there_is_nothing_to_read) {
    struct rig rig;
    struct call call = { 0 };
    two(&rig);
    call.command.user = dm_ref_id(USER(3));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_READ), DM_OK));
    cr_assert(eq(ptr, (void *)call.result.thread, NULL));
    call.command.user = dm_ref_id(USER(30));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_READ), DM_NO_USER));
    rig_close(&rig);
}

Test(marks, single_messages_are_read_out_of_order) {
    struct rig rig;
    struct call call;
    int64_t ids[6];
    int64_t thread = two(&rig);
    for (int i = 0; i < 6; i++)
        ids[i] = rig_append(&rig, thread, USER(i == 3 ? 2 : 1), "x").ret_id;
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[2]), DM_OK));
    cr_assert(eq(int, call.result.flags, DM_RESULT_CHANGED));
    cr_assert(eq(u64, call.result.count, 4));
    cr_assert(eq(i64, call.result.message->id, ids[2]));
    cr_assert(eq(int, call.result.message->state, DM_MESSAGE_READ));
    cr_assert(eq(int, state_of(&rig, thread, 2), DM_MESSAGE_STORED));
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[2]), DM_OK));
    cr_assert(eq(int, call.result.flags, 0));
    cr_assert(eq(u64, call.result.count, 4));
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[5]), DM_OK));
    cr_assert(eq(u64, call.result.count, 3));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks WHERE kind = 0"), 2));
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[0]), DM_OK));
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[1]), DM_OK));
    cr_assert(eq(u64, call.result.count, 1));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT read_hi FROM threads"), 4));
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[4]), DM_OK));
    cr_assert(eq(u64, call.result.count, 0));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT read_hi FROM threads"), 6));
    /* One's own, a stranger's, an unknown one. */
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[3]), DM_NO_MESSAGE));
    cr_assert(eq(int, read_one(&rig, &call, USER(3), ids[0]), DM_NO_MESSAGE));
    cr_assert(eq(int, read_one(&rig, &call, USER(1), 1 << 30), DM_NO_MESSAGE));
    rig_close(&rig);
}

Test(marks, single_and_all_count_each_once) {
    struct rig rig;
    struct call call;
    int64_t ids[5];
    int64_t thread = two(&rig);
    for (int i = 0; i < 5; i++)
        ids[i] = rig_append(&rig, thread, USER(1), "x").ret_id;
    read_one(&rig, &call, USER(2), ids[1]);
    read_one(&rig, &call, USER(2), ids[3]);
    cr_assert(eq(int, read_all(&rig, &call, USER(2), thread), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 3));
    cr_assert(eq(i64, call.result.messages[0]->id, ids[0]));
    cr_assert(eq(i64, call.result.messages[1]->id, ids[2]));
    cr_assert(eq(i64, call.result.messages[2]->id, ids[4]));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    cr_assert(eq(u64, rig_append(&rig, thread, USER(1), "x").ret_unread, 1));
    rig_close(&rig);
}

/* What was never pushed leaves a gap; what follows it goes on as one range. */
Test(marks, beyond_a_gap_one_range_grows) {
    enum { COUNT = 12 };
    struct rig rig;
    struct append list[COUNT] = { 0 };
    struct mark marks[COUNT];
    int64_t thread = two(&rig);
    for (int i = 0; i < COUNT; i++)
        append_submit(rig.port, &list[i], thread, USER(1), "x");
    for (int i = 0; i < COUNT; i++)
        rig_wait(&rig, &list[i].probe.done);
    for (uint64_t i = 3; i < COUNT; i += 2) {
        mark_submit(rig.port, &marks[0], thread, USER(2), i, i + 1);
        mark_submit(rig.port, &marks[1], thread, USER(1), 1, i);
        rig_wait(&rig, &marks[0].probe.done);
        rig_wait(&rig, &marks[1].probe.done);
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT delivered_hi FROM threads"), 0));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks WHERE from_seq = 3 "
                                    "AND to_seq = %d", COUNT), 1));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 1));
    cr_assert(eq(int, rig_mark(&rig, thread, USER(2), 1, 2), DM_OK));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT delivered_hi FROM threads"), COUNT));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    rig_close(&rig);
}

Test(marks, reads_in_chats) {
    struct rig rig;
    struct call call;
    const int64_t others[] = { USER(2), USER(3) };
    int64_t ids[4];
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t chat = rig_chat(&rig, USER(1), others, 2);
    for (int i = 0; i < 4; i++)
        ids[i] = rig_append(&rig, chat, USER(1), "x").ret_id;
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[2]), DM_OK));
    cr_assert(eq(u64, call.result.count, 3));
    check_true(call.result.message->flags & DM_MESSAGE_READ_BY_ANY);
    check_true(call.result.message->flags & DM_MESSAGE_READ_BY_ME);
    cr_assert(eq(int, call.result.message->state, DM_MESSAGE_DELIVERED));
    cr_assert(eq(int, read_all(&rig, &call, USER(3), chat), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 4));
    cr_assert(eq(int, state_of(&rig, chat, 3), DM_MESSAGE_READ));
    cr_assert(eq(int, state_of(&rig, chat, 4), DM_MESSAGE_DELIVERED));
    cr_assert(eq(int, read_all(&rig, &call, USER(2), chat), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 3));
    cr_assert(eq(int, state_of(&rig, chat, 4), DM_MESSAGE_READ));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    rig_close(&rig);
}

Test(marks, undelivered_come_once_in_order_over_all_threads) {
    struct rig rig;
    struct call call = { .command = { .limit = 4 } };
    const int64_t others[] = { USER(2), USER(3) };
    int64_t ids[8];
    int64_t thread = two(&rig);
    int64_t second = rig_direct(&rig, USER(3), USER(2), 0);
    int64_t chat = rig_chat(&rig, USER(1), others, 2);
    for (int i = 0; i < 8; i++)
        ids[i] = rig_append(&rig, i % 3 == 0 ? thread : i % 3 == 1 ? second : chat,
                            USER(i % 3 == 0 ? 1 : 3), "x").ret_id;
    rig_append(&rig, thread, USER(2), "own");
    rig_mark(&rig, second, USER(2), 2, 2); /* ids[4] */
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_UNDELIVERED), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 4));
    for (int i = 0; i < 4; i++)
        cr_assert(eq(i64, call.result.messages[i]->id, ids[i]));
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_UNDELIVERED), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 3));
    for (int i = 0; i < 3; i++)
        cr_assert(eq(i64, call.result.messages[i]->id, ids[5 + i]));
    check_true(call.result.messages[0]->author->username.ptr);
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_UNDELIVERED), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 0));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    rig_close(&rig);
}

Test(marks, deleting_takes_a_message_out_of_every_count) {
    struct rig rig;
    struct call call = { 0 };
    int64_t ids[3];
    int64_t thread = two(&rig);
    for (int i = 0; i < 3; i++)
        ids[i] = rig_append(&rig, thread, USER(1), "secret").ret_id;
    call.command.message = dm_ref_id(ids[1]);
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_DELETE), DM_NO_MESSAGE));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_DELETE), DM_OK));
    cr_assert(eq(i64, call.result.message->id, ids[1]));
    cr_assert(eq(i64, call.result.message->author->id, USER(1)));
    cr_assert(eq(int, rig_command(&rig, &call, USER(1), DM_CMD_DELETE), DM_NO_MESSAGE));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages WHERE text = 'secret'"), 2));
    struct call history = { .call = { .thread_id = thread } };
    cr_assert(eq(int, rig_command(&rig, &history, USER(2), DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(sz, history.result.message_count, 2));
    cr_assert(eq(u64, history.result.thread->message_count, 2));
    cr_assert(eq(u64, history.result.thread->unread, 2));
    cr_assert(eq(int, read_one(&rig, &call, USER(2), ids[0]), DM_OK));
    cr_assert(eq(u64, call.result.count, 1));
    cr_assert(eq(int, read_all(&rig, &call, USER(2), thread), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    cr_assert(eq(i64, call.result.messages[0]->id, ids[2]));
    rig_close(&rig);
}

/* A message and the mark of one before it, in one batch. */
static void append_with_mark(struct rig *rig, int64_t thread, int64_t author, int64_t user,
                             uint64_t from, uint64_t to) {
    struct append append = { 0 };
    struct mark mark;
    mark_submit(rig->port, &mark, thread, user, from, to);
    append_submit(rig->port, &append, thread, author, "x");
    rig_wait(rig, &append.probe.done);
    rig_wait(rig, &mark.probe.done);
    cr_assert(eq(int, append.probe.status + mark.probe.status, DM_OK));
}

Test(marks, go_along_with_a_message) {
    struct rig rig;
    int64_t thread = two(&rig);
    for (int i = 0; i < 4; i++)
        rig_append(&rig, thread, USER(1), "x");
    append_with_mark(&rig, thread, USER(1), USER(2), 1, 2);
    append_with_mark(&rig, thread, USER(2), USER(2), 4, 4); /* beyond a gap */
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 1));
    append_with_mark(&rig, thread, USER(1), USER(2), 3, 3); /* fills it */
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM marks"), 0));
    append_with_mark(&rig, thread, USER(1), USER(1), 6, 6);
    cr_assert(eq(int, state_of(&rig, thread, 6), DM_MESSAGE_DELIVERED));
    rig_forget_pairs(USER(2)); /* who is not the first of it */
    append_with_mark(&rig, thread, USER(1), USER(2), 5, 8);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT delivered_hi FROM threads"), 8));
    rig_close(&rig);
}
