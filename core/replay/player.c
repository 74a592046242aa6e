#include "core/replay/player.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/replay/player_internal.h"

#define SHOWN_MAX 1500
#define FAREWELL_MS 1000

static void on_timer(uv_timer_t *timer) {
}

int player_turn(struct player *player, uint64_t deadline) {
    uv_update_time(player->loop);
    uint64_t now = uv_now(player->loop);
    if (now >= deadline)
        return 0;
    uv_timer_start(&player->timer, on_timer, deadline - now, 0);
    uv_run(player->loop, UV_RUN_ONCE);
    uv_timer_stop(&player->timer);
    return 1;
}

int player_wait(struct player *player, role_ready_fn ready, const struct role *role,
                unsigned ms) {
    uv_update_time(player->loop);
    uint64_t deadline = uv_now(player->loop) + ms;
    while (!ready(role))
        if (!player_turn(player, deadline))
            return ready(role);
    return 1;
}

static void append_line(struct buf *out, struct dm_slice text) {
    struct dm_slice head = utf8_prefix(text, SHOWN_MAX);
    for (size_t i = 0; i < head.len; i++) {
        unsigned char c = (unsigned char)head.ptr[i];
        if (c == '\n')
            buf_append_char(out, ' ');
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_append_char(out, (char)c);
    }
    if (head.len < text.len)
        buf_printf(out, "... (%zu bytes)", text.len);
}

void player_show(struct player *player, const char *label, struct dm_slice text) {
    if (*label)
        buf_printf(player->report, "  %s ", label);
    append_line(player->report, text);
    buf_append_char(player->report, '\n');
}

void player_trace(const struct player *player, const struct role *role, const char *arrow,
                  struct dm_slice text) {
    struct buf line = BUF_INIT;
    if (player->options->talk != PLAYER_VERBOSE)
        return;
    append_line(&line, text);
    fprintf(stderr, "%.*s %s %.*s\n", DM_SLICE_FMT(role->peer.name), arrow,
            DM_SLICE_FMT(buf_slice(&line)));
    buf_fini(&line);
}

enum player_result player_fail(struct player *player, enum player_result result,
                               const struct step *step, const char *format, ...) {
    struct dm_slice client = player->transcript->clients[step->client];
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_printf(player->report, "%u: %.*s: %s", step->line, DM_SLICE_FMT(client), text);
    return result;
}

static enum player_result play_ignore(struct player *player, struct role *role,
                                      const struct step *step) {
    if (role->ignore_count == sizeof(role->ignores) / sizeof(*role->ignores))
        return player_fail(player, PLAYER_FAULT, step, "ignores too many kinds of frames\n");
    role->ignores[role->ignore_count++] = step;
    return PLAYER_PASSED;
}

static enum player_result play_headers(struct player *player, struct role *role,
                                       const struct step *step) {
    role->defaults = step->headers;
    return PLAYER_PASSED;
}

static enum player_result play_silent(struct player *player, struct role *role,
                                      const struct step *step) {
    return expect_silence(player, role, step);
}

typedef enum player_result (*play_fn)(struct player *, struct role *, const struct step *);

static const play_fn plays[] = {
    [STEP_CONNECT] = act_connect,     [STEP_ACCEPTED] = expect_accepted,
    [STEP_REFUSED] = expect_refused,  [STEP_SEND] = act_send,
    [STEP_EXPECT] = expect_frame,     [STEP_CLOSED] = expect_closed,
    [STEP_CLOSE] = act_close,         [STEP_DROP] = act_drop,
    [STEP_SILENT] = play_silent,      [STEP_IGNORE] = play_ignore,
    [STEP_HEADERS] = play_headers,    [STEP_REQUEST] = act_request,
    [STEP_RESPONSE] = expect_answer,
};

static enum player_result play_steps(struct player *player, const struct step *steps);

