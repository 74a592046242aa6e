/* Each event of the core, in each audience, against the row of the capability table. */
#include "core/base/utf8.h"
#include "core/kit/batteries.h"
#include "core/kit/witness.h"

static size_t frames_of(struct trial *trial, struct witness *witness, enum dm_event_kind kind) {
    size_t frames = 0;
    for (int place = 0; place < SAMPLE_PLACES; place++)
        for (int audience = 0; audience < DM_AUDIENCE_COUNT && !trial_is_over(trial); audience++) {
            trial_note("the event %s, audience %d", dm_event_name(kind), audience);
            play_forget(&witness->play);
            if (sample_session(&trial->stage, witness->user_id) != witness->session) {
                trial_fail(trial, "an event up to %s closes the session", dm_event_name(kind));
                return frames;
            }
            sample_deliver(&trial->stage, witness->session, kind, (enum dm_audience)audience,
                           (enum sample_place)place);
            stage_settle(&trial->stage);
            frames += play_arrivals(&witness->play);
        }
    return frames;
}

static void check_kind(struct trial *trial, struct witness *witness, enum dm_event_kind kind) {
    const char *note;
    enum dm_treatment treatment = adapter_treatment(trial->kit->options->adapter, kind, &note);
    int shows = treatment == DM_SUPPORTED || treatment == DM_TRANSLATED;
    size_t frames = frames_of(trial, witness, kind);
    if (shows && !frames)
        trial_fail(trial, "the event %s is %s by the table, and gives no frame",
                   dm_event_name(kind), adapter_treatment_name(treatment));
    if (!shows && frames)
        trial_fail(trial, "the event %s is %s by the table, and gives %zu frames",
                   dm_event_name(kind), adapter_treatment_name(treatment), frames);
}

static size_t rows_shown(const struct trial *trial) {
    size_t count = 0;
    for (int kind = DM_EVENT_NONE + 1; kind < DM_EVENT_KIND_COUNT; kind++) {
        enum dm_treatment treatment = adapter_treatment(trial->kit->options->adapter,
                                                        (enum dm_event_kind)kind, NULL);
        count += treatment == DM_SUPPORTED || treatment == DM_TRANSLATED;
    }
    return count;
}

/* Nobody can be told anything. A table that says that somebody is needs to be shown to be true. */
static void lack_session(struct trial *trial) {
    int told = trial->kit->script_count > 0 && rows_shown(trial);
    for (size_t i = 0; i < trial->kit->script_count; i++)
        told &= trial->kit->scripts[i]->verdict != SCRIPT_FAILED;
    if (told)
        trial_fail(trial, "the table has events that are shown, but no transcript leads to a "
                   "session that could get them");
    else
        trial_lack(trial, "no transcript leads to a logged-in session");
}

void battery_events(struct trial *trial) {
    struct witness witness;
    if (trial_open(trial, trial_unlimited, 0) != 0)
        return;
    if (witness_open(&witness, &trial->stage, trial->kit->scripts, trial->kit->script_count) == 0)
        for (int kind = DM_EVENT_NONE + 1; kind < DM_EVENT_KIND_COUNT; kind++) {
            if (!trial_is_over(trial))
                check_kind(trial, &witness, (enum dm_event_kind)kind);
        }
    else
        lack_session(trial);
    trial_tell(trial, "%zu of %d kinds are shown", rows_shown(trial), DM_EVENT_KIND_COUNT - 1);
    witness_close(&witness);
    trial_close(trial);
}
