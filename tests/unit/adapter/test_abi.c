/* An adapter built against the first minor, in the host of now. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "core/adapter/shared_object.h"
#include "tests/unit/adapter/rig.h"
#include "tests/unit/check.h"

static struct rig rig;
static struct shared_object *object;

static void setup(void) {
    struct adapter_error error;

    cr_assert_eq(shared_object_open(OBJECT_DIR "/abi_first.so", &object, &error), 0, "%s",
                 error.text);
    rig_init(&rig, shared_object_adapter(object), NULL, NULL, NULL);
}

static void teardown(void) {
    rig_fini(&rig);
    shared_object_close(object);
}

TestSuite(abi, .init = setup, .fini = teardown);

Test(abi, is_a_pair_of_two_minors) {
    const struct dm_adapter *adapter = shared_object_adapter(object);

    cr_expect_eq(adapter->abi_minor, 0);
    cr_expect_gt(DM_ABI_MINOR, 0);
    cr_expect_leq(adapter->size, sizeof(struct dm_adapter));
    /* Rows of then are shorter, so that what follows tells how they are read. */
    cr_expect_lt(adapter->settings.row_size, sizeof(struct dm_setting));
}

Test(abi, its_shorter_rows_are_read) {
    struct adapter_values *values = adapter_values_new(shared_object_adapter(object));
    const struct dm_setting *second = adapter_values_setting(values, 1);

    cr_expect_eq(adapter_values_int(values, "number"), 40);
    check_slice(adapter_values_text(values, "text"), DM_SLICE("shown"));
    cr_expect_str_eq(second->key, "text");
    cr_expect_str_eq(second->doc, "does nothing");
    cr_expect_eq(second->flags, 0);
    adapter_values_free(values);
}

Test(abi, its_socket_speaks) {
    int fd = rig_socket(&rig, "/first/ws", "");
    struct dm_event event = { .kind = DM_EVENT_USER_CREATED, .actor = rig_user(1), .serial = 1 };
    struct dm_result result = { .kind = DM_CMD_USER_LIST, .status = DM_OK };
    struct rig_command *command;

    rig_send(&rig, fd, "{\"n\":2,\"s\":\"x\"}");
    cr_expect_str_eq(rig_frames(&rig, fd), "{\"n\":42,\"s\":\"x\",\"frames\":1}\n");
    command = rig_next(&rig);
    (void)rig_event(&rig, command->session, &event, DM_AUDIENCE_ALL, 0, NULL);
    rig_answer(&rig, command, &result);
    cr_expect_str_eq(rig_frames(&rig, fd), "user_created\nok cookie\n");
    rig_send(&rig, fd, "{}");
    cr_expect_str_eq(rig_frames(&rig, fd), "close 1003\n");
    close(fd);
    rig_settle(&rig);
}

Test(abi, its_requests_are_answered) {
    struct buf answer = BUF_INIT;
    int fd = rig_connect(&rig);

    rig_talk(&rig, fd, "GET /first/get?q=%2b1 HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
    buf_append_char(&answer, '\0');
    cr_expect_not_null(strstr(answer.data, "X-First: yes\r\n"), "%s", answer.data);
    cr_expect_not_null(strstr(answer.data, "\r\n\r\n/get+1"), "%s", answer.data);
    buf_fini(&answer);
    close(fd);
    rig_settle(&rig);
}
