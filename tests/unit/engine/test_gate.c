#include "tests/unit/engine/bench.h"

TestSuite(gate, .init = bench_open, .fini = bench_close);

/* ann has asked tom with `one`; `two` and `three` are held. */
static void ask(struct peer *ann) {
    peer_send(ann, "tom", "one", "a");
    peer_send(ann, "tom", "two", "b");
    peer_send(ann, "tom", "three", "c");
    bench_run();
}

static void decide(struct peer *peer, enum dm_command_kind kind) {
    struct dm_command command = bench_command(kind);
    command.thread = dm_ref_id(bench.store.threads[0].id);
    peer_submit(peer, command, NULL);
}

static enum dm_status block(struct fake_store *fake, struct store_call *call) {
    struct fake_thread *thread = fake_thread_by_id(fake, call->thread_id);
    struct dm_thread *view;
    thread->state = DM_THREAD_BLOCKED;
    view = fake_view(fake, call, thread);
    call->result->thread = view;
    call->result->flags = DM_RESULT_CHANGED;
    return DM_OK;
}

Test(gate, what_is_held_comes_with_the_approval) {
    struct peer ann, ann2, tom, rest;
    peer_join(&ann, "ann", "ann");
    peer_join(&ann2, "ann2", "ann");
    peer_join(&tom, "tom", "tom");
    peer_join(&rest, "rest", "tom");
    ask(&ann);
    bench_expect("ann2 ! thread_opened actor actor=ann peer=tom requested",
                 "tom ! thread_opened member actor=ann peer=ann requested",
                 "rest ! thread_opened member actor=ann peer=ann requested",
                 "ann send ok seq=1 text=one first peer=tom requested created cookie=a",
                 "ann2 ! message actor actor=ann seq=1 text=one first peer=tom requested unread=1",
                 "tom ! message member actor=ann seq=1 text=one first peer=ann requested "
                 "unread=1",
                 "rest ! message member actor=ann seq=1 text=one first peer=ann requested "
                 "unread=1",
                 "ann send held seq=2 text=two peer=tom requested cookie=b",
                 "ann send held seq=3 text=three peer=tom requested cookie=c");
    peer_send(&tom, "ann", "no word for requests", NULL);
    bench_run();
    bench_expect("tom send blocked");
    decide(&rest, DM_CMD_APPROVE);
    bench_run();
    bench_expect("rest approve ok peer=ann",
                 "tom ! thread_state actor actor=tom peer=ann",
                 "ann ! thread_state member actor=tom peer=tom",
                 "ann2 ! thread_state member actor=tom peer=tom",
                 "ann ! message_released actor actor=ann seq=2 text=two peer=tom unread=9 "
                 "cookie=b",
                 "ann2 ! message_released actor actor=ann seq=2 text=two peer=tom unread=9",
                 "tom ! message_released member actor=ann seq=2 text=two peer=ann unread=9",
                 "rest ! message_released member actor=ann seq=2 text=two peer=ann unread=9",
                 "ann ! message_released actor actor=ann seq=3 text=three peer=tom unread=10 "
                 "cookie=c",
                 "ann2 ! message_released actor actor=ann seq=3 text=three peer=tom unread=10",
                 "tom ! message_released member actor=ann seq=3 text=three peer=ann unread=10",
                 "rest ! message_released member actor=ann seq=3 text=three peer=ann unread=10");
    decide(&rest, DM_CMD_APPROVE);
    bench_run();
    bench_expect("rest approve ok peer=ann");
    peer_close(&ann);
    peer_close(&ann2);
    peer_close(&tom);
    peer_close(&rest);
}

