/* Plays one transcript. */
#ifndef DRAGOMAN_REPLAY_PLAYER_H
#define DRAGOMAN_REPLAY_PLAYER_H

#include <uv.h>

#include "core/base/buf.h"
#include "core/replay/target.h"
#include "core/transcript/transcript.h"

struct player_options {
    const struct target *target; /* resolved */
    unsigned timeout_ms;         /* how long an expectation waits */
    unsigned settle_ms;          /* how long silence is listened to */
    size_t cut;                  /* bytes per write, 0: as it comes */
    enum { PLAYER_QUIET, PLAYER_VERBOSE } talk; /* verbose: frames go to stderr */
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

#endif
