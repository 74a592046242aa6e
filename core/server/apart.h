/* Code of strangers, run in a process of its own: to open a shared object is to run code of it,
 * which may take the process down, or never return. */
#ifndef DRAGOMAN_SERVER_APART_H
#define DRAGOMAN_SERVER_APART_H

/* Runs fn(path) in a child, which shares the standard streams, and returns what it returns: an exit
 * status. Blocks until then, at most half a minute. When fn does not come to its end, says in one
 * line on stderr why and returns CLI_FAILED. No thread but the caller's may exist. */
int apart_run(const char *path, int (*fn)(const char *path));

#endif
