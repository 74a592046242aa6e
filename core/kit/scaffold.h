/* The folder of a new adapter, written from templates that are part of the program. */
#ifndef DRAGOMAN_KIT_SCAFFOLD_H
#define DRAGOMAN_KIT_SCAFFOLD_H

#include "core/adapter/values.h"

/* One row per file below core/kit/templates; { NULL, NULL } ends them. A path begins with the
 * transport's name, or "common". */
struct scaffold_template {
    const char *path;
    const char *text;
};
extern const struct scaffold_template scaffold_templates[];

/* The transports there are templates for; NULL ends them. The first is the usual one. */
extern const char *const scaffold_transports[];

/* Makes the folder `name` in the working directory, and fills it. Nothing that is there is changed.
 * Blocks. Returns 0; -EINVAL for a name that no adapter may have, or an unknown transport; another
 * negative errno when the folder or a file cannot be made: what was made is removed again. Each
 * with one line in ret_error. */
int scaffold_write(const char *name, const char *transport, struct adapter_error *ret_error);

#endif
