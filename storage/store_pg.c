#include "storage/store_pg.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "storage/store_pg_internal.h"

#define TICK_MS 100
#define LEAVE_MS 2000
#define TELL_EVERY_MS 60000
/* A call's share of the bytes that may wait. */
#define CALL_BYTES 512

static struct store_pg *store_of(const struct store *port) {
    return (struct store_pg *)(void *)port;
}

static size_t request_size(const struct store_request *request) {
    const struct store_append *append = (const struct store_append *)request;
    size_t size = CALL_BYTES;
    if (request->kind != STORE_APPEND)
        return size;
    size += append->text.len;
    for (size_t i = 0; i < append->attachment_count; i++)
        size += append->urls ? append->urls[i].len : 0;
    return size;
}

static enum dm_status status_of(enum pg_fault fault) {
    switch (fault) {
    case PG_FAULT_DATA:
        return DM_INVALID;
    case PG_FAULT_RESOURCE:
    case PG_FAULT_RETRY:
    case PG_FAULT_UNKNOWN_WRITER:
        return DM_UNAVAILABLE;
    default:
        return DM_INTERNAL;
    }
}

enum dm_status fault_status(enum pg_fault fault, const char *reason,
                            const struct store_request *request) {
    enum dm_status status = status_of(fault);
    log_event(status == DM_INVALID ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR,
              "the database refuses", LOG_STR("reason", reason), LOG_INT("kind", request->kind),
              LOG_UINT("corr", request->corr), LOG_STR("status", dm_status_name(status)));
    return status;
}

/* Completion */

void store_complete(struct store_pg *store, struct store_request *request, enum dm_status status) {
    store->pending_count--;
    store->pending_bytes -= request_size(request);
    request->done(request, status);
}

static void complete_later(struct store_pg *store, struct store_request *request,
                           enum dm_status status) {
    request->status = status;
    list_push_back(&store->finished, &request->link);
    store_wake(store);
}

static void store_shut(struct store_pg *store);

static void complete_finished(struct store_pg *store) {
    for (struct list *link; (link = list_pop_front(&store->finished)) != NULL;) {
        struct store_request *request = container_of(link, struct store_request, link);
        store_complete(store, request, request->status);
    }
}

/* Expiry */

/* An outage tells of itself. */
static void tell_of_delay(struct store_pg *store, uint64_t expired) {
    uint64_t now = clock_mono_ms();
    if (!expired || store->state != STORE_UP || now < store->tell_at_ms)
        return;
    store->tell_at_ms = now + TELL_EVERY_MS;
    log_event(LOG_LEVEL_WARNING, "the database does not answer in time",
              LOG_UINT("expired", expired));
}

static void expire(struct store_pg *store) {
    store->looks = 0;
    int64_t before = (int64_t)clock_mono_ns() - (int64_t)store->config.wait_ms * 1000000;
    uint64_t refused = store->stats.unavailable;
    for (unsigned i = 0; i < store->config.write_connections; i++)
        writer_expire(&store->writers[i], before);
    readers_expire(store, before);
    tell_of_delay(store, store->stats.unavailable - refused);
}

static void turn_ends(uv_check_t *check) {
    struct store_pg *store = check->data;
    uv_idle_stop(&store->idle);
    complete_finished(store);
    for (unsigned i = 0; i < store->config.write_connections; i++)
        if (store->writers[i].conn)
            writer_kick(&store->writers[i]);
    if (store->closing < STORE_PARTING)
        readers_kick(store);
    if (store->looks)
        expire(store);
    if (store->closing == STORE_DRAINING && store->pending_count == 0)
        store_shut(store);
}

static void idle_turn(uv_idle_t *idle) {
}

/* An idle handle keeps the loop from sleeping in this turn, so that the check runs. */
void store_wake(struct store_pg *store) {
    if (store->closing < STORE_ENDING)
        uv_idle_start(&store->idle, idle_turn);
}

/* The port */

static int append_is_storable(const struct store_append *append) {
    int ok = append->text.ptr && text_storable(append->text);
    for (size_t i = 0; ok && i < append->attachment_count; i++)
        ok = !append->urls || text_storable(append->urls[i]);
    return ok;
}

