/* Settings that name addresses, and the limits per address. */
#ifndef DRAGOMAN_SERVER_ADDRESSES_H
#define DRAGOMAN_SERVER_ADDRESSES_H

#include "core/net/address_limit.h"
#include "core/net/address_set.h"
#include "core/server/config.h"

/* Reads the addresses under path, a list or one string with blanks or commas between them, into
 * an empty set. Returns 0, or -EINVAL with config_error; the set is the caller's in any case. */
int addresses_read(struct config *config, const char *path, struct address_set *ret_set);

/* The limits per address as configured. Returns 0, or -EINVAL with config_error and nothing to
 * free. */
int addresses_limits(struct config *config, struct address_limit_config *ret_limits);

#endif
