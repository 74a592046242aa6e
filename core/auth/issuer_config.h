/* From what the operator wrote to an issuer. */
#ifndef DRAGOMAN_AUTH_ISSUER_CONFIG_H
#define DRAGOMAN_AUTH_ISSUER_CONFIG_H

#include "core/auth/issuer.h"

/* Copies the configuration of a foreign issuer into ret_issuer (zeroed before), strings into the
 * arena, and makes the key of its secret. Returns 0, or -EINVAL with ret_error naming issuer and
 * fault; ret_issuer then holds no key. */
int issuer_from_config(const struct crypto *crypto, const struct auth_issuer_config *config,
                       struct arena *arena, struct issuer *ret_issuer,
                       char ret_error[AUTH_ERROR_SIZE]);

/* Fills in the defaults of the configuration's numbers and checks them. Returns 0, or -EINVAL
 * with ret_error set. */
int auth_config_complete(struct auth_config *config, char ret_error[AUTH_ERROR_SIZE]);

#endif
