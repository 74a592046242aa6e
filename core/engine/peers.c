/* The other nodes: who is there, and what they say (cluster.h has their frames). */
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/engine/core.h"
#include "core/engine/recovery.h"
#include "core/engine/remote.h"

/* What was read a moment before a fault may have been told by nobody yet. */
#define SLACK_US INT64_C(5000000)

/* A write under way for so long may be one of a node that is gone by now. */
#define STALLED_US INT64_C(4000000)

/* How long ago a node that is no longer listed may have lived. */
#define DEATH_US INT64_C(20000000)

/* A longer silence of the database says nothing of other nodes; but they may have given up this one
 * meanwhile, and told it nothing. */
#define SILENCE_US INT64_C(7000000)

/* Another node.
 *
 *   STRANGE ──its state came──▶ KNOWN      frames missing: back to STRANGE */
struct peer {
    int64_t id;
    uint64_t number;         /* of its last frame heard; 0: any may come */
    enum { PEER_STRANGE = 0, PEER_KNOWN } state;
    struct map_u64 online;   /* its users with sessions */
    struct map_u64 incoming; /* a state of which not all parts have come yet */
    int receiving;           /* 1 while that is so */
    int sure;                /* 1: it surely lived when nodes were last counted */
};

static struct peer *find(const struct cluster *cluster, int64_t id) {
    return map_u64_get(&cluster->peers, (uint64_t)id);
}

/* ---- who is there ---- */

static void come(struct engine *engine, struct peer *peer, int64_t user_id) {
    if (user_id > 0 && !map_u64_put(&peer->online, (uint64_t)user_id, peer))
        presence_add_remote(engine, user_id);
}

static void go(struct engine *engine, struct peer *peer, int64_t user_id) {
    if (map_u64_remove(&peer->online, (uint64_t)user_id))
        presence_remove_remote(engine, user_id);
}

static struct peer *peer_new(struct engine *engine, int64_t id) {
    struct peer *peer = mem_zalloc(sizeof(*peer));
    peer->id = id;
    map_u64_init(&peer->online);
    map_u64_init(&peer->incoming);
    map_u64_put(&engine->cluster.peers, (uint64_t)id, peer);
    log_event(LOG_LEVEL_INFO, "another node is there", LOG_INT("node", id));
    return peer;
}

/* One that was there all the time and was not known to be: what happened here before that was told
 * to nobody, if nobody else was there. It may have looked into the store before the last of it. A
 * node that begins says this to none. */
static void own_up(struct cluster *cluster, const struct peer *peer) {
    if (cluster->counted)
        cluster_tell_met(cluster, peer->id);
}

static void peer_free(struct engine *engine, struct peer *peer) {
    struct map_iter iter = { 0 };
    uint64_t user_id;
    while (map_u64_next(&peer->online, &iter, &user_id, NULL))
        go(engine, peer, (int64_t)user_id);
    map_u64_remove(&engine->cluster.peers, (uint64_t)peer->id);
    map_u64_fini(&peer->online);
    map_u64_fini(&peer->incoming);
    free(peer);
    /* Threads that wait for its events wait no more. */
    engine_wake_at(engine, 0);
}

static void peer_is_gone(struct engine *engine, struct peer *peer) {
    log_event(LOG_LEVEL_INFO, "another node is gone", LOG_INT("node", peer->id));
    peer_free(engine, peer);
}

/* They go on; it is this node that hears no more of them. */
static void forget_all(struct engine *engine) {
    struct map_iter iter = { 0 };
    void *peer;
    while (map_u64_next(&engine->cluster.peers, &iter, NULL, &peer))
        peer_free(engine, peer);
}

void cluster_leave(struct engine *engine) {
    if (cluster_has_peers(&engine->cluster))
        cluster_say(&engine->cluster, CLUSTER_LEAVE);
    forget_all(engine);
    engine->cluster.bus = NULL;
}

void cluster_fini(struct engine *engine) {
    struct cluster *cluster = &engine->cluster;
    forget_all(engine);
    map_u64_fini(&cluster->peers);
    buf_fini(&cluster->frame);
    buf_fini(&cluster->unit);
}

static void missed(struct engine *engine) {
    recovery_begin(engine, engine->cluster.good_us - SLACK_US);
}

/* What a node did last before it died, maybe without a word, lies as far back as its last beat.
 * Some of it may still be under way: then it is looked for again. */
