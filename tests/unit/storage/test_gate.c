#include "tests/unit/storage/rig.h"

TestSuite(gate, .timeout = 300);

/* 1 opens a thread that 2 is asked to approve. */
static int64_t gated(struct rig *rig) {
    rig_open(rig);
    rig_users(rig, 3);
    return rig_direct(rig, USER(1), USER(2), 1);
}

static enum dm_status on_thread(struct rig *rig, struct call *call, int64_t actor, int64_t thread,
                                enum dm_command_kind kind) {
    *call = (struct call){ .call = { .thread_id = thread } };
    return rig_command(rig, call, actor, kind);
}

static size_t history_count(struct rig *rig, int64_t actor, int64_t thread) {
    struct call call;
    cr_assert(eq(int, on_thread(rig, &call, actor, thread, DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(u64, call.result.thread->message_count, call.result.message_count));
    return call.result.message_count;
}

static enum dm_thread_state state_of(struct rig *rig, int64_t actor, int64_t thread) {
    struct call call;
    cr_assert(eq(int, on_thread(rig, &call, actor, thread, DM_CMD_THREAD_GET), DM_OK));
    return call.result.thread->state;
}

Test(gate, opening_twice_finds_the_same_thread) {
    struct rig rig;
    struct call call = { 0 };
    int64_t thread = gated(&rig);
    call.call.base.kind = STORE_DIRECT_OPEN;
    call.call.actor_id = USER(2);
    call.call.other_id = USER(1);
    cr_assert(eq(int, rig_call(&rig, &call), DM_OK));
    cr_assert(eq(i64, call.result.thread->id, thread));
    cr_assert(eq(int, call.result.flags & DM_RESULT_CREATED, 0));
    cr_assert(eq(int, call.result.thread->state, DM_THREAD_REQUESTED));
    cr_assert(eq(i64, call.result.thread->opener_id, USER(1)));
    cr_assert(eq(i64, call.result.thread->peer->id, USER(1)));
    cr_assert(eq(i64, call.call.ret_thread.lo_id, USER(1)));
    cr_assert(eq(i64, call.call.ret_thread.hi_id, USER(2)));
    rig_close(&rig);
}

Test(gate, the_first_goes_through_and_the_rest_are_held) {
    struct rig rig;
    struct append list[3] = { 0 };
    struct call call;
    int64_t thread = gated(&rig);
    for (int i = 0; i < 3; i++)
        append_submit(rig.port, &list[i], thread, USER(1), "x");
    for (int i = 0; i < 3; i++) {
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].append.ret_outcome, i ? STORE_APPENDED_HELD : STORE_APPENDED));
        cr_assert(eq(u64, list[i].append.ret_seq, (uint64_t)i + 1));
        cr_assert(eq(int, list[i].append.ret_state, DM_THREAD_REQUESTED));
    }
    cr_assert(eq(u64, list[0].append.ret_unread, 1));
    cr_assert(eq(int, rig_append(&rig, thread, USER(1), "x").ret_outcome, STORE_APPENDED_HELD));
    cr_assert(eq(sz, history_count(&rig, USER(2), thread), 1));
    cr_assert(eq(sz, history_count(&rig, USER(1), thread), 4));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_HISTORY), DM_OK));
    check_true(call.result.messages[0]->flags & DM_MESSAGE_FIRST);
    cr_assert(eq(u64, call.result.thread->unread, 1));
    cr_assert(eq(int, on_thread(&rig, &call, USER(1), thread, DM_CMD_HISTORY), DM_OK));
    check_true(call.result.messages[0]->flags & DM_MESSAGE_HELD);
    cr_assert(eq(int, call.result.messages[0]->state, DM_MESSAGE_STORED));
    rig_close(&rig);
}

Test(gate, the_asked_one_cannot_send) {
    struct rig rig;
    struct append append = { .append = { .flags = STORE_APPEND_APPROVES } };
    int64_t thread = gated(&rig);
    rig_append(&rig, thread, USER(1), "x");
    cr_assert(eq(int, rig_append(&rig, thread, USER(2), "x").ret_outcome, STORE_REFUSED_BLOCKED));
    append_submit(rig.port, &append, thread, USER(2), "x");
    rig_wait(&rig, &append.probe.done);
    cr_assert(eq(int, append.append.ret_outcome, STORE_NEEDS_APPROVE));
    rig_close(&rig);
}

