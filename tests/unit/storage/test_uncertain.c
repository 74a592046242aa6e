#include <signal.h>

#include "tests/unit/storage/rig.h"

TestSuite(uncertain, .timeout = 300);

/* Until as many backends of the store wait for a lock. */
static void wait_for_waiters(struct rig *rig, int64_t count) {
    for (int i = 0; i < 3000; i++) {
        rig_sql(rig, "SELECT pg_stat_clear_snapshot()");
        if (rig_sql(rig, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                         "AND wait_event_type = 'Lock'") >= count)
            return;
        rig_run(rig, 10);
    }
    cr_fatal("nobody waits for the lock");
}

static struct store_pg_stats stats_of(const struct rig *rig) {
    struct store_pg_stats stats;
    store_pg_stats(rig->store, &stats);
    return stats;
}

Test(uncertain, a_lock_delays_the_confirmation) {
    struct rig rig;
    struct append append = { 0 };
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "LOCK TABLE messages");
    append_submit(rig.port, &append, thread, USER(1), "x");
    wait_for_waiters(&rig, 1);
    rig_run(&rig, 300);
    cr_assert(eq(int, append.probe.done, 0));
    rig_sql(&rig, "COMMIT");
    rig_wait(&rig, &append.probe.done);
    cr_assert(eq(int, append.probe.status, DM_OK));
    rig_close(&rig);
}

Test(uncertain, an_orphan_that_commits_later_is_found) {
    struct rig rig;
    struct append list[3] = { 0 };
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_append(&rig, thread, USER(2), "before");
    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "LOCK TABLE messages");
    append_submit(rig.port, &list[0], thread, USER(1), "a");
    append_submit(rig.port, &list[1], thread, USER(2), "b");
    append_submit(rig.port, &list[2], thread, USER(3), "stranger");
    wait_for_waiters(&rig, 1);
    check_true(rig_cut(&rig) >= 4);
    /* The orphan waits for the table, and the same batch on a new connection for the orphan. */
    wait_for_waiters(&rig, 2);
    rig_run(&rig, 200);
    cr_assert(eq(int, list[0].probe.done, 0));
    rig_sql(&rig, "COMMIT");
    for (int i = 0; i < 3; i++) {
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].probe.status, DM_OK));
        cr_assert(eq(int, list[i].append.ret_outcome,
                     i < 2 ? STORE_APPENDED : STORE_REFUSED_MEMBER));
    }
    cr_assert(eq(u64, list[0].append.ret_seq, 2));
    cr_assert(eq(u64, list[1].append.ret_seq, 3));
    check_true(list[1].append.ret_id > list[0].append.ret_id);
    cr_assert(eq(u64, stats_of(&rig).recovered, 1));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), 3));
    rig_append(&rig, thread, USER(1), "after");
    cr_assert(eq(i64, rig_sql(&rig, "SELECT max(seq) FROM messages"), 4));
    rig_close(&rig);
}

Test(uncertain, an_orphan_that_is_killed_leaves_the_work_to_its_successor) {
    struct rig rig;
    struct append append = { 0 };
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "LOCK TABLE messages");
    append_submit(rig.port, &append, thread, USER(1), "x");
    wait_for_waiters(&rig, 1);
    rig_sql(&rig, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                  "WHERE datname = current_database() AND wait_event_type = 'Lock'");
    rig_run(&rig, 200);
    wait_for_waiters(&rig, 1);
    cr_assert(eq(int, append.probe.done, 0));
    rig_sql(&rig, "COMMIT");
    rig_wait(&rig, &append.probe.done);
    cr_assert(eq(int, append.probe.status, DM_OK));
    cr_assert(eq(u64, append.append.ret_seq, 1));
    cr_assert(eq(u64, stats_of(&rig).recovered, 0));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), 1));
    rig_close(&rig);
}

/* The batch lies unread in the orphan's socket, so that no lock tells of it: it starts when the
 * successor has long been done. */
Test(uncertain, an_orphan_that_starts_late_does_nothing) {
    struct rig rig;
    struct append append = { 0 };
    int pids[16];
    int count = 0;
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_append(&rig, thread, USER(1), "before");
    PGresult *result = PQexec(rig.sql, "SELECT pid FROM pg_stat_activity WHERE "
                                       "datname = current_database() "
                                       "AND application_name = 'dragoman'");
    for (; count < PQntuples(result) && count < 16; count++)
        kill(pids[count] = atoi(PQgetvalue(result, count, 0)), SIGSTOP);
    PQclear(result);
    cr_assert(eq(int, count, 4));
    append_submit(rig.port, &append, thread, USER(1), "x");
    rig_run(&rig, 100);
    cr_assert(eq(int, append.probe.done, 0));
    rig_cut(&rig);
    rig_wait(&rig, &append.probe.done);
    cr_assert(eq(int, append.probe.status, DM_OK));
    while (count > 0)
        kill(pids[--count], SIGCONT);
    rig_run(&rig, 300);
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), 2));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT last_seq FROM threads"), 2));
    rig_append(&rig, thread, USER(1), "after");
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), 3));
    rig_close(&rig);
}

