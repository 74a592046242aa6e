/* Users named on the command line. */
#ifndef DRAGOMAN_SERVER_CLI_REF_H
#define DRAGOMAN_SERVER_CLI_REF_H

#include "core/server/backend.h"

/* A user that was looked up. */
struct cli_ref {
    struct arena arena;
    const struct dm_user *user;
};

/* Finds a user by such a word as user_word.h takes; inactive ones too. Returns CLI_OK or, with a
 * word on stderr, CLI_NO_USER or CLI_UNAVAILABLE. cli_ref_fini in each case. */
int cli_find_user(struct backend *backend, const char *text, struct cli_ref *ret_ref);

void cli_ref_fini(struct cli_ref *ref);

#endif