/* Its author deletes the message at `one`; the first that is held is the request now. */
static enum dm_status delete_first(struct fake_store *fake, struct store_call *call) {
    struct fake_thread *thread = fake_thread_by_id(fake, call->thread_id);
    struct dm_message **next = arena_zalloc(call->arena, sizeof(*next));
    call->result->flags = DM_RESULT_CHANGED;
    call->result->thread = fake_view(fake, call, thread);
    call->result->message = fake_message(fake, call, thread, 1, call->actor_id);
    call->ret_rev = ++thread->rev;
    if (!thread->held_count)
        return DM_OK;
    *next = fake_message(fake, call, thread, thread->held[0].seq, call->actor_id);
    (*next)->text = arena_slice(call->arena, dm_slice_str(thread->held[0].text));
    (*next)->flags = DM_MESSAGE_FIRST | DM_MESSAGE_READ_BY_ME;
    thread->held_count--;
    memmove(thread->held, thread->held + 1, thread->held_count * sizeof(thread->held[0]));
    call->result->messages = (const struct dm_message *const *)next;
    call->result->message_count = 1;
    return DM_OK;
}

static void submit_delete(struct peer *peer) {
    struct dm_command command = bench_command(DM_CMD_DELETE);
    bench.store.command = delete_first;
    command.message = dm_ref_id(bench.store.threads[0].id * 1000 + 1);
    peer_submit(peer, command, NULL);
    bench_run();
}

Test(gate, the_next_takes_the_place_of_a_request_that_is_deleted) {
    struct peer ann, ann2, tom;
    peer_join(&ann, "ann", "ann");
    peer_join(&ann2, "ann2", "ann");
    peer_join(&tom, "tom", "tom");
    ask(&ann);
    bench_forget();
    submit_delete(&ann2);
    bench_expect("ann2 delete ok seq=1 peer=tom requested",
                 "ann ! message_deleted actor actor=ann seq=1 peer=tom requested",
                 "tom ! message_deleted member actor=ann seq=1 peer=ann requested",
                 "ann ! message_released actor actor=ann seq=2 text=two first peer=tom requested "
                 "unread=1 cookie=b",
                 "ann2 ! message_released actor actor=ann seq=2 text=two first peer=tom requested "
                 "unread=1",
                 "tom ! message_released member actor=ann seq=2 text=two first peer=ann requested "
                 "unread=1");
    bench_wait(250000);
    cr_assert(gt(sz, bench.store.mark_count, 0));
    cr_assert(eq(u64, bench.store.marks[bench.store.mark_count - 1].to, 2));
    decide(&tom, DM_CMD_APPROVE);
    bench_run();
    bench_expect("tom approve ok peer=ann",
                 "ann ! thread_state member actor=tom peer=tom",
                 "ann2 ! thread_state member actor=tom peer=tom",
                 "ann ! message_released actor actor=ann seq=3 text=three peer=tom unread=10 "
                 "cookie=c",
                 "ann2 ! message_released actor actor=ann seq=3 text=three peer=tom unread=10",
                 "tom ! message_released member actor=ann seq=3 text=three peer=ann unread=10");
    peer_close(&ann);
    peer_close(&ann2);
    peer_close(&tom);
}

Test(gate, an_answer_approves_where_asked_to) {
    struct peer ann, tom;
    struct dm_command answer = bench_command(DM_CMD_SEND);
    peer_join(&ann, "ann", "ann");
    peer_join(&tom, "tom", "tom");
    ask(&ann);
    bench_forget();
    answer.user = bench_name("ann");
    answer.text = DM_SLICE("welcome");
    answer.flags = DM_CMD_ANSWER_APPROVES;
    peer_submit(&tom, answer, NULL);
    answer.text = DM_SLICE("both");
    peer_submit(&tom, answer, NULL);
    bench_run();
    bench_expect("ann ! thread_state member actor=tom peer=tom",
                 "ann ! message_released actor actor=ann seq=2 text=two peer=tom unread=9 "
                 "cookie=b",
                 "tom ! message_released member actor=ann seq=2 text=two peer=ann unread=9",
                 "ann ! message_released actor actor=ann seq=3 text=three peer=tom unread=10 "
                 "cookie=c",
                 "tom ! message_released member actor=ann seq=3 text=three peer=ann unread=10",
                 "tom send ok seq=4 text=welcome peer=ann",
                 "ann ! message member actor=tom seq=4 text=welcome peer=tom unread=4",
                 "tom send ok seq=5 text=both peer=ann",
                 "ann ! message member actor=tom seq=5 text=both peer=tom unread=5");
    peer_close(&ann);
    peer_close(&tom);
}

