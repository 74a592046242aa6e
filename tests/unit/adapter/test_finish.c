/* dm_finish: the end that waits for the answers under way. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "tests/unit/adapter/probe.h"
#include "tests/unit/adapter/rig.h"

static struct rig rig;

static void setup(void) {
    rig_init(&rig, &probe_adapter, NULL, NULL, NULL);
}

static void teardown(void) {
    rig_fini(&rig);
}

TestSuite(finish, .init = setup, .fini = teardown);

static void hang_up(int fd) {
    close(fd);
    rig_settle(&rig);
}

Test(finish, closes_when_the_commands_are_answered) {
    int fd = probe_log_in(&rig, 1);

    rig_send(&rig, fd, "send x");
    rig_send(&rig, fd, "send y");
    rig_send(&rig, fd, "finish 1000");
    rig_send(&rig, fd, "say too late");
    rig_answer_status(&rig, DM_OK);
    cr_expect_str_eq(rig_frames(&rig, fd), "");
    rig_answer_status(&rig, DM_OK);
    cr_expect_str_eq(rig_frames(&rig, fd), "close 1000\n");
    cr_expect_str_eq(probe_log(), "frame text send x\nframe text send y\n"
                                  "frame text finish 1000\nresult send ok c\n"
                                  "result send ok c\n");
    hang_up(fd);
}

Test(finish, closes_at_once_with_nothing_under_way) {
    int fd = probe_log_in(&rig, 1);

    rig_send(&rig, fd, "finish 4001");
    cr_expect_str_eq(rig_frames(&rig, fd), "close 4001\n");
    hang_up(fd);
}

Test(finish, may_be_overtaken_by_a_revocation_or_the_peer) {
    int closed = probe_log_in(&rig, 1), gone = probe_log_in(&rig, 2);

    rig_send(&rig, closed, "send x");
    rig_send(&rig, closed, "finish 1000");
    rig_revoke(&rig, rig_next(&rig)->session);
    rig_answer_status(&rig, DM_OK);
    cr_expect_str_eq(rig_frames(&rig, closed), "close 1000\n");
    rig_send(&rig, gone, "send x");
    rig_send(&rig, gone, "finish 1000");
    hang_up(gone);
    rig_answer_status(&rig, DM_OK);
    hang_up(closed);
}
