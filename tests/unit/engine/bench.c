#include "tests/unit/engine/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/metrics.h"

struct bench bench;
int64_t bench_clock_us;

/* ---- lines ---- */

static struct peer *peer_of(struct engine_session *session) {
    return container_of(session, struct peer, session);
}

static void put(struct buf *line, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_append_str(line, text);
}

static void put_users(struct buf *line, const char *key, const struct dm_user *const *users,
                      size_t count) {
    for (size_t i = 0; i < count; i++)
        put(line, "%s%.*s%s", i ? "," : key, DM_SLICE_FMT(dm_user_name(users[i])),
            users[i]->flags & DM_USER_ONLINE ? "+" : "");
}

static void put_message(struct buf *line, const struct dm_message *message) {
    if (!message)
        return;
    put(line, " seq=%d", (int)message->seq);
    if (message->text.len)
        put(line, " text=%.*s", DM_SLICE_FMT(message->text));
    if (message->flags & DM_MESSAGE_FIRST)
        put(line, " first");
    for (size_t i = 0; i < message->attachment_count; i++)
        put(line, " file=%.*s", DM_SLICE_FMT(message->attachments[i]->name));
}

static void put_thread(struct buf *line, const struct dm_thread *thread) {
    static const char *const states[] = { "", " requested", " blocked", " blocked_by_other" };
    if (!thread)
        return;
    if (thread->peer)
        put(line, " peer=%.*s", DM_SLICE_FMT(dm_user_name(thread->peer)));
    if (thread->title.ptr)
        put(line, " title=%.*s", DM_SLICE_FMT(thread->title));
    put_users(line, " members=", thread->members, thread->member_count);
    put(line, "%s", states[thread->state]);
}

static void put_messages(struct buf *line, const struct dm_message *const *messages,
                         size_t count) {
    if (count > 3)
        put(line, " messages=%d..%d", (int)messages[0]->seq, (int)messages[count - 1]->seq);
    else
        for (size_t i = 0; i < count; i++)
            put(line, "%s%d", i ? "," : " messages=", (int)messages[i]->seq);
}

static void keep(struct peer *peer, struct buf *line) {
    if (!bench.quiet) {
        cr_assert(lt(sz, bench.line_count, BENCH_LINES));
        bench.lines[bench.line_count++] = strndup(line->data, line->len);
    }
    buf_fini(line);
    if (peer->on_line)
        peer->on_line(peer);
}

static void on_result(struct engine_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    struct peer *peer = peer_of(session);
    struct buf line = BUF_INIT;
    put(&line, "%s %s %s", peer->name, dm_command_name(result->kind),
        dm_status_name(result->status));
    if (result->field)
        put(&line, " field=%s", result->field);
    put_message(&line, result->message);
    put_thread(&line, result->thread);
    put_users(&line, " user=", &result->user, result->user ? 1 : 0);
    put_users(&line, " users=", result->users, result->user_count);
    put_messages(&line, result->messages, result->message_count);
    if (result->flags & DM_RESULT_CREATED)
        put(&line, " created");
    if (result->count)
        put(&line, " count=%d", (int)result->count);
    for (size_t i = 0; i < result->thread_count; i++)
        put(&line, "%s%d", i ? "," : " threads=", (int)result->threads[i]->id);
    if (result->next_cursor)
        put(&line, " next=%d", (int)result->next_cursor);
    if (result->retry_after)
        put(&line, " retry=%d", (int)result->retry_after);
    if (result->access_token.ptr)
        put(&line, " %.*s %.*s for=%d", DM_SLICE_FMT(result->access_token),
            DM_SLICE_FMT(result->refresh_token), (int)result->expires_in);
    if (cookie.ptr)
        put(&line, " cookie=%.*s", DM_SLICE_FMT(cookie));
    keep(peer, &line);
}

static int on_event(struct engine_session *session, const struct dm_event *event,
                    const struct engine_view *view) {
    static const char *const audiences[] = { "actor", "member", "subject", "all" };
    struct peer *peer = peer_of(session);
    struct buf line = BUF_INIT;
    int mute = peer->mute;
    bench.events++;
    cr_assert(eq(ptr, (void *)view->viewer, (void *)engine_session_user(session)));
    put(&line, "%s ! %s %s actor=%.*s", peer->name, dm_event_name(event->kind),
        audiences[view->audience], DM_SLICE_FMT(dm_user_name(event->actor)));
    put_message(&line, event->message);
    put_messages(&line, event->messages, event->message_count);
    put_thread(&line, event->thread);
    put_users(&line, " users=", event->users, event->user_count);
    if (event->unread)
        put(&line, " unread=%d", (int)event->unread);
    if (view->cookie.ptr)
        put(&line, " cookie=%.*s", DM_SLICE_FMT(view->cookie));
    keep(peer, &line);
    return !mute;
}

static void on_revoked(struct engine_session *session) {
    struct buf line = BUF_INIT;
    check_true(!engine_session_user(session));
    put(&line, "%s revoked", peer_of(session)->name);
    keep(peer_of(session), &line);
}

static size_t address_of(const struct engine_session *session,
                         char ret_text[ENGINE_ADDRESS_TEXT]) {
    const struct peer *peer = container_of(session, struct peer, session);
    size_t len = strlen(peer->address);
    memcpy(ret_text, peer->address, len);
    return len;
}

