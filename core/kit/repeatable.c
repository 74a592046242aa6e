#include "core/kit/repeatable.h"

#define TRIES_MAX 40 /* of one transcript */

/* Sends it, at first to a store that holds its answer back. Returns whether it got what is needed,
 * with the number of frames that came back. */
static int say(struct play *play, enum repeatable_need need, const struct frame *frame,
               size_t *ret_answers) {
    struct stage *stage = play->stage;
    struct stage_answers answers = { .count = 0 };
    const struct peer *peer = frame_peer(play, frame);
    play_forget(play);
    stage->answers = &answers;
    if (stage->memory)
        memory_set(stage->memory, MEMORY_HOLDS);
    frame_send(play, frame, DM_SLICE_NONE);
    size_t at_once = answers.count;
    if (stage->memory)
        memory_set(stage->memory, MEMORY_ANSWERS);
    stage_settle(stage);
    stage->answers = NULL;
    *ret_answers = peer_arrival_count(peer);
    if (peer->state != PEER_OPEN || answers.logins)
        return 0;
    return need == REPEATABLE_ASKING ? !stage->memory || answers.count > at_once
                                     : *ret_answers > 0;
}

/* One that is numbered, or has done what it asks for, is refused the second time. */
static int is_good(struct play *play, enum repeatable_need need, struct repeatable *message) {
    size_t again;
    return say(play, need, &message->frame, &message->answers)
           && say(play, need, &message->frame, &again) && again >= message->answers;
}

static int try(struct trial *trial, enum repeatable_need need, struct repeatable *message) {
    struct play play;
    int good = 0;
    if (play_open(&play, &trial->stage, message->frame.script) == 0 &&
        play_run(&play, message->frame.step) == PLAYER_PASSED)
        good = is_good(&play, need, message);
    play_close(&play);
    return good;
}

static int find_in(struct trial *trial, enum repeatable_need need, const struct script *script,
                   struct repeatable *ret_message) {
    const struct step *messages[TRIES_MAX];
    size_t count = 0;
    for (const struct step *step = script->transcript->steps; step; step = step->next)
        if (step->kind == STEP_SEND && step->frame <= FRAME_BINARY) {
            messages[count % TRIES_MAX] = step;
            count++;
        }
    for (size_t tries = count < TRIES_MAX ? count : TRIES_MAX; tries > 0; tries--) {
        const struct step *step = messages[--count % TRIES_MAX];
        trial_note("%s:%u tried", script->name, step->line);
        *ret_message = (struct repeatable){ .frame = { .script = script, .step = step } };
        if (try(trial, need, ret_message))
            return 0;
    }
    return -1;
}

int repeatable_find(struct trial *trial, enum repeatable_need need,
                    struct repeatable *ret_message) {
    const struct kit *kit = trial->kit;
    for (size_t i = 0; i < kit->script_count; i++)
        if (script_serves(kit->scripts[i]) &&
            find_in(trial, REPEATABLE_ASKING, kit->scripts[i], ret_message) == 0)
            return 0;
    for (size_t i = 0; i < kit->script_count && need == REPEATABLE_ANSWERED; i++)
        if (script_serves(kit->scripts[i]) &&
            find_in(trial, REPEATABLE_ANSWERED, kit->scripts[i], ret_message) == 0)
            return 0;
    return -1;
}
