/* Frames with one thing wrong in them. Internal to the kit. */
#ifndef DRAGOMAN_KIT_MUTANT_H
#define DRAGOMAN_KIT_MUTANT_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/slice.h"

struct mutant {
    const char *what;      /* "$.d.to = null" */
    struct dm_slice bytes; /* maybe no valid UTF-8 */
};

struct mutants {
    struct mutant *items;
    size_t count;
    size_t cap;
};

/* Makes them of a frame, in the arena. A frame that holds JSON from its first { or [ on has every
 * member and element missing, null, of each other type, too long, too deep, holding U+0000 or
 * invalid UTF-8; any other frame has its words so. Both are cut short as well. */
void mutants_make(struct arena *arena, struct dm_slice frame, struct mutants *ret_mutants);

/* A text that two frames share when they are alike but for their values. */
void mutant_shape(struct dm_slice frame, struct buf *ret_shape);

#endif
