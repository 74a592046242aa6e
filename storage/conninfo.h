/* Connection strings of libpq, key=value or URI, as settings give them. */
#ifndef DRAGOMAN_STORAGE_CONNINFO_H
#define DRAGOMAN_STORAGE_CONNINFO_H

#include "core/base/buf.h"

/* Whether libpq can read it: its form and its options, not whether anybody is there. Returns 0 or
 * -EINVAL; why is not told, since libpq's own words may hold part of a password. */
int conninfo_check(const char *conninfo);

/* Appends the options that it gives as key='value', passwords as ***; *** alone for one that libpq
 * cannot read. */
void conninfo_append_masked(const char *conninfo, struct buf *ret_text);

#endif
