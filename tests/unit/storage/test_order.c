#include "tests/unit/storage/rig.h"

TestSuite(order, .timeout = 300);

Test(order, requests_of_a_lane_end_as_they_came) {
    struct rig rig;
    struct append appends[40] = { 0 };
    struct call calls[40] = { 0 };
    struct mark marks[40];
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    for (int i = 0; i < 40; i++) {
        append_submit(rig.port, &appends[i], thread, USER(1), "x");
        mark_submit(rig.port, &marks[i], thread, USER(2), 1, 1);
        calls[i].call.base.kind = STORE_COMMAND;
        calls[i].call.actor_id = USER(2);
        calls[i].call.thread_id = thread;
        calls[i].command.kind = DM_CMD_READ;
        call_submit(&rig, rig.port, &calls[i]);
    }
    int order = 0;
    for (int i = 0; i < 40; i++) {
        rig_wait(&rig, &calls[i].probe.done);
        /* Each reads just the one before it. */
        cr_assert(eq(sz, calls[i].result.message_count, 1));
        cr_assert(eq(i64, calls[i].result.messages[0]->id, appends[i].append.ret_id));
        check_true(appends[i].probe.order > order);
        check_true(marks[i].probe.order > appends[i].probe.order);
        check_true(calls[i].probe.order > marks[i].probe.order);
        order = calls[i].probe.order;
    }
    rig_close(&rig);
}

Test(order, calls_are_not_starved_by_messages) {
    enum { COUNT = 4000 };
    struct rig rig;
    struct append *list = calloc(COUNT, sizeof(*list));
    struct call call = { 0 };
    const struct store_pg_config config = { .write_connections = 1, .batch_rows = 16 };
    rig_open_with(&rig, &config);
    rig_users(&rig, 3);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    int64_t other = rig_direct(&rig, USER(1), USER(3), 0);
    for (int i = 0; i < COUNT; i++) {
        append_submit(rig.port, &list[i], thread, USER(1), "x");
        if (i == 20) {
            call.call.base.kind = STORE_COMMAND;
            call.call.actor_id = USER(3);
            call.call.thread_id = other;
            call.command.kind = DM_CMD_READ;
            call_submit(&rig, rig.port, &call);
        }
    }
    rig_wait(&rig, &call.probe.done);
    cr_assert(eq(int, list[COUNT - 1].probe.done, 0));
    rig_wait(&rig, &list[COUNT - 1].probe.done);
    free(list);
    rig_close(&rig);
}

Test(order, a_connection_that_is_stuck_holds_up_no_other_lanes) {
    enum { OTHERS = 24 };
    struct rig rig;
    struct append stuck = { 0 }, behind = { 0 }, others[OTHERS] = { 0 };
    rig_open(&rig);
    rig_users(&rig, OTHERS + 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_append(&rig, thread, USER(1), "before");
    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "SELECT id FROM threads WHERE id = %" PRId64 " FOR UPDATE", thread);
    append_submit(rig.port, &stuck, thread, USER(1), "stuck");
    rig_run(&rig, 500);
    append_submit(rig.port, &behind, thread, USER(2), "behind it");
    for (int i = 0; i < OTHERS; i++)
        append_submit(rig.port, &others[i], rig_direct(&rig, USER(1), USER(3 + i), 0), USER(1),
                      "past it");
    for (int i = 0; i < OTHERS; i++)
        rig_wait(&rig, &others[i].probe.done);
    cr_assert(eq(int, stuck.probe.done, 0));
    cr_assert(eq(int, behind.probe.done, 0));
    rig_sql(&rig, "COMMIT");
    rig_wait(&rig, &behind.probe.done);
    cr_assert(eq(int, stuck.probe.done, 1));
    cr_assert(eq(u64, stuck.append.ret_seq, 2));
    cr_assert(eq(u64, behind.append.ret_seq, 3));
    rig_close(&rig);
}

/* Two nodes, the same threads in every order. */
Test(order, nodes_that_cross_keep_seq_dense_and_do_not_deadlock) {
    enum { COUNT = 4000, THREADS = 60 };
    struct rig rig;
    struct append *list = calloc(COUNT, sizeof(*list));
    struct mark *marks = calloc(COUNT, sizeof(*marks));
    int64_t threads[THREADS];
    int64_t members[] = { USER(2), USER(3) };
    uint64_t random = 7;
    rig_open(&rig);
    rig_users(&rig, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        threads[i] = i % 10 == 9 ? rig_chat(&rig, USER(1), members, 2)
                                 : rig_direct(&rig, USER(1), USER(2 + i), 0);
    struct store_pg *second = rig_store(&rig, NULL);
    struct store *ports[] = { rig.port, store_pg_port(second) };
    for (int i = 0; i < COUNT; i++) {
        size_t t = sequence_next(&random) % THREADS;
        int64_t author = sequence_next(&random) % 2 || t % 10 == 9 ? USER(1) : USER(2 + (int)t);
        append_submit(ports[i % 2], &list[i], threads[t], author, "x");
        mark_submit(ports[sequence_next(&random) % 2], &marks[i], threads[t], USER(1), 1, 1);
        if (i % 100 == 99)
            rig_run(&rig, 1);
    }
    for (int i = 0; i < COUNT; i++) {
        rig_wait(&rig, &list[i].probe.done);
        rig_wait(&rig, &marks[i].probe.done);
        cr_assert(eq(int, list[i].probe.status, DM_OK));
        cr_assert(eq(int, list[i].append.ret_outcome, STORE_APPENDED));
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), COUNT));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM (SELECT seq, lag(seq, 1, 0::bigint) "
                                    "OVER w s, id, lag(id, 1, 0::bigint) OVER w i FROM messages "
                                    "WINDOW w AS (PARTITION BY thread_id ORDER BY seq)) m "
                                    "WHERE seq <> s + 1 OR id <= i"), 0));
    rig_sql(&rig, "SELECT pg_stat_force_next_flush()");
    cr_assert(eq(i64, rig_sql(&rig, "SELECT deadlocks FROM pg_stat_database "
                                    "WHERE datname = current_database()"), 0));
    rig_store_close(&rig, second);
    free(list);
    free(marks);
    rig_close(&rig);
}
