#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/metrics.h"
#include "tests/unit/adapter/probe.h"
#include "tests/unit/adapter/rig.h"

#define SOCKETS 3

static struct rig rig;
static int fds[SOCKETS];
static struct engine_session *sessions[SOCKETS];
static uint64_t serial;

static void begin(const struct dm_adapter *adapter, const char *chats) {
    struct adapter_values *values = adapter_values_new(adapter);
    struct adapter_error error;
    char path[64];

    if (chats)
        cr_assert_eq(adapter_values_set(values, "chats", dm_slice_str(chats), &error), 0);
    rig_init(&rig, adapter, NULL, values, NULL);
    adapter_values_free(values);
    (void)snprintf(path, sizeof(path), "/%s/open", adapter->name);
    for (unsigned i = 0; i < SOCKETS; i++) {
        fds[i] = rig_socket(&rig, path, "");
        rig_send(&rig, fds[i], "login x");
        sessions[i] = rig_next(&rig)->session;
        rig_answer_login(&rig, rig_next(&rig), rig_user(i));
    }
    (void)probe_log();
    (void)probe_encodings();
}

static void end(void) {
    for (int i = 0; i < SOCKETS; i++)
        close(fds[i]);
    rig_settle(&rig);
    rig_fini(&rig);
}

static void setup(void) {
    begin(&probe_adapter, NULL);
}

TestSuite(encode, .init = setup, .fini = end);

static struct dm_thread thread;
static struct dm_message message;

static struct dm_event event_of(enum dm_event_kind kind) {
    thread = (struct dm_thread){ .id = 5, .kind = DM_THREAD_DIRECT, .peer = rig_user(7) };
    message = (struct dm_message){ .id = 9, .author = rig_user(7), .text = DM_SLICE("hi") };
    return (struct dm_event){ .kind = kind, .actor = rig_user(7), .thread = &thread,
                              .message = &message, .serial = ++serial };
}

static int tell(int to, const struct dm_event *event, enum dm_audience audience, int sharing) {
    return rig_event(&rig, sessions[to], event, audience, sharing, NULL);
}

Test(encode, does_it_once_for_all_who_get_the_same) {
    struct dm_event event = event_of(DM_EVENT_MESSAGE);

    for (int i = 0; i < SOCKETS; i++)
        cr_expect_eq(tell(i, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 1);
    cr_expect_eq(probe_encodings(), 1);
    for (int i = 0; i < SOCKETS; i++)
        cr_expect_str_eq(rig_frames(&rig, fds[i]),
                         "{\"event\":\"message\",\"audience\":1,\"variant\":0,\"text\":\"hi\","
                         "\"peer\":7}\n");
}

Test(encode, does_it_for_each_audience_variant_and_viewer) {
    struct dm_event event = event_of(DM_EVENT_MESSAGE);

    rig_send(&rig, fds[1], "variant 3");
    (void)tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    (void)tell(1, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    (void)tell(2, &event, DM_AUDIENCE_ACTOR, ENGINE_SHARED);
    cr_expect_eq(probe_encodings(), 3);
    (void)tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SINGLE);
    (void)tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SINGLE);
    (void)tell(2, &event, DM_AUDIENCE_MEMBER, ENGINE_SINGLE);
    cr_expect_eq(probe_encodings(), 2);
    cr_expect_not_null(strstr(rig_frames(&rig, fds[1]), "\"variant\":3"));
    cr_expect_not_null(strstr(rig_frames(&rig, fds[2]), "\"viewer\":2"));
}

Test(encode, begins_anew_with_each_event) {
    struct dm_event event = event_of(DM_EVENT_MESSAGE);

    (void)tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    event = event_of(DM_EVENT_MESSAGE);
    message.text = DM_SLICE("other");
    (void)tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    cr_expect_eq(probe_encodings(), 2);
    cr_expect_not_null(strstr(rig_frames(&rig, fds[0]), "other"));
}

Test(encode, remembers_more_kinds_than_it_has_places_for) {
    struct dm_event event = event_of(DM_EVENT_MESSAGE);
    char command[16];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 16; i++) {
            (void)snprintf(command, sizeof(command), "variant %d", i);
            rig_send(&rig, fds[0], command);
            cr_expect_eq(tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 1);
            cr_expect_eq(tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SINGLE), 1);
        }
    }
    cr_expect_geq(probe_encodings(), 32);
}

Test(encode, asks_nobody_about_what_the_dialect_does_not_push) {
    struct dm_event event = event_of(DM_EVENT_USER_CREATED);

    cr_expect_eq(tell(0, &event, DM_AUDIENCE_ALL, ENGINE_SHARED), 0);
    event = event_of(DM_EVENT_FRIEND_REQUEST);
    cr_expect_eq(tell(0, &event, DM_AUDIENCE_SUBJECT, ENGINE_SHARED), 0);
    cr_expect_eq(probe_encodings(), 0);
}