Test(gate, nothing_overtakes_an_answer_that_approves) {
    struct peer ann, tom;
    struct dm_command answer = bench_command(DM_CMD_SEND);
    peer_join(&ann, "ann", "ann");
    peer_join(&tom, "tom", "tom");
    ask(&ann);
    bench.store.held_kinds = 1u << STORE_COMMAND;
    answer.user = bench_name("ann");
    answer.text = DM_SLICE("welcome");
    answer.flags = DM_CMD_ANSWER_APPROVES;
    peer_submit(&tom, answer, NULL);
    bench_run();
    bench_forget();
    cr_assert(eq(sz, fake_waiting(&bench.store, STORE_COMMAND), 1));
    peer_send(&tom, "ann", "second", NULL);
    bench_run();
    cr_assert(eq(sz, fake_waiting(&bench.store, STORE_APPEND), 0));
    bench.store.held_kinds = 0;
    ann.mute = 1;
    bench_run();
    cr_assert(eq(str, bench.lines[bench.line_count - 2], "tom send ok seq=5 text=second peer=ann"));
    bench_forget();
    peer_close(&ann);
    peer_close(&tom);
}

Test(gate, only_the_asked_role_approves) {
    struct peer ann, tom;
    struct dm_command command = bench_command(DM_CMD_APPROVE);
    peer_join(&ann, "ann", "ann");
    peer_join(&tom, "tom", "tom");
    ask(&ann);
    bench_forget();
    decide(&ann, DM_CMD_APPROVE);
    command.thread = dm_ref_id(77);
    peer_submit(&tom, command, NULL);
    bench_run();
    bench_expect("ann approve forbidden", "tom approve no_thread");
    peer_close(&ann);
    peer_close(&tom);
}

static enum dm_status judge_member(struct fake_store *fake, struct store_call *call) {
    const struct fake_thread *chat = fake_thread_by_id(fake, call->thread_id);
    for (size_t i = 0; i < chat->member_count; i++) {
        if (chat->members[i] == call->actor_id)
            return DM_FORBIDDEN;
    }
    return DM_NO_THREAD;
}

Test(gate, a_chat_is_a_secret_of_its_members) {
    static const char *const names[] = { "ann", "bob", NULL };
    struct fake_thread *chat = fake_add_chat(&bench.store, "club", names);
    struct dm_command command = bench_command(DM_CMD_BLOCK);
    struct peer ann, cat;
    bench.store.command = judge_member;
    peer_join(&ann, "ann", "ann");
    peer_join(&cat, "cat", "cat");
    command.thread = dm_ref_uuid(&chat->uuid);
    peer_submit(&ann, command, NULL);
    bench_run();
    peer_submit(&cat, command, NULL);
    bench_run();
    bench_expect("ann block forbidden", "cat block no_thread");
    peer_close(&ann);
    peer_close(&cat);
}

Test(gate, tutors_are_not_asked_by_tutors) {
    struct peer tim;
    fake_add_user(&bench.store, "tim", "TUTOR");
    peer_join(&tim, "tim", "tim");
    peer_send(&tim, "tom", "colleague", NULL);
    peer_send(&tim, "ann", "student", NULL);
    bench_run();
    bench_expect("tim send ok seq=1 text=colleague peer=tom created",
                 "tim send ok seq=1 text=student peer=ann created");
    peer_close(&tim);
}

