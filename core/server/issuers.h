/* From configuration to the auth service. */
#ifndef DRAGOMAN_SERVER_ISSUERS_H
#define DRAGOMAN_SERVER_ISSUERS_H

#include "core/auth/auth.h"
#include "core/server/config.h"

/* An auth_config with everything it points to. */
struct auth_setup;

/* Reads keys and issuers as configured; makes STATE/token.key when there is none. Blocks on files.
 * Returns 0, or -EINVAL with the reason in config_error. */
int auth_setup_new(struct config *config, struct auth_setup **ret_setup);

/* The same, to be judged and not to be used: where there is no STATE/token.key none is made. */
int auth_setup_try(struct config *config, struct auth_setup **ret_setup);
const struct auth_config *auth_setup_config(const struct auth_setup *setup);

/* Wipes the keys. NULL does nothing. */
void auth_setup_free(struct auth_setup *setup);

#endif