Test(encode, remembers_that_there_is_nothing_to_say) {
    struct dm_event event = event_of(DM_EVENT_READ);

    for (int i = 0; i < SOCKETS; i++)
        cr_expect_eq(tell(i, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 0);
    cr_expect_eq(probe_encodings(), 1);
}

Test(encode, sends_all_frames_of_an_event_in_order) {
    struct dm_event event = event_of(DM_EVENT_MESSAGE_RELEASED);

    cr_expect_eq(rig_event(&rig, sessions[0], &event, DM_AUDIENCE_ACTOR, ENGINE_SINGLE, "mine"),
                 1);
    cr_expect_eq(tell(1, &event, DM_AUDIENCE_ACTOR, ENGINE_SHARED), 1);
    cr_expect_str_eq(rig_frames(&rig, fds[0]),
                     "{\"event\":\"message_released\",\"audience\":0,\"variant\":0,\"viewer\":0,"
                     "\"cookie\":\"mine\",\"text\":\"hi\",\"peer\":7}\nsecond\n");
    cr_expect_null(strstr(rig_frames(&rig, fds[1]), "mine"));
}

static void file_url(void *userdata, const struct dm_attachment *attachment,
                     struct dm_slice base, struct buf *ret_url) {
    (void)userdata;
    buf_printf(ret_url, "%.*s/f/%d", DM_SLICE_FMT(base), (int)attachment->file_id);
}

Test(encode, gives_own_files_the_base_of_each_sessions_request) {
    const struct dm_attachment own = { .file_id = 4 };
    const struct dm_attachment *const list[] = { &own };
    struct dm_event event;
    int other = rig_socket(&rig, "/probe/open", "X-Forwarded-Proto: https\r\n");

    rig_send(&rig, other, "login x");
    host_set_file_url(rig.host, file_url, NULL);
    event = event_of(DM_EVENT_MESSAGE);
    message.attachments = list;
    message.attachment_count = 1;
    (void)tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    (void)tell(1, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    cr_expect_eq(probe_encodings(), 1);
    cr_expect_eq(rig_event(&rig, rig_next(&rig)->session, &event, DM_AUDIENCE_MEMBER,
                           ENGINE_SHARED, NULL), 1);
    cr_expect_eq(probe_encodings(), 1);
    cr_expect_not_null(strstr(rig_frames(&rig, fds[1]), "\"url\":\"http://chat.example/f/4\""));
    cr_expect_not_null(strstr(rig_frames(&rig, other), "\"url\":\"https://chat.example/f/4\""));
    close(other);
}

static struct dm_event chat_event(enum dm_event_kind kind) {
    struct dm_event event = event_of(kind);

    thread.kind = DM_THREAD_CHAT;
    thread.title = DM_SLICE("Team");
    thread.peer = NULL;
    return event;
}

Test(encode, shows_no_chats_to_who_does_not_know_them) {
    struct dm_event event = chat_event(DM_EVENT_MESSAGE);

    cr_expect_eq(tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 0);
    cr_expect_eq(probe_encodings(), 0);
}

Test(encode, flattens_chats_where_asked_to) {
    struct dm_event event;

    end();
    begin(&probe_adapter, "flatten");
    cr_expect_eq(rig.last_flags & ENGINE_SESSION_CHATS, ENGINE_SESSION_CHATS);
    event = chat_event(DM_EVENT_MESSAGE);
    cr_expect_eq(tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 1);
    cr_expect_eq(tell(1, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 1);
    cr_expect_eq(tell(2, &event, DM_AUDIENCE_ACTOR, ENGINE_SINGLE), 0);
    cr_expect_str_eq(rig_frames(&rig, fds[1]),
                     "{\"event\":\"message\",\"audience\":1,\"variant\":0,\"viewer\":1,"
                     "\"text\":\"[Team] hi\",\"peer\":7}\n");
    event = chat_event(DM_EVENT_CHAT_CREATED);
    cr_expect_eq(tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 0);
    event = chat_event(DM_EVENT_READ);
    cr_expect_eq(tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 0);
}

Test(encode, leaves_chats_as_they_are_for_who_knows_them) {
    struct dm_event event;

    end();
    begin(&probe_chats_adapter, NULL);
    event = chat_event(DM_EVENT_MESSAGE);
    cr_expect_eq(tell(0, &event, DM_AUDIENCE_MEMBER, ENGINE_SHARED), 1);
    cr_expect_not_null(strstr(rig_frames(&rig, fds[0]), "\"text\":\"hi\""));
}

static uint64_t count_of(const char *name, const char *event, const char *reason) {
    const char *const labels[] = { "adapter", "probe", "event", event,
                                   reason ? "reason" : NULL, reason, NULL };

    return metrics_counter(rig.metrics, name, "", labels)->value;
}

Test(encode, counts_what_became_of_each_event) {
    struct dm_event said = event_of(DM_EVENT_MESSAGE);
    struct dm_event online = event_of(DM_EVENT_USER_ONLINE);

    (void)tell(0, &said, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    (void)tell(1, &said, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    (void)tell(0, &online, DM_AUDIENCE_ALL, ENGINE_SHARED);
    cr_expect_eq(count_of("dragoman_events_delivered_total", "message", NULL), 2);
    cr_expect_eq(count_of("dragoman_events_dropped_total", "user_online", "unsupported"), 1);
    cr_expect_eq(count_of("dragoman_events_dropped_total", "message", "closing"), 0);
    rig_send(&rig, fds[2], "close 1000");
    (void)tell(2, &said, DM_AUDIENCE_MEMBER, ENGINE_SHARED);
    cr_expect_eq(count_of("dragoman_events_dropped_total", "message", "closing"), 1);
}
