#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/random.h"
#include "storage/store_pg_internal.h"

/* Queues */

static struct store_request *request_of(struct list *link) {
    return link ? container_of(link, struct store_request, link) : NULL;
}

/* How many requests of a lane wait in `cold`. */
static uintptr_t lane_calls(const struct writer *writer, uint64_t lane) {
    return (uintptr_t)map_u64_get(&writer->cold_lanes, lane);
}

static void lane_count(struct writer *writer, uint64_t lane, uintptr_t calls) {
    if (calls)
        map_u64_put(&writer->cold_lanes, lane, (void *)calls);
    else
        map_u64_remove(&writer->cold_lanes, lane);
}

static int is_hot(const struct store_request *request) {
    return request->kind == STORE_APPEND || request->kind == STORE_MARK_DELIVERED;
}

void writer_submit(struct writer *writer, struct store_request *request) {
    uintptr_t calls = lane_calls(writer, request->lane);
    if (is_hot(request) && !calls) {
        list_push_back(&writer->hot, &request->link);
        return;
    }
    list_push_back(&writer->cold, &request->link);
    lane_count(writer, request->lane, calls + 1);
}

static struct store_request *cold_pop(struct writer *writer) {
    struct store_request *request = request_of(list_pop_front(&writer->cold));
    if (request)
        lane_count(writer, request->lane, lane_calls(writer, request->lane) - 1);
    return request;
}

void writer_complete(struct writer *writer, struct store_request *request, enum dm_status status) {
    lane_release(writer, request);
    store_complete(writer->store, request, status);
}

static void expire_list(struct writer *writer, struct list *queue, int64_t before_ns) {
    for (;;) {
        struct store_request *request = request_of(list_front(queue));
        if (!request || request->queued_ns >= before_ns)
            return;
        if (queue == &writer->cold)
            cold_pop(writer);
        else
            list_pop_front(queue);
        writer->store->stats.unavailable++;
        writer_complete(writer, request, DM_UNAVAILABLE);
    }
}

void writer_expire(struct writer *writer, int64_t before_ns) {
    expire_list(writer, &writer->hot, before_ns);
    expire_list(writer, &writer->cold, before_ns);
}

void writer_abandon(struct writer *writer) {
    unit_abandon(writer);
    expire_list(writer, &writer->hot, INT64_MAX);
    expire_list(writer, &writer->cold, INT64_MAX);
}

/* Choosing the next unit */

static size_t request_bytes(const struct store_request *request) {
    return request->kind == STORE_APPEND ? ((const struct store_append *)request)->text.len : 0;
}

/* A run of hot requests from the front of a queue. */
static void take_hot(struct writer *writer, struct list *queue) {
    const struct store_pg_config *config = &writer->store->config;
    size_t bytes = 0;
    list_init(&writer->requests);
    writer->request_count = 0;
    while (writer->request_count < config->batch_rows) {
        struct store_request *next = request_of(list_front(queue));
        if (!next || !is_hot(next))
            break;
        bytes += request_bytes(next);
        if (writer->request_count && bytes > config->batch_bytes)
            break;
        if (queue == &writer->cold)
            cold_pop(writer);
        else
            list_pop_front(queue);
        list_push_back(&writer->requests, &next->link);
        writer->request_count++;
    }
    writer->unit = UNIT_HOT;
    batch_load(&writer->batch, &writer->requests, writer->request_count);
}

static void take_half(struct writer *writer) {
    struct unit *half = container_of(list_pop_front(&writer->halves), struct unit, link);
    list_init(&writer->requests);
    list_splice_back(&writer->requests, &half->requests);
    writer->request_count = half->count;
    writer->unit = UNIT_HOT;
    free(half);
    batch_load(&writer->batch, &writer->requests, writer->request_count);
}

static void take_call(struct writer *writer) {
    struct store_pg *store = writer->store;
    struct store_request *request = cold_pop(writer);
    writer->task = task_new((struct store_call *)request, store->config.chat_members);
    if (!writer->task) {
        log_event(LOG_LEVEL_ERROR, "the store does not know this call",
                  LOG_INT("kind", request->kind), LOG_UINT("corr", request->corr));
        writer_complete(writer, request, DM_INTERNAL);
        return;
    }
    writer->unit = UNIT_COLD;
}

/* How many calls go before a batch that waits. */
#define COLD_STREAK 4

static void take_unit(struct writer *writer) {
    const struct store_request *hot = request_of(list_front(&writer->hot));
    const struct store_request *cold = request_of(list_front(&writer->cold));
    writer->attempts = 0;
    writer->uncertain = 0;
    if (!list_is_empty(&writer->halves)) {
        take_half(writer);
        return;
    }
    /* A call may not overtake a hot request of its lane: it waits for all older ones. */
    int ready = cold && (!hot || hot->queued_ns > cold->queued_ns);
    if (ready && (!hot || writer->cold_streak < COLD_STREAK)) {
        writer->cold_streak++;
        if (is_hot(cold))
            take_hot(writer, &writer->cold);
        else
            take_call(writer);
    } else if (hot) {
        writer->cold_streak = 0;
        take_hot(writer, &writer->hot);
    }
}

