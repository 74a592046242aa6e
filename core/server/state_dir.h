/* Directories below the state directory that only its user and root can enter. */
#ifndef DRAGOMAN_SERVER_STATE_DIR_H
#define DRAGOMAN_SERVER_STATE_DIR_H

#define STATE_DIR_CONTROL "control" /* a socket of each process that takes orders, PID.sock */
#define STATE_DIR_NODES "nodes"     /* a socket of each process that serves, see handoff.h */

/* Opens STATE/name, made when it is missing. Returns the descriptor or a negative errno. */
int state_dir_open(const char *state, const char *name);

/* The same for one who only looks, and may be another user: -ENOENT when it is not there. */
int state_dir_find(const char *state, const char *name);

#endif
