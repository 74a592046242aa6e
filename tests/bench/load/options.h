/* The command line of the load generator. */
#ifndef DRAGOMAN_BENCH_OPTIONS_H
#define DRAGOMAN_BENCH_OPTIONS_H

#include <stdint.h>

#include "tests/bench/load/dialect.h"

enum load_mode {
    MODE_CLOSED, /* every socket keeps `window` messages under way */
    MODE_RATE,   /* `rate` messages a second leave over all sockets, whatever comes back */
    MODE_FANOUT, /* the first one keeps `window` messages to all others under way */
    MODE_ECHO,   /* every socket keeps `window` messages to itself under way */
    MODE_IDLE,   /* sockets are opened, logged in and held until standard input ends */
};

struct options {
    enum load_mode mode;
    const struct dialect *dialect;
    const char *host;
    uint16_t port;
    const char *path;       /* of the socket */
    const char *chat;       /* UUID of the chat that all are in, for MODE_FANOUT */
    const char *users_file;
    struct user *users;     /* lines of users_file */
    unsigned user_count;
    unsigned sockets;
    unsigned window;
    double rate;            /* messages a second */
    double seconds;         /* measured */
    double warmup;          /* before that */
    unsigned bytes;         /* of a message's text */
};

/* Fills ret_options from argv and reads the users. Writes to stderr and exits with 64 when
 * something is wrong with them. */
void options_read(int argc, char **argv, struct options *ret_options);

/* Frees what options_read made. */
void options_free(struct options *options);

const char *mode_name(enum load_mode mode);

#endif
