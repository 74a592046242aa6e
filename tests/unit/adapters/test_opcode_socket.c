#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/adapter/builtin.h"
#include "tests/unit/adapter/rig.h"

#define HELLO "{\"o\":10,\"d\":{},\"e\":null}\n"
#define IDENTIFY \
    "{\"o\":2,\"d\":{\"token\":\"t.o.k\",\"properties\":{\"os\":\"l\",\"device\":\"p\"}}}"
#define TUTOR "00000000-0000-0000-0000-000000000003"

static struct rig rig;

static const struct dm_adapter *find(const char *name) {
    for (const struct dm_adapter *const *a = builtin_adapters; *a; a++)
        if (strcmp((*a)->name, name) == 0)
            return *a;
    cr_assert_fail("%s is not built in", name);
    return NULL;
}

static void begin(const char *key, const char *value) {
    struct adapter_values *values = adapter_values_new(find("opcode"));
    struct adapter_error error;

    if (key)
        cr_assert_eq(adapter_values_set(values, key, dm_slice_str(value), &error), 0);
    rig_init(&rig, find("opcode"), NULL, values, NULL);
    adapter_values_free(values);
}

static void setup(void) {
    begin(NULL, NULL);
}

static void teardown(void) {
    rig_fini(&rig);
}

TestSuite(opcode_socket, .init = setup, .fini = teardown);

static int open_socket(void) {
    int fd = rig_socket(&rig, "/opcode/ws", "");

    cr_assert_str_eq(rig_frames(&rig, fd), HELLO);
    return fd;
}

static void hang_up(int fd) {
    close(fd);
    rig_settle(&rig);
}

/* An identified socket, READY taken away. */
static int identify(unsigned user) {
    const struct dm_result none = { .status = DM_OK };
    int fd = open_socket();

    rig_send(&rig, fd, IDENTIFY);
    rig_answer_login(&rig, rig_next(&rig), rig_user(user));
    rig_answer(&rig, rig_next(&rig), &none);
    cr_assert_not_null(strstr(rig_frames(&rig, fd), "\"READY\""));
    return fd;
}

static void expect_ended(int fd, const char *frames) {
    struct buf expected = BUF_INIT;

    buf_printf(&expected, "%sclose\n", frames);
    buf_append_char(&expected, '\0');
    cr_expect_str_eq(rig_frames(&rig, fd), expected.data);
    buf_fini(&expected);
    hang_up(fd);
}

static void expect_answer(const char *frame, int code) {
    char expected[64];
    int fd = open_socket();

    (void)snprintf(expected, sizeof(expected), "{\"o\":%d,\"d\":{},\"e\":null}\n", code);
    rig_send(&rig, fd, frame);
    expect_ended(fd, expected);
}

