/* The variables of one play of a transcript: given ones and captured ones. */
#ifndef DRAGOMAN_TRANSCRIPT_VARS_H
#define DRAGOMAN_TRANSCRIPT_VARS_H

#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/slice.h"

enum var_kind {
    VAR_TEXT, /* value is the text itself */
    VAR_JSON, /* value is the JSON text of a number, bool, null, array or object */
};

struct var {
    struct dm_slice name;
    struct dm_slice value;
    enum var_kind kind;
};

/* Fields are the module's own. */
struct vars {
    struct arena arena;
    struct var *items;
    size_t count;
    size_t cap;
};

/* No variables; allocates nothing yet. */
void vars_init(struct vars *vars);

/* Frees everything the variables hold. */
void vars_fini(struct vars *vars);

/* Sets a variable, copying name and value; one that exists gets the new value in its place. */
void vars_set(struct vars *vars, struct dm_slice name, enum var_kind kind, struct dm_slice value);

/* The variable, borrowed until the next vars_set or vars_rollback; NULL when it is not bound. */
const struct var *vars_get(const struct vars *vars, struct dm_slice name);

/* A mark to which vars_rollback returns: it forgets each variable first set since then. New
 * values of older variables stay. */
size_t vars_mark(const struct vars *vars);
void vars_rollback(struct vars *vars, size_t mark);

#endif
