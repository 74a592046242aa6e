/* The adapter's own transcripts: as they are, in single bytes, and by clients that do not wait:
 * they say in one write what they may say at once. */
#include <stdio.h>

#include "core/kit/batteries.h"

/* The settings that a transcript asks for, in the arena. */
static const char *const *settings_of(const struct transcript *transcript, struct arena *arena) {
    const char **settings = arena_zalloc(arena, STAGE_SETTINGS_MAX * sizeof(*settings));
    size_t count = 0;
    for (const struct setting *s = transcript->settings; s && count < STAGE_SETTINGS_MAX - 1;
         s = s->next) {
        struct buf text = BUF_INIT;
        buf_printf(&text, "%.*s=%.*s", DM_SLICE_FMT(s->name), DM_SLICE_FMT(s->value));
        settings[count++] = arena_dup(arena, text.data, text.len);
        buf_fini(&text);
    }
    return settings;
}

static void fail_play(struct trial *trial, const struct play *play) {
    trial_fail(trial, "%s:%.*s", play->script->name, DM_SLICE_FMT(buf_slice(&play->report)));
}

/* How it is played. */
struct manner {
    size_t piece; /* bytes; 0: as it comes */
    enum player_pace pace;
};

static void note_step(void *owner, const struct step *step, struct dm_slice bytes) {
    const struct trial *trial = owner;
    trial_note("%s:%u", trial->script->name, step->line);
}

static void play_whole(struct trial *trial, const struct manner *manner) {
    struct play play;
    if (play_open(&play, &trial->stage, trial->script) != 0) {
        fail_play(trial, &play);
    } else {
        play.options.cut = play.options.fragment = manner->piece;
        play.options.pace = manner->pace;
        play.options.sent = note_step;
        play.options.owner = trial;
        enum player_result result = play_run(&play, NULL);
        if (result == PLAYER_PASSED)
            result = player_check_end(play.player);
        if (result != PLAYER_PASSED)
            fail_play(trial, &play);
        else if (manner->pace == PLAYER_PIPELINES && !play.player->bursts)
            trial_skip(trial, "no client of it speaks twice in a row");
    }
    play_close(&play);
}

static void run(struct trial *trial, const struct manner *manner) {
    struct arena arena;
    arena_init(&arena, 4096);
    trial_note("%s", trial->script->name);
    if (trial_open_with(trial, settings_of(trial->script->transcript, &arena),
                        trial->kit->options->others) == 0) {
        play_whole(trial, manner);
        trial_close(trial);
    }
    arena_fini(&arena);
}

void battery_transcript(struct trial *trial) {
    static const struct manner manner = { .piece = 0 };
    if (!trial->script->transcript->steps)
        trial_skip(trial, "nothing is said in it");
    else
        run(trial, &manner);
}

void battery_pieces(struct trial *trial) {
    static const struct manner manner = { .piece = 1 };
    if (!trial->script->transcript->steps)
        trial_skip(trial, "nothing is said in it");
    else
        run(trial, &manner);
}

void battery_pipeline(struct trial *trial) {
    static const struct manner manner = { .pace = PLAYER_PIPELINES };
    run(trial, &manner);
}
