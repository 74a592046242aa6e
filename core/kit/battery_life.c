/* The adapter's life: a start that fails because of another one and a start after it; and what is
 * left behind when clients come and go. */
#include <malloc.h>

#include "core/kit/batteries.h"
#include "core/kit/witness.h"

#define WARM_UP 5 /* rounds until the allocator has what it keeps */
#define ROUNDS 10
#define MANY_PLAYS 30
#define PLAY_BYTES_MAX 160 /* of growth, on average */

/* ---- restart ---- */

static int failing_start(struct dm_instance *instance) {
    return -1;
}

static const struct dm_adapter failing = {
    .size = sizeof(struct dm_adapter), .abi_major = DM_ABI_MAJOR, .abi_minor = DM_ABI_MINOR,
    .name = "failing", .title = "starts never", .version = "1", .start = failing_start,
};

/* Returns whether somebody was there to talk to the adapter. */
static int play_main(struct trial *trial) {
    struct witness witness;
    int found = witness_open(&witness, &trial->stage, trial->kit->scripts,
                             trial->kit->script_count) == 0;
    witness_close(&witness);
    return found;
}

void battery_restart(struct trial *trial) {
    static const struct dm_adapter *const companions[] = { &failing, NULL };
    struct trial first = *trial;
    if (!trial->kit->options->adapter->start) {
        trial_skip(trial, "the adapter has no hook start");
        return;
    }
    struct buf ignored = BUF_INIT;
    first.reason = &ignored;
    if (trial_open_with(&first, NULL, companions) == 0) {
        trial_fail(trial, "the start of all succeeded although one failed");
        trial_close(&first);
    }
    buf_fini(&ignored);
    int found = 0;
    for (int i = 0; i < 2 && !trial_is_over(trial); i++)
        if (trial_open(trial, NULL, 0) == 0) {
            found = play_main(trial);
            trial_close(trial);
        }
    trial_tell(trial, found ? "started again, and somebody logs in"
                            : "started again; no transcript leads to a logged-in session");
}

/* ---- memory ---- */

/* Bytes from malloc now. Under AddressSanitizer, which looks for leaks by itself, always 0. */
static size_t heap_bytes(void) {
    return mallinfo2().uordblks;
}

static void play_once(struct trial *trial, const struct script *script) {
    struct play play;
    trial_note("%s", script->name);
    if (play_open(&play, &trial->stage, script) != 0 ||
        play_run(&play, NULL) != PLAYER_PASSED)
        trial_fail(trial, "%s cannot be played again on the same gateway:\n%.*s", script->name,
                   DM_SLICE_FMT(buf_slice(&play.report)));
    play_close(&play);
}

/* Those whose frames do what they are there for, if there are any; else all. */
static int is_material(const struct kit *kit, const struct script *script) {
    int happy = 0;
    for (size_t i = 0; i < kit->script_count; i++)
        happy |= script_is_happy(kit->scripts[i]);
    return script_serves(script) && (script_is_happy(script) || !happy);
}

/* A stage of its own, so that what stays behind it is nobody's, and so many plays on it. */
static void play_round(struct trial *trial, int plays) {
    if (trial_open(trial, NULL, 0) != 0)
        return;
    for (int n = 0; n < plays; n++)
        for (size_t i = 0; i < trial->kit->script_count && !trial_is_over(trial); i++)
            if (is_material(trial->kit, trial->kit->scripts[i]))
                play_once(trial, trial->kit->scripts[i]);
    trial_close(trial);
    if (!trial_is_over(trial))
        buf_fini(trial->reason);
}

/* How much the heap has grown after so many rounds. */
static long growth(struct trial *trial, int rounds, int plays) {
    size_t before = heap_bytes();
    for (int i = 0; i < rounds && !trial_is_over(trial); i++)
        play_round(trial, plays);
    return (long)(heap_bytes() - before);
}

/* What a stage leaves behind in the allocator and in libraries is not the adapter's doing; what
 * grows with the plays on it is. */
void battery_memory(struct trial *trial) {
    size_t count = 0;
    for (size_t i = 0; i < trial->kit->script_count; i++)
        count += is_material(trial->kit, trial->kit->scripts[i]) != 0;
    if (!count) {
        trial_lack(trial, "no transcript can be played over and over");
        return;
    }
    if (heap_bytes() == 0) {
        growth(trial, 2, 1);
        trial_tell(trial, "by AddressSanitizer");
        return;
    }
    growth(trial, WARM_UP, MANY_PLAYS);
    long few = growth(trial, ROUNDS, 1), many = growth(trial, ROUNDS, MANY_PLAYS);
    long each = (many - few) / (ROUNDS * (MANY_PLAYS - 1));
    if (each >= PLAY_BYTES_MAX)
        trial_fail(trial, "%ld bytes more after each play of connecting, talking and leaving",
                   each);
    trial_tell(trial, "%ld bytes a play", each);
}
