/* Counted bytes (struct blob), and the pool that small ones come from. */
#include <assert.h>
#include <stdlib.h>

#include "core/base/asan.h"
#include "core/base/buf.h"
#include "core/base/mem.h"

/* Classes hold allocations of 64 to 4096 bytes, header included; larger blobs are not pooled. */
#define CLASS_COUNT 7
#define CLASS_NONE CLASS_COUNT
#define CLASS_SIZE_MIN ((size_t)64)
#define CLASS_BYTES_MAX (BLOB_POOL_MAX / CLASS_COUNT)

struct free_list {
    struct blob *first;
    size_t bytes;
};

static struct free_list pool[CLASS_COUNT];

static size_t class_size(uint32_t size_class) {
    return CLASS_SIZE_MIN << size_class;
}

static uint32_t class_of(size_t total) {
    uint32_t size_class = 0;
    while (size_class < CLASS_COUNT && class_size(size_class) < total)
        size_class++;
    return size_class;
}

/* A pooled blob keeps the pointer to the next one where its content was. */
static struct blob **next_of(struct blob *blob) {
    return (struct blob **)(void *)blob->data;
}

static struct blob *pool_take(uint32_t size_class) {
    struct free_list *list = &pool[size_class];
    struct blob *blob = list->first;
    if (!blob)
        return mem_alloc(class_size(size_class));
    asan_unpoison(blob, class_size(size_class));
    list->first = *next_of(blob);
    list->bytes -= class_size(size_class);
    return blob;
}

static void pool_give(struct blob *blob) {
    uint32_t size_class = blob->size_class;
    if (size_class >= CLASS_NONE || pool[size_class].bytes + class_size(size_class) >
                                            CLASS_BYTES_MAX) {
        free(blob);
        return;
    }
    *next_of(blob) = pool[size_class].first;
    pool[size_class].first = blob;
    pool[size_class].bytes += class_size(size_class);
    asan_poison(blob, class_size(size_class));
}

struct blob *blob_alloc(size_t len) {
    if (len > SIZE_MAX / 2)
        abort();
    size_t total = sizeof(struct blob) + len;
    uint32_t size_class = class_of(total);
    struct blob *blob = size_class == CLASS_NONE ? mem_alloc(total) : pool_take(size_class);
    blob->len = len;
    blob->refs = 1;
    blob->size_class = size_class;
    return blob;
}

struct blob *blob_new(const void *ptr, size_t len) {
    struct blob *blob = blob_alloc(len);
    if (len > 0)
        memcpy(blob->data, ptr, len);
    return blob;
}

struct blob *blob_ref(struct blob *blob) {
    if (blob) {
        assert(blob->refs > 0 && blob->refs < UINT32_MAX);
        blob->refs++;
    }
    return blob;
}

struct blob *blob_unref(struct blob *blob) {
    if (blob) {
        assert(blob->refs > 0);
        if (--blob->refs == 0)
            pool_give(blob);
    }
    return NULL;
}

void blob_pool_drain(void) {
    for (uint32_t size_class = 0; size_class < CLASS_COUNT; size_class++) {
        while (pool[size_class].first)
            free(pool_take(size_class));
    }
}

size_t blob_pool_bytes(void) {
    size_t bytes = 0;
    for (uint32_t size_class = 0; size_class < CLASS_COUNT; size_class++)
        bytes += pool[size_class].bytes;
    return bytes;
}
