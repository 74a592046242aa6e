/* What several gateways need of the database: the bus, and what happened in threads. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "storage/bus_pg.h"
#include "storage/listen_pg.h"
#include "tests/unit/storage/rig.h"

TestSuite(nodes, .timeout = 300);

/* ---- what happened in threads ---- */

/* As if another gateway were there, so that events are kept. */
static int64_t thread_of_two_nodes(struct rig *rig, int gated) {
    rig_open(rig);
    rig_users(rig, 4);
    rig_sql(rig, "SELECT node_beat(1)");
    rig_sql(rig, "SELECT node_beat(2)");
    return rig_direct(rig, USER(1), USER(2), gated);
}

static struct store_events read_events(struct rig *rig, struct call *call, int64_t thread,
                                       struct store_events asked) {
    struct store_events events = asked;
    *call = (struct call){ .call = { .base = { .kind = STORE_EVENTS }, .thread_id = thread,
                                     .events = &events } };
    cr_assert(eq(int, rig_call(rig, call), DM_OK));
    return events;
}

/* "send@3 read@4 ...", each with the rev after it. */
static void check_events(const struct store_events *events, const char *expected) {
    struct buf got = BUF_INIT;
    for (size_t i = 0; i < events->ret_count; i++)
        buf_printf(&got, "%s%s@%d", i ? " " : "", dm_command_name(events->ret_list[i].kind),
                   (int)events->ret_list[i].rev);
    check_slice(buf_slice(&got), dm_slice_str(expected));
    buf_fini(&got);
}

static uint64_t command(struct rig *rig, int64_t actor, int64_t thread, int64_t message,
                        enum dm_command_kind kind) {
    struct call call = { .call = { .thread_id = thread },
                         .command = { .message = dm_ref_id(message) } };
    cr_assert(eq(int, rig_command(rig, &call, actor, kind), DM_OK));
    return call.call.ret_rev;
}

Test(nodes, what_happened_is_told_in_order) {
    struct rig rig;
    struct call call;
    int64_t thread = thread_of_two_nodes(&rig, 0);
    struct store_append first = rig_append(&rig, thread, USER(1), "one");
    rig_append(&rig, thread, USER(1), "two");
    cr_assert(eq(u64, command(&rig, USER(2), thread, first.ret_id, DM_CMD_READ_ONE), 3));
    cr_assert(eq(u64, command(&rig, USER(2), thread, first.ret_id, DM_CMD_READ_ONE), 0));
    rig_append(&rig, thread, USER(2), "three");
    cr_assert(eq(u64, command(&rig, USER(2), thread, 0, DM_CMD_READ), 5));
    cr_assert(eq(u64, command(&rig, USER(1), thread, first.ret_id, DM_CMD_DELETE), 6));
    cr_assert(eq(u64, command(&rig, USER(1), thread, 0, DM_CMD_BLOCK), 7));
    struct store_events events = read_events(&rig, &call, thread,
                                             (struct store_events){ .since_us = 1 });
    check_events(&events, "thread_get@0 none@1 send@2 read_one@3 send@4 read@5 delete@6 "
                          "block@7");
    cr_assert(eq(u64, events.ret_rev, 7));
    cr_assert(eq(i64, events.ret_list[4].actor_id, USER(2)));
    const struct store_event *send = &events.ret_list[2];
    check_slice(call.result.messages[send->first_message]->text, DM_SLICE("two"));
    cr_assert(eq(sz, events.ret_list[5].message_count, 1));
    events = read_events(&rig, &call, thread, (struct store_events){ .after_rev = 3,
                                                                     .after_seq = 2 });
    check_events(&events, "send@4 read@5 delete@6 block@7");
    events = read_events(&rig, &call, thread, (struct store_events){ .after_rev = 3,
                                                                     .before_rev = 5 });
    check_events(&events, "send@4");
    cr_assert(eq(u64, events.ret_rev, 4));
    events = read_events(&rig, &call, thread, (struct store_events){ .after_rev = 7 });
    check_events(&events, "");
    cr_assert(eq(u64, events.ret_rev, 7));
    rig_close(&rig);
}