static void store_take(struct store_pg *store, struct store_request *request) {
    int64_t now = (int64_t)clock_mono_ns();
    /* Strictly ascending: it is the order of submission as well. */
    store->last_ns = now > store->last_ns ? now : store->last_ns + 1;
    request->queued_ns = store->last_ns;
    if (request->kind != STORE_APPEND && request->kind != STORE_MARK_DELIVERED &&
        store_is_read(request)) {
        struct store_call *call = (struct store_call *)request;
        struct task *task = task_new(call, store->config.chat_members);
        if (task)
            list_push_back(&store->reads, &task->link);
        else
            complete_later(store, request, DM_INTERNAL);
    } else {
        writer_submit(lane_take(store, request), request);
    }
    store_wake(store);
}

static void store_submit_pg(struct store *port, struct store_request *request) {
    struct store_pg *store = store_of(port);
    size_t size = request_size(request);
    int full = store->pending_count >= store->config.queue_count ||
               store->pending_bytes + size > store->config.queue_bytes;
    store->pending_count++;
    store->pending_bytes += size;
    if (full || store->closing != STORE_OPEN) {
        store->stats.unavailable++;
        complete_later(store, request, DM_UNAVAILABLE);
    } else if (request->kind == STORE_APPEND &&
               !append_is_storable((const struct store_append *)request)) {
        complete_later(store, request, DM_INVALID);
    } else {
        store_take(store, request);
    }
}

static size_t store_pending_pg(const struct store *port) {
    return store_of(port)->pending_count;
}

static enum store_state store_state_pg(const struct store *port) {
    return store_of(port)->state;
}

void store_note_state(struct store_pg *store) {
    int writes = 0, reads = 0;
    for (unsigned i = 0; i < store->config.write_connections; i++)
        writes |= writer_is_up(&store->writers[i]);
    for (unsigned i = 0; i < store->config.read_connections; i++)
        reads |= store->readers[i].conn &&
                 pg_conn_state(store->readers[i].conn) == PG_CONN_READY;
    enum store_state state = writes && reads ? STORE_UP : STORE_DOWN;
    if (state == store->state || store->closing != STORE_OPEN)
        return;
    store->state = state;
    log_event(state == STORE_UP ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
              state == STORE_UP ? "the store is up" : "the store is down");
    if (store->config.on_state)
        store->config.on_state(store->config.owner, state);
}

struct store *store_pg_port(struct store_pg *store) {
    return &store->port;
}

void store_pg_stats(const struct store_pg *store, struct store_pg_stats *ret_stats) {
    *ret_stats = store->stats;
    ret_stats->under_way = 0;
    for (unsigned i = 0; i < store->config.write_connections; i++)
        ret_stats->under_way += writer_in_hand(&store->writers[i]);
    for (unsigned i = 0; i < store->config.read_connections; i++)
        ret_stats->under_way += store->readers[i].count - store->readers[i].given_up;
    ret_stats->waiting = store->pending_count - ret_stats->under_way;
    ret_stats->queued_bytes = store->pending_bytes;
}

/* Opening and closing */

/* A database that answers no good-bye is not waited for. */
static void writers_cut(struct store_pg *store) {
    for (unsigned i = 0; i < store->config.write_connections; i++)
        if (store->writers[i].conn)
            pg_conn_close(store->writers[i].conn);
}

static void tick(uv_timer_t *timer) {
    struct store_pg *store = timer->data;
    if (store->closing == STORE_PARTING && clock_mono_ms() >= store->close_deadline_ms)
        writers_cut(store);
    if (store->closing >= STORE_PARTING) /* connections go away one by one */
        return;
    store->looks = 1;
    store_wake(store);
    if (store->closing == STORE_DRAINING && clock_mono_ms() >= store->close_deadline_ms)
        store_shut(store);
}

static int config_fill(struct store_pg_config *config) {
    config->write_connections = config->write_connections ? config->write_connections : 2;
    config->read_connections = config->read_connections ? config->read_connections : 2;
    config->queue_count = config->queue_count ? config->queue_count : 100000;
    config->queue_bytes = config->queue_bytes ? config->queue_bytes : (size_t)256 << 20;
    config->wait_ms = config->wait_ms ? config->wait_ms : 10000;
    config->batch_rows = config->batch_rows ? config->batch_rows : 1024;
    config->batch_bytes = config->batch_bytes ? config->batch_bytes : (size_t)4 << 20;
    config->chat_members = config->chat_members ? config->chat_members : 2000;
    config->connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : 5000;
    config->close_timeout_ms = config->close_timeout_ms ? config->close_timeout_ms : 10000;
    return config->conninfo && config->write_connections <= STORE_CONNECTIONS_MAX &&
                   config->read_connections <= STORE_CONNECTIONS_MAX &&
                   config->batch_rows <= BATCH_ROWS_MAX && config->chat_members <= INT32_MAX
               ? 0
               : -EINVAL;
}

