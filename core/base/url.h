/* URLs, as far as their text tells. */
#ifndef DRAGOMAN_BASE_URL_H
#define DRAGOMAN_BASE_URL_H

#include "core/base/slice.h"

/* The last segment of the path that is not empty, as it is written: the name of what the URL leads
 * to. Of a URL without a path, its host. Empty when nothing but slashes stands there. Borrows. */
struct dm_slice url_last_segment(struct dm_slice url);

#endif
