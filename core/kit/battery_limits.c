/* Limits: what is too large, too fast, or too much at once has an answer, and costs nobody else. */
#include <stdio.h>

#include "core/base/metrics.h"
#include "core/kit/batteries.h"
#include "core/kit/repeatable.h"
#include "core/kit/witness.h"

#define FRAME_MAX 2000
#define BURST 40
#define FLOOD 300
#define QUEUE_MAX 16
#define OVERFLOW 8 /* frames for which there is no room */

typedef void (*limit_trial_fn)(struct trial *trial, struct play *play,
                               const struct repeatable *message);

/* Plays up to a message that can be repeated and runs `run`, with a witness beside. */
static void with_message(struct trial *trial, const char *const *settings,
                         enum repeatable_need need, limit_trial_fn run) {
    struct witness witness;
    struct repeatable message;
    struct play play;
    if (trial_open(trial, settings, 0) != 0)
        return;
    witness_open(&witness, &trial->stage, trial->kit->scripts, trial->kit->script_count);
    if (repeatable_find(trial, need, &message) != 0) {
        trial_lack(trial, need == REPEATABLE_ANSWERED
                              ? "no transcript has a message that may be said again"
                              : "no transcript has a message that asks the core something, and "
                                "may be said again");
    } else {
        trial_note("%s:%u again", message.frame.script->name, message.frame.step->line);
        if (frame_reach(trial, &message.frame, &play) == 0)
            run(trial, &play, &message);
        play_close(&play);
        const char *wrong = witness_ask(&witness);
        if (wrong)
            trial_fail(trial, "%s", wrong);
    }
    witness_close(&witness);
    trial_close(trial);
}

/* ---- size ---- */

static void send_too_large(struct trial *trial, struct play *play,
                           const struct repeatable *message) {
    static char large[FRAME_MAX * 4];
    const struct peer *peer = frame_peer(play, &message->frame);
    memset(large, 'x', sizeof(large));
    play_forget(play);
    frame_send(play, &message->frame, (struct dm_slice){ large, sizeof(large) });
    if (peer->state == PEER_OPEN && list_is_empty(&peer->arrivals))
        trial_fail(trial, "a frame over frame_max got neither an answer nor a Close");
    trial_tell(trial, peer->state == PEER_OPEN ? "the socket stays open" : "the socket is closed");
}

void battery_size(struct trial *trial) {
    static const char *const settings[] = { "frame_max=2000", "frame_max_unauthenticated=2000",
                                            NULL };
    with_message(trial, settings, REPEATABLE_ANSWERED, send_too_large);
}

/* ---- what is refused ---- */

/* What became of frames for which the host ran `notice`. */
struct refusals {
    uint64_t *counter; /* the host's, of that notice */
    uint64_t seen;     /* of it, before the frames */
    unsigned count;
    unsigned silent;   /* got neither an answer nor a Close */
};

static struct refusals refusals_of(const struct trial *trial, const char *notice) {
    struct refusals refusals = { .count = 0 };
    refusals.counter = &metrics_counter(
        trial->stage.metrics, "dragoman_session_notices_total", "",
        METRIC_LABELS("adapter", trial->kit->options->adapter->name, "notice", notice))->value;
    refusals.seen = *refusals.counter;
    return refusals;
}

/* Looks at the frame that was sent last, after play_forget. Returns whether it was refused. */
static int refusals_look(struct refusals *refusals, const struct peer *peer) {
    if (*refusals->counter == refusals->seen)
        return 0;
    refusals->seen = *refusals->counter;
    refusals->count++;
    refusals->silent += peer->state == PEER_OPEN && list_is_empty(&peer->arrivals);
    return 1;
}

/* So many answers beyond those owed came in the end: refusals that waited for their turn. */
static void refusals_late(struct refusals *refusals, const struct peer *peer, size_t answers) {
    if (peer->state != PEER_OPEN || answers > refusals->silent)
        refusals->silent = 0;
    else
        refusals->silent -= (unsigned)answers;
}

static void refusals_judge(struct trial *trial, const struct refusals *refusals,
                           const char *notice) {
    if (!refusals->count)
        trial_skip(trial, "the socket did not get as far as %s", notice);
    else if (refusals->silent && trial->kit->options->failures == KIT_ANSWERS_FAILURES)
        trial_fail(trial, "%u of %u frames refused with %s got neither an answer nor a Close (if "
                   "the dialect has none: --silent-failures)", refusals->silent, refusals->count,
                   notice);
}

static const char *what_became(const struct refusals *refusals, const struct peer *peer) {
    return peer->state != PEER_OPEN ? "the socket is closed"
           : refusals->silent       ? "in silence" : "in words";
}

/* ---- rate ---- */

static void flood(struct trial *trial, struct play *play, const struct repeatable *message) {
    struct stage_answers answers = { .count = 0 };
    const struct peer *peer = frame_peer(play, &message->frame);
    struct refusals refusals = refusals_of(trial, "rate_limited");
    trial->stage.answers = &answers;
    for (int i = 0; i < FLOOD && peer->state == PEER_OPEN; i++) {
        play_forget(play);
        frame_send(play, &message->frame, DM_SLICE_NONE);
        refusals_look(&refusals, peer);
    }
    trial->stage.answers = NULL;
    if (answers.count > BURST * 4)
        trial_fail(trial, "%zu commands of %d frames were carried out, at a burst of %d",
                   answers.count, FLOOD, BURST);
    refusals_judge(trial, &refusals, "DM_NOTICE_RATE_LIMITED");
    trial_tell(trial, "%zu commands carried out, %u frames refused, %s", answers.count,
               refusals.count, what_became(&refusals, peer));
}

void battery_rate(struct trial *trial) {
    static const char *const settings[] = { "limits.rate=1", "limits.burst=40", NULL };
    with_message(trial, settings, REPEATABLE_ANSWERED, flood);
}

/* ---- backlog ---- */

/* The store holds its answers back until the queue is full, and some more. */
static void pile_up(struct trial *trial, struct play *play, const struct repeatable *message) {
    size_t taken = 0;
    const struct peer *peer = frame_peer(play, &message->frame);
    struct refusals refusals = refusals_of(trial, "backlog");
    memory_set(trial->stage.memory, MEMORY_HOLDS);
    for (int i = 0; i < QUEUE_MAX + OVERFLOW && peer->state == PEER_OPEN; i++) {
        play_forget(play);
        frame_send(play, &message->frame, DM_SLICE_NONE);
        taken += !refusals_look(&refusals, peer);
    }
    play_forget(play);
    memory_set(trial->stage.memory, MEMORY_ANSWERS);
    stage_settle(&trial->stage);
    size_t came = peer_arrival_count(peer);
    size_t owed = taken * message->answers;
    if (peer->state == PEER_OPEN && came < owed)
        trial_fail(trial, "%zu frames at once got %zu frames as answers; one alone gets %zu",
                   taken, came, message->answers);
    refusals_late(&refusals, peer, came > owed ? came - owed : 0);
    refusals_judge(trial, &refusals, "DM_NOTICE_BACKLOG");
    trial_tell(trial, "%zu frames at once, %zu frames came back; %u more refused, %s", taken, came,
               refusals.count, what_became(&refusals, peer));
}

void battery_backlog(struct trial *trial) {
    static const char *const settings[] = { "limits.queue_max=16", "limits.rate=0", NULL };
    with_message(trial, settings, REPEATABLE_ASKING, pile_up);
}
