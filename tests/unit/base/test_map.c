#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/map.h"
#include "tests/unit/check.h"

static void *value_of(size_t number) {
    return (void *)(uintptr_t)(number + 1);
}

Test(map_u64, an_empty_one_has_nothing) {
    struct map_u64 map;
    struct map_iter iter = { 0 };
    map_u64_init(&map);
    cr_assert(eq(ptr, map_u64_get(&map, 0), NULL));
    cr_assert(eq(ptr, map_u64_remove(&map, 0), NULL));
    cr_assert(eq(int, map_u64_next(&map, &iter, NULL, NULL), 0));
    map_u64_fini(&map);
    map_u64_fini(&map);
}

Test(map_u64, put_returns_what_it_replaces) {
    struct map_u64 map = { 0 };
    cr_assert(eq(ptr, map_u64_put(&map, 0, value_of(1)), NULL));
    cr_assert(eq(ptr, map_u64_put(&map, UINT64_MAX, value_of(2)), NULL));
    cr_assert(eq(ptr, map_u64_put(&map, 0, value_of(3)), value_of(1)));
    cr_assert(eq(sz, map.count, 2));
    cr_assert(eq(ptr, map_u64_get(&map, 0), value_of(3)));
    cr_assert(eq(ptr, map_u64_get(&map, UINT64_MAX), value_of(2)));
    cr_assert(eq(ptr, map_u64_get(&map, 1), NULL));
    cr_assert(eq(ptr, map_u64_remove(&map, 0), value_of(3)));
    cr_assert(eq(ptr, map_u64_remove(&map, 0), NULL));
    cr_assert(eq(sz, map.count, 1));
    map_u64_fini(&map);
}

Test(map_u64, no_value_aborts, .signal = SIGABRT) {
    struct map_u64 map = { 0 };
    map_u64_put(&map, 1, NULL);
}

/* Counts how often each key below `keys` is met; removes those that `remove` says to. */
static void walk_u64(struct map_u64 *map, size_t keys, int *seen, int (*removes)(uint64_t)) {
    struct map_iter iter = { 0 };
    uint64_t key;
    void *value;
    memset(seen, 0, keys * sizeof(*seen));
    while (map_next(map, &iter, &key, &value)) {
        cr_assert(lt(u64, key, keys));
        cr_assert(eq(ptr, value, value_of(key)));
        seen[key]++;
        if (removes && removes(key))
            cr_assert(eq(ptr, map_u64_remove(map, key), value));
    }
    cr_assert(eq(int, map_next(map, &iter, &key, &value), 0));
}

static int remove_all(uint64_t key) {
    return 1;
}

static int remove_some(uint64_t key) {
    return key % 3 != 0;
}

Test(map_u64, iteration_meets_each_once_while_removing) {
    enum { KEYS = 5000 };
    int *seen = calloc(KEYS, sizeof(*seen));
    struct map_u64 map = { 0 };
    for (uint64_t key = 0; key < KEYS; key++)
        map_u64_put(&map, key, value_of(key));
    walk_u64(&map, KEYS, seen, remove_some);
    for (size_t key = 0; key < KEYS; key++)
        cr_assert(eq(int, seen[key], 1));
    walk_u64(&map, KEYS, seen, remove_all);
    for (size_t key = 0; key < KEYS; key++)
        cr_assert(eq(int, seen[key], key % 3 == 0));
    cr_assert(eq(sz, map.count, 0));
    map_u64_fini(&map);
    free(seen);
}

/* Small tables nearly full have clusters around the end of the table, the delicate case. */
Test(map_u64, iteration_survives_wrapped_clusters) {
    uint64_t state = 3;
    for (int round = 0; round < 3000; round++) {
        int seen[6] = { 0 };
        uint64_t keys[6];
        struct map_u64 map = { 0 };
        for (size_t i = 0; i < 6; i++) {
            keys[i] = sequence_next(&state);
            map_u64_put(&map, keys[i], &keys[i]);
        }
        struct map_iter iter = { 0 };
        void *value;
        while (map_u64_next(&map, &iter, NULL, &value)) {
            uint64_t *key = value;
            seen[key - keys]++;
            if (sequence_next(&state) % 2)
                map_u64_remove(&map, *key);
        }
        for (size_t i = 0; i < 6; i++)
            cr_assert(eq(int, seen[i], 1));
        map_u64_fini(&map);
    }
}

static size_t model_count(void *const *model, size_t keys) {
    size_t count = 0;
    for (size_t i = 0; i < keys; i++)
        count += model[i] != NULL;
    return count;
}

Test(map_u64, random_operations_match_an_array) {
    enum { KEYS = 3000, STEPS = 200000 };
    void **model = calloc(KEYS, sizeof(*model));
    struct map_u64 map = { 0 };
    uint64_t state = 42;
    for (size_t step = 0; step < STEPS; step++) {
        /* Phases that grow and phases that shrink. */
        uint64_t puts = step / 20000 % 2 ? 2 : 8;
        uint64_t key = sequence_next(&state) % KEYS;
        uint64_t choice = sequence_next(&state) % 10;
        if (choice < puts) {
            void *value = value_of(step);
            cr_assert(eq(ptr, map_u64_put(&map, key << 40, value), model[key]));
            model[key] = value;
        } else {
            cr_assert(eq(ptr, map_u64_remove(&map, key << 40), model[key]));
            model[key] = NULL;
        }
        key = sequence_next(&state) % KEYS;
        cr_assert(eq(ptr, map_u64_get(&map, key << 40), model[key]));
        if (step % 10000 == 0)
            cr_assert(eq(sz, map.count, model_count(model, KEYS)));
    }
    cr_assert(eq(sz, map.count, model_count(model, KEYS)));
    map_u64_fini(&map);
    free(model);
}