Test(gate, approval_releases_in_order_and_counts_them_unread) {
    struct rig rig;
    struct call call;
    int64_t thread = gated(&rig);
    for (int i = 0; i < 4; i++)
        rig_append(&rig, thread, USER(1), i == 2 ? "two" : "x");
    cr_assert(eq(int, on_thread(&rig, &call, USER(1), thread, DM_CMD_APPROVE), DM_FORBIDDEN));
    cr_assert(eq(int, on_thread(&rig, &call, USER(3), thread, DM_CMD_APPROVE), DM_NO_THREAD));
    /* What was read before the approval stays read, what it releases is not. */
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_READ), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_APPROVE), DM_OK));
    check_true(call.result.flags & DM_RESULT_CHANGED);
    cr_assert(eq(sz, call.result.message_count, 3));
    for (size_t i = 0; i < 3; i++) {
        cr_assert(eq(u64, call.result.messages[i]->seq, i + 2));
        cr_assert(eq(int, call.result.messages[i]->flags & DM_MESSAGE_HELD, 0));
        cr_assert(eq(i64, call.result.messages[i]->author->id, USER(1)));
        cr_assert(eq(i64, call.result.messages[i]->recipient->id, USER(2)));
    }
    check_slice(call.result.messages[1]->text, DM_SLICE("two"));
    cr_assert(eq(int, call.result.thread->state, DM_THREAD_ALLOWED));
    cr_assert(eq(u64, call.result.thread->unread, 3));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_APPROVE), DM_OK));
    cr_assert(eq(int, call.result.flags, 0));
    cr_assert(eq(sz, history_count(&rig, USER(2), thread), 4));
    cr_assert(eq(int, rig_append(&rig, thread, USER(2), "x").ret_outcome, STORE_APPENDED));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_READ), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 3));
    rig_close(&rig);
}

Test(gate, what_was_blocked_never_comes_out) {
    struct rig rig;
    struct call call;
    int64_t thread = gated(&rig);
    rig_append(&rig, thread, USER(1), "first");
    rig_append(&rig, thread, USER(1), "held");
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_BLOCK), DM_OK));
    cr_assert(eq(int, call.result.thread->state, DM_THREAD_BLOCKED));
    cr_assert(eq(int, state_of(&rig, USER(1), thread), DM_THREAD_BLOCKED_BY_OTHER));
    struct store_append a = rig_append(&rig, thread, USER(1), "x");
    cr_assert(eq(int, a.ret_outcome, STORE_REFUSED_BLOCKED));
    cr_assert(eq(int, a.ret_state, DM_THREAD_BLOCKED));
    cr_assert(eq(int, rig_append(&rig, thread, USER(2), "x").ret_outcome, STORE_REFUSED_BLOCKED));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_APPROVE), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 0));
    cr_assert(eq(int, call.result.thread->state, DM_THREAD_ALLOWED));
    cr_assert(eq(sz, history_count(&rig, USER(2), thread), 1));
    cr_assert(eq(sz, history_count(&rig, USER(1), thread), 2));
    a = rig_append(&rig, thread, USER(1), "new");
    cr_assert(eq(int, a.ret_outcome, STORE_APPENDED));
    cr_assert(eq(u64, a.ret_seq, 3));
    cr_assert(eq(u64, a.ret_unread, 2));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_READ), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 2));
    rig_close(&rig);
}

/* 1 deletes a message of theirs; call holds the answer. */
static void delete(struct rig *rig, struct call *call, const struct store_append *append) {
    *call = (struct call){ .command = { .message = dm_ref_id(append->ret_id) } };
    cr_assert(eq(int, rig_command(rig, call, USER(1), DM_CMD_DELETE), DM_OK));
    cr_assert(eq(u64, call->result.message->seq, append->ret_seq));
    check_true(call->result.flags & DM_RESULT_CHANGED);
}

