/* A bump allocator: many small allocations, released all at once.
 *
 * Not thread-safe. Nothing is freed singly. Under AddressSanitizer what was released by
 * arena_reset is poisoned, so a use after the reset is reported. */
#ifndef DRAGOMAN_BASE_ARENA_H
#define DRAGOMAN_BASE_ARENA_H

#include <stddef.h>

#include "core/base/slice.h"

struct arena_chunk;

/* Fields are the arena's own. */
struct arena {
    char *pos;
    char *end;
    struct arena_chunk *chunks;
    size_t chunk_size;
    char *embedded;
    size_t embedded_size;
    size_t used;
};

/* An empty arena that takes its memory from the heap in chunks of chunk_size bytes (at least 64;
 * larger requests get a chunk of their own). Allocates nothing yet. */
void arena_init(struct arena *arena, size_t chunk_size);

/* An arena whose first chunk is the owner's memory: size bytes at mem, aligned to 8, which must
 * outlive the arena and is never freed by it. Further chunks come from the heap, chunk bytes each.
 * Typically mem is a field of the same object, so that a small operation costs no allocation. */
void arena_init_with(struct arena *arena, void *mem, size_t size, size_t chunk);

/* Releases all memory; the arena must be initialised again before its next use. Required also for
 * an arena on embedded memory (it un-poisons it). */
void arena_fini(struct arena *arena);

/* Forgets every allocation. The first chunk is kept (the embedded one, else one of chunk_size);
 * all others are freed. Every pointer the arena gave out becomes invalid. */
void arena_reset(struct arena *arena);

/* size bytes, uninitialised, aligned to 8, valid until reset or fini. size 0 gives a valid
 * pointer to nothing. Aborts the process on OOM. */
void *arena_alloc(struct arena *arena, size_t size);

/* As arena_alloc, filled with zero. */
void *arena_zalloc(struct arena *arena, size_t size);

/* A copy of len bytes with a NUL behind them (ptr may be NULL when len is 0). */
char *arena_dup(struct arena *arena, const void *ptr, size_t len);

/* A copy of a slice, with a NUL behind it that the length does not count. An absent slice stays
 * absent, an empty one stays present. */
struct dm_slice arena_slice(struct arena *arena, struct dm_slice slice);

/* Bytes handed out since the last reset, alignment included: for limits. */
static inline size_t arena_used(const struct arena *arena) {
    return arena->used;
}

#endif
