/* Between child.c and child_fork.c. */
#ifndef DRAGOMAN_SERVER_CHILD_INTERNAL_H
#define DRAGOMAN_SERVER_CHILD_INTERNAL_H

#include "core/server/child.h"

/* Forks, and executes the program with those descriptors from INHERIT_FIRST on. Returns the process
 * id, or a negative errno. */
pid_t child_fork(const struct child_config *config, const struct inherit *sockets);

#endif
