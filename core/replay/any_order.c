/* The block `any order`. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/replay/player_internal.h"

/* The expectations of a block that were not met yet. */
struct open_steps {
    const struct step **items;
    size_t count;
};

static void meet(struct open_steps *open, size_t index) {
    open->count--;
    for (size_t i = index; i < open->count; i++)
        open->items[i] = open->items[i + 1];
}

/* The first expectation this arrival meets; open->count when there is none. */
static size_t find_frame(struct player *player, const struct open_steps *open, unsigned client,
                         const struct arrival *arrival) {
    size_t i = 0;
    while (i < open->count && (open->items[i]->client != client ||
                               open->items[i]->kind != STEP_EXPECT ||
                               compare_frame(player, open->items[i], arrival, NULL) != 0))
        i++;
    return i;
}

static size_t find_answer(struct player *player, const struct open_steps *open, unsigned client,
                          const struct answer *answer) {
    size_t i = 0;
    while (i < open->count && (open->items[i]->client != client ||
                               open->items[i]->kind != STEP_RESPONSE ||
                               compare_answer(player, open->items[i], answer, NULL) != 0))
        i++;
    return i;
}

static int waits(const struct open_steps *open, unsigned client, enum step_kind kind) {
    for (size_t i = 0; i < open->count; i++)
        if (open->items[i]->client == client && open->items[i]->kind == kind)
            return 1;
    return 0;
}

static enum player_result fail_frame(struct player *player, const struct open_steps *open,
                                     unsigned client, const struct arrival *arrival) {
    enum player_result result = PLAYER_PASSED;
    for (size_t i = 0; i < open->count; i++) {
        if (open->items[i]->client != client || open->items[i]->kind != STEP_EXPECT)
            continue;
        result = player_fail(player, PLAYER_DIFFERS, open->items[i], "the frame differs\n");
        compare_frame(player, open->items[i], arrival, player->report);
    }
    player_show(player, "got     ", buf_slice(&arrival->bytes));
    return result;
}

/* Gives frames to expectations as long as there are both. Pongs stay where they are. */
static enum player_result give_frames(struct player *player, struct open_steps *open,
                                      unsigned client) {
    struct role *role = &player->roles[client];
    struct arrival *arrival;
    while (waits(open, client, STEP_EXPECT) && (arrival = peer_front(&role->peer))) {
        size_t index = find_frame(player, open, client, arrival);
        if (index == open->count && arrival->kind != FRAME_PONG) {
            if (expect_nothing_left(player, role, open->items[0]) == PLAYER_PASSED)
                continue;
            buf_reset(player->report);
            return fail_frame(player, open, client, arrival);
        }
        if (index < open->count)
            meet(open, index);
        player_trace(player, role, "<-", buf_slice(&arrival->bytes));
        peer_take(&role->peer, arrival);
        arrival_free(arrival);
    }
    return PLAYER_PASSED;
}

static enum player_result give_answers(struct player *player, struct open_steps *open,
                                       unsigned client) {
    struct peer *peer = &player->roles[client].peer;
    struct list *link;
    while (waits(open, client, STEP_RESPONSE) && (link = list_front(&peer->answers))) {
        struct answer *answer = container_of(link, struct answer, link);
        size_t index = find_answer(player, open, client, answer);
        if (index == open->count) {
            size_t i = 0;
            while (open->items[i]->client != client || open->items[i]->kind != STEP_RESPONSE)
                i++;
            return expect_answer(player, &player->roles[client], open->items[i]);
        }
        meet(open, index);
        list_remove(link);
        answer_free(answer);
    }
    return PLAYER_PASSED;
}

static enum player_result give_all(struct player *player, struct open_steps *open) {
    enum player_result result = PLAYER_PASSED;
    for (unsigned i = 0; i < player->transcript->client_count && result == PLAYER_PASSED; i++) {
        result = give_frames(player, open, i);
        if (result == PLAYER_PASSED)
            result = give_answers(player, open, i);
    }
    return result;
}

/* An expectation that nothing can meet any more, or NULL. */
static const struct step *hopeless(const struct player *player, const struct open_steps *open) {
    for (size_t i = 0; i < open->count; i++) {
        const struct step *step = open->items[i];
        const struct peer *peer = &player->roles[step->client].peer;
        if (step->kind == STEP_EXPECT ? peer->state != PEER_OPEN
                                      : peer->open_requests == 0)
            return step;
    }
    return NULL;
}

static enum player_result play_open(struct player *player, struct open_steps *open) {
    enum player_result result = give_all(player, open);
    uint64_t deadline = uv_now(player->loop) + player->options->timeout_ms;
    while (open->count && result == PLAYER_PASSED) {
        const struct step *step = hopeless(player, open);
        if (!step && !player_turn(player, deadline))
            step = open->items[0];
        result = give_all(player, open);
        if (step && open->count && result == PLAYER_PASSED)
            return expect_missing(player, &player->roles[step->client], step);
    }
    return result;
}

enum player_result expect_any_order(struct player *player, const struct step *block) {
    struct open_steps open = { NULL, 0 };
    for (const struct step *step = block->steps; step; step = step->next)
        open.count++;
    open.items = mem_calloc(open.count, sizeof(*open.items));
    open.count = 0;
    for (const struct step *step = block->steps; step; step = step->next)
        open.items[open.count++] = step;
    enum player_result result = play_open(player, &open);
    free(open.items);
    return result;
}
