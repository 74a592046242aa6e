/* One process takes over from another without a gap: the program is started anew from its file,
 * with the listening sockets inherited, so that they are never closed; when the new process serves,
 * the old one is told, and drains. If it does not come to serve, the old one goes on. */
#ifndef DRAGOMAN_SERVER_UPGRADE_H
#define DRAGOMAN_SERVER_UPGRADE_H

#include "core/server/child.h"
#include "core/server/notify.h"

struct upgrade;

/* error: NULL when the process `successor` serves and the service manager knows it; else why it
 * does not. Borrowed. The upgrade is gone after the call. */
typedef void upgrade_done_fn(void *owner, const char *error, pid_t successor);

/* `done` runs once, on the loop, later. Returns 0, or a negative errno when no process could be
 * started. notify must outlive it. */
int upgrade_start(struct loop *loop, const struct program *program, const struct inherit *sockets,
                  struct notify *notify, upgrade_done_fn *done, void *owner,
                  struct upgrade **ret_upgrade);

/* Ends the new process; `done` does not run. NULL does nothing. */
void upgrade_cancel(struct upgrade *upgrade);

#endif