Test(uncertain, a_call_is_answered_from_its_writers_row) {
    struct rig rig;
    struct call call = { .call = { .base = { .kind = STORE_COMMAND }, .actor_id = USER(1) },
                         .command = { .kind = DM_CMD_FRIEND_REQUEST } };
    rig_open(&rig);
    rig_users(&rig, 2);
    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "LOCK TABLE friend_requests");
    call.command.user = dm_ref_name(DM_SLICE("u2"));
    call_submit(&rig, rig.port, &call);
    wait_for_waiters(&rig, 1);
    rig_cut(&rig);
    wait_for_waiters(&rig, 2);
    cr_assert(eq(int, call.probe.done, 0));
    rig_sql(&rig, "COMMIT");
    rig_wait(&rig, &call.probe.done);
    cr_assert(eq(int, call.probe.status, DM_OK));
    /* A second execution would have found the request there already. */
    check_true(call.result.flags & DM_RESULT_CREATED);
    cr_assert(eq(i64, call.result.user->id, USER(2)));
    cr_assert(eq(u64, stats_of(&rig).recovered, 1));
    rig_close(&rig);
}

Test(uncertain, a_store_that_is_away_keeps_requests_for_a_while) {
    struct rig rig;
    struct append append = { 0 };
    struct call read = { 0 };
    const struct store_pg_config config = { .wait_ms = 400 };
    rig_open_with(&rig, &config);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_sql(&rig, "UPDATE pg_database SET datallowconn = false WHERE datname = '%s'", rig.database);
    rig_cut(&rig);
    append_submit(rig.port, &append, thread, USER(1), "x");
    read.call.base.kind = STORE_COMMAND;
    read.command.kind = DM_CMD_USER_LIST;
    call_submit(&rig, rig.port, &read);
    rig_wait(&rig, &append.probe.done);
    rig_wait(&rig, &read.probe.done);
    cr_assert(eq(int, append.probe.status, DM_UNAVAILABLE));
    cr_assert(eq(int, read.probe.status, DM_UNAVAILABLE));
    cr_assert(eq(int, store_current_state(rig.port), STORE_DOWN));
    append_submit(rig.port, &append, thread, USER(1), "x");
    rig_sql(&rig, "UPDATE pg_database SET datallowconn = true WHERE datname = '%s'", rig.database);
    for (int i = 0; i < 200 && store_current_state(rig.port) != STORE_UP; i++)
        rig_run(&rig, 50);
    rig_wait(&rig, &append.probe.done);
    rig_append(&rig, thread, USER(1), "again");
    cr_assert(eq(int, rig.states[0], STORE_UP));
    cr_assert(eq(int, rig.states[1], STORE_DOWN));
    cr_assert(eq(int, rig.states[rig.state_count - 1], STORE_UP));
    rig_close(&rig);
}

static void count_pending(const struct rig *rig, size_t under_way) {
    struct store_pg_stats stats = stats_of(rig);
    cr_assert(eq(u64, stats.under_way, under_way));
    cr_assert(eq(u64, stats.waiting, 0));
    cr_assert(eq(u64, store_pending(rig->port), under_way));
}