Test(opcode_socket, answers_what_it_cannot_decode_by_4002) {
    static const char *const bad[] = {
        "", "x", "[]", "1", "{}", "{\"o\":2}", "{\"d\":{}}", "{\"o\":\"2\",\"d\":{}}",
        "{\"o\":2.0,\"d\":{}}", "{\"o\":1,\"d\":{}}", "{\"o\":4006,\"d\":{}}",
        "{\"o\":0,\"d\":{}}", "{\"o\":0,\"d\":{},\"e\":null}", "{\"o\":0,\"d\":{},\"e\":1}",
        "{\"o\":2,\"d\":\"\"}", "{\"o\":2,\"d\":\"{\"}", "{\"o\":2,\"d\":{},}",
        "{\"o\":0,\"e\":\"x\",\"d\":\"\\ud800\"}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_answer(bad[i], 4002);
}

Test(opcode_socket, wants_identify_first) {
    expect_answer("{\"o\":0,\"d\":{},\"e\":\"SEND_MESSAGE\"}", 4003);
    expect_answer("{\"o\":4000,\"d\":{}}", 4003);
    expect_answer("{\"o\":10,\"d\":{}}", 4003);
    cr_expect_eq(rig.command_count, 0);
}

Test(opcode_socket, wants_all_of_identify) {
    static const char *const bad[] = {
        "{\"o\":2,\"d\":{}}", "{\"o\":2,\"d\":5}", "{\"o\":2,\"d\":null}",
        "{\"o\":2,\"d\":{\"token\":\"t\"}}",
        "{\"o\":2,\"d\":{\"token\":\"t\",\"properties\":{\"os\":\"l\"}}}",
        "{\"o\":2,\"d\":{\"token\":\"t\",\"properties\":{\"os\":null,\"device\":\"p\"}}}",
        "{\"o\":2,\"d\":{\"properties\":{\"os\":\"l\",\"device\":\"p\"}}}",
        "{\"o\":2,\"d\":{\"token\":7,\"properties\":{\"os\":\"l\",\"device\":\"p\"}}}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_answer(bad[i], 9);
    cr_expect_eq(rig.command_count, 0);
}

static void expect_outcome(enum dm_status status, const char *frame) {
    int fd = open_socket();

    rig_send(&rig, fd, IDENTIFY);
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_AUTHENTICATE);
    cr_expect_str_eq(rig_next(&rig)->token, "t.o.k");
    rig_answer_status(&rig, status);
    expect_ended(fd, frame);
}

Test(opcode_socket, tells_why_it_cannot_identify) {
    expect_outcome(DM_UNAUTHENTICATED, "{\"o\":9,\"d\":{},\"e\":null}\n");
    expect_outcome(DM_TOKEN_EXPIRED, "{\"o\":9,\"d\":{},\"e\":null}\n");
    expect_outcome(DM_UNAVAILABLE, "{\"o\":4000,\"d\":{},\"e\":null}\n");
    expect_outcome(DM_INTERNAL, "{\"o\":4000,\"d\":{},\"e\":null}\n");
    expect_outcome(DM_LIMITED, "{\"o\":4008,\"d\":{},\"e\":null}\n");
    rig_fini(&rig);
    begin("auth_failure", "4004");
    expect_outcome(DM_TOKEN_EXPIRED, "{\"o\":4004,\"d\":{},\"e\":null}\n");
}

Test(opcode_socket, is_ready_with_the_recent_threads) {
    const struct dm_message last = { .author = rig_user(1), .text = DM_SLICE("hi"),
                                     .created_us = INT64_C(1763627361766487),
                                     .state = DM_MESSAGE_READ };
    const struct dm_thread direct = { .peer = rig_user(1), .last_message = &last,
                                      .state = DM_THREAD_BLOCKED_BY_OTHER };
    const struct dm_thread chat = { .kind = DM_THREAD_CHAT, .last_message = &last };
    const struct dm_thread *const threads[] = { &direct, &chat };
    const struct dm_result result = { .status = DM_OK, .threads = threads, .thread_count = 2,
                                      .count = 3 };
    const char *frames;
    int fd = open_socket();

    rig_send_kind(&rig, fd, WEBSOCKET_BINARY, IDENTIFY, strlen(IDENTIFY));
    rig_answer_login(&rig, rig_next(&rig), rig_user(0));
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_THREAD_LIST);
    cr_expect_eq(rig_next(&rig)->command.limit, 10);
    rig_answer(&rig, rig_next(&rig), &result);
    frames = rig_frames(&rig, fd);
    cr_expect_not_null(strstr(frames, "\"e\":\"READY\",\"d\":{\"id\":\"00000000-0000-0000-0000-"
                              "000000000001\",\"first_name\":\"user0\",\"last_name\":\"\","
                              "\"unread_threads\":3,\"recent_threads\":["), "%s", frames);
    cr_expect_not_null(strstr(frames, "\"recipient\":{\"id\":\"00000000-0000-0000-0000-"
                              "000000000002\",\"first_name\":\"user1\",\"last_name\":\"\"},"
                              "\"messages\":[{\"id\":\"00000000-0000-0000-0000-000000000000\","
                              "\"sender_id\":\"00000000-0000-0000-0000-000000000002\","
                              "\"timestamp\":\"2025-11-20T08:29:21.766487\","
                              "\"message\":\"hi\",\"state\":\"r\"}],\"state\":\"r\"}"), "%s",
                       frames);
    cr_expect_not_null(strstr(frames, "\"first_name\":\"\",\"last_name\":\"\"},\"messages\""));
    hang_up(fd);
}

