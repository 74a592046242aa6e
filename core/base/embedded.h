/* Files that the build puts into the program: embed.py, beside this header, writes a table of
 * them. */
#ifndef DRAGOMAN_BASE_EMBEDDED_H
#define DRAGOMAN_BASE_EMBEDDED_H

#include "core/base/slice.h"

/* A table ends with a row without a name. */
struct embedded {
    const char *name;
    struct dm_slice data; /* followed by a NUL */
};

/* The text of that name, or NULL when there is none. */
const char *embedded_text(const struct embedded *table, const char *name);

#endif
