/* Nobody who asks for the end loses what was asked before it. */
#include "core/kit/batteries.h"
#include "core/kit/frames.h"

static const struct step *next_of_client(const struct step *step) {
    unsigned client = step->client;
    do
        step = step->next;
    while (step && (step->kind == STEP_ANY_ORDER || step->client != client));
    return step;
}

static int is_message(const struct step *step) {
    return step->kind == STEP_SEND && step->frame <= FRAME_BINARY;
}

/* A message upon which the server closes with 1000: the client asked for it, and did nothing
 * wrong. */
static int is_goodbye(const struct step *step) {
    const struct step *next = is_message(step) ? next_of_client(step) : NULL;
    return next && next->kind == STEP_CLOSED && next->status == 1000;
}

/* The last message before it of the same client that is answered; NULL: there is none. */
static const struct step *question_before(const struct script *script,
                                          const struct step *goodbye) {
    const struct step *found = NULL, *next;
    for (const struct step *it = script->transcript->steps; it != goodbye; it = it->next)
        if (it->client == goodbye->client && is_message(it) &&
            (next = next_of_client(it)) && next->kind == STEP_EXPECT)
            found = it;
    return found;
}

/* Asks once alone, to see what comes back, and once more just before the goodbye. */
static void ask_and_leave(struct trial *trial, struct play *play, const struct step *question,
                          const struct step *goodbye) {
    struct role *role = &play->player->roles[goodbye->client];
    const struct frame frame = { .script = play->script, .step = question };
    play_forget(play);
    frame_send(play, &frame, DM_SLICE_NONE);
    size_t alone = peer_arrival_count(&role->peer);
    play_forget(play);
    peer_hold(&role->peer);
    act_send(play->player, role, question);
    act_send(play->player, role, goodbye);
    peer_release(&role->peer);
    stage_settle(&trial->stage);
    size_t came = peer_arrival_count(&role->peer);
    if (came < alone)
        trial_fail(trial, "%s:%u sent right before line %u, which asks for the end: %zu of %zu "
                   "frames came before the Close (dm_finish waits for them)", play->script->name,
                   question->line, goodbye->line, came, alone);
}

static size_t try_script(struct trial *trial, const struct script *script) {
    size_t count = 0;
    const struct step *question;
    for (const struct step *step = script->transcript->steps; step && !trial_is_over(trial);
         step = step->next) {
        if (!is_goodbye(step) || !(question = question_before(script, step)))
            continue;
        const struct frame frame = { .script = script, .step = step };
        struct play play;
        trial_note("%s:%u", script->name, step->line);
        if (frame_reach(trial, &frame, &play) == 0)
            ask_and_leave(trial, &play, question, step);
        play_close(&play);
        count++;
    }
    return count;
}

void battery_goodbye(struct trial *trial) {
    size_t count = 0;
    if (trial_open(trial, trial_unlimited, 0) != 0)
        return;
    for (size_t i = 0; i < trial->kit->script_count && !trial_is_over(trial); i++)
        if (script_serves(trial->kit->scripts[i]))
            count += try_script(trial, trial->kit->scripts[i]);
    if (!count)
        trial_lack(trial, "no transcript has a client that asks for the end (closed 1000)");
    trial_tell(trial, "%zu ends asked for with a question under way", count);
    trial_close(trial);
}
