/* A store that answers late, or not at all. */
#include "core/kit/batteries.h"
#include "core/kit/frames.h"
#include "core/kit/witness.h"

#define HASTE 50

/* Returns 1 when there was something to see, else 0. */
typedef size_t (*frame_trial_fn)(struct trial *trial, const struct frame *frame,
                                 struct play *play);

/* Reaches each frame of the transcripts and runs `run`, with a witness beside. */
static void each_frame(struct trial *trial, frame_trial_fn run, const char *lacking) {
    size_t count = 0;
    struct frames frames;
    struct witness witness;
    if (trial_open(trial, trial_unlimited, HASTE) != 0)
        return;
    frames_collect(&frames, trial);
    if (!frames.count)
        trial_lack(trial, "no transcript has client frames");
    witness_open(&witness, &trial->stage, trial->kit->scripts, trial->kit->script_count);
    for (size_t i = 0; i < frames.count && !trial_is_over(trial); i++) {
        struct play play;
        const struct frame *frame = &frames.items[i];
        trial_note("%s:%u", frame->script->name, frame->step->line);
        if (frame_reach(trial, frame, &play) == 0)
            count += run(trial, frame, &play);
        play_close(&play);
        const char *wrong = witness_ask(&witness);
        if (wrong)
            trial_fail(trial, "%s", wrong);
        if (trial->end == TRIAL_FAILED)
            buf_printf(trial->reason, "\nafter %s:%u", frame->script->name, frame->step->line);
    }
    if (!count)
        trial_lack(trial, lacking);
    trial_tell(trial, "%zu of %zu frames", count, frames.count);
    witness_close(&witness);
    frames_free(&frames);
    trial_close(trial);
}

/* ---- the client goes before the answer comes ---- */

static void count_request(void *owner, const struct store_request *request) {
    (*(size_t *)owner)++;
}

static size_t leave_before_answer(struct trial *trial, const struct frame *frame,
                                  struct play *play) {
    size_t asked = 0;
    memory_set(trial->stage.memory, MEMORY_HOLDS);
    frame_send(play, frame, DM_SLICE_NONE);
    peer_drop(frame_peer(play, frame));
    stage_settle(&trial->stage);
    memory_set_watch(trial->stage.memory, count_request, &asked);
    memory_set(trial->stage.memory, MEMORY_ANSWERS);
    stage_settle(&trial->stage);
    memory_set_watch(trial->stage.memory, NULL, NULL);
    return asked > 0;
}

void battery_close(struct trial *trial) {
    each_frame(trial, leave_before_answer, "no frame asks the store for anything");
}

/* ---- the database is away ---- */

/* Whether the transcript answers the frame before its client says something else. */
static int is_answered(const struct frame *frame) {
    for (const struct step *step = frame->step->next; step; step = step->next) {
        if (step->client != frame->step->client || step->kind == STEP_ANY_ORDER)
            continue;
        return step->kind == STEP_EXPECT || step->kind == STEP_RESPONSE ||
               step->kind == STEP_CLOSED;
    }
    return 0;
}

static void check_refusal(struct trial *trial, const struct frame *frame, struct play *play) {
    const struct peer *peer = frame_peer(play, frame);
    const struct list *first = list_front(&peer->answers);
    if (frame->step->kind == STEP_REQUEST) {
        const struct answer *answer = first ? container_of(first, struct answer, link) : NULL;
        if (!answer)
            trial_fail(trial, "without a database the request gets no answer");
        else if (answer->status == 500)
            trial_fail(trial, "without a database the answer is 500");
    } else if (peer->state == PEER_OPEN && list_is_empty(&peer->arrivals) &&
               trial->kit->options->failures == KIT_ANSWERS_FAILURES) {
        trial_fail(trial, "without a database the frame gets no answer (if the dialect has none: "
                   "--silent-failures)");
    }
}

static size_t send_without_database(struct trial *trial, const struct frame *frame,
                                    struct play *play) {
    play_forget(play);
    memory_set(trial->stage.memory, MEMORY_AWAY);
    frame_send(play, frame, DM_SLICE_NONE);
    if (is_answered(frame))
        check_refusal(trial, frame, play);
    memory_set(trial->stage.memory, MEMORY_ANSWERS);
    stage_settle(&trial->stage);
    return is_answered(frame) != 0;
}

void battery_unavailable(struct trial *trial) {
    each_frame(trial, send_without_database, "no transcript answers a frame");
}
