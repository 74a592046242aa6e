/* Many sessions, any commands, a store that answers when it likes, sessions that come and go: each
 * command is answered once and in order, and each session sees a thread's messages in order. */
#include <stdio.h>

#include "tests/unit/engine/bench.h"

#define PEERS 12
#define STEPS 4000

TestSuite(any_order, .init = bench_open, .fini = bench_close);

struct watched {
    struct peer peer;
    int is_open;
    int submitted;
    int answered;
    uint64_t last_seq[FAKE_THREADS + 1]; /* of the messages of others, by thread */
};

static struct watched watched[PEERS];
static uint64_t state;

static uint32_t dice(uint32_t sides) {
    return (uint32_t)(sequence_next(&state) % sides);
}

static struct watched *watched_of(struct engine_session *session) {
    return container_of(session, struct watched, peer.session);
}

static void leave(struct watched *one) {
    engine_session_close(&one->peer.session);
    memset(&one->peer.session, 0xa5, sizeof(one->peer.session));
    one->is_open = 0;
}

static void on_result(struct engine_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    struct watched *one = watched_of(session);
    char expected[16];
    snprintf(expected, sizeof(expected), "%d", one->answered++);
    check_slice(cookie, dm_slice_str(expected));
    cr_assert(lt(int, (int)result->status, DM_STATUS_COUNT));
    if (dice(40) == 0)
        leave(one);
}

static int on_event(struct engine_session *session, const struct dm_event *event,
                    const struct engine_view *view) {
    struct watched *one = watched_of(session);
    cr_assert(eq(int, one->is_open, 1));
    if (event->kind == DM_EVENT_MESSAGE) {
        uint64_t *last = &one->last_seq[event->thread->id - 500];
        cr_assert(gt(u64, event->message->seq, *last));
        *last = event->message->seq;
    }
    if (dice(60) == 0)
        leave(one);
    return dice(2) == 0;
}

static void on_revoked(struct engine_session *session) {
    if (dice(2) == 0)
        leave(watched_of(session));
}

static void on_user_changed(struct engine_session *session) {
}

static void submit(struct watched *one, struct dm_command command) {
    char cookie[16];
    snprintf(cookie, sizeof(cookie), "%d", one->submitted++);
    peer_submit(&one->peer, command, cookie);
}

static void enter(struct watched *one) {
    static const char *const tokens[] = { "access:ann", "access:bob", "access:cat",
                                          "access:tom", "expired:ann" };
    struct dm_command command = bench_command(DM_CMD_AUTHENTICATE);
    memset(one, 0, sizeof(*one));
    peer_open(&one->peer, "p", PEER_SOCKET);
    one->is_open = 1;
    command.token = dm_slice_str(tokens[dice(5)]);
    submit(one, command);
}

static enum dm_status answer(struct fake_store *fake, struct store_call *call) {
    struct fake_thread *thread = fake_thread_by_id(fake, call->thread_id);
    if (dice(10) == 0)
        return DM_UNAVAILABLE;
    if (thread) {
        call->result->thread = fake_view(fake, call, thread);
        if (call->command->kind == DM_CMD_READ && thread->seq) {
            const struct dm_message **messages = arena_alloc(call->arena, sizeof(*messages));
            messages[0] = fake_message(fake, call, thread, 1, fake->users[dice(4)].user.id);
            call->result->messages = messages;
            call->result->message_count = 1;
        }
    }
    return DM_OK;
}

static void act(struct watched *one) {
    static const enum dm_command_kind kinds[] = {
        DM_CMD_SEND, DM_CMD_SEND, DM_CMD_SEND, DM_CMD_SEND, DM_CMD_READ, DM_CMD_HISTORY,
        DM_CMD_USER_GET, DM_CMD_WATCH, DM_CMD_UNWATCH, DM_CMD_APPROVE, DM_CMD_CHAT_UPDATE,
        DM_CMD_THREAD_LIST, DM_CMD_AUTHENTICATE, DM_CMD_UNDELIVERED, DM_CMD_NONE,
    };
    static const char *const names[] = { "ann", "bob", "cat", "tom", "nobody" };
    struct dm_command command = bench_command(kinds[dice(ARRAY_LEN(kinds))]);
    command.text = DM_SLICE("text");
    command.token = DM_SLICE("access:ann");
    command.flags = dice(4) == 0 ? DM_CMD_ANSWER_APPROVES | DM_CMD_MARK_READ : 0;
    if (dice(3) == 0)
        command.thread = dm_ref_id(501 + (int64_t)dice(6));
    else
        command.user = bench_name(names[dice(5)]);
    submit(one, command);
}

static void disturb(void) {
    static const enum bus_notice_kind kinds[] = { BUS_USER_CHANGED, BUS_USER_DEACTIVATED,
                                                  BUS_TOKEN_REVOKED, BUS_RESYNC };
    struct bus_notice notice = { .kind = kinds[dice(4)] };
    notice.id = bench.store.users[dice(5)].user.id;
    engine_notice(bench.engine, &notice);
}

static void turn(void) {
    bench.store.held_kinds = dice(3) == 0 ? 0 : (uint32_t)sequence_next(&state);
    for (size_t i = 0; i < ARRAY_LEN(bench.store.fail); i++)
        bench.store.fail[i] = dice(50) == 0 ? DM_UNAVAILABLE : DM_OK;
    bench.store.mark_count = 0;
    fake_store_run(&bench.store);
    if (bench.wake_ms == 0) {
        bench.wake_ms = -1;
        engine_run(bench.engine);
    }
    if (dice(20) == 0)
        bench_clock_us += 2000000, engine_run(bench.engine);
    if (bench.store.threads[0].member_count)
        bench.store.threads[0].member_rev += dice(30) == 0;
}

static void finish(void) {
    bench.store.held_kinds = 0;
    memset(bench.store.fail, 0, sizeof(bench.store.fail));
    bench.store.mark_count = 0;
    bench_wait(5000000);
    for (size_t i = 0; i < PEERS; i++) {
        if (!watched[i].is_open)
            continue;
        cr_assert(eq(int, watched[i].answered, watched[i].submitted));
        cr_assert(eq(u32, engine_session_backlog(&watched[i].peer.session), 0));
        leave(&watched[i]);
    }
    bench.store.mark_count = 0;
}

static void play(uint64_t seed) {
    static const char *const names[] = { "ann", "bob", "cat", NULL };
    state = seed;
    bench.client.result = on_result;
    bench.client.event = on_event;
    bench.client.revoked = on_revoked;
    bench.client.user_changed = on_user_changed;
    bench.store.command = answer;
    memset(watched, 0, sizeof(watched));
    fake_add_chat(&bench.store, "club", names);
    for (size_t i = 0; i < STEPS; i++) {
        struct watched *one = &watched[dice(PEERS)];
        if (!one->is_open)
            enter(one);
        else if (dice(80) == 0)
            leave(one);
        else
            act(one);
        if (dice(4) == 0)
            turn();
        if (dice(200) == 0)
            disturb();
    }
    finish();
}

Test(any_order, seed_1) {
    play(1);
}

Test(any_order, seed_2) {
    play(2);
}

Test(any_order, seed_3_with_tiny_caches) {
    struct engine_config config = bench.config;
    config.cache_users = 1;
    config.cache_threads = 1;
    config.queue_max = 20;
    engine_reload(bench.engine, &config);
    play(3);
}
