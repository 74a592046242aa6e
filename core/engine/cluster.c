#include "core/engine/cluster.h"

#include <stdlib.h>

#include "core/engine/core.h"

/* Users in one frame at most: sixteen digits and a space each. */
#define USERS_MAX 400

void cluster_init(struct cluster *cluster) {
    memset(cluster, 0, sizeof(*cluster));
    map_u64_init(&cluster->peers);
    list_init(&cluster->inbox);
}

/* ---- what is said ---- */

static struct buf *begin(struct cluster *cluster, enum cluster_kind kind) {
    struct buf *frame = &cluster->frame;
    buf_reset(frame);
    buf_append_char(frame, CLUSTER_VERSION);
    wire_put_int(frame, cluster->bus->node);
    wire_put_uint(frame, cluster->number + 1);
    buf_append_char(frame, (char)kind);
    return frame;
}

static void say(struct cluster *cluster) {
    cluster->number++;
    bus_publish(cluster->bus, buf_slice(&cluster->frame));
}

void cluster_ask(struct cluster *cluster, int64_t peer_id) {
    wire_put_int(begin(cluster, CLUSTER_ASK), peer_id);
    say(cluster);
}

void cluster_tell_met(struct cluster *cluster, int64_t peer_id) {
    wire_put_int(begin(cluster, CLUSTER_MET), peer_id);
    say(cluster);
}

static void put_ids(struct buf *frame, const int64_t *ids, size_t count) {
    wire_put_uint(frame, count);
    for (size_t i = 0; i < count; i++)
        wire_put_int(frame, ids[i]);
}

void cluster_tell_state(struct engine *engine, int64_t peer_id) {
    struct cluster *cluster = &engine->cluster;
    size_t count;
    int64_t *ids = presence_local(engine, &count);
    size_t done = 0;
    do {
        size_t part = count - done < USERS_MAX ? count - done : USERS_MAX;
        struct buf *frame = begin(cluster, CLUSTER_STATE);
        wire_put_int(frame, peer_id);
        wire_put_uint(frame, done == 0);
        wire_put_uint(frame, done + part == count);
        put_ids(frame, ids + done, part);
        say(cluster);
        done += part;
    } while (done < count);
    free(ids);
}

void cluster_tell_presence(struct engine *engine, const int64_t *came, size_t came_count,
                           const int64_t *went, size_t went_count) {
    struct cluster *cluster = &engine->cluster;
    while (cluster_has_peers(cluster) && (came_count || went_count)) {
        size_t in = came_count < USERS_MAX / 2 ? came_count : USERS_MAX / 2;
        size_t out = went_count < USERS_MAX / 2 ? went_count : USERS_MAX / 2;
        struct buf *frame = begin(cluster, CLUSTER_PRESENCE);
        put_ids(frame, came, in);
        put_ids(frame, went, out);
        say(cluster);
        came += in;
        came_count -= in;
        went += out;
        went_count -= out;
    }
}

void cluster_say(struct cluster *cluster, enum cluster_kind kind) {
    begin(cluster, kind);
    say(cluster);
}

/* ---- units ---- */

void cluster_cast(struct engine *engine, enum unit_route route, const struct dm_event *event,
                  const struct dm_thread *own, const struct dm_thread *others, int64_t to_id) {
    struct cluster *cluster = &engine->cluster;
    unit_put_event(&cluster->unit, route, event, own, others);
    cluster->unit_events++;
    cluster->unit_to = to_id;
}

static struct unit_head head_of(const struct operation *op, int64_t to_id) {
    const struct thread *thread = op->thread;
    struct unit_head head = { .corr = op->corr, .to_id = to_id };
    if (!thread)
        return head;
    head.thread_id = thread->id;
    head.kind = thread->kind;
    memcpy(head.pair, thread->pair, sizeof(head.pair));
    head.rev = op->rev;
    head.span = op->span;
    head.seq = op->seq;
    head.member_rev = op->member_rev;
    head.told_rev = op->told_rev;
    head.uuid = thread->uuid;
    head.title = op->result.thread ? op->result.thread->title : thread->title;
    head.opener_id = thread->opener_id;
    head.created_us = thread->created_us;
    return head;
}

void cluster_publish(struct operation *op, operation_fn emit) {
    struct cluster *cluster = &op->engine->cluster;
    struct unit_head head;
    struct buf *frame;
    size_t start;
    if (!cluster_has_peers(cluster) || op->origin == OPERATION_REMOTE)
        return;
    buf_trim(&cluster->unit, 65536);
    cluster->unit_events = 0;
    cluster->unit_to = 0;
    cluster->mode = CLUSTER_CASTING;
    emit(op);
    cluster->mode = CLUSTER_ROUTING;
    head = head_of(op, cluster->unit_to);
    if (!cluster->unit_events && !head.rev)
        return;
    frame = begin(cluster, CLUSTER_UNIT);
    start = frame->len;
    unit_put_head(frame, &head);
    if (frame->len + cluster->unit.len + 24 > cluster->bus->frame_max) {
        frame->len = start;
        head.flags |= UNIT_UNTOLD;
        cluster->unit_events = 0;
        buf_reset(&cluster->unit);
        unit_put_head(frame, &head);
    }
    cluster->stats.told++;
    wire_put_uint(frame, cluster->unit_events);
    buf_append_slice(frame, buf_slice(&cluster->unit));
    say(cluster);
}