Test(nodes, an_approval_takes_a_rev_for_each_message_it_releases) {
    struct rig rig;
    struct call call;
    int64_t thread = thread_of_two_nodes(&rig, 1);
    for (int i = 0; i < 3; i++)
        rig_append(&rig, thread, USER(1), "x");
    cr_assert(eq(u64, command(&rig, USER(2), thread, 0, DM_CMD_APPROVE), 6));
    rig_append(&rig, thread, USER(2), "y");
    struct store_events events = read_events(&rig, &call, thread,
                                             (struct store_events){ .after_rev = 2 });
    check_events(&events, "none@3 approve@6 send@7");
    cr_assert(eq(u64, events.ret_list[1].span, 3));
    cr_assert(eq(sz, events.ret_list[1].message_count, 2));
    rig_close(&rig);
}

/* Whoever is told of it there must not be told before. */
Test(nodes, what_takes_the_place_of_a_deleted_request_is_told_once) {
    struct rig rig;
    struct call call;
    int64_t thread = thread_of_two_nodes(&rig, 1);
    struct store_append first = rig_append(&rig, thread, USER(1), "one");
    rig_append(&rig, thread, USER(1), "two");
    rig_append(&rig, thread, USER(1), "three");
    cr_assert(eq(u64, command(&rig, USER(1), thread, first.ret_id, DM_CMD_DELETE), 4));
    struct store_events events = read_events(&rig, &call, thread,
                                             (struct store_events){ .since_us = 1 });
    check_events(&events, "thread_get@0 none@1 none@2 none@3 delete@4");
    const struct store_event *deletion = &events.ret_list[4];
    cr_assert(eq(sz, deletion->message_count, 2));
    cr_assert(eq(u64, call.result.messages[deletion->first_message]->seq, 1));
    const struct dm_message *next = call.result.messages[deletion->first_message + 1];
    check_slice(next->text, DM_SLICE("two"));
    check_true(next->flags & DM_MESSAGE_FIRST);
    cr_assert(eq(u64, command(&rig, USER(2), thread, 0, DM_CMD_APPROVE), 6));
    events = read_events(&rig, &call, thread, (struct store_events){ .after_rev = 1,
                                                                     .after_seq = 1 });
    check_events(&events, "none@2 none@3 delete@4 approve@6");
    rig_close(&rig);
}

Test(nodes, a_gateway_that_is_alone_keeps_no_events) {
    struct rig rig;
    struct call call;
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_append(&rig, thread, USER(1), "one");
    cr_assert(eq(u64, command(&rig, USER(2), thread, 0, DM_CMD_READ), 2));
    cr_assert(eq(i64, rig_sql(&rig, "SELECT count(*) FROM thread_events"), 0));
    /* Messages are told all the same. */
    struct store_events events = read_events(&rig, &call, thread,
                                             (struct store_events){ .since_us = 1 });
    cr_assert(eq(sz, events.ret_count, 1));
    cr_assert(eq(int, events.ret_list[0].kind, DM_CMD_SEND));
    call = (struct call){ .call = { .base = { .kind = STORE_EVENTS }, .thread_id = 999,
                                    .events = &events } };
    cr_assert(eq(int, rig_call(&rig, &call), DM_NO_THREAD));
    rig_close(&rig);
}

/* None has renewed its row while the database was away. */
Test(nodes, the_first_back_after_an_outage_keeps_events) {
    struct rig rig;
    struct call call;
    int64_t thread = thread_of_two_nodes(&rig, 0);
    rig_append(&rig, thread, USER(1), "one");
    rig_sql(&rig, "UPDATE nodes SET at = now() - interval '30 minutes'");
    cr_assert(eq(u64, command(&rig, USER(2), thread, 0, DM_CMD_READ), 2));
    struct store_events events = read_events(&rig, &call, thread,
                                             (struct store_events){ .after_rev = 1 });
    check_events(&events, "read@2");
    rig_close(&rig);
}

Test(nodes, threads_in_which_something_happened) {
    struct rig rig;
    const struct dm_ref users[] = { dm_ref_id(USER(1)), dm_ref_id(USER(3)) };
    struct call call = { .call = { .base = { .kind = STORE_THREADS_TOUCHED } },
                         .command = { .users = users, .user_count = 2 } };
    int64_t thread = thread_of_two_nodes(&rig, 0);
    int64_t other = rig_direct(&rig, USER(2), USER(4), 0);
    rig_append(&rig, thread, USER(1), "one");
    rig_append(&rig, other, USER(2), "one");
    call.call.since_us = 1;
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(sz, call.call.ret_thread_count, 1));
    cr_assert(eq(i64, call.call.ret_threads[0], thread));
    rig_sql(&rig, "UPDATE threads SET updated_at = now() - interval '1 hour'");
    call.call.since_us = rig_sql(&rig, "SELECT (extract(epoch FROM now()) * 1e6)::bigint");
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(sz, call.call.ret_thread_count, 0));
    command(&rig, USER(2), thread, 0, DM_CMD_READ);
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(sz, call.call.ret_thread_count, 1));
    rig_close(&rig);
}

