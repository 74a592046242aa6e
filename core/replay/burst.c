/* Pipelining: messages that a client may send without waiting leave in one write, and what the
 * transcript expects in between is expected after them, in any order.
 *
 * A message may go along when nothing but expectations lies between it and the one before: another
 * client that acts, or a silence, may be what it waits for. Nor may it be made of something that is
 * captured on the way, or be the one for which the server hangs up. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/replay/player_internal.h"

#define SENDS_MAX 64

struct burst {
    const struct step *sends[SENDS_MAX];
    size_t send_count;
    struct step *expected; /* copies, so that they can be a list */
    size_t expected_count;
    const struct step *closed; /* its last step; NULL: the socket stays */
    const struct step *next;   /* the first one behind it */
};

static int is_known(const struct player *player, const struct step *send) {
    struct buf text = BUF_INIT;
    struct dm_slice unbound;
    int known = !send->out || template_render(send->out, player->vars, &text, &unbound) == 0;
    buf_fini(&text);
    return known;
}

/* Whether the server ends the conversation upon the message, and not because it was asked to: what
 * was under way may be lost then. */
static int is_punished(const struct step *send) {
    const struct step *step = send->next;
    while (step && !(step->kind == STEP_SEND && step->client == send->client) &&
           !(step->kind == STEP_CLOSED && step->client == send->client))
        step = step->next;
    return step && step->kind == STEP_CLOSED && step->status != 1000;
}

static int is_only_frames(const struct step *block) {
    for (const struct step *step = block->steps; step; step = step->next)
        if (step->kind != STEP_EXPECT)
            return 0;
    return 1;
}

static void expect(struct burst *burst, const struct step *step) {
    burst->expected = mem_realloc(burst->expected, (burst->expected_count + 1) *
                                                       sizeof(*burst->expected));
    burst->expected[burst->expected_count++] = *step;
}

/* 1 when the step is taken into the burst, 0 when the burst ends before it. */
static int take(struct burst *burst, const struct player *player, const struct step *step) {
    unsigned client = burst->sends[0]->client;
    if (step->kind == STEP_EXPECT) {
        expect(burst, step);
    } else if (step->kind == STEP_ANY_ORDER && is_only_frames(step)) {
        for (const struct step *it = step->steps; it; it = it->next)
            expect(burst, it);
    } else if (step->kind == STEP_CLOSED && step->client == client) {
        burst->closed = step;
    } else if (step->kind == STEP_SEND && step->client == client &&
               burst->send_count < SENDS_MAX && is_known(player, step) && !is_punished(step)) {
        burst->sends[burst->send_count++] = step;
    } else {
        return 0;
    }
    return 1;
}

static void gather(struct burst *burst, const struct player *player, const struct step *first,
                   const struct step *end) {
    burst->sends[burst->send_count++] = first;
    burst->next = first->next;
    while (burst->next && burst->next != end && !burst->closed &&
           take(burst, player, burst->next))
        burst->next = burst->next->next;
}

static enum player_result send_all(struct player *player, const struct burst *burst) {
    struct role *role = &player->roles[burst->sends[0]->client];
    enum player_result result = expect_upgraded(player, role, burst->sends[0]);
    peer_hold(&role->peer);
    for (size_t i = 0; i < burst->send_count && result == PLAYER_PASSED; i++)
        result = act_send(player, role, burst->sends[i]);
    peer_release(&role->peer);
    return result;
}

static enum player_result expect_all(struct player *player, struct burst *burst) {
    for (size_t i = 0; i < burst->expected_count; i++)
        burst->expected[i].next = i + 1 < burst->expected_count ? &burst->expected[i + 1] : NULL;
    const struct step block = { .kind = STEP_ANY_ORDER, .steps = burst->expected };
    return burst->expected_count ? expect_any_order(player, &block) : PLAYER_PASSED;
}

enum player_result burst_play(struct player *player, const struct step *first,
                              const struct step *end, const struct step **ret_next) {
    struct burst burst = { .send_count = 0 };
    enum player_result result;
    *ret_next = first->next;
    if (player->options->pace == PLAYER_PIPELINES)
        gather(&burst, player, first, end);
    if (burst.send_count < 2) {
        free(burst.expected);
        return player_step(player, first);
    }
    *ret_next = burst.next;
    player->bursts++;
    result = send_all(player, &burst);
    if (result == PLAYER_PASSED)
        result = expect_all(player, &burst);
    if (result == PLAYER_PASSED && burst.closed)
        result = player_step(player, burst.closed);
    free(burst.expected);
    return result;
}