static size_t listed(struct rig *rig, struct call *call, int64_t actor) {
    *call = (struct call){ 0 };
    cr_assert(eq(int, rig_command(rig, call, actor, DM_CMD_THREAD_LIST), DM_OK));
    return call->result.thread_count;
}

Test(gate, the_next_takes_the_place_of_a_request_that_is_deleted) {
    struct rig rig;
    struct store_append sent[5];
    struct call call;
    int64_t thread = gated(&rig);
    for (int i = 0; i < 5; i++)
        sent[i] = rig_append(&rig, thread, USER(1), i == 2 ? "two" : "x");
    delete(&rig, &call, &sent[1]);
    cr_assert(eq(sz, call.result.message_count, 0));
    check_true(call.result.message->flags & DM_MESSAGE_HELD);
    delete(&rig, &call, &sent[0]);
    cr_assert(eq(u64, call.call.ret_rev, 7));
    cr_assert(eq(int, call.result.thread->state, DM_THREAD_REQUESTED));
    cr_assert(eq(u64, call.result.thread->last_message->seq, 5));
    cr_assert(eq(sz, call.result.message_count, 1));
    const struct dm_message *next = call.result.messages[0];
    cr_assert(eq(u64, next->seq, 3));
    cr_assert(eq(i64, next->id, sent[2].ret_id));
    cr_assert(eq(i64, next->author->id, USER(1)));
    check_slice(next->text, DM_SLICE("two"));
    check_true(next->flags & DM_MESSAGE_FIRST);
    cr_assert(eq(int, next->flags & DM_MESSAGE_HELD, 0));
    cr_assert(eq(sz, listed(&rig, &call, USER(2)), 1));
    cr_assert(eq(u64, call.result.count, 1));
    cr_assert(eq(u64, call.result.threads[0]->unread, 1));
    cr_assert(eq(u64, call.result.threads[0]->last_message->seq, 3));
    cr_assert(eq(sz, history_count(&rig, USER(2), thread), 1));
    cr_assert(eq(sz, history_count(&rig, USER(1), thread), 3));
    cr_assert(eq(int, rig_append(&rig, thread, USER(1), "x").ret_outcome, STORE_APPENDED_HELD));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_APPROVE), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 3));
    for (size_t i = 0; i < 3; i++)
        cr_assert(eq(u64, call.result.messages[i]->seq, i + 4));
    cr_assert(eq(u64, call.result.thread->unread, 4));
    cr_assert(eq(sz, history_count(&rig, USER(2), thread), 4));
    rig_close(&rig);
}

Test(gate, what_was_read_or_pushed_of_the_old_request_is_nothing_of_the_new) {
    struct rig rig;
    struct store_append sent[4];
    struct call call;
    int64_t thread = gated(&rig);
    for (int i = 0; i < 4; i++)
        sent[i] = rig_append(&rig, thread, USER(1), "x");
    rig_mark(&rig, thread, USER(2), 1, 1);
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_READ), DM_OK));
    delete(&rig, &call, &sent[0]);
    cr_assert(eq(int, call.result.messages[0]->state, DM_MESSAGE_STORED));
    call = (struct call){ 0 };
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_UNDELIVERED), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    cr_assert(eq(u64, call.result.messages[0]->seq, 2));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_READ), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    cr_assert(eq(u64, call.result.messages[0]->seq, 2));
    delete(&rig, &call, &sent[1]);
    call = (struct call){ .command = { .message = dm_ref_id(sent[2].ret_id) } };
    cr_assert(eq(int, rig_command(&rig, &call, USER(2), DM_CMD_READ_ONE), DM_OK));
    check_true(call.result.flags & DM_RESULT_CHANGED);
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_APPROVE), DM_OK));
    cr_assert(eq(u64, call.result.thread->unread, 1));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_READ), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    cr_assert(eq(u64, call.result.messages[0]->seq, 4));
    rig_close(&rig);
}

