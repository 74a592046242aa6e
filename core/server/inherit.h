/* Descriptors that a process is started with, each under a name: the protocol of
 * sd_listen_fds(3), from descriptor 3 on, announced by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.
 * The service manager passes listening sockets so, and so does a gateway to its successor and to
 * its workers, with the socket over which the child reports (see child.h) among them. The few
 * lines of the protocol are stable and documented; libsystemd would be a dependency for them. */
#ifndef DRAGOMAN_SERVER_INHERIT_H
#define DRAGOMAN_SERVER_INHERIT_H

#include <stddef.h>

struct conn_server;

#define INHERIT_MAX 512
#define INHERIT_NAME_MAX 31
#define INHERIT_FIRST 3

#define INHERIT_PUBLIC "public" /* clients connect here */
#define INHERIT_PUBLIC_TLS "public-tls" /* ... and here with TLS, beside a plain place */
#define INHERIT_ADMIN "admin"   /* health, metrics */
#define INHERIT_TALLY "tally"   /* see tally.h */
#define INHERIT_PARENT "parent" /* to the process that started this one */

struct inherit_item {
    int fd;
    char name[INHERIT_NAME_MAX + 1];
};

/* A list of named descriptors. Zeroed: empty. Plain value; owns nothing by itself. */
struct inherit {
    struct inherit_item items[INHERIT_MAX];
    size_t count;
};

/* Takes what the environment announces to this very process, made close-on-exec and non-blocking,
 * and removes the variables in any case. A socket without a name of its own ("unknown", or its
 * unit's name, "*.socket") is INHERIT_PUBLIC. Returns 0, also when there is nothing, or -EINVAL
 * when the variables make no sense or a descriptor is not open. */
int inherit_take(struct inherit *ret_inherit);

/* Appends; the name is cut to INHERIT_NAME_MAX. Past INHERIT_MAX it is left out. */
void inherit_add(struct inherit *inherit, const char *name, int fd);

/* Adds the listening sockets of a server under that name; they stay its own. */
void inherit_add_listeners(struct inherit *inherit, const char *name,
                           const struct conn_server *server);

/* 1 when there is one of that name. */
int inherit_has(const struct inherit *inherit, const char *name);

/* Takes the first descriptor of that name out of the list: it is the caller's then. -1: none. */
int inherit_claim(struct inherit *inherit, const char *name);

/* Closes what nobody claimed, with a warning for each. */
void inherit_close(struct inherit *inherit);

#endif
