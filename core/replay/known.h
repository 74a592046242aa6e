/* What a replay knows before it plays: the users. */
#ifndef DRAGOMAN_REPLAY_KNOWN_H
#define DRAGOMAN_REPLAY_KNOWN_H

#include <yyjson.h>

#include "core/transcript/transcript.h"

/* Reads a whole file. Returns 0, or -1 after saying on stderr why not. */
int known_read_file(const char *path, struct buf *out);

/* Reads the users file into a document the caller frees; NULL path gives NULL. Returns 0 or -1. */
int known_read_users(const char *path, yyjson_doc **ret_users);

/* Binds header values, then what the users file says ($alice.uuid ...). Returns 0, or -1 with the
 * reason in report: a user is not in the file, or a variable has no value. */
int known_bind(const struct transcript *transcript, yyjson_doc *users, struct vars *vars,
               struct buf *report);

/* The header as one line of JSON, appended with a line feed. */
void known_print_header(const struct transcript *transcript, const char *file, struct buf *out);

#endif
