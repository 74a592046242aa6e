#include <criterion/criterion.h>
#include <unistd.h>

#include "core/adapter/builtin.h"
#include "tests/unit/adapter/rig.h"

#define LOGIN "{\"type\":\"login\",\"username\":\"ada\",\"pin\":1}"
#define GET_FRIENDS "{\"type\":\"get_friends\"}"
#define FRIENDS "{\"type\":\"friends_resp\",\"friends\":[]}\n"
#define UNAVAILABLE "{\"type\":\"error\",\"error\":\"service unavailable\"}\n"

static struct rig rig;

static const struct dm_adapter *pymessage(void) {
    for (const struct dm_adapter *const *a = builtin_adapters; *a; a++)
        if (strcmp((*a)->name, "pymessage") == 0)
            return *a;
    cr_assert_fail("pymessage is not built in");
    return NULL;
}

/* The engine takes a turn all the same, and says LIMITED of it. */
Test(pymessage, what_finds_no_room_is_refused_in_its_turn) {
    const struct host_config config = { .backlog_max = 2, .backlog_pause = HOST_READS_ON };
    int fd;

    rig_init(&rig, pymessage(), NULL, NULL, &config);
    fd = rig_socket(&rig, "/pymessage/", "");
    rig_send(&rig, fd, LOGIN);
    rig_answer_login(&rig, rig_next(&rig), rig_user(1));
    rig_answer_status(&rig, DM_OK); /* FRIEND_PENDING */
    (void)rig_frames(&rig, fd);
    for (int i = 0; i < 3; i++)
        rig_send(&rig, fd, GET_FRIENDS);
    cr_expect_str_eq(rig_frames(&rig, fd), "");
    rig_answer_status(&rig, DM_OK);
    rig_answer_status(&rig, DM_OK);
    rig_answer_status(&rig, DM_LIMITED);
    cr_expect_str_eq(rig_frames(&rig, fd), FRIENDS FRIENDS UNAVAILABLE);
    close(fd);
    rig_settle(&rig);
    rig_fini(&rig);
}
