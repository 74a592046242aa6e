/* Steps that expect something: frames, answers, ends. */
#include <string.h>

#include "core/replay/player_internal.h"

/* The oldest frame that is no pong, or the oldest pong. */
static struct arrival *front_of(const struct role *role, enum frame_kind kind) {
    list_foreach(link, &role->peer.arrivals) {
        struct arrival *arrival = container_of(link, struct arrival, link);
        if ((arrival->kind == FRAME_PONG) == (kind == FRAME_PONG))
            return arrival;
    }
    return NULL;
}

static void discard(struct role *role, struct arrival *arrival) {
    peer_take(&role->peer, arrival);
    arrival_free(arrival);
}

static int is_ignored(struct player *player, const struct role *role,
                      const struct arrival *arrival) {
    for (size_t i = 0; i < role->ignore_count; i++) {
        const struct step *rule = role->ignores[i];
        size_t mark = vars_mark(player->vars);
        int ignored = !rule->in || compare_frame(player, rule, arrival, NULL) == 0;
        vars_rollback(player->vars, mark);
        if (ignored)
            return 1;
    }
    return 0;
}

/* As front_of, without what may be ignored. */
static struct arrival *front_unignored(struct player *player, struct role *role) {
    struct arrival *arrival;
    while ((arrival = front_of(role, FRAME_TEXT)) && is_ignored(player, role, arrival))
        discard(role, arrival);
    return arrival;
}

static int has_message(const struct role *role) {
    return front_of(role, FRAME_TEXT) || role->peer.state != PEER_OPEN;
}

static int has_pong(const struct role *role) {
    return front_of(role, FRAME_PONG) || role->peer.state != PEER_OPEN;
}

static void show_end(struct player *player, const struct role *role) {
    const struct peer *peer = &role->peer;
    if (peer->broken)
        buf_append_str(player->report, "  the server broke the WebSocket protocol\n");
    else if (peer->state == PEER_ENDED && !role->leaving)
        buf_printf(player->report, "  the server closed the WebSocket with %u \"%.*s\"\n",
                   peer->close_code, DM_SLICE_FMT(buf_slice(&peer->close_reason)));
    else if (peer->state != PEER_OPEN)
        buf_append_str(player->report, "  there is no open WebSocket\n");
}

enum player_result expect_missing(struct player *player, const struct role *role,
                                  const struct step *step) {
    const struct peer *peer = &role->peer;
    if (step->kind == STEP_RESPONSE)
        return player_fail(player, PLAYER_DIFFERS, step, "no answer came: %s\n",
                           peer->lost_answers ? peer->lost_reason : "the time is over");
    player_fail(player, PLAYER_DIFFERS, step, "no frame came%s\n",
                peer->state == PEER_OPEN ? " in time" : "");
    show_end(player, role);
    player_show(player, "expected", pattern_source(step->in));
    return PLAYER_DIFFERS;
}

static enum player_result fail_frame(struct player *player, const struct step *step,
                                     const struct arrival *arrival) {
    player_fail(player, PLAYER_DIFFERS, step, "the frame differs\n");
    compare_frame(player, step, arrival, player->report);
    player_show(player, "expected", pattern_source(step->in));
    player_show(player, "got     ", buf_slice(&arrival->bytes));
    return PLAYER_DIFFERS;
}

enum player_result expect_frame(struct player *player, struct role *role,
                                const struct step *step) {
    role_ready_fn ready = step->frame == FRAME_PONG ? has_pong : has_message;
    for (;;) {
        player_wait(player, ready, role, player->options->timeout_ms);
        struct arrival *arrival = front_of(role, step->frame);
        if (!arrival)
            return expect_missing(player, role, step);
        if (compare_frame(player, step, arrival, NULL) == 0) {
            player_trace(player, role, "<-", buf_slice(&arrival->bytes));
            discard(role, arrival);
            return PLAYER_PASSED;
        }
        if (!is_ignored(player, role, arrival))
            return fail_frame(player, step, arrival);
        discard(role, arrival);
    }
}

static int has_answer(const struct role *role) {
    return !list_is_empty(&role->peer.answers) || role->peer.lost_answers;
}

static struct answer *front_answer(const struct role *role) {
    struct list *link = list_front(&role->peer.answers);
    return link ? container_of(link, struct answer, link) : NULL;
}

static enum player_result fail_answer(struct player *player, const struct step *step,
                                      const struct answer *answer) {
    player_fail(player, PLAYER_DIFFERS, step, "the answer differs\n");
    compare_answer(player, step, answer, player->report);
    buf_printf(player->report, "  got      %u ", answer->status);
    player_show(player, "", buf_slice(&answer->body));
    return PLAYER_DIFFERS;
}

