#include "core/base/hash.h"
#include "storage/store_pg_internal.h"

/* So many requests wait for a connection; more are shared with the next one. */
#define SHARED_FROM 64
/* A unit is late when it takes so many times the usual: its backend may be stuck. */
#define LATE_FACTOR 2

static struct lane *lane_of(struct store_pg *store, const struct store_request *request) {
    return &store->lanes[hash_u64(hash_process_key(), request->lane) % STORE_LANES];
}

static int is_late(const struct writer *writer, uint64_t now_ns) {
    return writer->unit == UNIT_COLD
           || (writer->unit == UNIT_HOT
               && now_ns - writer->sent_ns > LATE_FACTOR * writer->store->usual_ns);
}

/* Less is before it; or, of equals, it was sent something later. */
static int is_better(const struct writer *writer, const struct writer *best) {
    if (writer_is_up(writer) != writer_is_up(best))
        return writer_is_up(writer);
    if (writer->held != best->held)
        return writer->held < best->held;
    return writer->sent_ns > best->sent_ns;
}

/* The first that is not late, even if it is at work: one batch of two costs less than two, and its
 * backend, which did the last one as well, has all at hand. */
static uint32_t choose(const struct store_pg *store, uint64_t now_ns) {
    uint32_t best = 0;
    for (uint32_t i = 0; i < store->config.write_connections; i++) {
        const struct writer *writer = &store->writers[i];
        if (writer_is_up(writer) && writer->held - writer_in_hand(writer) < SHARED_FROM
            && !is_late(writer, now_ns))
            return i;
        if (is_better(writer, &store->writers[best]))
            best = i;
    }
    return best;
}

struct writer *lane_take(struct store_pg *store, const struct store_request *request) {
    struct lane *lane = lane_of(store, request);
    if (!lane->requests)
        lane->writer = choose(store, (uint64_t)request->queued_ns);
    lane->requests++;
    store->writers[lane->writer].held++;
    return &store->writers[lane->writer];
}

void lane_release(struct writer *writer, const struct store_request *request) {
    lane_of(writer->store, request)->requests--;
    writer->held--;
}
