/* What is expected to come: text with JSON in it, compared as a whole. */
#ifndef DRAGOMAN_TRANSCRIPT_PATTERN_H
#define DRAGOMAN_TRANSCRIPT_PATTERN_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/transcript/scan.h"
#include "core/transcript/vars.h"

struct pattern;

enum pattern_form {
    PATTERN_RAW,    /* text only, brackets included: headers */
    PATTERN_FRAME,  /* text up to the first { or [, a JSON pattern from there, and so on at <rs> */
    PATTERN_QUOTED, /* one "quoted" text; its content is text only */
};

struct pattern_error {
    const char *text; /* static */
    size_t pos;       /* where in the source, in bytes */
};

/* Parses src into the arena, in which the pattern lives; src is borrowed as long. Variables are
 * noted in refs. Returns 0, or -1 with *ret_error set. Nesting is limited to 64 levels. */
int pattern_parse(struct arena *arena, struct dm_slice src, enum pattern_form form,
                  struct refs *refs, struct pattern **ret_pattern,
                  struct pattern_error *ret_error);

/* Compares a text with the pattern. Returns the number of differences, 0 when it matches.
 *
 * Variables met for the first time are bound in vars, for good when the text matches and not at
 * all when it does not. Each difference is appended to report (which may be NULL) as three
 * lines: the path into the JSON, what was expected, what came. After eight the rest is counted
 * only. */
unsigned pattern_match(const struct pattern *pattern, struct dm_slice text, struct vars *vars,
                       struct buf *report);

/* The pattern as it was written, borrowed from the parsed source. */
struct dm_slice pattern_source(const struct pattern *pattern);

#endif
