/* What libpq will answer next on one connection, in order. Private to pg_conn.c. */
#ifndef DRAGOMAN_STORAGE_PG_EXPECT_H
#define DRAGOMAN_STORAGE_PG_EXPECT_H

#include <stdlib.h>

#include "core/base/mem.h"

enum expect_kind {
    EXPECT_PREPARED,
    EXPECT_RESULT,
    EXPECT_SYNC,
};

struct expect {
    enum expect_kind kind;
    size_t statement;
    int answered; /* only the end of it is still to come */
};

struct expect_queue {
    struct expect *ring;
    size_t cap, head, count;
};

static inline struct expect *expect_front(struct expect_queue *queue) {
    return &queue->ring[queue->head];
}

static inline void expect_push(struct expect_queue *queue, enum expect_kind kind,
                               size_t statement) {
    if (queue->count == queue->cap) {
        size_t cap = queue->cap ? queue->cap * 2 : 16;
        struct expect *ring = mem_calloc(cap, sizeof(*ring));
        for (size_t i = 0; i < queue->count; i++)
            ring[i] = queue->ring[(queue->head + i) % queue->cap];
        free(queue->ring);
        *queue = (struct expect_queue){ .ring = ring, .cap = cap, .count = queue->count };
    }
    queue->ring[(queue->head + queue->count++) % queue->cap] =
        (struct expect){ .kind = kind, .statement = statement };
}

static inline void expect_pop(struct expect_queue *queue) {
    queue->head = (queue->head + 1) % queue->cap;
    queue->count--;
}

#endif
