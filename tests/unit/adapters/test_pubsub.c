/* Pubsub's logins and uploads, whatever the core answers. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "core/adapter/builtin.h"
#include "tests/unit/adapter/rig.h"

#define CONNECT "40/chat,{\"token\":\"t.o.k\"}"
#define PART "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\nx\r\n"
#define AUTH_FAILED "42/chat,[\"auth-failed\"]\n41/chat,\nclose 1008\n"

static struct rig rig;

static void put_url(void *userdata, const struct dm_attachment *attachment, struct dm_slice base,
                    struct buf *ret_url) {
    (void)userdata;
    (void)base;
    buf_printf(ret_url, "/f/%d", (int)attachment->file_id);
}

static void setup(void) {
    const struct dm_adapter *const *adapter = builtin_adapters;

    while (*adapter && strcmp((*adapter)->name, "pubsub") != 0)
        adapter++;
    cr_assert_not_null(*adapter);
    rig_init(&rig, *adapter, NULL, NULL, NULL);
    host_set_file_url(rig.host, put_url, NULL);
}

static void teardown(void) {
    rig_fini(&rig);
}

TestSuite(pubsub, .init = setup, .fini = teardown);

/* A client that has sent CONNECT and been told that it is in the namespace. */
static int joined(void) {
    int ws = rig_socket(&rig, "/pubsub/ws/?EIO=4&transport=websocket", "");

    (void)rig_frames(&rig, ws);
    rig_send(&rig, ws, CONNECT);
    cr_assert_eq(strncmp(rig_frames(&rig, ws), "40/chat,{\"sid\":\"", 16), 0);
    return ws;
}

/* What a client sees when its token is answered so. */
static void expect_login(enum dm_status status, const char *frames) {
    int ws = joined();

    rig_answer_status(&rig, status);
    cr_expect_str_eq(rig_frames(&rig, ws), frames, "%s", dm_status_name(status));
    close(ws);
    rig_settle(&rig);
}

Test(pubsub, a_login_that_fails_is_said_and_one_that_cannot_be_judged_is_tried_again) {
    expect_login(DM_UNAUTHENTICATED, AUTH_FAILED);
    expect_login(DM_TOKEN_EXPIRED, AUTH_FAILED);
    /* Without 41, so that the client comes back. */
    expect_login(DM_UNAVAILABLE, "close 1013\n");
    expect_login(DM_INTERNAL, "close 1013\n");
    expect_login(DM_LIMITED, "close 1013\n");
}

Test(pubsub, a_connect_without_a_token_asks_nobody) {
    static const char *const connects[] = { "40/chat", "40/chat,{}", "40/chat,{\"token\":7}",
                                            "40/chat,{\"token\":\"\"}" };

    for (size_t i = 0; i < sizeof(connects) / sizeof(connects[0]); i++) {
        int ws = rig_socket(&rig, "/pubsub/ws/?EIO=4&transport=websocket", "");

        (void)rig_frames(&rig, ws);
        rig_send(&rig, ws, connects[i]);
        cr_expect_not_null(strstr(rig_frames(&rig, ws), AUTH_FAILED), "%s", connects[i]);
        close(ws);
    }
    cr_expect_eq(rig.command_count, 0);
}

Test(pubsub, nothing_is_read_while_the_token_is_judged) {
    int ws = joined();

    rig_send(&rig, ws, "42/chat,1[\"fetch-unread-chats-count\",{\"user\":\"x\"}]");
    cr_expect_eq(rig.command_count, 1);
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    cr_expect_eq(rig_next(&rig)->command.kind, DM_CMD_UNREAD_COUNT);
    rig_answer_status(&rig, DM_OK);
    close(ws);
}

Test(pubsub, no_newer_count_comes_before_the_one_asked_for) {
    const struct rig_command *command;
    int ws = joined();

    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    rig_send(&rig, ws, "42/chat,1[\"fetch-unread-chats-count\",{\"user\":\"x\"}]");
    command = rig_next(&rig);
    cr_expect_eq(command->command.kind, DM_CMD_UNREAD_COUNT);
    cr_expect(command->command.flags & DM_CMD_HOLD_EVENTS);
    rig_answer_status(&rig, DM_OK);
    close(ws);
}

/* Uploads as many files as there are answers; returns the response. */
static const char *upload(const enum dm_status *answers, int count) {
    static struct buf got;
    const struct dm_attachment file = { .file_id = 4, .name = DM_SLICE("a") };
    const struct dm_attachment *const files[] = { &file };
    struct buf body = BUF_INIT, request = BUF_INIT;
    int fd = rig_connect(&rig);

    for (int i = 0; i < count; i++)
        buf_append_str(&body, PART);
    buf_append_str(&body, "--b--\r\n");
    buf_printf(&request, "POST /pubsub/api/upload/files HTTP/1.1\r\nHost: x\r\n"
               "Authorization: Bearer t\r\nContent-Type: multipart/form-data; boundary=b\r\n"
               "Content-Length: %zu\r\n\r\n%.*s", body.len, (int)body.len, body.data);
    buf_append_char(&request, '\0');
    buf_reset(&got);
    rig_talk(&rig, fd, request.data, &got);
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    for (int i = 0; i < count; i++) {
        const struct dm_result result = { .status = answers[i], .files = files,
                                          .file_count = answers[i] == DM_OK };

        rig_answer(&rig, rig_next(&rig), &result);
    }
    rig_read(&rig, fd, &got);
    buf_append_char(&got, '\0');
    buf_fini(&body);
    buf_fini(&request);
    close(fd);
    rig_settle(&rig);
    return got.data;
}

Test(pubsub, a_file_that_fails_is_null) {
    const char *response = upload((enum dm_status[]){ DM_OK, DM_TOO_LARGE, DM_UNAVAILABLE, DM_OK },
                                  4);

    cr_expect_not_null(strstr(response, "200 OK"), "%s", response);
    cr_expect_not_null(strstr(response, "\"files\":[\"/f/4\",null,null,\"/f/4\"]"), "%s", response);
    response = upload((enum dm_status[]){ DM_INVALID, DM_TOO_LARGE }, 2);
    cr_expect_not_null(strstr(response, "\"files\":[null,null]"), "%s", response);
}

Test(pubsub, when_no_file_could_be_kept_the_reason_is_told) {
    cr_expect_not_null(strstr(upload((enum dm_status[]){ DM_UNAVAILABLE, DM_INVALID }, 2),
                              " 503 "));
    cr_expect_not_null(strstr(upload((enum dm_status[]){ DM_LIMITED }, 1), " 429 "));
    cr_expect_not_null(strstr(upload((enum dm_status[]){ DM_INTERNAL }, 1), " 500 "));
}
