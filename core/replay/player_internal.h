/* What the parts of the player share. */
#ifndef DRAGOMAN_REPLAY_PLAYER_INTERNAL_H
#define DRAGOMAN_REPLAY_PLAYER_INTERNAL_H

#include "core/replay/peer.h"
#include "core/replay/player.h"

/* A client: its connections, and what the transcript said about it so far. */
struct role {
    struct peer peer;
    const struct header *defaults;
    const struct step *ignores[16];
    size_t ignore_count;
    int leaving; /* it closed, or dropped, of its own */
    unsigned pings;
};

struct player {
    const struct transcript *transcript;
    const struct player_options *options;
    struct vars *vars;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct role *roles; /* one for each client of the transcript */
    unsigned bursts;         /* of several messages, so far */
    const struct step *next; /* of the outermost steps: where player_run goes on */
    struct buf *report;
};

/* Runs the loop until ready(role) or the time is over; returns whether it is ready. */
typedef int (*role_ready_fn)(const struct role *role);
int player_wait(struct player *player, role_ready_fn ready, const struct role *role, unsigned ms);

/* Lets the loop turn once; returns 0 when the deadline (by uv_now) has passed, else 1. */
int player_turn(struct player *player, uint64_t deadline);

/* Reports "LINE: client: text" and returns the result given. */
enum player_result player_fail(struct player *player, enum player_result result,
                               const struct step *step, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends "  LABEL text", on one line and not too long. */
void player_show(struct player *player, const char *label, struct dm_slice text);
void player_trace(const struct player *player, const struct role *role, const char *arrow,
                  struct dm_slice text);

/* Steps that send. */
enum player_result act_connect(struct player *player, struct role *role, const struct step *step);
enum player_result act_request(struct player *player, struct role *role, const struct step *step);
enum player_result act_send(struct player *player, struct role *role, const struct step *step);
enum player_result act_close(struct player *player, struct role *role, const struct step *step);
enum player_result act_drop(struct player *player, struct role *role, const struct step *step);

/* Plays an outermost step that sends, and, with PLAYER_PIPELINES, those behind it that may go
 * along. Returns with the first one that was not played in ret_next. */
enum player_result burst_play(struct player *player, const struct step *first,
                              const struct step *end, const struct step **ret_next);

/* Plays one step. */
enum player_result player_step(struct player *player, const struct step *step);

/* Steps that wait and compare. */
enum player_result expect_frame(struct player *player, struct role *role,
                                const struct step *step);
enum player_result expect_answer(struct player *player, struct role *role,
                                 const struct step *step);
/* Reports that what the step expects did not come. */
enum player_result expect_missing(struct player *player, const struct role *role,
                                  const struct step *step);
enum player_result expect_accepted(struct player *player, struct role *role,
                                   const struct step *step);
enum player_result expect_refused(struct player *player, struct role *role,
                                  const struct step *step);
enum player_result expect_closed(struct player *player, struct role *role,
                                 const struct step *step);
enum player_result expect_any_order(struct player *player, const struct step *block);

/* Checks that these roles get nothing more: each open one, or only_role. step is NULL at the end
 * of the transcript. */
enum player_result expect_silence(struct player *player, struct role *only_role,
                                  const struct step *step);

/* Nothing that no step asked for may lie there. */
enum player_result expect_nothing_left(struct player *player, struct role *role,
                                       const struct step *step);

/* The upgrade must not have been refused, but for a step that expects it. */
enum player_result expect_upgraded(struct player *player, struct role *role,
                                   const struct step *step);

/* Compares, appending to report (may be NULL) and binding variables; 0 when it matches. */
unsigned compare_frame(struct player *player, const struct step *step,
                       const struct arrival *arrival, struct buf *report);
unsigned compare_answer(struct player *player, const struct step *step,
                        const struct answer *answer, struct buf *report);

#endif
