#include <stdio.h>

#include "core/base/metrics.h"
#include "tests/unit/engine/bench.h"

TestSuite(chat, .init = bench_open, .fini = bench_close);

static const char *const three[] = { "ann", "bob", "cat", NULL };

Test(chat, messages_reach_all_members) {
    struct peer ann, bob, cat, dan, old;
    struct fake_thread *chat = fake_add_chat(&bench.store, "club", three);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    peer_join(&dan, "dan", "dan");
    peer_join(&old, "old", "bob");
    old.session.flags &= ~(uint32_t)ENGINE_SESSION_CHATS;
    peer_send_thread(&ann, chat->id, "hi", NULL);
    peer_send_thread(&dan, chat->id, "may I", NULL);
    bench_run();
    bench_expect("ann send ok seq=1 text=hi title=club",
                 "dan send no_thread",
                 "bob ! message member actor=ann seq=1 text=hi title=club unread=1",
                 "cat ! message member actor=ann seq=1 text=hi title=club unread=1");
    peer_send_thread(&cat, chat->id, "ho", NULL);
    bench_run();
    bench_expect("cat send ok seq=2 text=ho title=club",
                 "ann ! message member actor=cat seq=2 text=ho title=club unread=2",
                 "bob ! message member actor=cat seq=2 text=ho title=club unread=2");
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
    peer_close(&dan);
    peer_close(&old);
}

Test(chat, events_keep_their_order_while_members_are_read) {
    struct peer ann, bob, cat;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    peer_send_thread(&ann, chat->id, "one", NULL);
    bench_run();
    bench_forget();
    chat->members[1] = bench_id("dan");
    chat->member_rev = 7;
    bench.store.held_kinds = 1u << STORE_MEMBERS;
    peer_send_thread(&ann, chat->id, "two", NULL);
    peer_send_thread(&cat, chat->id, "three", NULL);
    peer_send_thread(&ann, chat->id, "four", NULL);
    bench_run();
    bench_expect("ann send ok seq=2 text=two", "cat send ok seq=3 text=three",
                 "ann send ok seq=4 text=four");
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("cat ! message member actor=ann seq=2 text=two unread=2",
                 "ann ! message member actor=cat seq=3 text=three unread=3",
                 "cat ! message member actor=ann seq=4 text=four unread=4");
    cr_assert(eq(sz, bench.store.counts[STORE_MEMBERS], 2));
    peer_close(&ann);
    peer_close(&bob);
    peer_close(&cat);
}

static enum dm_status read_it(struct fake_store *fake, struct store_call *call) {
    struct fake_thread *chat = fake_thread_by_id(fake, call->thread_id);
    const struct dm_message **messages = arena_alloc(call->arena, sizeof(*messages));
    messages[0] = fake_message(fake, call, chat, chat->seq, chat->members[0]);
    call->result->messages = messages;
    call->result->message_count = 1;
    call->result->thread = fake_view(fake, call, chat);
    return DM_OK;
}

Test(chat, no_event_passes_one_that_waits) {
    struct peer ann, cat;
    struct dm_command command = bench_command(DM_CMD_READ);
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    bench.store.command = read_it;
    peer_join(&ann, "ann", "ann");
    peer_join(&cat, "cat", "cat");
    peer_send_thread(&ann, chat->id, "one", NULL);
    bench_run();
    chat->member_rev = 7;
    bench.store.held_kinds = 1u << STORE_MEMBERS;
    peer_send_thread(&ann, chat->id, "two", NULL);
    bench_run();
    bench_forget();
    command.thread = dm_ref_id(chat->id);
    peer_submit(&cat, command, NULL);
    fake_store_run(&bench.store);
    bench_expect("cat read ok members=ann,bob,cat messages=2");
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("cat ! message member actor=ann seq=2 text=two unread=2",
                 "ann ! read member actor=cat messages=2 members=ann,bob,cat");
    peer_close(&ann);
    peer_close(&cat);
}

/* What waits keeps the author as it was; the session has got the new data meanwhile. */
Test(chat, an_author_may_change_while_events_wait) {
    struct peer ann, cat;
    struct bus_notice notice = { .kind = BUS_USER_CHANGED, .id = bench_id("ann") };
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    peer_join(&ann, "ann", "ann");
    peer_join(&cat, "cat", "cat");
    bench.store.held_kinds = 1u << STORE_MEMBERS;
    peer_send_thread(&ann, chat->id, "one", NULL);
    bench_run();
    bench_forget();
    fake_user_named(&bench.store, "ann")->user.color = DM_SLICE("#00ff00");
    engine_notice(bench.engine, &notice);
    bench_run();
    bench_expect("ann changed ann", "cat ! user_updated all actor=ann");
    bench.store.held_kinds = 0;
    bench_run();
    bench_expect("cat ! message member actor=ann seq=1 text=one unread=1");
    peer_close(&ann);
    peer_close(&cat);
}

