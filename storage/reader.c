/* Connections that carry what changes nothing. */
#include "storage/store_pg_internal.h"

/* Calls under way on one connection. */
#define READER_DEPTH 32

static struct task *task_of(struct list *link) {
    return link ? container_of(link, struct task, link) : NULL;
}

/* Nobody waits for it any more; its connection still owes the answer. */
static int is_given_up(const struct task *task) {
    return !task->call;
}

static void reader_finish(struct store_pg *store, struct task *task, enum dm_status status) {
    struct store_request *request = &task->call->base;
    task_free(task);
    store->stats.calls++;
    store_complete(store, request, status);
}

static void reader_send(struct reader *reader, struct task *task) {
    list_push_back(&reader->tasks, &task->link);
    reader->count++;
    if (task_send(task, reader->conn, &reader->store->args, 0) == 0)
        pg_conn_sync(reader->conn);
}

static struct reader *free_reader(struct store_pg *store) {
    struct reader *best = NULL;
    for (unsigned i = 0; i < store->config.read_connections; i++) {
        struct reader *reader = &store->readers[i];
        if (pg_conn_state(reader->conn) == PG_CONN_READY && reader->count < READER_DEPTH &&
            (!best || reader->count < best->count))
            best = reader;
    }
    return best;
}

void readers_kick(struct store_pg *store) {
    while (!list_is_empty(&store->reads)) {
        struct reader *reader = free_reader(store);
        if (!reader)
            return;
        reader_send(reader, task_of(list_pop_front(&store->reads)));
    }
}

static int is_expired(const struct task *task, int64_t before_ns) {
    return !is_given_up(task) && task->call->base.queued_ns < before_ns;
}

/* Another connection would not help, and this one's backend would go on for nobody. */
static void give_up(struct reader *reader, struct task *task) {
    struct store_request *request = &task->call->base;
    task->call = NULL;
    reader->given_up++;
    store_complete(reader->store, request, DM_UNAVAILABLE);
}

void readers_expire(struct store_pg *store, int64_t before_ns) {
    list_foreach_safe(it, &store->reads) {
        struct task *task = task_of(it);
        if (!is_expired(task, before_ns))
            continue;
        list_remove(it);
        store->stats.unavailable++;
        reader_finish(store, task, DM_UNAVAILABLE);
    }
    for (unsigned i = 0; i < store->config.read_connections; i++) {
        list_foreach_safe(it, &store->readers[i].tasks) {
            if (!is_expired(task_of(it), before_ns))
                continue;
            store->stats.unavailable++;
            give_up(&store->readers[i], task_of(it));
        }
    }
}

static void drop_given_up(struct reader *reader) {
    list_foreach_safe(it, &reader->tasks) {
        if (!is_given_up(task_of(it)))
            continue;
        list_remove(it);
        task_free(task_of(it));
    }
    reader->given_up = 0;
}

void readers_abandon(struct store_pg *store) {
    struct list all;
    list_init(&all);
    list_splice_back(&all, &store->reads);
    for (unsigned i = 0; i < store->config.read_connections; i++) {
        drop_given_up(&store->readers[i]);
        list_splice_back(&all, &store->readers[i].tasks);
        store->readers[i].count = 0;
    }
    while (!list_is_empty(&all))
        reader_finish(store, task_of(list_pop_front(&all)), DM_UNAVAILABLE);
}

static void conn_ready(struct pg_conn *conn, void *owner) {
    struct reader *reader = owner;
    store_note_state(reader->store);
    store_wake(reader->store);
}

/* Reads are asked again, those in hand before those that wait. */
static void conn_lost(struct pg_conn *conn, void *owner) {
    struct reader *reader = owner;
    struct store_pg *store = reader->store;
    drop_given_up(reader);
    list_splice_back(&reader->tasks, &store->reads);
    list_splice_back(&store->reads, &reader->tasks);
    reader->count = 0;
    store->stats.reconnects++;
    store_note_state(store);
    store_wake(store);
}

static void conn_result(struct pg_conn *conn, void *owner, const PGresult *result) {
    struct reader *reader = owner;
    struct task *task = task_of(list_front(&reader->tasks));
    if (task && !is_given_up(task))
        task_answer(task, result);
}

static void conn_sync(struct pg_conn *conn, void *owner) {
    struct reader *reader = owner;
    struct store_pg *store = reader->store;
    struct task *task = task_of(list_pop_front(&reader->tasks));
    if (!task)
        return;
    reader->count--;
    if (is_given_up(task)) {
        reader->given_up--;
        task_free(task);
        store_wake(store);
        return;
    }
    if (task->fault == PG_FAULT_NONE)
        task_advance(task);
    if (task->fault == PG_FAULT_RETRY || (task->fault == PG_FAULT_NONE && task->phase != TASK_DONE))
        reader_send(reader, task);
    else if (task->fault != PG_FAULT_NONE)
        reader_finish(store, task, fault_status(task->fault, task->reason, &task->call->base));
    else
        reader_finish(store, task, task_finish(task));
    store_wake(store);
}

static void conn_closed(void *owner) {
    struct reader *reader = owner;
    reader->conn = NULL;
    store_conn_closed(reader->store);
}

int reader_open(struct reader *reader, struct store_pg *store) {
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
        .owner = reader,
        .connect_timeout_ms = store->config.connect_timeout_ms,
        .outage = &store->outage,
        .label = "read",
    };
    reader->store = store;
    list_init(&reader->tasks);
    return pg_conn_open(store->loop, &config, &reader->conn);
}

void reader_close(struct reader *reader) {
    pg_conn_close(reader->conn);
}
