/* Friend requests that come while the list of them is asked for: each is shown once. */
#include "core/engine/unit.h"
#include "tests/unit/engine/other.h"

#define USERS 8

/* Whose request waits for whom, by place in the fake's users. */
static uint8_t waits[USERS][USERS];

static size_t place_of(int64_t user_id) {
    return (size_t)(user_id - DM_USER_ID_FIRST);
}

static void waiting(const char *asked, const char *asker, uint8_t yes) {
    waits[place_of(bench_id(asked))][place_of(bench_id(asker))] = yes;
}

static enum dm_status list_status;

static void list(struct fake_store *fake, struct store_call *call) {
    const struct dm_user **users = arena_alloc(call->arena, USERS * sizeof(*users));
    for (size_t i = 0; i < USERS; i++) {
        if (waits[place_of(call->actor_id)][i])
            users[call->result->user_count++] = &fake->users[i].user;
    }
    call->result->users = users;
}

static enum dm_status ask(struct store_call *call) {
    uint8_t *waiting = &waits[place_of(call->other_id)][place_of(call->actor_id)];
    call->result->flags = *waiting ? 0 : DM_RESULT_CHANGED;
    *waiting = 1;
    return DM_OK;
}

static enum dm_status reply(struct store_call *call) {
    uint8_t *waiting = &waits[place_of(call->actor_id)][place_of(call->other_id)];
    if (!*waiting)
        return DM_NO_REQUEST;
    *waiting = 0;
    if (call->command->kind == DM_CMD_FRIEND_ACCEPT)
        waits[place_of(call->other_id)][place_of(call->actor_id)] = 0;
    call->result->flags = DM_RESULT_CHANGED;
    return DM_OK;
}

static enum dm_status answer(struct fake_store *fake, struct store_call *call) {
    if (call->command->kind == DM_CMD_FRIEND_PENDING) {
        list(fake, call);
        return list_status;
    }
    return call->command->kind == DM_CMD_FRIEND_REQUEST ? ask(call) : reply(call);
}

static struct peer ann, bob;

static void requests_open(void) {
    other_open();
    other_meet("S0 1 1 0 ");
    memset(waits, 0, sizeof(waits));
    list_status = DM_OK;
    bench.store.command = answer;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench_run();
    bench_forget();
}

static void requests_close(void) {
    peer_close(&ann);
    peer_close(&bob);
    other_close();
}

TestSuite(requests, .init = requests_open, .fini = requests_close);

static void submit(struct peer *peer, enum dm_command_kind kind, const char *user) {
    struct dm_command command = bench_command(kind);
    if (user)
        command.user = bench_name(user);
    peer_submit(peer, command, NULL);
}

static void pending(struct peer *peer) {
    submit(peer, DM_CMD_FRIEND_PENDING, NULL);
}

/* Lists are not answered before let_go. */
static void hold(void) {
    bench.store.held_kinds = 1u << STORE_COMMAND;
}

static void let_go(void) {
    bench.store.held_kinds = 0;
    bench_run();
}

/* Another node tells that actor did it, and to whom. */
static void tell(enum dm_event_kind kind, const char *actor, const char *to) {
    struct dm_event event = { .kind = kind,
                              .actor = &fake_user_named(&bench.store, actor)->user };
    struct unit_head head = { .to_id = bench_id(to) };
    struct buf unit = BUF_INIT;
    unit_put_head(&unit, &head);
    wire_put_uint(&unit, 1);
    unit_put_event(&unit, UNIT_TO_USER, &event, NULL, NULL);
    other_tell(unit);
    bench_run();
}

/* The store answers in the order asked: the list after the request, which is in it. */
Test(requests, one_that_comes_before_the_list_that_has_it) {
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    pending(&bob);
    bench_run();
    bench_expect("ann friend_request ok user=bob+", "bob friend_pending ok users=ann+");
}

