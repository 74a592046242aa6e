/* Files that the build puts into the program: the console's own, and the dialects' AsyncAPI
 * documents. */
#ifndef DRAGOMAN_SERVER_ADMIN_ASSETS_H
#define DRAGOMAN_SERVER_ADMIN_ASSETS_H

#include "core/base/slice.h"

struct asset {
    const char *name; /* "console/index.html", "asyncapi/NAME" */
    struct dm_slice data;
};

/* Ends with a row without a name. */
extern const struct asset assets[];

#endif
