/* Frames with one thing wrong in them. Internal to the kit. */
#ifndef DRAGOMAN_KIT_MUTANT_H
#define DRAGOMAN_KIT_MUTANT_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/slice.h"

/* What the bytes stand for. */
enum mutant_part {
    MUTANT_CONTENT,    /* the message, or the request's body */
    MUTANT_OTHER_KIND, /* the message, which goes as binary where it was text, and the other way */
    MUTANT_TARGET,     /* the path and query of the request, whose body stays as it is */
};

struct mutant {
    const char *what;      /* "$.d.to = null" */
    struct dm_slice bytes; /* maybe no valid UTF-8 */
    enum mutant_part part;
};

struct mutants {
    struct mutant *items;
    size_t count;
    size_t cap;
};

/* Makes them of a frame, in the arena. A frame that holds JSON from its first { or [ on has every
 * member and element missing, null, of each other type, too long, too deep, holding U+0000 or
 * invalid UTF-8, and every array its first element over and over, up to `max` bytes in all; any
 * other frame has its words so. Both are cut short as well. */
void mutants_make(struct arena *arena, struct dm_slice frame, size_t max,
                  struct mutants *ret_mutants);

/* Adds the message as one of the other kind, and some that are no text. */
void mutants_add_kinds(struct arena *arena, struct dm_slice frame, struct mutants *mutants);

/* Adds targets of a request with one thing wrong in them: every segment of the path and every value
 * of the query empty, of another type, huge, too long, holding NUL, invalid UTF-8 or an invalid
 * percent escape; every parameter missing, or there twice. */
void mutants_add_targets(struct arena *arena, struct dm_slice target, struct mutants *mutants);

/* Adds one, of what was written into the two. */
void mutants_add(struct arena *arena, struct mutants *mutants, enum mutant_part part,
                 const struct buf *what, const struct buf *bytes);

/* A text that two frames share when they are alike but for their values. */
void mutant_shape(struct dm_slice frame, struct buf *ret_shape);

/* Likewise of requests, by the path and query as a transcript has them. */
void mutant_target_shape(struct dm_slice path, struct buf *ret_shape);

#endif