Test(gate, a_blocked_thread_takes_nothing) {
    struct peer ann, tom;
    bench.store.command = block;
    peer_join(&ann, "ann", "ann");
    peer_join(&tom, "tom", "tom");
    ask(&ann);
    bench_forget();
    decide(&tom, DM_CMD_BLOCK);
    peer_send(&tom, "ann", "x", NULL);
    bench_run();
    peer_send(&ann, "tom", "y", NULL);
    bench_run();
    bench_expect("tom block ok peer=ann blocked",
                 "ann ! thread_state member actor=tom peer=tom blocked_by_other",
                 "tom send blocked", "ann send blocked");
    peer_close(&ann);
    peer_close(&tom);
}

Test(gate, the_direct_thread_with_somebody_is_decided_on_by_name) {
    struct peer ann, tom;
    struct dm_command command = bench_command(DM_CMD_APPROVE);
    peer_join(&ann, "ann", "ann");
    peer_join(&tom, "tom", "tom");
    command.user = bench_name("ann");
    peer_submit(&tom, command, "before");
    command.user = bench_name("nobody");
    peer_submit(&tom, command, NULL);
    bench_run();
    bench_expect("tom approve no_thread cookie=before", "tom approve no_user");
    peer_send(&ann, "tom", "one", NULL);
    bench_run();
    bench_forget();
    command.user = bench_name("ann");
    peer_submit(&tom, command, NULL);
    bench_run();
    bench_expect("tom approve ok peer=ann", "ann ! thread_state member actor=tom peer=tom");
    bench.store.command = block;
    command.kind = DM_CMD_BLOCK;
    peer_submit(&tom, command, NULL);
    bench_run();
    bench_expect("tom block ok peer=ann blocked",
                 "ann ! thread_state member actor=tom peer=tom blocked_by_other");
    command.user.kind = DM_REF_NONE;
    peer_submit(&tom, command, NULL);
    bench_run();
    bench_expect("tom block invalid field=thread");
    peer_close(&ann);
    peer_close(&tom);
}

Test(gate, confirmations_that_wait_are_bounded) {
    struct peer ann, tom;
    struct engine_config config = bench.config;
    config.held_max = 1;
    engine_reload(bench.engine, &config);
    peer_join(&ann, "ann", "ann");
    ask(&ann);
    bench_forget();
    peer_join(&tom, "tom", "tom");
    decide(&tom, DM_CMD_APPROVE);
    bench_run();
    bench_expect("tom approve ok peer=ann",
                 "ann ! thread_state member actor=tom peer=tom",
                 "ann ! message_released actor actor=ann seq=2 text=two peer=tom unread=9",
                 "tom ! message_released member actor=ann seq=2 text=two peer=ann unread=9",
                 "ann ! message_released actor actor=ann seq=3 text=three peer=tom unread=10 "
                 "cookie=c",
                 "tom ! message_released member actor=ann seq=3 text=three peer=ann unread=10");
    peer_close(&ann);
    peer_close(&tom);
}

Test(gate, waiting_confirmations_go_with_their_session) {
    struct peer ann, tom;
    peer_join(&ann, "ann", "ann");
    ask(&ann);
    peer_close(&ann);
    peer_join(&ann, "ann", "ann");
    peer_join(&tom, "tom", "tom");
    decide(&tom, DM_CMD_APPROVE);
    bench_run();
    bench_expect("tom approve ok peer=ann",
                 "ann ! thread_state member actor=tom peer=tom",
                 "ann ! message_released actor actor=ann seq=2 text=two peer=tom unread=9",
                 "tom ! message_released member actor=ann seq=2 text=two peer=ann unread=9",
                 "ann ! message_released actor actor=ann seq=3 text=three peer=tom unread=10",
                 "tom ! message_released member actor=ann seq=3 text=three peer=ann unread=10");
    peer_close(&ann);
    peer_close(&tom);
}
