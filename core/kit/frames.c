#include "core/kit/frames.h"

#include <unistd.h>

#define FRAMES_MAX 120
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

/* The path and query of a request as its statement has them, "CLIENT METHOD PATH". */
static struct dm_slice written_path(const struct step *step) {
    const char *at = step->source.ptr, *end = at + step->source.len;
    for (int blanks = 0; blanks < 2 && at < end; blanks++) {
        at = memchr(at, ' ', (size_t)(end - at));
        at = at ? at + 1 : end;
    }
    return (struct dm_slice){ at, (size_t)(end - at) };
}

static void shape(const struct step *step, struct dm_slice body, struct buf *out) {
    if (step->kind == STEP_REQUEST) {
        buf_append_slice(out, step->method);
        mutant_target_shape(written_path(step), out);
    }
    mutant_shape(body, out);
}

/* What follows the method of a request, up to its next blank. */
static struct dm_slice target_of(struct dm_slice bytes) {
    const char *begin = memchr(bytes.ptr, ' ', bytes.len);
    const char *end = begin ? memchr(begin + 1, ' ', bytes.len - (size_t)(begin + 1 - bytes.ptr))
                            : NULL;
    return end ? (struct dm_slice){ begin + 1, (size_t)(end - begin - 1) } : DM_SLICE_NONE;
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
        .script = frames->script, .step = step, .bytes = copy,
        .body = { copy.ptr + skip, body.len },
        .target = step->kind == STEP_REQUEST ? target_of(copy) : DM_SLICE_NONE,
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
    shape(step, body, &text);
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

/* Sends it as the play's options say. */
static void send_it(struct play *play, const struct frame *frame) {
    struct role *role = &play->player->roles[frame->step->client];
    if (frame->step->kind == STEP_REQUEST)
        act_request(play->player, role, frame->step);
    else
        act_send(play->player, role, frame->step);
    play->options.instead = play->options.instead_path = DM_SLICE_NONE;
    play->options.kind = PLAYER_SAME_KIND;
    buf_reset(&play->report);
    stage_settle(play->stage);
    for (int i = 0; i < ANSWER_TURNS && !play->stage->memory &&
                    frame_peer(play, frame)->open_requests; i++) {
        usleep(1000);
        stage_settle(play->stage);
    }
}

void frame_send(struct play *play, const struct frame *frame, struct dm_slice bytes) {
    play->options.instead = bytes;
    send_it(play, frame);
}

void frame_send_mutant(struct play *play, const struct frame *frame,
                       const struct mutant *mutant) {
    if (mutant->part == MUTANT_TARGET)
        play->options.instead_path = mutant->bytes;
    else
        play->options.instead = mutant->bytes;
    if (mutant->part == MUTANT_OTHER_KIND)
        play->options.kind = PLAYER_OTHER_KIND;
    send_it(play, frame);
}

struct peer *frame_peer(const struct play *play, const struct frame *frame) {
    return &play->player->roles[frame->step->client].peer;
}