Test(opcode_socket, confirms_what_was_sent) {
    struct dm_message message = { .uuid = { { 0xaa } } };
    const struct dm_result result = { .status = DM_OK, .message = &message };
    int fd = identify(1);
    const struct rig_command *command;

    rig_send(&rig, fd, "{\"o\":0,\"e\":\"send_Message\",\"d\":\"{\\\"to\\\":\\\"" TUTOR
             "\\\",\\\"message\\\":\\\"x\\\"}\"}");
    command = rig_next(&rig);
    cr_expect_eq(command->command.kind, DM_CMD_SEND);
    cr_expect_eq(command->command.flags, DM_CMD_USER_OR_CHAT);
    cr_expect_eq(command->command.user.kind, DM_REF_UUID);
    cr_expect_eq(command->command.user.uuid.bytes[15], 3);
    cr_expect_str_eq(command->text, "x");
    rig_answer(&rig, rig_next(&rig), &result);
    cr_expect_str_eq(rig_frames(&rig, fd), "{\"o\":0,\"e\":\"MESSAGE_SENT\",\"d\":{\"message_id\":"
                     "\"aa000000-0000-0000-0000-000000000000\"}}\n");
    hang_up(fd);
}

Test(opcode_socket, is_silent_about_what_cannot_be_delivered) {
    static const enum dm_status silent[] = { DM_HELD, DM_INVALID, DM_NO_USER, DM_NO_THREAD,
                                             DM_SELF, DM_BLOCKED, DM_TOO_LARGE, DM_FORBIDDEN };
    static const char *const dropped[] = {
        "{\"o\":0,\"e\":\"SEND_MESSAGE\",\"d\":{}}", "{\"o\":0,\"e\":\"SEND_MESSAGE\",\"d\":[]}",
        "{\"o\":0,\"e\":\"SEND_MESSAGE\",\"d\":{\"to\":\"x\",\"message\":\"y\"}}",
        "{\"o\":0,\"e\":\"SEND_MESSAGE\",\"d\":{\"to\":\"" TUTOR "\",\"message\":null}}",
        "{\"o\":0,\"e\":\"TYPING\",\"d\":{}}",
    };
    int fd = identify(1);
    size_t before = rig.command_count;

    for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
        rig_send(&rig, fd, dropped[i]);
    cr_expect_eq(rig.command_count, before);
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        rig_send(&rig, fd, "{\"o\":0,\"e\":\"SEND_MESSAGE\",\"d\":{\"to\":\"" TUTOR
                 "\",\"message\":\"x\"}}");
        rig_answer_status(&rig, silent[i]);
    }
    cr_expect_str_eq(rig_frames(&rig, fd), "");
    hang_up(fd);
}

static void expect_end_after_send(enum dm_status status, const char *frame) {
    int fd = identify(1);

    rig_send(&rig, fd, "{\"o\":0,\"e\":\"SEND_MESSAGE\",\"d\":{\"to\":\"" TUTOR
             "\",\"message\":\"x\"}}");
    rig_answer_status(&rig, status);
    expect_ended(fd, frame);
}

Test(opcode_socket, ends_when_the_core_cannot_serve) {
    expect_end_after_send(DM_UNAVAILABLE, "{\"o\":4000,\"d\":{},\"e\":null}\n");
    expect_end_after_send(DM_INTERNAL, "{\"o\":4000,\"d\":{},\"e\":null}\n");
    expect_end_after_send(DM_LIMITED, "{\"o\":4008,\"d\":{},\"e\":null}\n");
    expect_end_after_send(DM_UNAUTHENTICATED, "{\"o\":9,\"d\":{},\"e\":null}\n");
}

