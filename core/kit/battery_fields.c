/* Every client frame with one thing wrong in it: the answer is an error, silence, or a Close; no
 * other session notices, and nothing that is no storable text reaches the store. */
#include <stdio.h>

#include "core/base/utf8.h"
#include "core/kit/batteries.h"
#include "core/kit/frames.h"
#include "core/kit/witness.h"

#define HASTE 50
#define LIVE_STRIDE 7 /* on a database every trial takes its time: so many are left out */
#define SIZE_MAX_DEFAULT (1024 * 1024) /* of messages and bodies, as dm_limits says */

/* The store's side: what it was asked to keep. */
static void check_text(struct trial *trial, const char *what, struct dm_slice text) {
    if (text.ptr && (!utf8_valid(text) || memchr(text.ptr, '\0', text.len)))
        trial_fail(trial, "%s that is no storable text reached the store", what);
}

static void on_request(void *owner, const struct store_request *request) {
    struct trial *trial = owner;
    if (request->kind == STORE_APPEND) {
        check_text(trial, "a message", ((const struct store_append *)request)->text);
    } else if (request->kind == STORE_COMMAND || request->kind == STORE_USER_CREATE) {
        const struct store_call *call = (const struct store_call *)request;
        if (call->account)
            check_text(trial, "a username", call->account->profile.username);
        if (call->command) {
            check_text(trial, "a title", call->command->title);
            check_text(trial, "a name", call->command->user.name);
        }
    }
}

/* What the client got. */
static void check_answers(struct trial *trial, struct play *play, const struct frame *frame) {
    const struct peer *peer = frame_peer(play, frame);
    list_foreach(it, &peer->arrivals) {
        const struct arrival *arrival = container_of(it, struct arrival, link);
        if (arrival->kind == FRAME_TEXT && !utf8_valid(buf_slice(&arrival->bytes)))
            trial_fail(trial, "the answer is no valid UTF-8");
    }
    list_foreach(it, &peer->answers) {
        const struct answer *answer = container_of(it, struct answer, link);
        if (answer->status == 500)
            trial_fail(trial, "the answer is 500");
    }
    if (peer->open_requests)
        trial_fail(trial, "the request got no answer");
    play_forget(play);
}

static void blame(struct trial *trial, const struct frame *frame, const struct mutant *mutant) {
    if (trial->end == TRIAL_FAILED)
        buf_printf(trial->reason, "\nafter %s:%u, %s\nsent %.*s", frame->script->name,
                   frame->step->line, mutant->what,
                   (int)(mutant->bytes.len > 300 ? 300 : mutant->bytes.len), mutant->bytes.ptr);
}

static int is_gone(const struct play *play, const struct frame *frame) {
    return frame->step->kind == STEP_SEND && frame_peer(play, frame)->state != PEER_OPEN;
}

/* Returns how many were sent. */
static size_t try_mutants(struct trial *trial, const struct frame *frame,
                        const struct mutants *mutants, struct witness *witness) {
    size_t i = 0, sent = 0, stride = trial->stage.memory ? 1 : LIVE_STRIDE;
    while (i < mutants->count && !trial_is_over(trial)) {
        struct play play;
        int reached = frame_reach(trial, frame, &play);
        play_forget(&play);
        while (reached == 0 && i < mutants->count && !trial_is_over(trial) &&
               !is_gone(&play, frame)) {
            const struct mutant *mutant = &mutants->items[i];
            i += stride;
            sent++;
            trial_note("%s:%u, %s", frame->script->name, frame->step->line, mutant->what);
            frame_send_mutant(&play, frame, mutant);
            check_answers(trial, &play, frame);
            const char *wrong = witness_ask(witness);
            if (wrong)
                trial_fail(trial, "%s", wrong);
            blame(trial, frame, mutant);
        }
        if (reached == 0 && !sent)
            i = mutants->count; /* the transcript goes on without its client */
        play_close(&play);
    }
    return sent;
}

/* The largest message or body that the gateway takes. */
static size_t largest(const struct trial *trial, const struct frame *frame) {
    const struct dm_limits *limits = &trial->kit->options->adapter->limits;
    uint32_t max = frame->step->kind == STEP_REQUEST ? limits->body_max : limits->frame_max;
    return max ? max : SIZE_MAX_DEFAULT;
}

static void make_mutants(const struct trial *trial, struct arena *arena, const struct frame *frame,
                         struct mutants *ret_mutants) {
    mutants_make(arena, frame->body, largest(trial, frame), ret_mutants);
    if (frame->step->kind == STEP_REQUEST)
        mutants_add_targets(arena, frame->target, ret_mutants);
    else
        mutants_add_kinds(arena, frame->body, ret_mutants);
}

static void try_frames(struct trial *trial, const struct frames *frames) {
    struct witness witness;
    size_t sent = 0;
    witness_open(&witness, &trial->stage, trial->kit->scripts, trial->kit->script_count);
    if (trial->stage.memory)
        memory_set_watch(trial->stage.memory, on_request, trial);
    for (size_t i = 0; i < frames->count && !trial_is_over(trial); i++) {
        struct arena arena;
        struct mutants mutants;
        arena_init(&arena, 65536);
        make_mutants(trial, &arena, &frames->items[i], &mutants);
        sent += try_mutants(trial, &frames->items[i], &mutants, &witness);
        arena_fini(&arena);
    }
    if (!sent)
        trial_lack(trial, "no frame of a transcript could be sent again");
    trial_tell(trial, "%zu frames, %zu times wrong%s", frames->count, sent,
               witness.kind ? "" : "; no witness: no transcript ends with a client to tell events");
    witness_close(&witness);
}

void battery_fields(struct trial *trial) {
    struct frames frames;
    if (trial_open(trial, trial_unlimited, HASTE) != 0)
        return;
    frames_collect(&frames, trial);
    if (!frames.count)
        trial_lack(trial, "no transcript has client frames");
    else
        try_frames(trial, &frames);
    frames_free(&frames);
    trial_close(trial);
}
