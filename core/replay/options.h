/* The command line of a replay. */
#ifndef DRAGOMAN_REPLAY_OPTIONS_H
#define DRAGOMAN_REPLAY_OPTIONS_H

#include <stddef.h>

#include "core/replay/player.h"

enum replay_format { REPLAY_PLAIN, REPLAY_TAP };
enum replay_what { REPLAY_PLAY, REPLAY_HEADER };

struct replay_options {
    const char **files;
    size_t file_count;
    const char **vars; /* NAME=VALUE */
    size_t var_count;
    const char *users_file; /* or NULL */
    enum replay_format format;
    enum replay_what what;
    struct target target;
    struct player_options player;
};

/* Reads argv[1...]; the strings are borrowed. Returns 0, or -1 when something is wrong, which was
 * said on stderr; 1 when the usage was asked for and printed. */
int replay_options_read(int argc, char **argv, struct replay_options *ret_options);
void replay_options_free(struct replay_options *options);

#endif