void writer_kick(struct writer *writer) {
    if (writer->step != WRITER_IDLE || writer->unit != UNIT_NONE)
        return;
    while (writer->unit == UNIT_NONE &&
           (!list_is_empty(&writer->hot) || !list_is_empty(&writer->cold) ||
            !list_is_empty(&writer->halves)))
        take_unit(writer);
    if (writer->unit != UNIT_NONE)
        unit_send(writer);
}

/* The connection */

int writer_is_up(const struct writer *writer) {
    return writer->step != WRITER_DOWN && writer->step != WRITER_REGISTER;
}

size_t writer_in_hand(const struct writer *writer) {
    if (writer->unit == UNIT_HOT)
        return writer->request_count;
    return writer->unit == UNIT_COLD;
}

static void writer_set_step(struct writer *writer, enum writer_step step) {
    writer->step = step;
    store_note_state(writer->store);
}

static void writer_resume(struct writer *writer) {
    writer_set_step(writer, WRITER_IDLE);
    if (writer->unit != UNIT_NONE)
        unit_send(writer);
    else
        store_wake(writer->store);
}

static void conn_ready(struct pg_conn *conn, void *owner) {
    struct writer *writer = owner;
    struct pg_args *args = &writer->store->args;
    writer->fault = PG_FAULT_NONE;
    if (writer->registered) {
        writer_resume(writer);
        return;
    }
    writer_set_step(writer, WRITER_REGISTER);
    pg_args_reset(args);
    pg_args_int8(args, writer->id);
    pg_args_int8(args, writer->number);
    pg_conn_send(conn, ST_WRITER_NEW, args);
    pg_args_reset(args);
    if (!writer->cleaned)
        pg_conn_send(conn, ST_WRITER_CLEAN, args);
    writer->cleaned = 1;
    pg_conn_sync(conn);
}

static void conn_lost(struct pg_conn *conn, void *owner) {
    struct writer *writer = owner;
    struct store_pg *store = writer->store;
    int write = writer->step == WRITER_HOT ||
                (writer->step == WRITER_COLD && writer->task->phase == TASK_OPERATE);
    store->stats.reconnects++;
    if (writer->leaving) {
        pg_conn_close(conn);
        return;
    }
    if (write && !writer->uncertain) {
        writer->uncertain = 1;
        store->stats.uncertain++;
    }
    writer_set_step(writer, WRITER_DOWN);
}

static void conn_result(struct pg_conn *conn, void *owner, const PGresult *result) {
    struct writer *writer = owner;
    if (writer->step != WRITER_REGISTER && writer->step != WRITER_LEAVE) {
        unit_result(writer, result);
        return;
    }
    enum pg_fault fault = pg_result_fault(result);
    if (fault == PG_FAULT_NONE || writer->fault != PG_FAULT_NONE)
        return;
    writer->fault = fault;
    log_event(LOG_LEVEL_ERROR, "the store cannot register",
              LOG_STR("reason", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
}

static void conn_sync(struct pg_conn *conn, void *owner) {
    struct writer *writer = owner;
    if (writer->step == WRITER_LEAVE) {
        pg_conn_close(conn);
    } else if (writer->step != WRITER_REGISTER) {
        unit_sync(writer);
    } else if (writer->fault != PG_FAULT_NONE) {
        pg_conn_drop(conn);
    } else {
        writer->registered = 1;
        writer_resume(writer);
        if (writer->leaving)
            writer_close(writer);
    }
}

static void conn_closed(void *owner) {
    struct writer *writer = owner;
    writer->conn = NULL;
    batch_fini(&writer->batch);
    map_u64_fini(&writer->cold_lanes);
    store_conn_closed(writer->store);
}

int writer_open(struct writer *writer, struct store_pg *store) {
    static const struct pg_conn_events events = {
        .ready = conn_ready,
        .lost = conn_lost,
        .result = conn_result,
        .sync = conn_sync,
        .closed = conn_closed,
    };
    const struct pg_conn_config config = {
        .conninfo = store->conninfo,
        .statements = store_statements,
        .statement_count = ST_COUNT,
        .events = &events,
        .owner = writer,
        .connect_timeout_ms = store->config.connect_timeout_ms,
        .outage = &store->outage,
        .label = "write",
    };
    writer->store = store;
    writer->step = WRITER_DOWN;
    random_bytes(&writer->id, sizeof(writer->id));
    writer->id &= INT64_MAX;
    list_init(&writer->hot);
    list_init(&writer->cold);
    list_init(&writer->halves);
    list_init(&writer->requests);
    batch_init(&writer->batch);
    return pg_conn_open(store->loop, &config, &writer->conn);
}

void writer_close(struct writer *writer) {
    struct pg_args *args = &writer->store->args;
    writer->leaving = 1;
    if (writer->step == WRITER_REGISTER)
        return; /* its row is on the way and must go again */
    if (writer->step != WRITER_IDLE) {
        pg_conn_close(writer->conn);
        return;
    }
    writer->step = WRITER_LEAVE;
    pg_args_reset(args);
    pg_args_int8(args, writer->id);
    pg_conn_send(writer->conn, ST_WRITER_DROP, args);
    pg_conn_sync(writer->conn);
}
