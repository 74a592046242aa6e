/* What the adapter shows of a frame to those who look on: no secret. */
#include "core/adapter/inspect.h"
#include "core/kit/batteries.h"
#include "core/kit/frames.h"

#define REDACTED_MAX (1024 * 1024)

static int has_secret(const struct trial *trial, struct dm_slice text) {
    return stage_find_secret(&trial->stage, text).ptr || stage_shows_login(&trial->stage, text);
}

/* 0, or -1 when the adapter redacts nothing at all: its frames are never shown. */
static int check_one(struct trial *trial, const struct frame *frame, struct dm_slice bytes,
                     const char *what) {
    struct buf shown = BUF_INIT;
    const struct dm_instance *instance = host_instance_at(trial->stage.host, 0);
    const struct dm_frame shape = {
        .kind = frame->step->frame == FRAME_BINARY ? DM_FRAME_BINARY : DM_FRAME_TEXT,
        .data = bytes,
    };
    int r = host_redact(trial->stage.host, instance, &shape, &shown);
    if (r == 0 && has_secret(trial, buf_slice(&shown)))
        trial_fail(trial, "a secret is left in a redacted frame\n%s:%u%s%s", frame->script->name,
                   frame->step->line, *what ? ", " : "", what);
    buf_fini(&shown);
    return r;
}

/* The frame as it was sent, and with one thing wrong in it: any bytes may come. */
static int check_frame(struct trial *trial, const struct frame *frame) {
    struct arena arena;
    struct mutants mutants;
    int r = check_one(trial, frame, frame->body, "");
    arena_init(&arena, 65536);
    mutants_make(&arena, frame->body, REDACTED_MAX, &mutants);
    for (size_t i = 0; i < mutants.count && r == 0 && !trial_is_over(trial); i++) {
        trial_note("%s:%u redacted, %s", frame->script->name, frame->step->line,
                   mutants.items[i].what);
        check_one(trial, frame, mutants.items[i].bytes, mutants.items[i].what);
    }
    arena_fini(&arena);
    return r;
}

void battery_redact(struct trial *trial) {
    struct frames frames;
    size_t count = 0, secret = 0;
    if (trial_open(trial, trial_unlimited, 0) != 0)
        return;
    frames_collect(&frames, trial);
    for (size_t i = 0; i < frames.count && !trial_is_over(trial); i++) {
        if (frames.items[i].step->kind != STEP_SEND)
            continue;
        if (check_frame(trial, &frames.items[i]) != 0)
            trial_skip(trial, "the adapter redacts nothing, so its frames are never shown");
        count++;
        secret += has_secret(trial, frames.items[i].body) != 0;
    }
    if (!count)
        trial_lack(trial, "no transcript has a client's message");
    else if (!secret)
        trial_lack(trial, "no client's message holds a token, or a password of 4 bytes or more");
    trial_tell(trial, "%zu frames, %zu of them with a secret, also with one thing wrong in them",
               count, secret);
    frames_free(&frames);
    trial_close(trial);
}