/* ---- the bus ---- */

struct node {
    struct rig *rig;
    struct bus_pg *bus;
    struct listen_pg *listen;
    struct buf heard;    /* frames, each followed by a space */
    int frames, resyncs, beats;
    size_t others, sure; /* as the last beat told */
    int64_t open_us;     /* ... too */
    int closed;
};

static void hear(void *owner, const struct bus_notice *notice) {
    struct node *node = owner;
    if (notice->kind == BUS_FRAME) {
        buf_append_slice(&node->heard, notice->frame);
        buf_append_char(&node->heard, ' ');
        node->frames++;
    }
    node->resyncs += notice->kind == BUS_RESYNC;
    if (notice->kind == BUS_NODES) {
        node->beats++;
        node->others = notice->node_count;
        node->sure = notice->sure_count;
        node->open_us = notice->open_us;
        check_true(notice->open_us <= notice->now_us);
        check_true(notice->now_us > INT64_C(1600000000000000));
    }
}

static void node_open(struct node *node, struct rig *rig) {
    const struct bus_pg_config config = { .conninfo = rig->conninfo, .beat_ms = 100,
                                          .notice = hear, .owner = node };
    memset(node, 0, sizeof(*node));
    node->rig = rig;
    cr_assert(eq(int, bus_pg_open(&rig->loop, &config, &node->bus), 0));
    cr_assert(eq(int, listen_pg_open(&rig->loop, rig->conninfo, bus_pg_port(node->bus)->node, hear,
                                     node, &node->listen), 0));
    for (int i = 0; i < 3000 && !(node->resyncs && node->beats); i++)
        rig_run(rig, 10);
    check_true(node->resyncs && node->beats);
}

static void closed(void *owner) {
    ((struct node *)owner)->closed++;
}

static void node_close(struct node *node) {
    bus_pg_close(node->bus, closed, node);
    listen_pg_close(node->listen, closed, node);
    while (node->closed < 2)
        rig_run(node->rig, 10);
    buf_fini(&node->heard);
}

static void await_frames(struct node *node, int count) {
    for (int i = 0; i < 3000 && node->frames < count; i++)
        rig_run(node->rig, 10);
    check_true(node->frames >= count);
}

/* Until a beat tells of so many other nodes, and for how many of them their lock vouches. */
static void await_others(struct node *node, size_t others, size_t sure) {
    for (int i = 0; i < 3000 && (node->others != others || node->sure != sure); i++)
        rig_run(node->rig, 10);
    cr_assert(eq(sz, node->others, others));
    cr_assert(eq(sz, node->sure, sure));
}

static void publish(struct node *node, const char *frame) {
    bus_publish(bus_pg_port(node->bus), dm_slice_str(frame));
}

Test(nodes, frames_reach_every_node_in_order) {
    struct rig rig;
    struct node a, b;
    struct buf expected = BUF_INIT;
    char frame[3000];
    rig_open(&rig);
    node_open(&a, &rig);
    node_open(&b, &rig);
    for (int i = 0; i < 500; i++) {
        snprintf(frame, sizeof(frame), "%d:%0*d", i, i % 7 ? 3 : 2000, i);
        publish(&a, frame);
        buf_append_str(&expected, frame);
        buf_append_char(&expected, ' ');
        if (i % 50 == 0)
            rig_run(&rig, 1);
    }
    await_frames(&a, 500);
    await_frames(&b, 500);
    check_true(dm_slice_eq(buf_slice(&a.heard), buf_slice(&expected)));
    check_true(dm_slice_eq(buf_slice(&b.heard), buf_slice(&expected)));
    buf_fini(&expected);
    node_close(&a);
    node_close(&b);
    rig_close(&rig);
}

