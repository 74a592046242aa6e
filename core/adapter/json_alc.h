/* yyjson's allocator on an arena. Private to core/adapter. */
#ifndef DRAGOMAN_ADAPTER_JSON_ALC_H
#define DRAGOMAN_ADAPTER_JSON_ALC_H

#include <yyjson.h>

#include "core/base/arena.h"

/* Allocates from the arena; frees nothing before the arena is reset. Valid as long as it. */
yyjson_alc json_arena_alc(struct arena *arena);

#endif