static void died(struct engine *engine, const struct bus_notice *notice) {
    struct cluster *cluster = &engine->cluster;
    int64_t since_us = cluster->open_us - DEATH_US;
    recovery_begin(engine, since_us);
    if (notice->now_us - notice->open_us < STALLED_US)
        return;
    if (!cluster->gone_us)
        cluster->left_us = since_us;
    cluster->gone_us = notice->now_us;
}

static void look_again(struct engine *engine, const struct bus_notice *notice) {
    struct cluster *cluster = &engine->cluster;
    if (!cluster->gone_us || notice->open_us < cluster->gone_us)
        return;
    recovery_begin(engine, cluster->left_us);
    cluster->gone_us = 0;
}

static int is_listed(const struct bus_notice *notice, int64_t id) {
    for (size_t i = 0; i < notice->node_count; i++) {
        if (notice->nodes[i] == id)
            return 1;
    }
    return 0;
}

static void bury(struct engine *engine, const struct bus_notice *notice) {
    struct map_iter iter = { 0 };
    int buried = 0;
    void *value;
    while (map_u64_next(&engine->cluster.peers, &iter, NULL, &value)) {
        struct peer *peer = value;
        if (is_listed(notice, peer->id))
            continue;
        peer_is_gone(engine, peer);
        buried = 1;
    }
    if (buried)
        died(engine, notice);
}

void cluster_nodes(struct engine *engine, const struct bus_notice *notice) {
    struct cluster *cluster = &engine->cluster;
    int silent = cluster->beat_us && notice->now_us - cluster->beat_us > SILENCE_US;
    if (!cluster->bus)
        return;
    look_again(engine, notice);
    if (silent)
        missed(engine);
    else
        bury(engine, notice);
    for (size_t i = 0; i < notice->node_count; i++) {
        struct peer *peer = find(cluster, notice->nodes[i]);
        if (!peer) {
            peer = peer_new(engine, notice->nodes[i]);
            own_up(cluster, peer);
        }
        peer->sure = i < notice->sure_count;
        if (peer->state == PEER_STRANGE)
            cluster_ask(cluster, peer->id);
    }
    if (cluster_has_peers(cluster))
        cluster_say(cluster, CLUSTER_BEAT);
    if (cluster->hearing && !silent)
        cluster->good_us = cluster->open_us;
    if (!cluster->born_us)
        cluster->born_us = notice->now_us - SLACK_US;
    cluster->beat_us = notice->now_us;
    cluster->open_us = notice->open_us;
    cluster->counted = 1;
}

void cluster_resync(struct engine *engine) {
    struct cluster *cluster = &engine->cluster;
    struct map_iter iter = { 0 };
    void *value;
    if (!cluster->bus)
        return;
    while (map_u64_next(&cluster->peers, &iter, NULL, &value)) {
        struct peer *peer = value;
        peer->state = PEER_STRANGE;
        peer->number = 0;
    }
    cluster->hearing = 1;
    cluster_ask(cluster, 0);
    /* One that seems to be alone may have missed the first words of another. */
    if (cluster_has_peers(cluster) || cluster->good_us)
        missed(engine);
}

int cluster_is_settled(const struct cluster *cluster) {
    struct map_iter iter = { 0 };
    void *value;
    if (!cluster->bus)
        return 1;
    while (map_u64_next(&cluster->peers, &iter, NULL, &value)) {
        const struct peer *peer = value;
        if (peer->sure && peer->state == PEER_STRANGE)
            return 0;
    }
    return cluster->hearing && cluster->counted;
}

/* ---- what is heard ---- */

static void hear_ask(struct engine *engine, struct peer *peer, struct wire_reader *reader) {
    int64_t whom = wire_int(reader);
    if (!reader->failed && (!whom || whom == engine->cluster.bus->node))
        cluster_tell_state(engine, peer->id);
}

static void hear_met(struct engine *engine, struct wire_reader *reader) {
    int64_t whom = wire_int(reader);
    if (!reader->failed && whom == engine->cluster.bus->node)
        missed(engine);
}