static void handles_init(struct store_pg *store) {
    uv_check_init(store->loop, &store->check);
    uv_idle_init(store->loop, &store->idle);
    uv_timer_init(store->loop, &store->timer);
    store->check.data = store->idle.data = store->timer.data = store;
    uv_check_start(&store->check, turn_ends);
    /* The loop is kept alive by the connections. */
    uv_unref((uv_handle_t *)&store->check);
    uv_timer_start(&store->timer, tick, TICK_MS, TICK_MS);
}

int store_pg_open(uv_loop_t *loop, const struct store_pg_config *config,
                  struct store_pg **ret_store) {
    static const struct store_ops ops = {
        .submit = store_submit_pg,
        .pending = store_pending_pg,
        .state = store_state_pg,
    };
    PQconninfoOption *options = config->conninfo ? PQconninfoParse(config->conninfo, NULL) : NULL;
    struct store_pg *store = mem_zalloc(sizeof(*store));
    store->config = *config;
    if (!options || config_fill(&store->config) != 0) {
        PQconninfoFree(options);
        free(store);
        return -EINVAL;
    }
    PQconninfoFree(options);
    store->port.ops = &ops;
    store->loop = loop;
    store->conninfo = mem_dup(config->conninfo, strlen(config->conninfo));
    store->config.conninfo = store->conninfo;
    store->state = STORE_DOWN;
    list_init(&store->reads);
    list_init(&store->finished);
    handles_init(store);
    /* The conninfo is good, and nothing else can fail. */
    for (unsigned i = 0; i < store->config.write_connections; i++)
        writer_open(&store->writers[i], store);
    for (unsigned i = 0; i < store->config.read_connections; i++)
        reader_open(&store->readers[i], store);
    *ret_store = store;
    return 0;
}

static void handle_closed(uv_handle_t *handle) {
    struct store_pg *store = handle->data;
    if (--store->closing_handles)
        return;
    complete_finished(store);
    store_pg_closed_fn closed = store->closed;
    void *owner = store->closed_owner;
    pg_args_fini(&store->args);
    free(store->conninfo);
    free(store);
    closed(owner);
}

void store_conn_closed(struct store_pg *store) {
    if (--store->closing_conns)
        return;
    store->closing = STORE_ENDING;
    store->closing_handles = 3;
    uv_close((uv_handle_t *)&store->check, handle_closed);
    uv_close((uv_handle_t *)&store->idle, handle_closed);
    uv_close((uv_handle_t *)&store->timer, handle_closed);
}

/* Nothing is pending any more, or the time is over. */
static void store_shut(struct store_pg *store) {
    store->closing = STORE_PARTING;
    store->close_deadline_ms = clock_mono_ms() + LEAVE_MS;
    uv_idle_stop(&store->idle);
    for (unsigned i = 0; i < store->config.write_connections; i++) {
        struct writer *writer = &store->writers[i];
        enum writer_step step = writer->step;
        writer_abandon(writer);
        /* One that was under way keeps its connection from saying good-bye. */
        writer->step = step == WRITER_IDLE || step == WRITER_REGISTER ? step : WRITER_DOWN;
    }
    readers_abandon(store);
    store->closing_conns = store->config.write_connections + store->config.read_connections;
    for (unsigned i = 0; i < store->config.write_connections; i++)
        writer_close(&store->writers[i]);
    for (unsigned i = 0; i < store->config.read_connections; i++)
        reader_close(&store->readers[i]);
}

void store_pg_close(struct store_pg *store, store_pg_closed_fn closed, void *owner) {
    store->closing = STORE_DRAINING;
    store->closed = closed;
    store->closed_owner = owner;
    store->close_deadline_ms = clock_mono_ms() + store->config.close_timeout_ms;
    uv_idle_start(&store->idle, idle_turn);
}