Test(uncertain, what_a_lock_keeps_waits_for_a_while_but_a_write_in_hand_for_its_outcome) {
    struct rig rig;
    struct append in_hand = { 0 }, later = { 0 };
    struct call reads[3] = { 0 };
    const struct store_pg_config config = { .wait_ms = 400 };
    rig_open_with(&rig, &config);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_append(&rig, thread, USER(1), "before");
    rig_sql(&rig, "BEGIN");
    rig_sql(&rig, "LOCK TABLE messages");
    append_submit(rig.port, &in_hand, thread, USER(1), "in hand");
    wait_for_waiters(&rig, 1);
    append_submit(rig.port, &later, thread, USER(1), "later");
    for (int i = 0; i < 3; i++) {
        reads[i].call.base.kind = STORE_COMMAND;
        reads[i].call.actor_id = USER(2);
        reads[i].call.thread_id = thread;
        reads[i].command.kind = DM_CMD_HISTORY;
        call_submit(&rig, rig.port, &reads[i]);
    }
    for (int i = 0; i < 3; i++) {
        rig_wait(&rig, &reads[i].probe.done);
        cr_assert(eq(int, reads[i].probe.status, DM_UNAVAILABLE));
    }
    rig_wait(&rig, &later.probe.done);
    cr_assert(eq(int, later.probe.status, DM_UNAVAILABLE));
    rig_run(&rig, 500);
    cr_assert(eq(int, in_hand.probe.done, 0));
    count_pending(&rig, 1);
    /* The connections are the same, though one is cut that nobody waits for. */
    cr_assert(eq(u64, stats_of(&rig).reconnects, 0));
    rig_sql(&rig, "SELECT pg_terminate_backend(max(pid)) FROM pg_stat_activity "
                  "WHERE datname = current_database() AND wait_event_type = 'Lock'");
    rig_sql(&rig, "COMMIT");
    rig_wait(&rig, &in_hand.probe.done);
    cr_assert(eq(int, in_hand.probe.status, DM_OK));
    cr_assert(eq(u64, in_hand.append.ret_seq, 2));
    cr_assert(eq(u64, rig_append(&rig, thread, USER(1), "after").ret_seq, 3));
    cr_assert(eq(int, rig_command(&rig, &reads[0], USER(2), DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(u64, reads[0].result.message_count, 3));
    count_pending(&rig, 0);
    rig_close(&rig);
}

static void fail_inserts(struct rig *rig, const char *sqlstate, int times) {
    rig_sql(rig, "CREATE SEQUENCE failures");
    rig_sql(rig, "GRANT ALL ON SEQUENCE failures TO dragoman");
    rig_sql(rig, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
                 "IF nextval('failures') <= %d THEN "
                 "RAISE EXCEPTION 'as ordered' USING ERRCODE = '%s'; END IF; "
                 "RETURN NEW; END$$", times, sqlstate);
    rig_sql(rig, "CREATE TRIGGER fail BEFORE INSERT ON messages FOR EACH STATEMENT "
                 "EXECUTE FUNCTION fail()");
}

Test(uncertain, serialization_failures_are_tried_again) {
    struct rig rig;
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    fail_inserts(&rig, "40001", 3);
    cr_assert(eq(u64, rig_append(&rig, thread, USER(1), "x").ret_seq, 1));
    cr_assert(eq(u64, stats_of(&rig).retries, 3));
    rig_close(&rig);
}

Test(uncertain, a_full_disk_is_unavailable_and_passes) {
    struct rig rig;
    struct append append = { 0 };
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    fail_inserts(&rig, "53100", 1);
    append_submit(rig.port, &append, thread, USER(1), "x");
    rig_wait(&rig, &append.probe.done);
    cr_assert(eq(int, append.probe.status, DM_UNAVAILABLE));
    cr_assert(eq(u64, rig_append(&rig, thread, USER(1), "x").ret_seq, 1));
    rig_close(&rig);
}

Test(uncertain, a_writer_row_that_somebody_removed_is_made_again) {
    struct rig rig;
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_append(&rig, thread, USER(1), "x");
    rig_sql(&rig, "DELETE FROM writer");
    cr_assert(eq(u64, rig_append(&rig, thread, USER(1), "x").ret_seq, 2));
    rig_close(&rig);
}

/* A cut while a batch surely waits for its answer. */
static void cut_in_flight(struct rig *rig) {
    rig_sql(rig, "BEGIN");
    rig_sql(rig, "LOCK TABLE messages");
    wait_for_waiters(rig, 1);
    rig_cut(rig);
    rig_sql(rig, "COMMIT");
}

Test(uncertain, connections_cut_under_load_lose_and_double_nothing) {
    enum { COUNT = 3000, THREADS = 20 };
    struct rig rig;
    struct append *list = calloc(COUNT, sizeof(*list));
    int64_t threads[THREADS];
    rig_open(&rig);
    rig_users(&rig, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        threads[i] = rig_direct(&rig, USER(1), USER(2 + i), 0);
    for (int i = 0; i < COUNT; i++) {
        append_submit(rig.port, &list[i], threads[i % THREADS], USER(1), "x");
        if (i % 50 == 49)
            rig_run(&rig, 2);
        if (i % 500 == 250)
            rig_cut(&rig);
        if (i % 500 == 400)
            cut_in_flight(&rig);
    }
    for (int i = 0; i < COUNT; i++) {
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].probe.status, DM_OK));
    }
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM messages"), COUNT));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(DISTINCT uuid) FROM messages"), COUNT));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM (SELECT 1 FROM messages GROUP BY "
                                    "thread_id HAVING max(seq) <> count(*)) x"), 0));
    check_true(stats_of(&rig).uncertain > 0);
    free(list);
    rig_close(&rig);
}