static void state_is_whole(struct engine *engine, struct peer *peer) {
    struct map_iter iter = { 0 };
    uint64_t user_id;
    while (map_u64_next(&peer->online, &iter, &user_id, NULL)) {
        if (!map_u64_get(&peer->incoming, user_id))
            go(engine, peer, (int64_t)user_id);
    }
    memset(&iter, 0, sizeof(iter));
    while (map_u64_next(&peer->incoming, &iter, &user_id, NULL))
        come(engine, peer, (int64_t)user_id);
    map_u64_fini(&peer->incoming);
    peer->receiving = 0;
    peer->state = PEER_KNOWN;
}

static void hear_state(struct engine *engine, struct peer *peer, struct wire_reader *reader) {
    int64_t whom = wire_int(reader);
    uint64_t first = wire_uint(reader);
    uint64_t last = wire_uint(reader);
    size_t count = wire_count(reader);
    if (whom && whom != engine->cluster.bus->node)
        return;
    if (first) {
        map_u64_fini(&peer->incoming);
        peer->receiving = 1;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t user_id = wire_int(reader);
        if (user_id > 0)
            map_u64_put(&peer->incoming, (uint64_t)user_id, peer);
    }
    if (last && !reader->failed)
        state_is_whole(engine, peer);
}

static void hear_presence(struct engine *engine, struct peer *peer, struct wire_reader *reader) {
    size_t count = wire_count(reader);
    for (size_t i = 0; i < count; i++) {
        int64_t user_id = wire_int(reader);
        if (user_id > 0 && peer->receiving)
            map_u64_put(&peer->incoming, (uint64_t)user_id, peer);
        come(engine, peer, user_id);
    }
    count = wire_count(reader);
    for (size_t i = 0; i < count; i++) {
        int64_t user_id = wire_int(reader);
        map_u64_remove(&peer->incoming, (uint64_t)user_id);
        go(engine, peer, user_id);
    }
}

/* Whether the frame is a new one. Where some are missing, what they said is asked for. */
static int count_in(struct engine *engine, struct peer *peer, uint64_t number) {
    uint64_t last = peer->number;
    if (number <= last)
        return 0;
    peer->number = number;
    if (!last || number == last + 1)
        return 1;
    log_event(LOG_LEVEL_WARNING, "frames of another node are missing",
              LOG_INT("node", peer->id), LOG_UINT("count", number - last - 1));
    peer->state = PEER_STRANGE;
    cluster_ask(&engine->cluster, peer->id);
    missed(engine);
    return 1;
}

/* One that begins to speak has nothing to tell yet; of another, much may have been missed. */
static struct peer *meet(struct engine *engine, int64_t id, uint64_t number) {
    struct peer *peer = peer_new(engine, id);
    if (number == 1) {
        peer->state = PEER_KNOWN;
        return peer;
    }
    own_up(&engine->cluster, peer);
    cluster_ask(&engine->cluster, id);
    missed(engine);
    return peer;
}

static void hear_from(struct engine *engine, struct peer *peer, char kind,
                      struct wire_reader *reader) {
    switch (kind) {
    case CLUSTER_ASK:
        hear_ask(engine, peer, reader);
        break;
    case CLUSTER_MET:
        hear_met(engine, reader);
        break;
    case CLUSTER_STATE:
        hear_state(engine, peer, reader);
        break;
    case CLUSTER_PRESENCE:
        hear_presence(engine, peer, reader);
        break;
    case CLUSTER_UNIT:
        engine->cluster.stats.heard++;
        remote_take(engine, reader);
        break;
    case CLUSTER_LEAVE:
        peer_is_gone(engine, peer);
        break;
    case CLUSTER_BEAT:
    default: /* of a newer version */
        break;
    }
}

void cluster_hear(struct engine *engine, struct dm_slice frame) {
    struct cluster *cluster = &engine->cluster;
    struct wire_reader reader;
    struct peer *peer;
    int64_t node;
    uint64_t number;
    if (!cluster->bus || !frame.len || frame.ptr[0] != CLUSTER_VERSION)
        return;
    wire_reader_init(&reader, (struct dm_slice){ frame.ptr + 1, frame.len - 1 });
    node = wire_int(&reader);
    number = wire_uint(&reader);
    if (reader.failed || reader.at == reader.end || node <= 0 || node == cluster->bus->node)
        return;
    peer = find(cluster, node);
    if (!peer)
        peer = meet(engine, node, number);
    if (count_in(engine, peer, number))
        hear_from(engine, peer, *reader.at++, &reader);
}
