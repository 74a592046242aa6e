#include "tests/unit/engine/bench.h"

TestSuite(reading, .init = bench_open, .fini = bench_close);

static size_t read_count;

/* Reads messages 1..read_count of the thread's other side, or the one message named. */
static enum dm_status answer(struct fake_store *fake, struct store_call *call) {
    const struct dm_command *command = call->command;
    struct fake_thread *thread = fake_thread_by_id(fake, call->thread_id);
    int64_t author = thread->lo_id == call->actor_id ? thread->hi_id : thread->lo_id;
    const struct dm_message **messages;
    if (thread->kind == DM_THREAD_CHAT)
        author = thread->members[0];
    call->result->thread = fake_view(fake, call, thread);
    call->result->flags = DM_RESULT_CHANGED;
    if (command->kind == DM_CMD_READ_ONE || command->kind == DM_CMD_DELETE) {
        call->result->message = fake_message(fake, call, thread,
                                             (uint64_t)command->message.id % 1000, author);
        call->result->count = command->kind == DM_CMD_READ_ONE ? 4 : 0;
        return DM_OK;
    }
    cr_assert(eq(u32, command->flags & DM_CMD_MARK_READ, 0));
    messages = arena_alloc(call->arena, (read_count + 1) * sizeof(*messages));
    for (size_t i = 0; i < read_count; i++)
        messages[i] = fake_message(fake, call, thread, i + 1, author);
    call->result->messages = messages;
    call->result->message_count = read_count;
    return DM_OK;
}

static void open_thread(struct peer *ann) {
    bench.store.command = answer;
    peer_send(ann, "bob", "hi", NULL);
    bench_run();
    bench_forget();
}

static void submit(struct peer *peer, enum dm_command_kind kind, const char *user,
                   uint32_t flags) {
    struct dm_command command = bench_command(kind);
    command.flags = flags;
    command.user = bench_name(user);
    peer_submit(peer, command, NULL);
    bench_run();
}

Test(reading, both_sides_hear_of_it) {
    struct peer ann, bob, bob2;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&bob2, "bob2", "bob");
    open_thread(&ann);
    read_count = 2;
    submit(&bob, DM_CMD_READ, "ann", 0);
    bench_expect("bob read ok peer=ann messages=1,2",
                 "bob2 ! read actor actor=bob messages=1,2 peer=ann",
                 "ann ! read member actor=bob messages=1,2 peer=bob");
    read_count = 0;
    submit(&bob, DM_CMD_READ, "ann", 0);
    bench_expect("bob read ok peer=ann");
    submit(&bob, DM_CMD_READ, "cat", 0);
    submit(&bob, DM_CMD_READ, "nobody", 0);
    bench_expect("bob read ok", "bob read no_user");
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&bob2);
}

Test(reading, an_event_names_five_hundred_at_most) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    open_thread(&ann);
    read_count = 1001;
    submit(&bob, DM_CMD_READ, "ann", 0);
    bench_expect("bob read ok peer=ann messages=1..1001",
                 "ann ! read member actor=bob messages=1..500 peer=bob",
                 "ann ! read member actor=bob messages=501..1000 peer=bob",
                 "ann ! read member actor=bob messages=1001 peer=bob");
    peer_close(&ann);
    peer_close(&bob);
}

Test(reading, history_may_read_all) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    open_thread(&ann);
    read_count = 1;
    submit(&bob, DM_CMD_HISTORY, "ann", 0);
    bench_expect("bob history ok peer=ann messages=1");
    submit(&bob, DM_CMD_HISTORY, "ann", DM_CMD_MARK_READ);
    bench_expect("bob history ok peer=ann messages=1",
                 "ann ! read member actor=bob messages=1 peer=bob");
    submit(&bob, DM_CMD_HISTORY, "cat", DM_CMD_MARK_READ);
    bench_expect("bob history ok");
    peer_close(&ann);
    peer_close(&bob);
}

Test(reading, what_was_said_with_somebody_who_is_gone) {
    struct bus_notice notice = { .kind = BUS_USER_DEACTIVATED };
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    open_thread(&ann);
    fake_user_named(&bench.store, "bob")->user.flags = 0;
    fake_user_named(&bench.store, "cat")->user.flags = 0;
    notice.id = bench_id("bob");
    engine_notice(bench.engine, &notice);
    bench_run();
    bench_forget();
    read_count = 1;
    submit(&ann, DM_CMD_HISTORY, "bob", 0);
    bench_expect("ann history ok peer=bob messages=1");
    submit(&ann, DM_CMD_HISTORY, "cat", 0);
    bench_expect("ann history no_user");
    peer_close(&ann);
}

Test(reading, single_messages) {
    struct peer ann, bob;
    struct dm_command command = bench_command(DM_CMD_READ_ONE);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    open_thread(&ann);
    command.message = dm_ref_id(bench.store.threads[0].id * 1000 + 1);
    peer_submit(&bob, command, NULL);
    bench_run();
    bench_expect("bob read_one ok seq=1 peer=ann count=4",
                 "ann ! read member actor=bob messages=1 peer=bob unread=4");
    command.kind = DM_CMD_DELETE;
    peer_submit(&bob, command, NULL);
    command.message = dm_ref_id(999999);
    peer_submit(&bob, command, NULL);
    command.message = (struct dm_ref){ .kind = DM_REF_NONE };
    peer_submit(&bob, command, NULL);
    bench_run();
    bench_expect("bob delete ok seq=1 peer=ann",
                 "ann ! message_deleted member actor=bob seq=1 peer=bob",
                 "bob delete no_message", "bob delete invalid field=message");
    peer_close(&ann);
    peer_close(&bob);
}

Test(reading, a_strangers_message_is_none) {
    struct peer ann, cat;
    struct dm_command command = bench_command(DM_CMD_READ_ONE);
    peer_join(&ann, "ann", "ann");
    peer_join(&cat, "cat", "cat");
    open_thread(&ann);
    command.message = dm_ref_id(bench.store.threads[0].id * 1000 + 1);
    peer_submit(&cat, command, NULL);
    bench_run();
    bench_expect("cat read_one no_message");
    peer_close(&ann);
    peer_close(&cat);
}

Test(reading, chats_do_not_exist_where_they_are_hidden) {
    static const char *const names[] = { "ann", "bob", NULL };
    struct peer ann, bob;
    struct dm_command command = bench_command(DM_CMD_READ);
    struct fake_thread *chat = fake_add_chat(&bench.store, "club", names);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.command = answer;
    read_count = 1;
    command.thread = dm_ref_uuid(&chat->uuid);
    peer_submit(&bob, command, NULL);
    command.flags = DM_CMD_DIRECT_ONLY;
    peer_submit(&bob, command, NULL);
    command.kind = DM_CMD_HISTORY;
    peer_submit(&bob, command, NULL);
    command.kind = DM_CMD_THREAD_GET;
    peer_submit(&bob, command, NULL);
    bench_run();
    bench_expect("bob read ok title=club members=ann,bob messages=1",
                 "bob read no_thread", "bob history no_thread", "bob thread_get no_thread",
                 "ann ! read member actor=bob messages=1 title=club members=ann,bob");
    peer_close(&ann);
    peer_close(&bob);
}