Test(chat, members_that_cannot_be_read_are_asked_for_again) {
    struct peer ann, bob;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.fail[STORE_MEMBERS] = DM_UNAVAILABLE;
    peer_send_thread(&ann, chat->id, "one", NULL);
    bench_run();
    bench_expect("ann send ok seq=1 text=one");
    bench.store.fail[STORE_MEMBERS] = DM_OK;
    peer_send_thread(&ann, chat->id, "two", NULL);
    bench_run();
    bench_expect("ann send ok seq=2 text=two");
    bench_wait(1100000);
    bench_expect("bob ! message member actor=ann seq=1 text=one unread=1",
                 "bob ! message member actor=ann seq=2 text=two unread=2");
    peer_close(&ann);
    peer_close(&bob);
}

Test(chat, events_that_wait_for_nobody_are_dropped) {
    struct peer ann;
    struct fake_thread *chat = fake_add_chat(&bench.store, NULL, three);
    peer_join(&ann, "ann", "ann");
    bench.store.fail[STORE_MEMBERS] = DM_UNAVAILABLE;
    peer_send_thread(&ann, chat->id, "one", NULL);
    bench_run();
    bench_forget();
    peer_close(&ann);
    bench_wait(1100000);
    cr_assert(eq(sz, engine_busy(bench.engine), 0));
}

Test(chat, the_uuid_of_a_chat_stands_for_a_user) {
    struct peer ann;
    struct fake_thread *chat = fake_add_chat(&bench.store, "club", three);
    struct dm_command command = bench_command(DM_CMD_SEND);
    peer_join(&ann, "ann", "ann");
    command.user = dm_ref_uuid(&chat->uuid);
    command.text = DM_SLICE("hi");
    peer_submit(&ann, command, NULL);
    command.flags = DM_CMD_USER_OR_CHAT;
    peer_submit(&ann, command, NULL);
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("ann send no_user", "ann send ok seq=1 text=hi title=club",
                 "ann send ok seq=2 text=hi title=club");
    peer_close(&ann);
}

/* What the store would answer to a change of the one chat. */
static enum dm_status change(struct fake_store *fake, struct store_call *call) {
    const struct dm_command *command = call->command;
    struct fake_thread *chat = command->kind == DM_CMD_CHAT_CREATE
                                   ? fake_add_chat(fake, "made", three)
                                   : fake_thread_by_id(fake, call->thread_id);
    const struct dm_user **users = arena_zalloc(call->arena, 8 * sizeof(*users));
    if (command->kind == DM_CMD_CHAT_ADD)
        chat->members[chat->member_count++] = command->users[0].id;
    if (command->kind == DM_CMD_CHAT_REMOVE)
        chat->member_count--;
    if (command->user_count && command->kind != DM_CMD_CHAT_CREATE) {
        users[0] = fake_user_by_id(fake, command->users[0].id);
        call->result->users = users;
        call->result->user_count = 1;
    }
    chat->member_rev++;
    call->result->thread = fake_view(fake, call, chat);
    call->result->flags = DM_RESULT_CHANGED;
    return DM_OK;
}

