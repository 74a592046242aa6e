#include "storage/file_pg.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "storage/file_step.h"
#include "storage/pg_fault.h"
#include "storage/pg_params.h"
#include "storage/pg_read.h"

#define CONNECTIONS_MAX 16
/* For each connection: what cuts one cuts all, and a request may be sent over each in turn. */
#define LOSSES_MAX 5
#define COLLECT_COUNT 16
#define LOOK_MS 100

enum line_work {
    LINE_IDLE,
    LINE_REQUEST,
    LINE_COLLECT,
};

/* One connection, and what it is at. */
struct line {
    struct file_pg *store;
    struct pg_conn *conn;
    struct pg_args args;
    enum line_work work;
    struct file_request *request; /* NULL: of a LINE_REQUEST that nobody waits for any more */
    enum file_step step;
    enum dm_status status;
    int64_t collected;
};

/* OPEN ──file_pg_close──▶ CLOSING ──requests ended, connections and timers closed──▶ (freed) */
struct file_pg {
    struct file_store base;
    struct file_pg_config config;
    uv_loop_t *loop;
    enum { FILE_PG_OPEN = 0, FILE_PG_CLOSING } state;
    struct list queue;       /* requests that wait for a connection */
    struct list ended;       /* requests that end DM_UNAVAILABLE as soon as the loop is back */
    uv_timer_t ending;
    uv_timer_t look;         /* runs while requests wait, sent or not */
    uv_timer_t collect;
    enum { COLLECT_LATER = 0, COLLECT_DUE } collecting;
    struct line lines[CONNECTIONS_MAX];
    struct pg_outage outage;
    unsigned parts;          /* not yet closed */
    struct file_pg_stats stats;
    file_pg_closed_fn closed;
    void *closed_owner;
};

static struct file_request *request_at(struct list *link) {
    return container_of(link, struct file_request, link);
}

/* Ending requests */

static void ending_run(uv_timer_t *timer);

static void end_later(struct file_pg *store, struct file_request *request) {
    list_push_back(&store->ended, &request->link);
    uv_timer_start(&store->ending, ending_run, 0, 0);
}

static void end_now(struct file_pg *store, struct file_request *request, enum dm_status status) {
    store->stats.waiting--;
    if (status == DM_UNAVAILABLE)
        store->stats.unavailable++;
    request->done(request, status);
}

static void timer_closed(uv_handle_t *handle);

static void ending_run(uv_timer_t *timer) {
    struct file_pg *store = timer->data;
    struct list *link;
    while ((link = list_pop_front(&store->ended)))
        end_now(store, request_at(link), DM_UNAVAILABLE);
    if (store->state == FILE_PG_CLOSING) {
        uv_close((uv_handle_t *)&store->ending, timer_closed);
        uv_close((uv_handle_t *)&store->look, timer_closed);
        uv_close((uv_handle_t *)&store->collect, timer_closed);
    }
}

/* Sending */

static void start_request(struct line *line, struct file_request *request) {
    line->work = LINE_REQUEST;
    line->request = request;
    line->step = FILE_STEP_BROKEN;
    if (file_step_send(request, line->conn, &line->args) == 0)
        pg_conn_sync(line->conn);
}

static void start_collect(struct line *line) {
    struct file_pg *store = line->store;
    store->collecting = COLLECT_LATER;
    line->work = LINE_COLLECT;
    line->collected = 0;
    pg_args_reset(&line->args);
    pg_args_int4(&line->args, (int32_t)store->config.unused_age_s);
    pg_args_int4(&line->args, COLLECT_COUNT);
    if (pg_conn_send(line->conn, FILE_ST_COLLECT, &line->args) == 0)
        pg_conn_sync(line->conn);
}

static void dispatch(struct file_pg *store) {
    for (unsigned i = 0; i < store->config.connections; i++) {
        struct line *line = &store->lines[i];
        if (line->work != LINE_IDLE || pg_conn_state(line->conn) != PG_CONN_READY)
            continue;
        struct list *link = list_pop_front(&store->queue);
        if (link)
            start_request(line, request_at(link));
        else if (store->collecting == COLLECT_DUE)
            start_collect(line);
        else
            break;
    }
}

/* The line still owes the answer. Returns whether it is awaited. */
static int look_at(struct line *line, int64_t oldest) {
    if (!line->request || line->request->queued_ns > oldest)
        return line->request != NULL;
    end_later(line->store, line->request);
    line->request = NULL;
    return 0;
}

