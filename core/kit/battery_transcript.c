/* The adapter's own transcripts, as they are and in single bytes. */
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

static void play_whole(struct trial *trial, size_t piece) {
    struct play play;
    if (play_open(&play, &trial->stage, trial->script) != 0) {
        fail_play(trial, &play);
    } else {
        play.options.cut = piece;
        play.options.fragment = piece;
        enum player_result result = play_run(&play, NULL);
        if (result == PLAYER_PASSED)
            result = player_check_end(play.player);
        if (result != PLAYER_PASSED)
            fail_play(trial, &play);
    }
    play_close(&play);
}

static void run(struct trial *trial, size_t piece) {
    struct arena arena;
    arena_init(&arena, 4096);
    trial_note("%s", trial->script->name);
    if (trial_open_with(trial, settings_of(trial->script->transcript, &arena),
                        trial->kit->options->others) == 0) {
        play_whole(trial, piece);
        trial_close(trial);
    }
    arena_fini(&arena);
}

void battery_transcript(struct trial *trial) {
    run(trial, 0);
}

void battery_pieces(struct trial *trial) {
    run(trial, 1);
}
