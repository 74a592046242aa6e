/* An adapter that comes as a file: opened, its descriptor found and judged. */
#ifndef DRAGOMAN_ADAPTER_SHARED_OBJECT_H
#define DRAGOMAN_ADAPTER_SHARED_OBJECT_H

#include "core/adapter/values.h"

struct shared_object;

/* Opens the file, resolves every symbol it needs at once, and judges its descriptor by
 * adapter_check. Blocks on the file system, and runs the object's constructors: what they do to the
 * process cannot be undone. Returns 0, or -EINVAL with one line that names the file: nothing of it
 * is left open then. A file that is opened twice is there once: both have the same descriptor. */
int shared_object_open(const char *path, struct shared_object **ret_object,
                       struct adapter_error *ret_error);

/* The descriptor lies in the object: no host, and no adapter_values, may use it any more. NULL
 * does nothing. */
void shared_object_close(struct shared_object *object);

/* Lives as long as the object. */
const struct dm_adapter *shared_object_adapter(const struct shared_object *object);

enum shared_object_link {
    SHARED_OBJECT_LIBRARY, /* it is linked with the library of that name */
    SHARED_OBJECT_STRAY,   /* it needs that symbol, and none of its libraries has it: it works by
                              what else happens to be in the process */
};

typedef void shared_object_link_fn(void *owner, enum shared_object_link link, const char *name);

/* Tells what the object needs of others. */
void shared_object_each_link(const struct shared_object *object, shared_object_link_fn *fn,
                             void *owner);

/* The file's absolute path. */
const char *shared_object_path(const struct shared_object *object);

#endif