static enum player_result play_repeat(struct player *player, const struct step *block) {
    enum player_result result = PLAYER_PASSED;
    vars_set(player->vars, DM_SLICE("i"), VAR_JSON, DM_SLICE("0"));
    size_t mark = vars_mark(player->vars);
    for (size_t i = 1; i <= block->count && result == PLAYER_PASSED; i++) {
        char number[24];
        snprintf(number, sizeof(number), "%zu", i);
        vars_rollback(player->vars, mark);
        vars_set(player->vars, DM_SLICE("i"), VAR_JSON, dm_slice_str(number));
        result = play_steps(player, block->steps);
    }
    return result;
}

enum player_result player_step(struct player *player, const struct step *step) {
    if (step->kind == STEP_ANY_ORDER)
        return expect_any_order(player, step);
    if (step->kind == STEP_REPEAT)
        return play_repeat(player, step);
    struct role *role = &player->roles[step->client];
    enum player_result result = PLAYER_PASSED;
    if (step->kind != STEP_REFUSED)
        result = expect_upgraded(player, role, step);
    return result == PLAYER_PASSED ? plays[step->kind](player, role, step) : result;
}

static enum player_result play_steps(struct player *player, const struct step *steps) {
    enum player_result result = PLAYER_PASSED;
    for (const struct step *step = steps; step && result == PLAYER_PASSED; step = step->next)
        result = player_step(player, step);
    return result;
}

static int socket_gone(const struct role *role) {
    return role->peer.state != PEER_OPEN;
}

/* Closes what is open in the protocol's way, so that the server has no reason to complain. */
static void say_farewell(struct player *player) {
    size_t count = player->transcript->client_count;
    for (size_t i = 0; i < count; i++)
        if (player->roles[i].peer.state == PEER_OPEN)
            socket_close(player->roles[i].peer.socket, 1000, DM_SLICE(""));
    for (size_t i = 0; i < count; i++) {
        player_wait(player, socket_gone, &player->roles[i], FAREWELL_MS);
        peer_fini(&player->roles[i].peer);
    }
}

struct player *player_new(const struct transcript *transcript, struct vars *vars,
                          const struct player_options *options, uv_loop_t *loop,
                          struct buf *report) {
    struct player *player = mem_zalloc(sizeof(*player));
    *player = (struct player){ .transcript = transcript, .options = options, .vars = vars,
                               .loop = loop, .report = report, .next = transcript->steps };
    player->roles = mem_calloc(transcript->client_count, sizeof(*player->roles));
    uv_timer_init(loop, &player->timer);
    for (size_t i = 0; i < transcript->client_count; i++)
        peer_init(&player->roles[i].peer, transcript->clients[i], loop, options->target,
                  options->cut);
    return player;
}

enum player_result player_run(struct player *player, const struct step *end) {
    enum player_result result = PLAYER_PASSED;
    while (player->next && player->next != end && result == PLAYER_PASSED) {
        const struct step *step = player->next;
        player->next = step->next;
        result = step->kind == STEP_SEND ? burst_play(player, step, end, &player->next)
                                         : player_step(player, step);
    }
    return result;
}

enum player_result player_check_end(struct player *player) {
    return expect_silence(player, NULL, NULL);
}

static void on_timer_closed(uv_handle_t *handle) {
    struct player *player = container_of(handle, struct player, timer);
    free(player->roles);
    free(player);
}

void player_free(struct player *player) {
    say_farewell(player);
    uv_close((uv_handle_t *)&player->timer, on_timer_closed);
}

enum player_result player_play(const struct transcript *transcript, struct vars *vars,
                               const struct player_options *options, uv_loop_t *loop,
                               struct buf *report) {
    struct player *player = player_new(transcript, vars, options, loop, report);
    enum player_result result = player_run(player, NULL);
    if (result == PLAYER_PASSED)
        result = player_check_end(player);
    player_free(player);
    uv_run(loop, UV_RUN_DEFAULT);
    return result;
}
