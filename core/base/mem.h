/* Allocation that cannot fail: for objects whose size is bounded by a limit checked before.
 * Memory comes from malloc(3) and is released with free(3). Thread-safe. */
#ifndef DRAGOMAN_BASE_MEM_H
#define DRAGOMAN_BASE_MEM_H

#include <stddef.h>

/* size bytes, uninitialised; size 0 gives a unique pointer. Aborts the process on OOM. */
void *mem_alloc(size_t size);

/* As mem_alloc, filled with zero. */
void *mem_zalloc(size_t size);

/* count * size bytes filled with zero; aborts when the product overflows or on OOM. */
void *mem_calloc(size_t count, size_t size);

/* As realloc(3); old may be NULL. Aborts on OOM. */
void *mem_realloc(void *old, size_t size);

/* A NUL-terminated copy of len bytes at ptr (ptr may be NULL when len is 0). */
char *mem_dup(const void *ptr, size_t len);

#endif
