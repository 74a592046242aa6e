/* Hash maps with open addressing, keyed by the process's random key, so that chosen keys cannot
 * be made to collide.
 *
 * Values are pointers the map does not own and never follows; NULL is no value. A map allocates
 * nothing before its first put, grows by doubling, and shrinks in a put after many removals.
 * Aborts on OOM. Not thread-safe.
 *
 * Iteration: start with a zeroed struct map_iter and call ..._next until it returns 0. Meanwhile
 * the caller may remove the entry it was just given, or one given earlier, and free its value:
 * each entry is still met exactly once. Removing one not yet met may make others appear twice.
 * A put ends the iteration (the next ..._next is undefined). Order is arbitrary. */
#ifndef DRAGOMAN_BASE_MAP_H
#define DRAGOMAN_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"

struct map_iter {
    size_t start;
    size_t done;
};

/* Integer keys; every value of uint64_t is a key. count is the number of entries, read-only. */
struct map_u64 {
    struct map_u64_slot *slots;
    size_t cap;
    size_t count;
};

/* An empty map; a zeroed struct is also one. */
void map_u64_init(struct map_u64 *map);

/* Frees the table and leaves an empty map. Values are the caller's. */
void map_u64_fini(struct map_u64 *map);

/* The value under key, or NULL. */
void *map_u64_get(const struct map_u64 *map, uint64_t key);

/* Asks the processor for what a get of key will look at. */
void map_u64_prefetch(const struct map_u64 *map, uint64_t key);

/* Stores value (not NULL) under key and returns the value it replaced, or NULL. */
void *map_u64_put(struct map_u64 *map, uint64_t key, void *value);

/* Removes key and returns its value, or NULL when it was not there. */
void *map_u64_remove(struct map_u64 *map, uint64_t key);

/* Steps to the next entry: 1 with the outputs set (either may be NULL), 0 at the end. */
int map_u64_next(const struct map_u64 *map, struct map_iter *iter, uint64_t *ret_key,
                 void **ret_value);

/* Byte-string keys of any length, the empty one included. The map borrows the key's bytes: they
 * usually lie in the value, and must stay unchanged while the entry exists. */
struct map_bytes {
    struct map_bytes_slot *slots;
    size_t cap;
    size_t count;
};

/* As their map_u64 namesakes. A put that replaces a value also replaces the borrowed key, so the
 * old value may be freed at once. The key given to get and remove need live for the call only;
 * an absent key is the same as the empty one. */
void map_bytes_init(struct map_bytes *map);
void map_bytes_fini(struct map_bytes *map);
void *map_bytes_get(const struct map_bytes *map, struct dm_slice key);
void *map_bytes_put(struct map_bytes *map, struct dm_slice key, void *value);
void *map_bytes_remove(struct map_bytes *map, struct dm_slice key);
int map_bytes_next(const struct map_bytes *map, struct map_iter *iter, struct dm_slice *ret_key,
                   void **ret_value);

/* map_next(map, iter, ret_key, ret_value) for either kind. */
#define map_next(map, ...) \
    _Generic((map), struct map_u64 *: map_u64_next, const struct map_u64 *: map_u64_next, \
             struct map_bytes *: map_bytes_next, const struct map_bytes *: map_bytes_next) \
    ((map), __VA_ARGS__)

#endif
