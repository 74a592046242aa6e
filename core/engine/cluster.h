/* This node among the nodes of its database: who else is there, what they are told, and what they
 * say. Private to core/engine.
 *
 * A frame (bus.h) is the version, the sender's id, the sender's running number, a letter for the
 * kind (enum cluster_kind), and what that kind says.
 *
 * A number that does not follow the last one tells that frames were lost: then the sender's state
 * is asked for again, and what happened in threads meanwhile is read from the store (recovery.h).
 * While nobody else is there, nothing is published and a message costs nothing here. */
#ifndef DRAGOMAN_ENGINE_CLUSTER_H
#define DRAGOMAN_ENGINE_CLUSTER_H

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/engine/engine.h"
#include "core/engine/operation.h"
#include "core/engine/unit.h"

struct cluster {
    struct bus *bus;        /* NULL: none, this node is alone */
    struct map_u64 peers;   /* struct peer, by id */
    uint64_t number;        /* of the last frame published */
    int hearing;            /* the bus is heard: from RESYNC to DEAF */
    int counted;            /* who else is there has been told */
    int64_t born_us;        /* some time before the first BUS_NODES, by the database's clock */
    int64_t beat_us;        /* the database's time at the last BUS_NODES ... */
    int64_t open_us;        /* ... and when the oldest write then under way began */
    int64_t good_us;        /* up to which nothing was missed for sure */
    int64_t gone_us;        /* a node went whose last writes may have been under way; 0: none did */
    int64_t left_us;        /* ... since when they may have been */
    struct buf frame;       /* scratch */
    struct buf unit;        /* events of the unit being put together */
    size_t unit_events;
    enum { CLUSTER_ROUTING = 0, CLUSTER_CASTING } mode;
    int64_t unit_to;        /* UNIT_TO_USER: whom */
    struct engine_node_stats stats; /* but for `nodes` */
    struct list inbox;      /* operations of others' units whose users are being read, by link */
    size_t inbox_count;
};

#define CLUSTER_VERSION '1'

enum cluster_kind {
    CLUSTER_ASK = 'A',      /* id of whom, 0: everybody → their STATE */
    CLUSTER_MET = 'M',      /* id of whom: until now the sender took it for gone, and may have told
                               it nothing */
    CLUSTER_STATE = 'S',    /* for whom (0: all), 1 in the first part, 1 in the last, users with
                               sessions there */
    CLUSTER_PRESENCE = 'P', /* users who came, users who went */
    CLUSTER_UNIT = 'E',     /* what a command did (unit.h) */
    CLUSTER_BEAT = 'B',     /* nothing, but it counts, so that the loss of the frames before it
                               shows */
    CLUSTER_LEAVE = 'Q',    /* nothing: no more of the sender is on its way */
};

void cluster_init(struct cluster *cluster);
void cluster_fini(struct engine *engine);

/* 1 when there is anybody to be told. */
static inline int cluster_has_peers(const struct cluster *cluster) {
    return cluster->peers.count != 0;
}

/* BUS_RESYNC, BUS_NODES and BUS_FRAME (peers.c). */
void cluster_resync(struct engine *engine);
void cluster_nodes(struct engine *engine, const struct bus_notice *notice);
void cluster_hear(struct engine *engine, struct dm_slice frame);

/* Says ASK to a node (0: to all), MET, STATE, and what has no body: BEAT or LEAVE. */
void cluster_ask(struct cluster *cluster, int64_t peer_id);
void cluster_tell_met(struct cluster *cluster, int64_t peer_id);
void cluster_tell_state(struct engine *engine, int64_t peer_id);
void cluster_say(struct cluster *cluster, enum cluster_kind kind);

/* Says good-bye to all, and is alone then. */
void cluster_leave(struct engine *engine);

/* Tells the others what op did: runs emit(op), which describes it by the functions of fanout.h.
 * Nothing happens without others. */
void cluster_publish(struct operation *op, operation_fn emit);

/* 1 while emit() describes for others instead of routing here. */
static inline int cluster_is_casting(const struct cluster *cluster) {
    return cluster->mode == CLUSTER_CASTING;
}

/* One event of the unit under way. to_id: with UNIT_TO_USER. */
void cluster_cast(struct engine *engine, enum unit_route route, const struct dm_event *event,
                  const struct dm_thread *own, const struct dm_thread *others, int64_t to_id);

/* Users whose first session here has come, or whose last one has gone. */
void cluster_tell_presence(struct engine *engine, const int64_t *came, size_t came_count,
                           const int64_t *went, size_t went_count);

/* 1 when the node has heard of everybody else that was there when it came. */
int cluster_is_settled(const struct cluster *cluster);

#endif