Test(map_u64, gives_memory_back_in_a_later_put) {
    struct map_u64 map = { 0 };
    for (uint64_t key = 0; key < 100000; key++)
        map_u64_put(&map, key, value_of(key));
    size_t peak = map.cap;
    for (uint64_t key = 10; key < 100000; key++)
        map_u64_remove(&map, key);
    map_u64_put(&map, 5, value_of(5));
    cr_assert(lt(sz, map.cap, peak / 100));
    for (uint64_t key = 0; key < 10; key++)
        cr_assert(eq(ptr, map_u64_get(&map, key), value_of(key)));
    map_u64_fini(&map);
}

Test(map_bytes, keys_are_bytes_of_any_length) {
    struct map_bytes map;
    map_bytes_init(&map);
    cr_assert(eq(ptr, map_bytes_get(&map, DM_SLICE("a")), NULL));
    cr_assert(eq(ptr, map_bytes_remove(&map, DM_SLICE("a")), NULL));
    map_bytes_put(&map, DM_SLICE(""), value_of(0));
    map_bytes_put(&map, DM_SLICE("\0"), value_of(1));
    map_bytes_put(&map, DM_SLICE("\0\0"), value_of(2));
    map_bytes_put(&map, DM_SLICE("a long key that is more than one word"), value_of(3));
    cr_assert(eq(sz, map.count, 4));
    cr_assert(eq(ptr, map_bytes_get(&map, DM_SLICE("")), value_of(0)));
    cr_assert(eq(ptr, map_bytes_get(&map, DM_SLICE_NONE), value_of(0)));
    cr_assert(eq(ptr, map_bytes_get(&map, DM_SLICE("\0")), value_of(1)));
    cr_assert(eq(ptr, map_bytes_get(&map, DM_SLICE("\0\0")), value_of(2)));
    cr_assert(eq(ptr, map_bytes_get(&map, DM_SLICE("\0\0\0")), NULL));
    cr_assert(eq(ptr, map_bytes_remove(&map, DM_SLICE("")), value_of(0)));
    cr_assert(eq(ptr, map_bytes_get(&map, DM_SLICE("")), NULL));
    map_bytes_fini(&map);
}

Test(map_bytes, a_replaced_value_may_be_freed_with_its_key) {
    struct map_bytes map = { 0 };
    char *old = strdup("name");
    char *new = strdup("name");
    map_bytes_put(&map, dm_slice_str(old), old);
    cr_assert(eq(ptr, map_bytes_put(&map, dm_slice_str(new), new), old));
    free(old);
    cr_assert(eq(ptr, map_bytes_get(&map, DM_SLICE("name")), new));
    cr_assert(eq(sz, map.count, 1));
    map_bytes_fini(&map);
    free(new);
}

Test(map_bytes, no_value_aborts, .signal = SIGABRT) {
    struct map_bytes map = { 0 };
    map_bytes_put(&map, DM_SLICE("a"), NULL);
}

struct named {
    char name[24];
    int present;
    int seen;
};

static struct named *named_new(size_t count) {
    struct named *all = calloc(count, sizeof(*all));
    for (size_t i = 0; i < count; i++)
        snprintf(all[i].name, sizeof(all[i].name), "%.*s%zu", (int)(i % 9), "prefixed", i);
    return all;
}

Test(map_bytes, random_operations_match_an_array) {
    enum { KEYS = 2000, STEPS = 100000 };
    struct named *all = named_new(KEYS);
    struct map_bytes map = { 0 };
    uint64_t state = 7;
    for (size_t step = 0; step < STEPS; step++) {
        struct named *one = &all[sequence_next(&state) % KEYS];
        uint64_t puts = step / 10000 % 2 ? 2 : 8;
        void *expected = one->present ? one : NULL;
        one->present = sequence_next(&state) % 10 < puts;
        if (one->present)
            cr_assert(eq(ptr, map_bytes_put(&map, dm_slice_str(one->name), one), expected));
        else
            cr_assert(eq(ptr, map_bytes_remove(&map, dm_slice_str(one->name)), expected));
        one = &all[sequence_next(&state) % KEYS];
        cr_assert(eq(ptr, map_bytes_get(&map, dm_slice_str(one->name)),
                     one->present ? one : NULL));
    }
    map_bytes_fini(&map);
    free(all);
}

Test(map_bytes, iteration_meets_each_once_while_freeing) {
    enum { KEYS = 3000 };
    struct named *all = named_new(KEYS);
    struct map_bytes map = { 0 };
    for (size_t i = 0; i < KEYS; i++)
        map_bytes_put(&map, dm_slice_str(all[i].name), &all[i]);
    struct map_iter iter = { 0 };
    struct dm_slice key;
    void *value;
    while (map_next(&map, &iter, &key, &value)) {
        struct named *one = value;
        check_slice(key, dm_slice_str(one->name));
        one->seen++;
        map_bytes_remove(&map, key);
        memset(one->name, '!', sizeof(one->name));
    }
    for (size_t i = 0; i < KEYS; i++)
        cr_assert(eq(int, all[i].seen, 1));
    cr_assert(eq(sz, map.count, 0));
    map_bytes_fini(&map);
    free(all);
}