Test(opcode_socket, refuses_what_a_client_may_not_say) {
    int fd = identify(1);

    rig_send(&rig, fd, IDENTIFY);
    expect_ended(fd, "{\"o\":4005,\"d\":{},\"e\":null}\n");
    fd = identify(1);
    rig_send(&rig, fd, "{\"o\":9,\"d\":{}}");
    expect_ended(fd, "{\"o\":4001,\"d\":{},\"e\":null}\n");
}

Test(opcode_socket, is_told_of_revocation) {
    int fd = identify(1);

    rig_revoke(&rig, rig.commands[0].session);
    expect_ended(fd, "{\"o\":9,\"d\":{},\"e\":null}\n");
}

Test(opcode_socket, must_identify_in_time) {
    int fd;

    rig_fini(&rig);
    begin("auth_timeout_ms", "30");
    fd = open_socket();
    usleep(40000);
    rig_settle(&rig);
    expect_ended(fd, "{\"o\":4009,\"d\":{},\"e\":null}\n");
}

static const char *push(int fd, enum dm_event_kind kind, enum dm_thread_state state,
                        enum dm_audience audience) {
    static uint64_t serial;
    const struct dm_thread thread = { .state = state, .peer = rig_user(5) };
    const struct dm_message message = { .uuid = { { 0xaa } }, .thread_uuid = { { 0xbb } },
                                        .author = rig_user(5), .text = DM_SLICE("hi"),
                                        .created_us = INT64_C(1763627361000001) };
    const struct dm_event event = { .kind = kind, .actor = rig_user(5), .thread = &thread,
                                    .message = &message, .serial = ++serial };

    (void)rig_event(&rig, rig.commands[0].session, &event, audience, ENGINE_SHARED, NULL);
    return rig_frames(&rig, fd);
}

#define MESSAGE(name) \
    "{\"o\":0,\"e\":\"" name "\",\"d\":{\"id\":\"aa000000-0000-0000-0000-000000000000\"," \
    "\"thread_id\":\"bb000000-0000-0000-0000-000000000000\",\"from\":{\"id\":" \
    "\"00000000-0000-0000-0000-000000000006\",\"first_name\":\"user5\",\"last_name\":\"\"}," \
    "\"message\":\"hi\",\"timestamp\":\"2025-11-20T08:29:21.000001\",\"state\":\"d\"}}\n"
#define SENT \
    "{\"o\":0,\"e\":\"MESSAGE_SENT\",\"d\":{\"message_id\":" \
    "\"aa000000-0000-0000-0000-000000000000\"}}\n"

Test(opcode_socket, pushes_messages_and_nothing_else) {
    int fd = identify(1);

    cr_expect_str_eq(push(fd, DM_EVENT_MESSAGE, DM_THREAD_ALLOWED, DM_AUDIENCE_MEMBER),
                     MESSAGE("MESSAGE"));
    cr_expect_str_eq(push(fd, DM_EVENT_MESSAGE, DM_THREAD_REQUESTED, DM_AUDIENCE_MEMBER),
                     MESSAGE("MESSAGE_REQUEST"));
    cr_expect_str_eq(push(fd, DM_EVENT_MESSAGE, DM_THREAD_REQUESTED, DM_AUDIENCE_ACTOR), SENT);
    cr_expect_str_eq(push(fd, DM_EVENT_MESSAGE_RELEASED, DM_THREAD_ALLOWED, DM_AUDIENCE_MEMBER),
                     MESSAGE("MESSAGE"));
    cr_expect_str_eq(push(fd, DM_EVENT_MESSAGE_RELEASED, DM_THREAD_ALLOWED, DM_AUDIENCE_ACTOR),
                     SENT);
    for (int kind = DM_EVENT_READ; kind < DM_EVENT_KIND_COUNT; kind++)
        cr_expect_str_eq(push(fd, (enum dm_event_kind)kind, DM_THREAD_ALLOWED,
                              DM_AUDIENCE_MEMBER), "");
    hang_up(fd);
}
