/* Files that the build puts into the program: the console's own, and the dialects' AsyncAPI
 * documents. */
#ifndef DRAGOMAN_SERVER_ADMIN_ASSETS_H
#define DRAGOMAN_SERVER_ADMIN_ASSETS_H

#include "core/base/embedded.h"

/* "console/index.html", "asyncapi/NAME" */
extern const struct embedded assets[];

#endif
