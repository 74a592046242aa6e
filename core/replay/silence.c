/* The step `silent`. */
#include <string.h>

#include "core/replay/player_internal.h"

static void ping_text(const struct role *role, struct buf *out) {
    buf_printf(out, "silence-%u", role->pings);
}

/* The pong to the last ping of this module, or NULL. */
static struct arrival *own_pong(const struct role *role) {
    struct buf text = BUF_INIT;
    struct arrival *found = NULL;
    ping_text(role, &text);
    list_foreach(link, &role->peer.arrivals) {
        struct arrival *arrival = container_of(link, struct arrival, link);
        if (arrival->kind == FRAME_PONG &&
            dm_slice_eq(buf_slice(&arrival->bytes), buf_slice(&text)))
            found = arrival;
    }
    buf_fini(&text);
    return found;
}

static int pong_came(const struct role *role) {
    return role->peer.state != PEER_OPEN || own_pong(role);
}

static int never(const struct role *role) {
    return 0;
}

static void send_ping(struct role *role) {
    static const struct cuts whole = { .count = 0 };
    struct buf text = BUF_INIT;
    role->pings++;
    ping_text(role, &text);
    socket_send(role->peer.socket, FRAME_PING, buf_slice(&text), &whole);
    buf_fini(&text);
}

static enum player_result fail(struct player *player, const struct role *role,
                               const struct step *step, const char *text) {
    if (step)
        return player_fail(player, PLAYER_DIFFERS, step, "%s\n", text);
    buf_printf(player->report, "end: %.*s: %s\n", DM_SLICE_FMT(role->peer.name), text);
    return PLAYER_DIFFERS;
}

static enum player_result await_pong(struct player *player, struct role *role,
                                     const struct step *step) {
    if (role->peer.state != PEER_OPEN)
        return PLAYER_PASSED;
    if (!player_wait(player, pong_came, role, player->options->timeout_ms))
        return fail(player, role, step, "the server does not answer a ping");
    struct arrival *pong = own_pong(role);
    if (pong) {
        peer_take(&role->peer, pong);
        arrival_free(pong);
    }
    return PLAYER_PASSED;
}

/* After the pong and the settling: nothing came, and the server did not close. */
static enum player_result check_role(struct player *player, struct role *role,
                                     const struct step *step) {
    enum player_result result = expect_nothing_left(player, role, step);
    if (result == PLAYER_PASSED && role->peer.lost_answers)
        return fail(player, role, step, "a request got no answer");
    if (result == PLAYER_PASSED && role->peer.state == PEER_REFUSED)
        return fail(player, role, step, "the upgrade was refused, which no step expects");
    if (result == PLAYER_PASSED && role->peer.state == PEER_ENDED && !role->leaving)
        return fail(player, role, step, "the server closed, which no step expects");
    return result;
}

enum player_result expect_silence(struct player *player, struct role *only_role,
                                  const struct step *step) {
    enum player_result result = PLAYER_PASSED;
    size_t first = only_role ? (size_t)(only_role - player->roles) : 0;
    size_t end = only_role ? first + 1 : player->transcript->client_count;
    int open = 0;
    for (size_t i = first; i < end; i++) {
        if (player->roles[i].peer.state == PEER_OPEN) {
            open = 1;
            send_ping(&player->roles[i]);
        }
    }
    for (size_t i = first; i < end && result == PLAYER_PASSED; i++)
        result = await_pong(player, &player->roles[i], step);
    if (open && result == PLAYER_PASSED)
        player_wait(player, never, NULL, player->options->settle_ms);
    for (size_t i = first; i < end && result == PLAYER_PASSED; i++)
        result = check_role(player, &player->roles[i], step);
    return result;
}
