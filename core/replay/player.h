/* Plays one transcript. */
#ifndef DRAGOMAN_REPLAY_PLAYER_H
#define DRAGOMAN_REPLAY_PLAYER_H

#include <uv.h>

#include "core/base/buf.h"
#include "core/replay/target.h"
#include "core/transcript/transcript.h"

enum player_pace {
    PLAYER_WAITS,     /* as the transcript has it */
    PLAYER_PIPELINES, /* what a client may say at once leaves in one write: see burst.c */
};

struct player_options {
    const struct target *target; /* resolved */
    unsigned timeout_ms;         /* how long an expectation waits */
    unsigned settle_ms;          /* how long silence is listened to */
    size_t cut;                  /* bytes per write, 0: as it comes */
    size_t fragment;             /* bytes per WebSocket frame of a message, 0: as it is written */
    enum { PLAYER_QUIET, PLAYER_VERBOSE } talk; /* verbose: frames go to stderr */
    enum player_pace pace;
    /* Told of each message, request and upgrade (whole, with its head) just before it is sent.
     * NULL: nobody. */
    void (*sent)(void *owner, const struct step *step, struct dm_slice bytes);
    void *owner;
    struct dm_slice instead; /* sent as message or body instead of what the step says; absent:
                                what it says */
    struct dm_slice instead_path; /* likewise the path of a request, with its query */
    enum { PLAYER_SAME_KIND, PLAYER_OTHER_KIND } kind; /* of messages. The other: text as binary,
                                                          binary as text */
};

enum player_result {
    PLAYER_PASSED,
    PLAYER_DIFFERS, /* the server did something else */
    PLAYER_FAULT,   /* the transcript cannot be played, or the server not be reached */
};

/* Plays all steps on the loop, which it runs, and leaves no handle on it. vars holds what is known
 * beforehand; captures are added to it. What went wrong is appended to report, beginning with
 * "LINE: ". */
enum player_result player_play(const struct transcript *transcript, struct vars *vars,
                               const struct player_options *options, uv_loop_t *loop,
                               struct buf *report);

struct player;

/* The same in parts, for a server that lives on the same loop. All arguments outlive the player. */
struct player *player_new(const struct transcript *transcript, struct vars *vars,
                          const struct player_options *options, uv_loop_t *loop,
                          struct buf *report);

/* Plays on up to, without, one of the transcript's outermost steps; with NULL to the end, without
 * looking whether something is left. */
enum player_result player_run(struct player *player, const struct step *end);

/* Checks that nothing is left. */
enum player_result player_check_end(struct player *player);

/* Says goodbye on what is open, and closes it. The memory goes once the loop has turned. */
void player_free(struct player *player);

#endif
