#include <assert.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/map.h"
#include "core/base/map_policy.h"
#include "core/base/mem.h"

/* Free while value is NULL. */
struct map_u64_slot {
    uint64_t key;
    void *value;
};

void map_u64_init(struct map_u64 *map) {
    *map = (struct map_u64){ 0 };
}

void map_u64_fini(struct map_u64 *map) {
    free(map->slots);
    map_u64_init(map);
}

static size_t home_of(const struct map_u64 *map, uint64_t key) {
    return (size_t)hash_u64(hash_process_key(), key) & (map->cap - 1);
}

/* The slot that holds key, or the free one where it would go. */
static struct map_u64_slot *find(const struct map_u64 *map, uint64_t key) {
    size_t index = home_of(map, key);
    while (map->slots[index].value && map->slots[index].key != key)
        index = (index + 1) & (map->cap - 1);
    return &map->slots[index];
}

static void resize(struct map_u64 *map, size_t cap) {
    struct map_u64 old = *map;
    map->slots = mem_calloc(cap, sizeof(*map->slots));
    map->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].value)
            *find(map, old.slots[i].key) = old.slots[i];
    }
    free(old.slots);
}

void *map_u64_get(const struct map_u64 *map, uint64_t key) {
    return map->count > 0 ? find(map, key)->value : NULL;
}

void map_u64_prefetch(const struct map_u64 *map, uint64_t key) {
    if (map->count > 0)
        __builtin_prefetch(&map->slots[home_of(map, key)]);
}

void *map_u64_put(struct map_u64 *map, uint64_t key, void *value) {
    assert(value);
    size_t cap = map_cap_for_put(map->cap, map->count);
    if (cap != map->cap)
        resize(map, cap);
    struct map_u64_slot *slot = find(map, key);
    void *old = slot->value;
    *slot = (struct map_u64_slot){ key, value };
    if (!old)
        map->count++;
    return old;
}

static void close_gap(struct map_u64 *map, size_t gap) {
    size_t mask = map->cap - 1;
    for (size_t i = (gap + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
        if (map_may_move(home_of(map, map->slots[i].key), i, gap, mask)) {
            map->slots[gap] = map->slots[i];
            gap = i;
        }
    }
    map->slots[gap].value = NULL;
}

void *map_u64_remove(struct map_u64 *map, uint64_t key) {
    if (map->count == 0)
        return NULL;
    struct map_u64_slot *slot = find(map, key);
    void *old = slot->value;
    if (!old)
        return NULL;
    close_gap(map, (size_t)(slot - map->slots));
    map->count--;
    return old;
}

int map_u64_next(const struct map_u64 *map, struct map_iter *iter, uint64_t *ret_key,
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
        const struct map_u64_slot *slot =
            &map->slots[(iter->start - iter->done) & (map->cap - 1)];
        if (!slot->value)
            continue;
        if (ret_key)
            *ret_key = slot->key;
        if (ret_value)
            *ret_value = slot->value;
        return 1;
    }
    return 0;
}
