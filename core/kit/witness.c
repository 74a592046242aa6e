#include "core/kit/witness.h"

static void find_session(struct witness *witness) {
    struct play *play = &witness->play;
    for (size_t i = 0; i < play->user_count && !witness->session; i++) {
        witness->user_id = play->users[i]->id;
        witness->session = sample_session(play->stage, witness->user_id);
    }
}

/* An event that comes through, so that its coming through can be asked for again. */
static void find_event(struct witness *witness) {
    for (int kind = DM_EVENT_NONE + 1; kind < DM_EVENT_KIND_COUNT; kind++)
        for (int place = 0; place < SAMPLE_PLACES; place++)
            for (int audience = 0; audience < DM_AUDIENCE_COUNT; audience++) {
                if (witness->kind || !witness->session)
                    return;
                if (!sample_deliver(witness->play.stage, witness->session,
                                    (enum dm_event_kind)kind, (enum dm_audience)audience,
                                    (enum sample_place)place))
                    continue;
                witness->kind = (enum dm_event_kind)kind;
                witness->audience = (enum dm_audience)audience;
                witness->place = (enum sample_place)place;
            }
}

/* The message that made the server close: the client's last one before. */
static const struct step *cause_of(const struct script *script, const struct step *closed) {
    const struct step *cause = closed;
    for (const struct step *step = script->transcript->steps; step != closed; step = step->next)
        if (step->kind == STEP_SEND && step->client == closed->client)
            cause = step;
    return cause;
}

/* Where the first client begins to leave; NULL: none does. */
static const struct step *first_leaving(const struct script *script) {
    const struct step *step = script->transcript->steps;
    while (step && step->kind != STEP_CLOSE && step->kind != STEP_DROP &&
           step->kind != STEP_CLOSED)
        step = step->next;
    return step && step->kind == STEP_CLOSED ? cause_of(script, step) : step;
}

static void try(struct witness *witness, struct stage *stage, const struct script *script) {
    if (!script_serves(script))
        return;
    if (play_open(&witness->play, stage, script) == 0 &&
        play_run(&witness->play, first_leaving(script)) == PLAYER_PASSED) {
        stage_settle(stage);
        find_session(witness);
    }
    if (witness->session)
        return;
    play_close(&witness->play);
    witness->play.player = NULL;
}

int witness_open(struct witness *witness, struct stage *stage, struct script **scripts,
                 size_t count) {
    *witness = (struct witness){ .session = NULL };
    for (size_t i = 0; i < count && !witness->session; i++)
        try(witness, stage, scripts[i]);
    if (!witness->session)
        return -1;
    find_event(witness);
    stage_settle(stage);
    play_forget(&witness->play);
    return 0;
}

const char *witness_ask(struct witness *witness) {
    struct stage *stage = witness->play.stage;
    if (!witness->session)
        return NULL;
    if (sample_session(stage, witness->user_id) != witness->session)
        return "another client's session was disturbed";
    play_forget(&witness->play);
    if (!witness->kind)
        return NULL;
    if (!sample_deliver(stage, witness->session, witness->kind, witness->audience,
                        witness->place))
        return "another client's session gets no events any more";
    stage_settle(stage);
    size_t came = play_arrivals(&witness->play);
    play_forget(&witness->play);
    return came ? NULL : "an event for another client did not arrive";
}

void witness_close(struct witness *witness) {
    if (witness->play.player)
        play_close(&witness->play);
}
