#include "core/kit/frames.h"

#include <unistd.h>

#include "core/kit/mutant.h"

#define FRAMES_MAX 80
#define ANSWER_TURNS 2000 /* of a millisecond: files come from elsewhere than the engine */

static int is_known(const struct frames *frames, struct dm_slice shape) {
    const char *at = frames->shapes.data;
    const char *end = at + frames->shapes.len;
    for (; at && at < end; at += strlen(at) + 1)
        if (dm_slice_eq(dm_slice_str(at), shape))
            return 1;
    return 0;
}

static struct dm_slice body_of(const struct step *step, struct dm_slice bytes) {
    if (step->kind != STEP_REQUEST)
        return bytes;
    const char *end = memmem(bytes.ptr, bytes.len, "\r\n\r\n", 4);
    size_t skip = end ? (size_t)(end - bytes.ptr) + 4 : bytes.len;
    return (struct dm_slice){ bytes.ptr + skip, bytes.len - skip };
}

static void shape(const struct step *step, struct dm_slice bytes, struct dm_slice body,
                  struct buf *out) {
    if (step->kind == STEP_REQUEST)
        buf_append(out, bytes.ptr, strcspn(bytes.ptr, "/ ?"));
    mutant_shape(body, out);
}

static void keep(struct frames *frames, const struct step *step, struct dm_slice bytes,
                 struct dm_slice body) {
    if (frames->count == frames->cap) {
        frames->cap = frames->cap ? frames->cap * 2 : 32;
        struct frame *items = arena_alloc(&frames->arena, frames->cap * sizeof(*items));
        if (frames->count)
            memcpy(items, frames->items, frames->count * sizeof(*items));
        frames->items = items;
    }
    struct dm_slice copy = arena_slice(&frames->arena, bytes);
    size_t skip = (size_t)(body.ptr - bytes.ptr);
    frames->items[frames->count] = (struct frame){
        frames->script, step, copy, { copy.ptr + skip, body.len }, DM_SLICE_NONE,
    };
    if (step->kind == STEP_SEND && step->client < FRAMES_CLIENTS_MAX)
        frames->items[frames->count].upgrade = frames->upgrades[step->client];
    frames->count++;
}

static int is_outermost(const struct script *script, const struct step *step) {
    const struct step *it = script->transcript->steps;
    while (it && it != step)
        it = it->next;
    return it != NULL;
}

static void on_sent(void *owner, const struct step *step, struct dm_slice bytes) {
    struct frames *frames = owner;
    struct buf text = BUF_INIT;
    struct dm_slice body = body_of(step, bytes);
    if (step->kind == STEP_CONNECT) {
        if (step->client < FRAMES_CLIENTS_MAX)
            frames->upgrades[step->client] = arena_slice(&frames->arena, bytes);
        return;
    }
    int control = step->kind == STEP_SEND && step->frame > FRAME_BINARY;
    if (control || body.len > 65536 || frames->count == FRAMES_MAX ||
        !is_outermost(frames->script, step))
        return;
    shape(step, bytes, body, &text);
    if (!is_known(frames, buf_slice(&text))) {
        buf_append_slice(&frames->shapes, buf_slice(&text));
        buf_append_char(&frames->shapes, '\0');
        keep(frames, step, bytes, body);
    }
    buf_fini(&text);
}

void frames_collect(struct frames *frames, struct trial *trial) {
    *frames = (struct frames){ .count = 0 };
    arena_init(&frames->arena, 16384);
    for (size_t i = 0; i < trial->kit->script_count && !trial_is_over(trial); i++) {
        struct play play;
        frames->script = trial->kit->scripts[i];
        if (!script_serves(frames->script) ||
            (!trial->stage.memory && script_waits(frames->script)))
            continue;
        trial_note("%s", frames->script->name);
        if (play_open(&play, &trial->stage, frames->script) == 0) {
            play.options.sent = on_sent;
            play.options.owner = frames;
            play_run(&play, NULL);
        }
        play_close(&play);
    }
}

void frames_free(struct frames *frames) {
    arena_fini(&frames->arena);
    buf_fini(&frames->shapes);
}

int frame_reach(struct trial *trial, const struct frame *frame, struct play *play) {
    if (play_open(play, &trial->stage, frame->script) == 0 &&
        play_run(play, frame->step) == PLAYER_PASSED)
        return 0;
    trial_fail(trial, "%s cannot be played again up to line %u:\n%.*s", frame->script->name,
               frame->step->line, DM_SLICE_FMT(buf_slice(&play->report)));
    return -1;
}

void frame_send(struct play *play, const struct frame *frame, struct dm_slice bytes) {
    struct role *role = &play->player->roles[frame->step->client];
    play->options.instead = bytes;
    if (frame->step->kind == STEP_REQUEST)
        act_request(play->player, role, frame->step);
    else
        act_send(play->player, role, frame->step);
    play->options.instead = DM_SLICE_NONE;
    buf_reset(&play->report);
    stage_settle(play->stage);
    for (int i = 0; i < ANSWER_TURNS && !play->stage->memory &&
                    frame_peer(play, frame)->open_requests; i++) {
        usleep(1000);
        stage_settle(play->stage);
    }
}

struct peer *frame_peer(const struct play *play, const struct frame *frame) {
    return &play->player->roles[frame->step->client].peer;
}
