#include <assert.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/map.h"
#include "core/base/map_policy.h"
#include "core/base/mem.h"

/* Free while value is NULL. The hash is kept so that growing does not read every key again. */
struct map_bytes_slot {
    const char *key;
    void *value;
    uint32_t len;
    uint32_t hash;
};

static uint32_t hash_of(struct dm_slice key) {
    assert(key.len <= UINT32_MAX);
    return (uint32_t)hash_bytes(hash_process_key(), key);
}

void map_bytes_init(struct map_bytes *map) {
    *map = (struct map_bytes){ 0 };
}

void map_bytes_fini(struct map_bytes *map) {
    free(map->slots);
    map_bytes_init(map);
}

static int holds(const struct map_bytes_slot *slot, uint32_t hash, struct dm_slice key) {
    return slot->hash == hash && slot->len == key.len &&
           (key.len == 0 || memcmp(slot->key, key.ptr, key.len) == 0);
}

/* The slot that holds key, or the free one where it would go. */
static struct map_bytes_slot *find(const struct map_bytes *map, uint32_t hash,
                                   struct dm_slice key) {
    size_t index = (size_t)hash & (map->cap - 1);
    while (map->slots[index].value && !holds(&map->slots[index], hash, key))
        index = (index + 1) & (map->cap - 1);
    return &map->slots[index];
}

static void resize(struct map_bytes *map, size_t cap) {
    struct map_bytes old = *map;
    map->slots = mem_calloc(cap, sizeof(*map->slots));
    map->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        const struct map_bytes_slot *slot = &old.slots[i];
        if (slot->value)
            *find(map, slot->hash, (struct dm_slice){ slot->key, slot->len }) = *slot;
    }
    free(old.slots);
}

void *map_bytes_get(const struct map_bytes *map, struct dm_slice key) {
    if (map->count == 0)
        return NULL;
    return find(map, hash_of(key), key)->value;
}

void *map_bytes_put(struct map_bytes *map, struct dm_slice key, void *value) {
    assert(value);
    size_t cap = map_cap_for_put(map->cap, map->count);
    if (cap != map->cap)
        resize(map, cap);
    uint32_t hash = hash_of(key);
    struct map_bytes_slot *slot = find(map, hash, key);
    void *old = slot->value;
    *slot = (struct map_bytes_slot){ key.ptr ? key.ptr : "", value, (uint32_t)key.len, hash };
    if (!old)
        map->count++;
    return old;
}

static void close_gap(struct map_bytes *map, size_t gap) {
    size_t mask = map->cap - 1;
    for (size_t i = (gap + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
        if (map_may_move((size_t)map->slots[i].hash & mask, i, gap, mask)) {
            map->slots[gap] = map->slots[i];
            gap = i;
        }
    }
    map->slots[gap].value = NULL;
}

void *map_bytes_remove(struct map_bytes *map, struct dm_slice key) {
    if (map->count == 0)
        return NULL;
    struct map_bytes_slot *slot = find(map, hash_of(key), key);
    void *old = slot->value;
    if (!old)
        return NULL;
    close_gap(map, (size_t)(slot - map->slots));
    map->count--;
    return old;
}

int map_bytes_next(const struct map_bytes *map, struct map_iter *iter, struct dm_slice *ret_key,
                   void **ret_value) {
    if (map->cap == 0)
        return 0;
    if (iter->done == 0) {
        iter->start = 0;
        while (map->slots[iter->start].value)
            iter->start++;
    }
    while (iter->done + 1 < map->cap) {
        iter->done++;
        const struct map_bytes_slot *slot =
            &map->slots[(iter->start - iter->done) & (map->cap - 1)];
        if (!slot->value)
            continue;
        if (ret_key)
            *ret_key = (struct dm_slice){ slot->key, slot->len };
        if (ret_value)
            *ret_value = slot->value;
        return 1;
    }
    return 0;
}