enum player_result expect_answer(struct player *player, struct role *role,
                                 const struct step *step) {
    player_wait(player, has_answer, role, player->options->timeout_ms);
    struct answer *answer = front_answer(role);
    if (!answer)
        return expect_missing(player, role, step);
    if (compare_answer(player, step, answer, NULL))
        return fail_answer(player, step, answer);
    player_trace(player, role, "<-", buf_slice(&answer->body));
    list_remove(&answer->link);
    answer_free(answer);
    return PLAYER_PASSED;
}

enum player_result expect_upgraded(struct player *player, struct role *role,
                                   const struct step *step) {
    const struct peer *peer = &role->peer;
    if (peer->state != PEER_REFUSED)
        return PLAYER_PASSED;
    if (!peer->upgrade_answer) {
        const char *why = peer->wire_error ? uv_strerror(peer->wire_error) : "it was closed";
        return player_fail(player, peer->wire_error == UV_ECONNREFUSED ? PLAYER_FAULT
                                                                       : PLAYER_DIFFERS,
                           step, "the connection got no answer: %s\n", why);
    }
    if (peer->upgrade_answer->status == 101)
        return player_fail(player, PLAYER_DIFFERS, step,
                           "the upgrade's answer has a wrong Sec-WebSocket-Accept\n");
    player_fail(player, PLAYER_DIFFERS, step, "the upgrade was refused with %u\n",
                peer->upgrade_answer->status);
    player_show(player, "got     ", buf_slice(&peer->upgrade_answer->body));
    return PLAYER_DIFFERS;
}

enum player_result expect_refused(struct player *player, struct role *role,
                                  const struct step *step) {
    struct peer *peer = &role->peer;
    if (peer->state != PEER_REFUSED)
        return player_fail(player, PLAYER_DIFFERS, step, "the upgrade was not refused\n");
    if (!peer->upgrade_answer || peer->upgrade_answer->status == 101)
        return expect_upgraded(player, role, step);
    if (compare_answer(player, step, peer->upgrade_answer, NULL))
        return fail_answer(player, step, peer->upgrade_answer);
    peer->state = PEER_NONE;
    return PLAYER_PASSED;
}

enum player_result expect_accepted(struct player *player, struct role *role,
                                   const struct step *step) {
    const struct answer *answer = role->peer.upgrade_answer;
    unsigned count = 0;
    if (!answer || answer->status != 101)
        return player_fail(player, PLAYER_DIFFERS, step, "there was no upgrade\n");
    struct step compared = { .status = 101, .flags = STEP_ANY_BODY, .headers = step->headers };
    count = compare_answer(player, &compared, answer, NULL);
    if (count == 0)
        return PLAYER_PASSED;
    player_fail(player, PLAYER_DIFFERS, step, "the answer differs\n");
    compare_answer(player, &compared, answer, player->report);
    return PLAYER_DIFFERS;
}

static int socket_gone(const struct role *role) {
    return role->peer.state != PEER_OPEN;
}

enum player_result expect_closed(struct player *player, struct role *role,
                                 const struct step *step) {
    struct peer *peer = &role->peer;
    player_wait(player, socket_gone, role, player->options->timeout_ms);
    enum player_result result = expect_nothing_left(player, role, step);
    if (result != PLAYER_PASSED)
        return result;
    if (peer->state == PEER_OPEN)
        return player_fail(player, PLAYER_DIFFERS, step, "the server did not close%s\n",
                           peer->close_code == 1006 ? "" : " the connection after its Close");
    if (peer->state != PEER_ENDED || peer->broken) {
        player_fail(player, PLAYER_DIFFERS, step, "the server did not close\n");
        show_end(player, role);
        return PLAYER_DIFFERS;
    }
    if ((step->status && step->status != peer->close_code) ||
        (step->in && pattern_match(step->in, buf_slice(&peer->close_reason), player->vars,
                                   NULL))) {
        player_fail(player, PLAYER_DIFFERS, step, "the Close differs\n");
        player_show(player, "expected", step->source);
        show_end(player, role);
        return PLAYER_DIFFERS;
    }
    peer->state = PEER_NONE;
    return PLAYER_PASSED;
}

enum player_result expect_nothing_left(struct player *player, struct role *role,
                                       const struct step *step) {
    const struct arrival *arrival = front_unignored(player, role);
    if (!arrival)
        return PLAYER_PASSED;
    if (step)
        player_fail(player, PLAYER_DIFFERS, step, "a frame came that no step expects\n");
    else
        buf_printf(player->report, "end: %.*s: a frame came that no step expects\n",
                   DM_SLICE_FMT(role->peer.name));
    player_show(player, "got     ", buf_slice(&arrival->bytes));
    return PLAYER_DIFFERS;
}