Test(chat, changes_reach_those_concerned) {
    struct peer ann, ann2, bob, cat, dan;
    struct dm_command command = bench_command(DM_CMD_CHAT_CREATE);
    struct dm_ref users[2] = { bench_name("bob"), bench_name("cat") };
    peer_join(&ann, "ann", "ann");
    peer_join(&ann2, "ann2", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    peer_join(&dan, "dan", "dan");
    bench.store.command = change;
    command.users = users;
    command.user_count = 2;
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("ann chat_create ok title=made members=ann,bob,cat",
                 "ann2 ! chat_created actor actor=ann title=made members=ann,bob,cat",
                 "bob ! chat_created member actor=ann title=made members=ann,bob,cat",
                 "cat ! chat_created member actor=ann title=made members=ann,bob,cat");
    command = bench_command(DM_CMD_CHAT_ADD);
    command.thread = dm_ref_id(bench.store.threads[0].id);
    users[0] = dm_ref_id(bench_id("dan"));
    command.users = users;
    command.user_count = 1;
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("ann chat_add ok title=made members=ann,bob,cat,dan users=dan",
                 "ann2 ! members_added actor actor=ann title=made members=ann,bob,cat,dan "
                 "users=dan",
                 "dan ! members_added subject actor=ann title=made members=ann,bob,cat,dan "
                 "users=dan",
                 "bob ! members_added member actor=ann title=made members=ann,bob,cat,dan "
                 "users=dan",
                 "cat ! members_added member actor=ann title=made members=ann,bob,cat,dan "
                 "users=dan");
    command.kind = DM_CMD_CHAT_REMOVE;
    peer_submit(&bob, command, NULL);
    bench_run();
    bench_expect("bob chat_remove ok title=made members=ann,bob,cat users=dan",
                 "dan ! members_removed subject actor=bob title=made members=ann,bob,cat "
                 "users=dan",
                 "ann ! members_removed member actor=bob title=made members=ann,bob,cat "
                 "users=dan",
                 "ann2 ! members_removed member actor=bob title=made members=ann,bob,cat "
                 "users=dan",
                 "cat ! members_removed member actor=bob title=made members=ann,bob,cat "
                 "users=dan");
    peer_send_thread(&cat, bench.store.threads[0].id, "without dan", NULL);
    peer_send_thread(&dan, bench.store.threads[0].id, "without me", NULL);
    bench_run();
    for (size_t i = 0; i < bench.line_count; i++)
        check_true(strncmp(bench.lines[i], "dan !", 5) != 0);
    bench_forget();
    peer_close(&ann);
    peer_close(&ann2);
    peer_close(&bob);
    peer_close(&cat);
    peer_close(&dan);
}

Test(chat, of_two_without_title_is_their_direct_thread) {
    struct peer ann, tom;
    struct dm_command command = bench_command(DM_CMD_CHAT_CREATE);
    struct dm_ref users[3] = { bench_name("tom"), bench_name("ann"), bench_name("tom") };
    peer_join(&ann, "ann", "ann");
    peer_join(&tom, "tom", "tom");
    command.users = users;
    command.user_count = 3;
    peer_submit(&ann, command, NULL);
    peer_submit(&ann, command, NULL);
    users[0] = bench_name("ann");
    command.user_count = 1;
    peer_submit(&ann, command, NULL);
    users[0] = bench_name("nobody");
    peer_submit(&ann, command, NULL);
    command.user_count = 0;
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("tom ! thread_opened member actor=ann peer=ann requested",
                 "ann chat_create ok peer=tom requested created",
                 "ann chat_create exists peer=tom requested",
                 "ann chat_create invalid field=users", "ann chat_create no_user",
                 "ann chat_create invalid field=users");
    command = bench_command(DM_CMD_CHAT_ADD);
    command.thread = dm_ref_id(bench.store.threads[0].id);
    command.users = users;
    command.user_count = 1;
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("ann chat_add forbidden");
    peer_close(&ann);
    peer_close(&tom);
}

static enum dm_status entitle(struct fake_store *fake, struct store_call *call) {
    struct fake_thread *thread = fake_thread_by_id(fake, call->thread_id);
    thread->title = "us";
    call->ret_thread = (struct store_thread){ .id = thread->id, .uuid = thread->uuid,
                                              .title = dm_slice_str(thread->title) };
    call->result->thread = fake_view(fake, call, thread);
    call->result->flags = DM_RESULT_CHANGED;
    return DM_OK;
}

Test(chat, a_direct_thread_takes_a_title) {
    struct peer ann, ann2, bob, cat;
    struct dm_command command = bench_command(DM_CMD_CHAT_UPDATE);
    peer_join(&ann, "ann", "ann");
    peer_join(&ann2, "ann2", "ann");
    peer_join(&bob, "bob", "bob");
    peer_join(&cat, "cat", "cat");
    peer_send(&ann, "bob", "hi", NULL);
    bench_run();
    bench_forget();
    bench.store.command = entitle;
    command.thread = dm_ref_id(bench.store.threads[0].id);
    command.title = DM_SLICE("us");
    peer_submit(&ann, command, NULL);
    peer_submit(&cat, command, NULL);
    bench_run();
    bench_expect("cat chat_update no_thread", "ann chat_update ok peer=bob title=us",
                 "ann2 ! chat_updated actor actor=ann peer=bob title=us",
                 "bob ! chat_updated member actor=ann peer=ann title=us");
    peer_close(&ann);
    peer_close(&ann2);
    peer_close(&bob);
    peer_close(&cat);
}

Test(chat, a_thousand_members_get_a_message_each) {
    static struct peer peers[1000];
    struct fake_thread *chat = fake_add_chat(&bench.store, "all", three);
    char name[32];
    bench.quiet = 1;
    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "user%zu", i);
        chat->members[chat->member_count++] =
            fake_add_user(&bench.store, name, NULL)->user.id;
        peer_join(&peers[i], "p", name);
    }
    peer_send_thread(&peers[0], chat->id, "hi", NULL);
    peer_send_thread(&peers[0], chat->id, "hi", NULL);
    bench_run();
    cr_assert(eq(sz, bench.events, 2 * 999));
    for (size_t i = 0; i < 1000; i++)
        peer_close(&peers[i]);
}
