/* The configuration: a flat set of values, each known by its dotted path ("limits.rate",
 * "adapters[0].mount"), with the place it came from. Order: defaults < file < environment <
 * command line. What is not in a table of settings is an error. */
#ifndef DRAGOMAN_SERVER_CONFIG_H
#define DRAGOMAN_SERVER_CONFIG_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/slice.h"

enum config_kind {
    CONFIG_STRING = 1,
    CONFIG_INT,      /* min..max */
    CONFIG_BOOL,     /* true, false */
    CONFIG_WORD,     /* one of `words` */
};

/* One row of the table of settings. A path may hold "[]" for "any index". */
struct config_setting {
    const char *path;
    enum config_kind kind;
    const char *fallback;      /* NULL: absent */
    int64_t min, max;
    const char *const *words;  /* NULL-terminated */
    /* What of it is masked when it is shown: nothing, all, the passwords in a connection string. */
    enum { CONFIG_PLAIN = 0, CONFIG_SECRET, CONFIG_CONNINFO } secrecy;
    const char *doc;
};

/* The gateway's own settings; adapters add theirs. Ends with path == NULL. */
extern const struct config_setting config_settings[];

struct config;

/* An empty configuration: every setting has its default. */
struct config *config_new(void);
void config_free(struct config *config);

/* The first error found since config_new, one line: "FILE:LINE:COLUMN: what" (or the variable or
 * option at fault); empty when none. Borrowed. */
const char *config_error(const struct config *config);

/* Read a YAML file, YAML text, the process's environment (DRAGOMAN_LIMITS_RATE for limits.rate),
 * or one "key=value" of the command line. Return 0, or -EINVAL (see config_error), or another
 * negative errno when the file cannot be read (config_error says so too). A mapping key given
 * twice is an error. Keys that no table names are kept for adapters to take. */
int config_read_file(struct config *config, const char *path);
int config_read_text(struct config *config, const char *name, struct dm_slice text);
int config_read_environment(struct config *config, char *const *environment);
int config_set(struct config *config, const char *assignment);

/* The value under a path: the configured one, else the default of the table, else absent. Paths
 * without "[]" only. Borrowed. */
struct dm_slice config_string(const struct config *config, const char *path);
int64_t config_int(const struct config *config, const char *path);
int config_bool(const struct config *config, const char *path);

/* As config_string for a key that is not in the table but an adapter's: marks it as known. A
 * variable of the environment has the path "$NAME". */
struct dm_slice config_take(struct config *config, const char *path);

/* After every adapter took its own: fails with the first key that nobody knows. */
int config_check_unknown(struct config *config);

/* The number of elements of the list at path ("adapters", "auth.issuers"). */
size_t config_count(const struct config *config, const char *path);

/* As config_string, with a formatted path. */
struct dm_slice config_at(const struct config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Calls fn, in order of the paths, for every path that the table names and whose value in effect is
 * another one in `after`. Settings of adapters are not among them. fn may change the value at its
 * path in either. */
typedef void (*config_diff_fn)(void *owner, const char *path);
void config_diff(const struct config *before, const struct config *after, config_diff_fn fn,
                 void *owner);

/* Gives the value at path, with its place, back to `config` as it is in `from`; one that has none
 * there is left with none. path may be one that config_diff names. */
void config_keep(struct config *config, const struct config *from, const char *path);

/* Records an error at the place where the value at path was given. Returns -EINVAL. Later errors
 * do not replace the first. */
int config_fail(struct config *config, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One value in effect, for people to see. */
struct config_shown {
    const char *path;
    struct dm_slice value;   /* masked as it says there; absent when there is none */
    enum config_kind kind;
    const char *place;       /* where it was given; "default" */
    const char *doc;         /* NULL for a key that is an adapter's */
};

typedef void config_shown_fn(void *owner, const struct config_shown *shown);

/* Shows every setting of the table in its order, and then, by path, what was given for lists. */
void config_each_shown(const struct config *config, config_shown_fn *fn, void *owner);

/* Appends the same as YAML, lists as lists; without the adapters, which the loadout shows. */
void config_show(const struct config *config, struct buf *ret_yaml);

/* Appends a text as a double-quoted scalar of YAML. */
void config_append_quoted(struct buf *yaml, struct dm_slice text);

#endif
