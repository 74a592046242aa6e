/* A list of threads is read by several statements, and others write in between. */
#include "tests/unit/storage/rig.h"

TestSuite(between, .timeout = 300);

#define GATE "7"

/* Messages are read behind a lock from now on, and as they are when it has been had. */
static void put_gate_before_messages(struct rig *rig) {
    rig_sql(rig,
            "DO $do$ BEGIN "
            "EXECUTE replace(pg_get_functiondef('message_view'::regproc), 'message_view', "
            "'message_view_behind'); "
            "EXECUTE 'CREATE OR REPLACE FUNCTION message_view(p_viewer bigint, p_threads bigint[], "
            "p_seqs bigint[], p_last bigint[]) RETURNS TABLE (thread_id bigint, thread_uuid uuid, "
            "seq bigint, id bigint, uuid uuid, author_id bigint, recipient_id bigint, body text, "
            "attachments text[], file_rows text[], created_at timestamptz, held smallint, "
            "first boolean, reach int) LANGUAGE plpgsql VOLATILE AS $f$ BEGIN "
            "PERFORM pg_advisory_xact_lock(" GATE "); RETURN QUERY SELECT * FROM "
            "message_view_behind(p_viewer, p_threads, p_seqs, p_last); END $f$'; END $do$");
}

static void wait_at_gate(struct rig *rig) {
    while (!rig_sql(rig, "SELECT count(*) FROM pg_locks "
                         "WHERE locktype = 'advisory' AND NOT granted"))
        rig_run(rig, 5);
}

/* Begins a list of threads that waits before it reads their messages. */
static void begin_list(struct rig *rig, struct call *call, int64_t actor) {
    put_gate_before_messages(rig);
    rig_sql(rig, "SELECT pg_advisory_lock(" GATE ")");
    call->command.limit = 10;
    call->command.kind = DM_CMD_THREAD_LIST;
    call->call.base.kind = STORE_COMMAND;
    call->call.command = &call->command;
    call->call.actor_id = actor;
    call_submit(rig, rig->port, call);
    wait_at_gate(rig);
}

static void end_list(struct rig *rig, struct call *call) {
    rig_sql(rig, "SELECT pg_advisory_unlock(" GATE ")");
    rig_wait(rig, &call->probe.done);
    cr_assert(eq(int, call->probe.status, DM_OK));
}

Test(between, a_message_comes) {
    struct rig rig;
    struct call call = { 0 };
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    rig_append(&rig, thread, USER(1), "before");
    begin_list(&rig, &call, USER(2));
    rig_append(&rig, thread, USER(1), "in between");
    end_list(&rig, &call);
    cr_assert(eq(sz, call.result.thread_count, 1));
    const struct dm_message *last = call.result.threads[0]->last_message;
    check_true(last);
    check_slice(last->text, DM_SLICE("in between"));
    check_true(last->author && last->recipient);
    rig_close(&rig);
}

/* A list holds no thread without a message. */
Test(between, the_only_message_goes) {
    struct rig rig;
    struct call call = { 0 };
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t thread = rig_direct(&rig, USER(1), USER(2), 0);
    int64_t other = rig_direct(&rig, USER(1), USER(3), 0);
    rig_append(&rig, thread, USER(1), "goes");
    rig_append(&rig, other, USER(1), "stays");
    begin_list(&rig, &call, USER(1));
    rig_sql(&rig, "UPDATE messages SET deleted = true WHERE thread_id = %" PRId64, thread);
    end_list(&rig, &call);
    cr_assert(eq(sz, call.result.thread_count, 1));
    cr_assert(eq(i64, call.result.threads[0]->id, other));
    rig_close(&rig);
}
