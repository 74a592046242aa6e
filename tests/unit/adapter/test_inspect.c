/* What operators see of the host: its sessions, and what an observer is shown. */
#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "core/adapter/inspect.h"
#include "tests/unit/adapter/probe.h"
#include "tests/unit/adapter/rig.h"

static struct rig rig;
static struct buf seen;

static void setup(void) {
    rig_init(&rig, &probe_adapter, NULL, NULL, NULL);
    buf_init(&seen);
}

static void teardown(void) {
    rig_settle(&rig);
    rig_fini(&rig);
    buf_fini(&seen);
    (void)probe_log();
}

TestSuite(inspect, .init = setup, .fini = teardown);

static void hang_up(int fd) {
    close(fd);
    rig_settle(&rig);
}

static int collect(void *owner, const struct host_session *session) {
    uint64_t *ids = owner;

    cr_expect_str_eq(session->adapter, "probe");
    cr_expect_eq(session->kind, DM_SESSION_SOCKET);
    cr_expect_gt(session->since_us, 0);
    ids[++ids[0]] = session->id;
    return ids[0] == 2;
}

Test(inspect, sessions_come_oldest_first_from_where_it_was_asked) {
    uint64_t ids[8] = { 0 }, rest[8] = { 0 };
    int fds[3];

    for (int i = 0; i < 3; i++)
        fds[i] = rig_socket(&rig, "/probe/open", "");
    cr_expect_eq(host_each_session(rig.host, 0, collect, ids), 1);
    cr_expect_eq(ids[0], 2);
    cr_expect_lt(ids[1], ids[2]);
    cr_expect_eq(host_each_session(rig.host, ids[2], collect, rest), 0);
    cr_expect_eq(rest[0], 1);
    cr_expect_gt(rest[1], ids[2]);
    cr_expect_eq(host_sessions_at(rig.host, 0), 3);
    for (int i = 0; i < 3; i++)
        hang_up(fds[i]);
    cr_expect_eq(host_sessions_at(rig.host, 0), 0);
    ids[0] = 0;
    cr_expect_eq(host_each_session(rig.host, 0, collect, ids), 0);
    cr_expect_eq(ids[0], 0);
}

Test(inspect, one_session_is_closed_and_no_other) {
    uint64_t ids[8] = { 0 };
    int first = rig_socket(&rig, "/probe/open", "");
    int second = rig_socket(&rig, "/probe/open", "");

    (void)host_each_session(rig.host, 0, collect, ids);
    cr_expect_eq(host_close_session(rig.host, ids[1], 1001), 0);
    cr_expect_eq(host_close_session(rig.host, ids[1], 1001), -ENOENT);
    cr_expect_eq(host_close_session(rig.host, 999999, 1001), -ENOENT);
    rig_settle(&rig);
    cr_expect_str_eq(rig_frames(&rig, first), "close 1001\n");
    cr_expect_str_eq(rig_frames(&rig, second), "");
    hang_up(first);
    hang_up(second);
}

/* ---- the observer ---- */

static void on_other(void *owner) {
    buf_append_str(&seen, "other\n");
}

static void on_begin(void *owner) {
    buf_append_str(&seen, "begin\n");
}

static void on_frame_in(void *owner, const struct host_peer *peer, const char *type,
                        const struct dm_frame *frame) {
    buf_printf(&seen, "in %s %s %.*s\n", peer->instance->name, type,
               frame ? (int)frame->data.len : 1, frame ? frame->data.ptr : "-");
}

static void on_frame_out(void *owner, const struct host_peer *peer, uint64_t corr,
                         const char *type, const struct dm_frame *frame) {
    cr_expect(frame->flags & DM_FRAME_SENT);
    buf_printf(&seen, "out %llu %s\n", (unsigned long long)corr, type);
}

static void on_response(void *owner, const struct host_peer *peer, int status) {
    buf_printf(&seen, "response %d\n", status);
}

static const struct host_observer observer = { on_other,     on_begin,    on_frame_in,
                                               on_frame_out, on_response, NULL };

static const char *text_seen(void) {
    buf_append_char(&seen, '\0');
    seen.len--;
    return seen.data;
}

Test(inspect, frames_are_shown_with_what_they_brought_about) {
    int fd = rig_socket(&rig, "/probe/open", "");

    host_observe(rig.host, &observer);
    rig_send(&rig, fd, "twice x");
    cr_expect_str_eq(text_seen(), "begin\nout 0 say\nout 0 say\nin probe probe twice x\n");
    buf_reset(&seen);
    host_observe(rig.host, NULL);
    rig_send(&rig, fd, "twice x");
    cr_expect_str_eq(text_seen(), "");
    hang_up(fd);
}

Test(inspect, an_event_is_shown_for_every_session_it_went_to) {
    struct dm_thread thread = { .id = 5, .kind = DM_THREAD_DIRECT, .peer = rig_user(7) };
    struct dm_message message = { .id = 9, .author = rig_user(7), .text = DM_SLICE("hi") };
    struct dm_event event = { .kind = DM_EVENT_MESSAGE, .actor = rig_user(7), .thread = &thread,
                              .message = &message, .serial = 1, .corr = 77 };
    struct engine_session *sessions[2];
    int fds[2];

    for (unsigned i = 0; i < 2; i++) {
        fds[i] = rig_socket(&rig, "/probe/open", "");
        rig_send(&rig, fds[i], "login x");
        sessions[i] = rig_next(&rig)->session;
        rig_answer_login(&rig, rig_next(&rig), rig_user(i));
    }
    host_observe(rig.host, &observer);
    for (int i = 0; i < 2; i++)
        (void)rig_event(&rig, sessions[i], &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED, NULL);
    cr_expect_str_eq(text_seen(), "out 77 event\nout 77 event\n");
    cr_expect_neq(host_session_id(sessions[0]), host_session_id(sessions[1]));
    host_observe(rig.host, NULL);
    hang_up(fds[0]);
    hang_up(fds[1]);
}

Test(inspect, an_adapter_that_redacts_nothing_shows_nothing) {
    struct dm_frame frame = { .kind = DM_FRAME_TEXT, .data = DM_SLICE("secret") };

    cr_expect_eq(host_redact(rig.host, host_instance_at(rig.host, 0), &frame, &seen), -ENOTSUP);
    cr_expect_eq(seen.len, 0);
}
