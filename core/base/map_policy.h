/* What both kinds of map share: growth, and the order of iteration. Private to core/base.
 *
 * Linear probing; a removal moves the rest of its cluster back by one place instead of leaving a
 * mark. Iteration therefore starts at an empty slot and runs against the probing direction: what
 * a removal of the current entry moves has been met already. */
#ifndef DRAGOMAN_BASE_MAP_POLICY_H
#define DRAGOMAN_BASE_MAP_POLICY_H

#include <stddef.h>

#define MAP_CAP_MIN 8
#define MAP_CAP_KEPT 64

/* The capacity (a power of two) that a table should have before one more entry is put. */
static inline size_t map_cap_for_put(size_t cap, size_t count) {
    if (cap == 0)
        return MAP_CAP_MIN;
    if ((count + 1) * 4 > cap * 3)
        return cap * 2;
    if (cap <= MAP_CAP_KEPT || count >= cap / 16)
        return cap;
    while (cap > MAP_CAP_KEPT && count < cap / 4)
        cap /= 2;
    return cap;
}

/* Whether the entry at `from`, whose probing began at `home`, may move to the free slot `to`. */
static inline int map_may_move(size_t home, size_t from, size_t to, size_t mask) {
    return ((from - home) & mask) >= ((from - to) & mask);
}

#endif
