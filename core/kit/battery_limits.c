/* Limits: what is too large, too fast, or too much at once has an answer, and costs nobody else. */
#include <stdio.h>

#include "core/kit/batteries.h"
#include "core/kit/frames.h"
#include "core/kit/witness.h"

#define FRAME_MAX 2000
#define BURST 40
#define FLOOD 300
#define QUEUE_MAX 16

/* A frame that may be repeated: the last message of the script that a witness plays. */
static const struct step *last_message(const struct script *script) {
    const struct step *found = NULL;
    for (const struct step *step = script->transcript->steps; step; step = step->next) {
        if (step->kind == STEP_CLOSE || step->kind == STEP_DROP || step->kind == STEP_CLOSED)
            break;
        if (step->kind == STEP_SEND && step->frame <= FRAME_BINARY)
            found = step;
    }
    return found;
}

typedef void (*limit_trial_fn)(struct trial *trial, struct play *play,
                               const struct frame *frame);

/* Plays up to a message that can be repeated and runs `run`, with a witness beside. */
static void with_message(struct trial *trial, const char *const *settings, limit_trial_fn run) {
    struct witness witness;
    struct play play;
    if (trial_open(trial, settings, 0) != 0)
        return;
    if (witness_open(&witness, &trial->stage, trial->kit->scripts, trial->kit->script_count) != 0)
        trial_skip(trial, "no transcript leads to a logged-in session");
    struct frame frame = { .script = witness.play.script };
    frame.step = witness.session ? last_message(frame.script) : NULL;
    if (!frame.step)
        trial_skip(trial, "no transcript has a message to repeat");
    if (!trial_is_over(trial)) {
        if (frame_reach(trial, &frame, &play) == 0)
            run(trial, &play, &frame);
        play_close(&play);
        const char *wrong = witness_ask(&witness);
        if (wrong)
            trial_fail(trial, "%s", wrong);
    }
    witness_close(&witness);
    trial_close(trial);
}

/* ---- size ---- */

static void send_too_large(struct trial *trial, struct play *play, const struct frame *frame) {
    static char large[FRAME_MAX * 4];
    const struct peer *peer = frame_peer(play, frame);
    memset(large, 'x', sizeof(large));
    play_forget(play);
    frame_send(play, frame, (struct dm_slice){ large, sizeof(large) });
    if (peer->state == PEER_OPEN && list_is_empty(&peer->arrivals))
        trial_fail(trial, "a frame over frame_max got neither an answer nor a Close");
}

void battery_size(struct trial *trial) {
    static const char *const settings[] = { "frame_max=2000", "frame_max_unauthenticated=2000",
                                            NULL };
    with_message(trial, settings, send_too_large);
}

/* ---- rate ---- */

static void count_result(void *owner, struct engine_session *session,
                         const struct dm_result *result) {
    (*(size_t *)owner)++;
}

static void flood(struct trial *trial, struct play *play, const struct frame *frame) {
    size_t carried_out = 0;
    struct role *role = &play->player->roles[frame->step->client];
    trial->stage.on_result = count_result;
    trial->stage.result_owner = &carried_out;
    for (int i = 0; i < FLOOD && role->peer.state == PEER_OPEN; i++)
        frame_send(play, frame, DM_SLICE_NONE);
    trial->stage.on_result = NULL;
    if (carried_out > BURST * 4)
        trial_fail(trial, "%zu commands of %d frames were carried out, at a burst of %d",
                   carried_out, FLOOD, BURST);
    trial_tell(trial, "%zu commands of %d frames, the socket %s", carried_out, FLOOD,
               role->peer.state == PEER_OPEN ? "stays open" : "is closed");
}

void battery_rate(struct trial *trial) {
    static const char *const settings[] = { "limits.rate=1", "limits.burst=40", NULL };
    with_message(trial, settings, flood);
}

/* ---- backlog ---- */

/* How many frames answer one. */
static size_t answers_to_one(struct play *play, const struct frame *frame) {
    const struct peer *peer = frame_peer(play, frame);
    size_t count = 0;
    play_forget(play);
    frame_send(play, frame, DM_SLICE_NONE);
    list_foreach(it, &peer->arrivals)
        count++;
    play_forget(play);
    return count;
}

static void pile_up(struct trial *trial, struct play *play, const struct frame *frame) {
    struct role *role = &play->player->roles[frame->step->client];
    size_t each = answers_to_one(play, frame), came = 0;
    if (trial->kit->options->failures == KIT_SILENT_ON_FAILURE)
        each = 0;
    memory_set(trial->stage.memory, MEMORY_HOLDS);
    for (int i = 0; i < QUEUE_MAX * 8 && role->peer.state == PEER_OPEN; i++)
        act_send(play->player, role, frame->step);
    stage_settle(&trial->stage);
    memory_set(trial->stage.memory, MEMORY_ANSWERS);
    stage_settle(&trial->stage);
    list_foreach(it, &role->peer.arrivals)
        came++;
    if (role->peer.state == PEER_OPEN && came < each * QUEUE_MAX * 8)
        trial_fail(trial, "%d frames at once got %zu frames as answers; one alone gets %zu",
                   QUEUE_MAX * 8, came, each);
    trial_tell(trial, "%d frames at once, %zu frames came back", QUEUE_MAX * 8, came);
}

void battery_backlog(struct trial *trial) {
    static const char *const settings[] = { "limits.queue_max=16", "limits.rate=0", NULL };
    with_message(trial, settings, pile_up);
}
