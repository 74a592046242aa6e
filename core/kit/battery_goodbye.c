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

/* The last message before `end` of the client that says goodbye that is answered; NULL: there is
 * none. */
static const struct step *question_before(const struct script *script, const struct step *goodbye,
                                          const struct step *end) {
    const struct step *found = NULL, *next;
    for (const struct step *it = script->transcript->steps; it != end; it = it->next)
        if (it->client == goodbye->client && is_message(it) &&
            (next = next_of_client(it)) && next->kind == STEP_EXPECT)
            found = it;
    return found;
}

/* The frames that come back for it alone; 0 as well when it cannot be under way at a goodbye: no
 * frame is read during a login, and what the core is not asked is answered at once. */
static size_t ask_alone(struct play *play, const struct step *question) {
    const struct frame frame = { .script = play->script, .step = question };
    const struct peer *peer = frame_peer(play, &frame);
    struct stage_answers answers = { .count = 0 };
    play_forget(play);
    play->stage->answers = &answers;
    frame_send(play, &frame, DM_SLICE_NONE);
    play->stage->answers = NULL;
    return peer->state == PEER_OPEN && answers.count > answers.logins ? peer_arrival_count(peer)
                                                                      : 0;
}

/* Asks once more just before the goodbye. */
static void ask_and_leave(struct trial *trial, struct play *play, const struct step *question,
                          const struct step *goodbye, size_t alone) {
    struct role *role = &play->player->roles[goodbye->client];
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

/* Returns whether it was one to ask. */
static int try_question(struct trial *trial, const struct script *script,
                        const struct step *question, const struct step *goodbye) {
    const struct frame frame = { .script = script, .step = goodbye };
    struct play play;
    size_t alone = 0;
    trial_note("%s:%u, and %u", script->name, question->line, goodbye->line);
    if (frame_reach(trial, &frame, &play) == 0 && (alone = ask_alone(&play, question)))
        ask_and_leave(trial, &play, question, goodbye, alone);
    play_close(&play);
    return alone > 0;
}

struct tally {
    size_t goodbyes;
    size_t asked; /* of them, with a question under way */
};

static void try_goodbye(struct trial *trial, const struct script *script,
                        const struct step *goodbye, struct tally *tally) {
    const struct step *question = goodbye;
    int asked = 0;
    while (!asked && !trial_is_over(trial) &&
           (question = question_before(script, goodbye, question)))
        asked = try_question(trial, script, question, goodbye);
    tally->goodbyes++;
    tally->asked += (size_t)asked;
}

static void try_script(struct trial *trial, const struct script *script, struct tally *tally) {
    for (const struct step *step = script->transcript->steps; step && !trial_is_over(trial);
         step = step->next)
        if (is_goodbye(step))
            try_goodbye(trial, script, step, tally);
}

void battery_goodbye(struct trial *trial) {
    struct tally tally = { 0, 0 };
    if (trial_open(trial, trial_unlimited, 0) != 0)
        return;
    for (size_t i = 0; i < trial->kit->script_count && !trial_is_over(trial); i++)
        if (script_serves(trial->kit->scripts[i]))
            try_script(trial, trial->kit->scripts[i], &tally);
    if (!tally.goodbyes)
        trial_lack(trial, "no transcript has a client that asks for the end (closed 1000)");
    else if (!tally.asked)
        trial_lack(trial, "no client asks something but its login before the end");
    trial_tell(trial, "%zu ends asked for with a question under way", tally.asked);
    trial_close(trial);
}