static void look_run(uv_timer_t *timer) {
    struct file_pg *store = timer->data;
    int64_t oldest = (int64_t)clock_mono_ns() - (int64_t)store->config.wait_ms * 1000000;
    int awaited = 0;
    list_foreach_safe(link, &store->queue) {
        if (request_at(link)->queued_ns > oldest)
            continue;
        list_remove(link);
        end_later(store, request_at(link));
    }
    for (unsigned i = 0; i < store->config.connections; i++)
        awaited |= look_at(&store->lines[i], oldest);
    if (list_is_empty(&store->queue) && !awaited)
        uv_timer_stop(timer);
}

static void wait_in_queue(struct file_pg *store, struct file_request *request) {
    request->queued_ns = (int64_t)clock_mono_ns();
    list_push_back(&store->queue, &request->link);
    if (!uv_is_active((uv_handle_t *)&store->look))
        uv_timer_start(&store->look, look_run, LOOK_MS, LOOK_MS);
}

static void submit(struct file_store *base, struct file_request *request) {
    struct file_pg *store = (struct file_pg *)base;
    list_init(&request->link);
    request->losses = 0;
    store->stats.waiting++;
    if (request->kind == FILE_PUT) {
        ((struct file_put *)request)->ret_id = 0;
        ((struct file_put *)request)->written = 0;
    } else if (request->kind == FILE_READ) {
        ((struct file_read *)request)->ret_data = NULL;
    }
    if (store->state == FILE_PG_CLOSING || store->stats.waiting > store->config.queue_max) {
        end_later(store, request);
        return;
    }
    wait_in_queue(store, request);
    dispatch(store);
}

static const struct file_store_ops ops = { .submit = submit };

/* Answers */

static void line_ready(struct pg_conn *conn, void *owner) {
    dispatch(((struct line *)owner)->store);
}

/* Every step may be sent again: one that began a file begins another. */
static void try_again(struct file_pg *store, struct file_request *request) {
    file_step_undo(request);
    if (request->losses > LOSSES_MAX * store->config.connections)
        end_later(store, request);
    else
        wait_in_queue(store, request);
}

static void line_lost(struct pg_conn *conn, void *owner) {
    struct line *line = owner;
    struct file_pg *store = line->store;
    if (line->request) {
        line->request->losses++;
        try_again(store, line->request);
    } else if (line->work == LINE_COLLECT) {
        store->collecting = COLLECT_DUE;
    }
    line->work = LINE_IDLE;
    line->request = NULL;
    dispatch(store);
}

static void line_result(struct pg_conn *conn, void *owner, const PGresult *result) {
    struct line *line = owner;
    if (line->request)
        line->step = file_step_answer(line->request, result, &line->status);
    else if (line->work == LINE_COLLECT && pg_result_fault(result) == PG_FAULT_NONE)
        line->collected = pg_read_int(result, 0, 0);
}

static void count(struct file_pg *store, const struct file_request *request) {
    if (request->kind == FILE_PUT)
        store->stats.written += ((const struct file_put *)request)->data.len;
    else if (request->kind == FILE_READ)
        store->stats.read += ((const struct file_read *)request)->ret_data->len;
}

static void request_stepped(struct line *line) {
    struct file_pg *store = line->store;
    struct file_request *request = line->request;
    line->request = NULL;
    switch (line->step) {
    case FILE_STEP_MORE:
        try_again(store, request);
        break;
    case FILE_STEP_DONE:
        if (line->status == DM_OK)
            count(store, request);
        end_now(store, request, line->status);
        break;
    case FILE_STEP_BROKEN:
        pg_conn_drop(line->conn);
        end_now(store, request, DM_UNAVAILABLE);
        break;
    }
}

static void collect_ended(struct file_pg *store, int64_t collected) {
    store->stats.collected += (uint64_t)collected;
    if (collected)
        log_event(LOG_LEVEL_INFO, "unused files removed", LOG_INT("count", collected));
    if (collected == COLLECT_COUNT)
        store->collecting = COLLECT_DUE;
}

static void line_sync(struct pg_conn *conn, void *owner) {
    struct line *line = owner;
    struct file_pg *store = line->store;
    enum line_work work = line->work;
    line->work = LINE_IDLE;
    if (work == LINE_COLLECT)
        collect_ended(store, line->collected);
    else if (line->request)
        request_stepped(line);
    if (store->state == FILE_PG_OPEN)
        dispatch(store);
}

