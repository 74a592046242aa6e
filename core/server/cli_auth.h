/* The auth service as configured, on a backend's loop. */
#ifndef DRAGOMAN_SERVER_CLI_AUTH_H
#define DRAGOMAN_SERVER_CLI_AUTH_H

#include "core/engine/auth.h"
#include "core/server/backend.h"

/* Reads keys and issuers, and starts the service. Blocks on files; not while the loop runs. Returns
 * CLI_OK or, with a word on stderr, CLI_CONFIG. */
int cli_auth_open(struct config *config, struct backend *backend, struct auth **ret_auth);

/* Reads and judges all that, and leaves nothing behind. Returns as above. */
int cli_auth_check(struct config *config);

/* Ends the service, for the verbs: runs the loop until it is gone. */
void cli_auth_close(struct backend *backend, struct auth *auth);

#endif
