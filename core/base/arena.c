#include "core/base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/asan.h"
#include "core/base/mem.h"

#define ARENA_ALIGN ((size_t)8)
#define ARENA_CHUNK_MIN ((size_t)64)

/* Newest first, except that a chunk made for one large request stands behind the current one. */
struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    char mem[];
};

static_assert(offsetof(struct arena_chunk, mem) % 8 == 0, "chunk memory must be aligned");

static void arena_use(struct arena *arena, char *mem, size_t size) {
    arena->pos = mem;
    arena->end = mem + size;
    asan_poison(mem, size);
}

static struct arena_chunk *chunk_new(size_t size) {
    struct arena_chunk *chunk = mem_alloc(sizeof(*chunk) + size);
    chunk->next = NULL;
    chunk->size = size;
    return chunk;
}

void arena_init(struct arena *arena, size_t chunk_size) {
    *arena = (struct arena){ 0 };
    chunk_size = (chunk_size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    arena->chunk_size = chunk_size < ARENA_CHUNK_MIN ? ARENA_CHUNK_MIN : chunk_size;
}

void arena_init_with(struct arena *arena, void *mem, size_t size, size_t chunk) {
    assert((uintptr_t)mem % ARENA_ALIGN == 0);
    arena_init(arena, chunk);
    arena->embedded = mem;
    arena->embedded_size = size & ~(ARENA_ALIGN - 1);
    arena_use(arena, arena->embedded, arena->embedded_size);
}

static void chunks_free(struct arena_chunk *chunk) {
    while (chunk) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void arena_fini(struct arena *arena) {
    chunks_free(arena->chunks);
    if (arena->embedded)
        asan_unpoison(arena->embedded, arena->embedded_size);
    *arena = (struct arena){ 0 };
}

/* Unlinks a chunk of the regular size, to be kept; NULL when there is none. */
static struct arena_chunk *chunk_keep(struct arena *arena) {
    struct arena_chunk **place = &arena->chunks;
    while (*place && (*place)->size != arena->chunk_size)
        place = &(*place)->next;
    struct arena_chunk *kept = *place;
    if (kept) {
        *place = kept->next;
        kept->next = NULL;
    }
    return kept;
}

void arena_reset(struct arena *arena) {
    struct arena_chunk *kept = arena->embedded ? NULL : chunk_keep(arena);
    chunks_free(arena->chunks);
    arena->chunks = kept;
    arena->used = 0;
    arena->pos = arena->end = NULL;
    if (arena->embedded)
        arena_use(arena, arena->embedded, arena->embedded_size);
    else if (kept)
        arena_use(arena, kept->mem, kept->size);
}

/* Large requests do not end the current chunk, whose rest would be lost. */
static void *arena_alloc_large(struct arena *arena, size_t size) {
    struct arena_chunk *chunk = chunk_new(size);
    if (arena->chunks) {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    } else {
        arena->chunks = chunk;
    }
    return chunk->mem;
}

static void arena_add_chunk(struct arena *arena) {
    struct arena_chunk *chunk = chunk_new(arena->chunk_size);
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena_use(arena, chunk->mem, chunk->size);
}

void *arena_alloc(struct arena *arena, size_t size) {
    assert(arena->chunk_size > 0);
    if (size > SIZE_MAX / 2)
        abort();
    size_t need = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    arena->used += need;
    if (!arena->pos || (size_t)(arena->end - arena->pos) < need) {
        if (need > arena->chunk_size / 2)
            return arena_alloc_large(arena, need);
        arena_add_chunk(arena);
    }
    char *ptr = arena->pos;
    arena->pos += need;
    asan_unpoison(ptr, size);
    return ptr;
}

void *arena_zalloc(struct arena *arena, size_t size) {
    return memset(arena_alloc(arena, size), 0, size);
}

char *arena_dup(struct arena *arena, const void *ptr, size_t len) {
    if (len > SIZE_MAX / 2)
        abort();
    char *copy = arena_alloc(arena, len + 1);
    if (len > 0)
        memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}

struct dm_slice arena_slice(struct arena *arena, struct dm_slice slice) {
    if (!slice.ptr)
        return DM_SLICE_NONE;
    return (struct dm_slice){ arena_dup(arena, slice.ptr, slice.len), slice.len };
}
