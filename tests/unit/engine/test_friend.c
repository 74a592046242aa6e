#include "tests/unit/engine/bench.h"

TestSuite(friends, .init = bench_open, .fini = bench_close);

static enum dm_status next_status;

static enum dm_status answer(struct fake_store *fake, struct store_call *call) {
    call->result->user = fake_user_by_id(fake, call->other_id);
    if (next_status == DM_OK)
        call->result->flags = DM_RESULT_CHANGED;
    return next_status;
}

static void submit(struct peer *peer, enum dm_command_kind kind, const char *user) {
    struct dm_command command = bench_command(kind);
    command.user = bench_name(user);
    peer_submit(peer, command, NULL);
    bench_run();
}

Test(friends, the_other_side_hears_of_it) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    bench.store.command = answer;
    next_status = DM_OK;
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    submit(&bob, DM_CMD_FRIEND_ACCEPT, "ann");
    submit(&bob, DM_CMD_FRIEND_DENY, "ann");
    bench_expect("ann friend_request ok user=bob+", "bob ! friend_request subject actor=ann",
                 "bob friend_accept ok user=ann+", "ann ! friend_accepted subject actor=bob",
                 "bob friend_deny ok user=ann+", "ann ! friend_denied subject actor=bob");
    next_status = DM_EXISTS;
    submit(&ann, DM_CMD_FRIEND_REQUEST, "bob");
    next_status = DM_NO_REQUEST;
    submit(&ann, DM_CMD_FRIEND_ACCEPT, "bob");
    submit(&ann, DM_CMD_FRIEND_REQUEST, "ann");
    submit(&ann, DM_CMD_FRIEND_ACCEPT, "ann");
    submit(&ann, DM_CMD_FRIEND_REQUEST, "nobody");
    bench_expect("ann friend_request exists user=bob+", "ann friend_accept no_request",
                 "ann friend_request self", "ann friend_accept no_request",
                 "ann friend_request no_user");
    peer_close(&ann);
    peer_close(&bob);
}
