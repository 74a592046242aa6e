/* The bus port: how nodes, and the command line, tell running nodes of what happens. A fast path
 * only: PostgreSQL is the truth, and a RESYNC says that something may have been missed.
 *
 * Two kinds of words travel on it. Notices of accounts and tokens leave with the transaction that
 * makes them, whoever that is. Frames are what nodes tell each other (core/engine/cluster.h): text
 * that the bus carries without knowing it, from each node in the order published, to every node,
 * the publisher included. A frame may be lost or come twice; frames are numbered by their sender.
 *
 * A gateway that is alone on its database may do without a bus: then nothing is published. */
#ifndef DRAGOMAN_ENGINE_BUS_H
#define DRAGOMAN_ENGINE_BUS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"

enum bus_notice_kind {
    BUS_USER_CREATED,     /* id */
    BUS_USER_CHANGED,     /* id */
    BUS_USER_DEACTIVATED, /* id */
    BUS_TOKEN_REVOKED,    /* fingerprint */
    BUS_DEAF,             /* the connection is lost: nothing is heard until RESYNC */
    BUS_RESYNC,           /* it is there again, or for the first time: reload what is cached */
    BUS_FRAME,            /* frame */
    BUS_NODES,            /* nodes, now_us, open_us: who else is alive; every few seconds */
};

struct bus_notice {
    enum bus_notice_kind kind;
    int64_t id;
    uint8_t fingerprint[32];
    struct dm_slice frame;
    const int64_t *nodes; /* the others; first those ... */
    size_t sure_count;    /* ... that surely live, then those that lived a moment ago */
    size_t node_count;
    int64_t now_us;       /* by the database's clock */
    int64_t open_us;      /* what was not committed then began no sooner */
};

/* Runs on the loop, in the order the notices were committed. The notice is borrowed. */
typedef void (*bus_notice_fn)(void *owner, const struct bus_notice *notice);

struct bus;

struct bus_ops {
    /* Takes a copy of a frame, valid UTF-8 without NUL, at most frame_max bytes. What is published
     * in one turn of the loop leaves together. When too much waits, all that waits is dropped. */
    void (*publish)(struct bus *bus, struct dm_slice frame);
};

/* Implementations hold this as their first member. */
struct bus {
    const struct bus_ops *ops;
    int64_t node; /* this node's id: unique, positive, new with each start */
    size_t frame_max;
};

static inline void bus_publish(struct bus *bus, struct dm_slice frame) {
    bus->ops->publish(bus, frame);
}

#endif
