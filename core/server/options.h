/* The options that all verbs share, and the configuration they lead to: read when the program
 * starts, and again at a reload. */
#ifndef DRAGOMAN_SERVER_OPTIONS_H
#define DRAGOMAN_SERVER_OPTIONS_H

#include <stddef.h>

#include "core/server/config.h"

#define OPTIONS_MAX 128

/* --config, and every --set (or what stands for one) in order. Zeroed: none. */
struct options {
    const char *file;
    const char *assignments[OPTIONS_MAX];
    size_t count;
    char *owned[OPTIONS_MAX];
};

/* --listen and --admin are of the verbs that serve, or judge what would. */
enum options_kind {
    OPTIONS_OF_ALL,
    OPTIONS_OF_SERVING,
};

/* Takes the shared options out of argv and lowers *argc; what stays is the verb's own. The words
 * are borrowed. Returns a CLI exit code; what went wrong was said on stderr. options_fini in any
 * case. */
int options_take(struct options *options, enum options_kind kind, int *argc, char **argv);
void options_fini(struct options *options);

/* Of a verb that goes with the system's gateway: when neither a file nor a state directory was
 * given, that gateway's file, /etc/dragoman/dragoman.yaml, if it may be read. */
void options_default_file(struct options *options);

/* Reads the file, the environment and the assignments into a fresh configuration and checks all of
 * it: also settings that the verb does not need, since a misspelled one may be one of security.
 * Returns 0, or -EINVAL or another negative errno with the reason in config_error. */
int options_read(const struct options *options, struct config *config);

#endif