Test(requests, one_that_comes_behind_the_list_that_has_it) {
    waiting("bob", "ann", 1);
    pending(&bob);
    bench_run();
    waiting("bob", "ann", 0);
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    bench_run();
    bench_expect("bob friend_pending ok users=ann+", "ann friend_request ok user=bob+");
    bench_wait(20000000);
    waiting("bob", "ann", 0);
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    bench_run();
    bench_expect("ann friend_request ok user=bob+", "bob ! friend_request subject actor=ann");
}

Test(requests, one_that_is_not_in_the_list_follows_it) {
    pending(&bob);
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    bench_run();
    bench_expect("bob friend_pending ok", "ann friend_request ok user=bob+",
                 "bob ! friend_request subject actor=ann");
}

Test(requests, a_list_that_cannot_be_had_loses_none) {
    list_status = DM_UNAVAILABLE;
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    pending(&bob);
    bench_run();
    bench_expect("ann friend_request ok user=bob+", "bob friend_pending unavailable",
                 "bob ! friend_request subject actor=ann");
}

Test(requests, messages_do_not_wait_for_the_list) {
    hold();
    pending(&bob);
    peer_send(&ann, "bob", "hi", NULL);
    bench_run();
    bench_expect("bob ! thread_opened member actor=ann peer=ann",
                 "ann send ok seq=1 text=hi peer=bob created",
                 "bob ! message member actor=ann seq=1 text=hi peer=ann unread=1");
    let_go();
    bench_expect("bob friend_pending ok");
}

/* ---- answered meanwhile ---- */

Test(requests, one_answered_elsewhere_meanwhile_is_not_shown) {
    struct peer second;
    peer_join(&second, "bob2", "bob");
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    submit(&bob, DM_CMD_FRIEND_DENY, "ann");
    pending(&second);
    bench_run();
    bench_expect("ann friend_request ok user=bob+", "bob ! friend_request subject actor=ann",
                 "bob friend_deny ok user=ann+", "ann ! friend_denied subject actor=bob",
                 "bob2 friend_pending ok");
    peer_close(&second);
}

Test(requests, one_asked_again_is_another) {
    waiting("bob", "ann", 1);
    pending(&bob);
    bench_run();
    submit(&bob, DM_CMD_FRIEND_DENY, "ann");
    bench_run();
    bench_forget();
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    bench_run();
    bench_expect("ann friend_request ok user=bob+", "bob ! friend_request subject actor=ann");
}

/* What is left of bob's request to ann after bob's own answer to one of hers. */
static void cross(enum dm_event_kind kind) {
    hold();
    pending(&ann);
    tell(DM_EVENT_FRIEND_REQUEST, "bob", "ann");
    tell(kind, "bob", "ann");
    bench_forget();
    let_go();
}

Test(requests, acceptance_ends_both_ways) {
    cross(DM_EVENT_FRIEND_ACCEPTED);
    bench_expect("ann friend_pending ok");
}

Test(requests, denial_ends_one_way) {
    cross(DM_EVENT_FRIEND_DENIED);
    bench_expect("ann friend_pending ok", "ann ! friend_request subject actor=bob");
}

/* ---- on other nodes ---- */

Test(requests, one_made_on_another_node) {
    waiting("bob", "ann", 1);
    hold();
    pending(&bob);
    bench_run();
    tell(DM_EVENT_FRIEND_REQUEST, "ann", "bob");
    tell(DM_EVENT_FRIEND_REQUEST, "cat", "bob");
    bench_expect_nothing();
    let_go();
    tell(DM_EVENT_FRIEND_REQUEST, "ann", "bob");
    bench_expect("bob friend_pending ok users=ann+", "bob ! friend_request subject actor=cat");
}

/* Nobody whom the answer is for has a session here. */
Test(requests, one_answered_on_another_node) {
    hold();
    pending(&bob);
    bench_run();
    tell(DM_EVENT_FRIEND_REQUEST, "cat", "bob");
    tell(DM_EVENT_FRIEND_DENIED, "bob", "cat");
    let_go();
    bench_expect("bob friend_pending ok");
    tell(DM_EVENT_FRIEND_REQUEST, "cat", "bob");
    bench_expect("bob ! friend_request subject actor=cat");
}
