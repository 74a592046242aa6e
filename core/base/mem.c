#include "core/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *require(void *ptr) {
    if (!ptr)
        abort();
    return ptr;
}

void *mem_alloc(size_t size) {
    return require(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size) {
    return require(calloc(1, size ? size : 1));
}

void *mem_calloc(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        abort();
    return mem_zalloc(total);
}

void *mem_realloc(void *old, size_t size) {
    return require(realloc(old, size ? size : 1));
}

char *mem_dup(const void *ptr, size_t len) {
    if (len == SIZE_MAX)
        abort();
    char *copy = mem_alloc(len + 1);
    if (len > 0)
        memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}
