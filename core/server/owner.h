/* Whose the state directory is. What root makes there its owner could not use: keys, locks, the
 * private database. A directory of root's own, or one that is not there, is nobody else's. */
#ifndef DRAGOMAN_SERVER_OWNER_H
#define DRAGOMAN_SERVER_OWNER_H

/* Run by root, a verb becomes the owner, for good, and is at home where that one is. Returns a CLI
 * exit code; what went wrong was said on stderr. */
int owner_become(const char *state);

/* A gateway is run by the owner, or is refused. Returns as above. */
int owner_require(const char *state);

#endif