Test(nodes, a_cut_connection_loses_no_frame) {
    struct rig rig;
    struct node a;
    char frame[16];
    rig_open(&rig);
    node_open(&a, &rig);
    for (int i = 0; i < 100; i++) {
        snprintf(frame, sizeof(frame), "<%d>", i);
        publish(&a, frame);
        if (i == 50)
            rig_run(&rig, 2);
        if (i == 60)
            rig_sql(&rig, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                          "WHERE pid <> pg_backend_pid() AND query ~ 'node_beat|pg_notify'");
    }
    await_frames(&a, 100);
    rig_run(&rig, 200);
    buf_append_char(&a.heard, '\0');
    for (int i = 0; i < 100; i++) {
        snprintf(frame, sizeof(frame), "<%d>", i);
        check_true(strstr(a.heard.data, frame));
    }
    node_close(&a);
    rig_close(&rig);
}

Test(nodes, nodes_know_of_each_other_until_they_leave) {
    struct rig rig;
    struct node a, b;
    rig_open(&rig);
    node_open(&a, &rig);
    cr_assert(eq(sz, a.others, 0));
    node_open(&b, &rig);
    cr_assert(eq(sz, b.others, 1));
    cr_assert(eq(sz, b.sure, 1));
    await_others(&a, 1, 1);
    check_true(bus_pg_port(a.bus)->node != bus_pg_port(b.bus)->node);
    publish(&b, "last words");
    node_close(&b);
    await_frames(&a, 1);
    await_others(&a, 0, 0);
    /* One that says nothing any more is forgotten in time: after 10 s with its lock, else 5. */
    rig_sql(&rig, "INSERT INTO nodes VALUES (7, clock_timestamp() - interval '11 s')");
    rig_sql(&rig, "INSERT INTO nodes VALUES (8, clock_timestamp() - interval '6 s')");
    rig_sql(&rig, "INSERT INTO nodes VALUES (9, clock_timestamp())");
    await_others(&a, 1, 0);
    rig_sql(&rig, "UPDATE nodes SET at = clock_timestamp() WHERE id = 9");
    rig_sql(&rig, "SELECT pg_advisory_lock_shared(7), pg_advisory_lock_shared(8)");
    await_others(&a, 2, 1);
    node_close(&a);
    rig_close(&rig);
}

static void await_beats(struct node *node, int count) {
    count += node->beats;
    for (int i = 0; i < 3000 && node->beats < count; i++)
        rig_run(node->rig, 10);
    check_true(node->beats >= count);
}

static int64_t ask(PGconn *pg, const char *sql) {
    PGresult *result = PQexec(pg, sql);
    int64_t value = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

Test(nodes, a_beat_tells_since_when_something_is_being_written) {
    struct rig rig;
    struct node a;
    int64_t began_us;
    PGconn *writer;
    rig_open(&rig);
    node_open(&a, &rig);
    writer = PQconnectdb(rig.conninfo);
    ask(writer, "BEGIN");
    began_us = ask(writer, "SELECT (extract(epoch FROM now()) * 1000000)::bigint");
    await_beats(&a, 2);
    check_true(a.open_us > began_us);
    ask(writer, "SELECT pg_current_xact_id()");
    await_beats(&a, 2);
    cr_assert(eq(i64, a.open_us, began_us));
    ask(writer, "COMMIT");
    await_beats(&a, 2);
    check_true(a.open_us > began_us);
    PQfinish(writer);
    node_close(&a);
    rig_close(&rig);
}

Test(nodes, payloads_are_taken_apart_strictly) {
    static const char *const bad[] = { "x", "5", "5 abcd", "-1 x", " ", "1234567 x", "3 ab" };
    struct buf payload = BUF_INIT;
    struct dm_slice rest, frame;
    bus_pg_pack(&payload, DM_SLICE("one 1 2"));
    bus_pg_pack(&payload, DM_SLICE(""));
    bus_pg_pack(&payload, DM_SLICE("3 abc"));
    rest = buf_slice(&payload);
    cr_assert(eq(int, bus_pg_unpack(&rest, &frame), 1));
    check_slice(frame, DM_SLICE("one 1 2"));
    cr_assert(eq(int, bus_pg_unpack(&rest, &frame), 1));
    cr_assert(eq(sz, frame.len, 0));
    cr_assert(eq(int, bus_pg_unpack(&rest, &frame), 1));
    check_slice(frame, DM_SLICE("3 abc"));
    cr_assert(eq(int, bus_pg_unpack(&rest, &frame), 0));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        rest = dm_slice_str(bad[i]);
        int r;
        while ((r = bus_pg_unpack(&rest, &frame)) == 1)
            ;
        check_true(r < 0);
    }
    buf_fini(&payload);
}