static void on_user_changed(struct engine_session *session) {
    struct buf line = BUF_INIT;
    put(&line, "%s changed %.*s", peer_of(session)->name,
        DM_SLICE_FMT(dm_user_name(engine_session_user(session))));
    keep(peer_of(session), &line);
}

static void on_wake(void *owner, uint32_t ms) {
    cr_assert(eq(ptr, owner, &bench));
    bench.wake_ms = (int64_t)ms;
}

void bench_forget(void) {
    for (size_t i = 0; i < bench.line_count; i++)
        free(bench.lines[i]);
    bench.line_count = 0;
}

void bench_expect_lines(const char *file, int line, const char *const *expected) {
    struct buf report = BUF_INIT;
    size_t count = 0;
    int same = 1;
    while (expected[count])
        count++;
    same = count == bench.line_count;
    for (size_t i = 0; same && i < count; i++)
        same = strcmp(expected[i], bench.lines[i]) == 0;
    for (size_t i = 0; !same && i < bench.line_count; i++)
        buf_printf(&report, "\n  got:      %s", bench.lines[i]);
    for (size_t i = 0; !same && i < count; i++)
        buf_printf(&report, "\n  expected: %s", expected[i]);
    buf_append_char(&report, '\0');
    cr_assert(eq(int, same, 1), "%s:%d:%s", file, line, report.data);
    buf_fini(&report);
    bench_forget();
}

/* ---- the engine ---- */

static int64_t now_us(void) {
    return bench_clock_us;
}

void bench_open(void) {
    static const char *const names[] = { "ann", "bob", "cat", "dan" };
    memset(&bench, 0, sizeof(bench));
    bench_clock_us = 1000000000;
    bench.wake_ms = -1;
    fake_store_init(&bench.store);
    fake_auth_init(&bench.auth);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        fake_add_user(&bench.store, names[i], NULL);
    fake_add_user(&bench.store, "tom", "TUTOR");
    bench.client = (struct engine_client){ .result = on_result, .event = on_event,
                                           .revoked = on_revoked, .wake = on_wake,
                                           .user_changed = on_user_changed, .address = address_of,
                                           .owner = &bench };
    bench.config.now_us = now_us;
    bench.metrics = metrics_new(1000);
    bench.engine = engine_new(&bench.config, &bench.store.store, &bench.auth.auth,
                              &bench.client, bench.metrics);
    bench_run();
}

void bench_close(void) {
    memset(bench.store.fail, 0, sizeof(bench.store.fail));
    bench.store.held_kinds = 0;
    bench_wait(10000000);
    engine_flush(bench.engine);
    bench_run();
    cr_assert(eq(sz, engine_busy(bench.engine), 0));
    engine_free(bench.engine);
    metrics_free(bench.metrics);
    bench_forget();
}

static int run_engine(void) {
    if (bench.wake_ms != 0)
        return 0;
    bench.wake_ms = -1;
    engine_run(bench.engine);
    return 1;
}

void bench_run(void) {
    while (run_engine() || fake_store_run(&bench.store) || fake_auth_run(&bench.auth))
        ;
}

void bench_wait(int64_t us) {
    bench_run();
    while (bench.wake_ms > 0 && bench.wake_ms * 1000 <= us) {
        us -= bench.wake_ms * 1000;
        bench_clock_us += bench.wake_ms * 1000;
        bench.wake_ms = 0;
        bench_run();
    }
    bench_clock_us += us;
    if (bench.wake_ms > 0)
        bench.wake_ms -= us / 1000;
}

/* ---- sessions ---- */

void peer_open(struct peer *peer, const char *name, uint32_t flags) {
    memset(peer, 0, sizeof(*peer));
    peer->name = name;
    peer->address = "192.0.2.1";
    engine_session_open(bench.engine, &peer->session, flags, "test");
}

/* The memory is the host's at once: nothing may look at it afterwards. */
void peer_close(struct peer *peer) {
    engine_session_close(&peer->session);
    memset(&peer->session, 0xa5, sizeof(peer->session));
}

void peer_join(struct peer *peer, const char *name, const char *username) {
    struct dm_command command = bench_command(DM_CMD_AUTHENTICATE);
    char token[64];
    peer_open(peer, name, PEER_SOCKET);
    snprintf(token, sizeof(token), "access:%s", username);
    command.token = dm_slice_str(token);
    peer_submit(peer, command, NULL);
    bench_run();
    check_true(engine_session_user(&peer->session));
    bench_forget();
}

void peer_submit(struct peer *peer, struct dm_command command, const char *cookie) {
    engine_submit(&peer->session, &command, dm_slice_str(cookie));
}

void peer_send(struct peer *peer, const char *to, const char *text, const char *cookie) {
    struct dm_command command = bench_command(DM_CMD_SEND);
    command.user = bench_name(to);
    command.text = dm_slice_str(text);
    peer_submit(peer, command, cookie);
}

void peer_send_thread(struct peer *peer, int64_t thread_id, const char *text,
                      const char *cookie) {
    struct dm_command command = bench_command(DM_CMD_SEND);
    command.thread = dm_ref_id(thread_id);
    command.text = dm_slice_str(text);
    peer_submit(peer, command, cookie);
}

struct dm_command bench_command(enum dm_command_kind kind) {
    return (struct dm_command){ .size = sizeof(struct dm_command), .kind = kind };
}

struct dm_ref bench_name(const char *username) {
    return dm_ref_name(dm_slice_str(username));
}

int64_t bench_id(const char *username) {
    return fake_user_named(&bench.store, username)->user.id;
}