static void collect_run(uv_timer_t *timer) {
    struct file_pg *store = timer->data;
    store->collecting = COLLECT_DUE;
    dispatch(store);
}

/* Life */

static void part_closed(struct file_pg *store) {
    if (--store->parts > 0)
        return;
    file_pg_closed_fn closed = store->closed;
    void *owner = store->closed_owner;
    for (unsigned i = 0; i < store->config.connections; i++)
        pg_args_fini(&store->lines[i].args);
    free(store);
    if (closed)
        closed(owner);
}

static void timer_closed(uv_handle_t *handle) {
    part_closed(handle->data);
}

static void line_closed(void *owner) {
    part_closed(((struct line *)owner)->store);
}

static const struct pg_conn_events line_events = {
    .ready = line_ready,
    .lost = line_lost,
    .result = line_result,
    .sync = line_sync,
    .closed = line_closed,
};

static int open_line(struct file_pg *store, struct line *line, const char *conninfo) {
    struct pg_conn_config config = {
        .conninfo = conninfo,
        .statements = file_statements,
        .statement_count = FILE_ST_COUNT,
        .events = &line_events,
        .owner = line,
        .connect_timeout_ms = store->config.connect_timeout_ms,
        .outage = &store->outage,
        .label = "files",
    };
    line->store = store;
    return pg_conn_open(store->loop, &config, &line->conn);
}

static void start_timer(struct file_pg *store, uv_timer_t *timer) {
    uv_timer_init(store->loop, timer);
    timer->data = store;
    store->parts++;
}

static void set_config(struct file_pg *store, const struct file_pg_config *given) {
    struct file_pg_config *config = &store->config;
    *config = *given;
    config->conninfo = NULL;
    config->connections = given->connections ? given->connections : 2;
    config->queue_max = given->queue_max ? given->queue_max : 4096;
    config->wait_ms = given->wait_ms ? given->wait_ms : 10000;
    config->connect_timeout_ms = given->connect_timeout_ms ? given->connect_timeout_ms : 5000;
    config->unused_age_s = given->unused_age_s ? given->unused_age_s : 86400;
    config->collect_ms = given->collect_ms ? given->collect_ms : 600000;
}

int file_pg_open(uv_loop_t *loop, const struct file_pg_config *config,
                 struct file_pg **ret_store) {
    struct pg_params *params;
    if (config->connections > CONNECTIONS_MAX || !config->conninfo ||
        pg_params_parse(config->conninfo, &params) != 0)
        return -EINVAL;
    pg_params_free(params);
    struct file_pg *store = mem_zalloc(sizeof(*store));
    store->base.ops = &ops;
    store->loop = loop;
    set_config(store, config);
    list_init(&store->queue);
    list_init(&store->ended);
    start_timer(store, &store->ending);
    start_timer(store, &store->look);
    start_timer(store, &store->collect);
    uv_timer_start(&store->collect, collect_run, store->config.collect_ms,
                   store->config.collect_ms);
    for (unsigned i = 0; i < store->config.connections; i++) {
        if (open_line(store, &store->lines[i], config->conninfo) != 0)
            abort(); /* it was parsed above */
        store->parts++;
    }
    *ret_store = store;
    return 0;
}

struct file_store *file_pg_port(struct file_pg *store) {
    return &store->base;
}

void file_pg_stats(const struct file_pg *store, struct file_pg_stats *ret_stats) {
    *ret_stats = store->stats;
}

void file_pg_close(struct file_pg *store, file_pg_closed_fn closed, void *owner) {
    assert(store->state == FILE_PG_OPEN);
    store->state = FILE_PG_CLOSING;
    store->closed = closed;
    store->closed_owner = owner;
    list_splice_back(&store->ended, &store->queue);
    for (unsigned i = 0; i < store->config.connections; i++) {
        struct line *line = &store->lines[i];
        if (line->request) {
            file_step_undo(line->request);
            list_push_back(&store->ended, &line->request->link);
        }
        line->work = LINE_IDLE;
        pg_conn_close(line->conn);
    }
    uv_timer_stop(&store->look);
    uv_timer_stop(&store->collect);
    uv_timer_start(&store->ending, ending_run, 0, 0);
}