Test(gate, without_a_request_what_is_sent_next_is_one) {
    struct rig rig;
    struct append list[3] = { 0 };
    struct call call;
    int64_t thread = gated(&rig);
    for (int times = 0; times < 2; times++) {
        struct store_append a = rig_append(&rig, thread, USER(1), "x");
        cr_assert(eq(int, a.ret_outcome, STORE_APPENDED));
        cr_assert(eq(int, a.ret_state, DM_THREAD_REQUESTED));
        cr_assert(eq(u64, a.ret_unread, 1));
        delete(&rig, &call, &a);
        cr_assert(eq(sz, call.result.message_count, 0));
        cr_assert(eq(sz, listed(&rig, &call, USER(2)), 0));
        cr_assert(eq(u64, call.result.count, 0));
    }
    for (int i = 0; i < 3; i++)
        append_submit(rig.port, &list[i], thread, USER(1), "x");
    for (int i = 0; i < 3; i++) {
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].append.ret_outcome, i ? STORE_APPENDED_HELD : STORE_APPENDED));
        cr_assert(eq(u64, list[i].append.ret_seq, (uint64_t)i + 3));
    }
    cr_assert(eq(sz, history_count(&rig, USER(2), thread), 1));
    cr_assert(eq(sz, listed(&rig, &call, USER(2)), 1));
    cr_assert(eq(u64, call.result.threads[0]->last_message->seq, 3));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_APPROVE), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 2));
    rig_close(&rig);
}

Test(gate, nothing_takes_its_place_behind_a_block) {
    struct rig rig;
    struct call call;
    int64_t thread = gated(&rig);
    struct store_append first = rig_append(&rig, thread, USER(1), "x");
    rig_append(&rig, thread, USER(1), "held");
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_BLOCK), DM_OK));
    delete(&rig, &call, &first);
    cr_assert(eq(sz, call.result.message_count, 0));
    cr_assert(eq(sz, listed(&rig, &call, USER(2)), 0));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_APPROVE), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 0));
    cr_assert(eq(int, rig_append(&rig, thread, USER(2), "x").ret_outcome, STORE_APPENDED));
    rig_close(&rig);
}

Test(gate, both_may_block) {
    struct rig rig;
    struct call call;
    rig_open(&rig);
    rig_users(&rig, 2);
    int64_t thread = rig_direct(&rig, USER(2), USER(1), 0);
    rig_append(&rig, thread, USER(1), "x");
    cr_assert(eq(int, on_thread(&rig, &call, USER(1), thread, DM_CMD_BLOCK), DM_OK));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_BLOCK), DM_OK));
    cr_assert(eq(int, state_of(&rig, USER(1), thread), DM_THREAD_BLOCKED));
    cr_assert(eq(int, state_of(&rig, USER(2), thread), DM_THREAD_BLOCKED));
    cr_assert(eq(int, on_thread(&rig, &call, USER(2), thread, DM_CMD_APPROVE), DM_OK));
    cr_assert(eq(int, state_of(&rig, USER(1), thread), DM_THREAD_BLOCKED));
    cr_assert(eq(int, state_of(&rig, USER(2), thread), DM_THREAD_BLOCKED_BY_OTHER));
    cr_assert(eq(int, rig_append(&rig, thread, USER(2), "x").ret_outcome, STORE_REFUSED_BLOCKED));
    cr_assert(eq(int, on_thread(&rig, &call, USER(1), thread, DM_CMD_BLOCK), DM_OK));
    cr_assert(eq(int, call.result.flags, 0));
    rig_close(&rig);
}

Test(gate, chats_have_none) {
    struct rig rig;
    struct call call;
    const int64_t others[] = { USER(2), USER(3) };
    rig_open(&rig);
    rig_users(&rig, 3);
    int64_t chat = rig_chat(&rig, USER(1), others, 2);
    cr_assert(eq(int, on_thread(&rig, &call, USER(1), chat, DM_CMD_APPROVE), DM_FORBIDDEN));
    cr_assert(eq(int, on_thread(&rig, &call, USER(1), chat, DM_CMD_BLOCK), DM_FORBIDDEN));
    rig_close(&rig);
}
