/* The adapters that are part of the program. The list is written once, in adapters/meson.build, and
 * this array is made of it. */
#ifndef DRAGOMAN_ADAPTER_BUILTIN_H
#define DRAGOMAN_ADAPTER_BUILTIN_H

#include "core/adapter/adapter.h"

/* In the order of the list; NULL ends it. */
extern const struct dm_adapter *const builtin_adapters[];

#endif
