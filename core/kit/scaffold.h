/* The folder of a new adapter, written from templates that are part of the program. */
#ifndef DRAGOMAN_KIT_SCAFFOLD_H
#define DRAGOMAN_KIT_SCAFFOLD_H

#include "core/adapter/values.h"
#include "core/base/embedded.h"

/* The files below core/kit/templates, by their paths there, which begin with the transport's name
 * or "common". */
extern const struct embedded scaffold_templates[];

/* The transports there are templates for; NULL ends them. The first is the usual one. */
extern const char *const scaffold_transports[];

/* Makes the folder `name` in the working directory, and fills it. Nothing that is there is changed.
 * Blocks. Returns 0; -EINVAL for a name that no adapter may have, or an unknown transport; another
 * negative errno when the folder or a file cannot be made: what was made is removed again. Each
 * with one line in ret_error. */
int scaffold_write(const char *name, const char *transport, struct adapter_error *ret_error);

#endif
