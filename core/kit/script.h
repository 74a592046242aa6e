/* Transcripts as the kit uses them: loaded, given users, played. Internal to the kit. */
#ifndef DRAGOMAN_KIT_SCRIPT_H
#define DRAGOMAN_KIT_SCRIPT_H

#include "core/kit/stage.h"
#include "core/replay/player_internal.h"
#include "core/transcript/transcript.h"

struct script {
    char *path;
    const char *name; /* of the file, without .txt */
    size_t name_len;
    struct buf text;
    struct transcript *transcript;
    enum { SCRIPT_UNTRIED, SCRIPT_GOOD, SCRIPT_FAILED } verdict; /* of the trial that plays it */
};

/* Reads every *.txt of the directory. Returns 0, or -1 after saying on stderr what is
 * wrong. */
int scripts_load(const char *directory, struct script ***ret_scripts, size_t *ret_count);
void scripts_free(struct script **scripts, size_t count);

/* Whether it is material for trials of no transcript in particular: it needs no settings of its
 * own, and has not failed. */
int script_serves(const struct script *script);

/* Whether its name begins with "happy": such ones come first. */
int script_is_happy(const struct script *script);

/* Whether its plays on a real gateway have to wait until a token has expired. */
int script_waits(const struct script *script);

/* A play of a script: fresh users, and a player that has not begun. */
struct play {
    const struct script *script;
    struct stage *stage;
    struct arena arena;
    struct vars vars;
    struct player_options options; /* the player's; read anew at each step */
    struct player *player;
    struct buf report;
    const struct dm_user **users; /* in the order of the header */
    size_t user_count;
};

/* Makes the users. The options may be changed until play_run. Returns 0, or -1 with the reason in
 * play->report. */
int play_open(struct play *play, struct stage *stage, const struct script *script);

/* Plays up to, without, the step; NULL: to the end. */
enum player_result play_run(struct play *play, const struct step *end);

/* Says goodbye and waits until it is through. Secrets that came up in the play are kept. */
void play_close(struct play *play);

/* Frames and answers that came and no step took. */
size_t play_arrivals(const struct play *play);
/* Throws them away. */
void play_forget(struct play *play);

#endif
