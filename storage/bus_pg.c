#include "storage/bus_pg.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/decimal.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "storage/pg_conn.h"
#include "storage/pg_fault.h"
#include "storage/pg_read.h"

#define CONNECT_TIMEOUT_MS 5000
#define LEAVE_TIMEOUT_MS 2000
#define QUEUE_BYTES ((size_t)32 << 20)
#define BEAT_MS 3000

/* Payloads of one transaction. */
#define BATCH_MAX 64

/* When the oldest of the writes under way began. One that takes longer than any lock or disk should
 * is none of ours. */
#define OPEN \
    "SELECT (extract(epoch FROM min(xact_start)) * 1000000)::bigint FROM pg_stat_activity " \
    "WHERE datname = current_database() AND pid <> pg_backend_pid() " \
    "AND (backend_xid IS NOT NULL OR wait_event_type = 'Lock') " \
    "AND xact_start > clock_timestamp() - interval '1 minute'"

enum { ST_LAZY, ST_NOTIFY, ST_BEAT, ST_LEAVE };

struct payload {
    struct list link;
    struct buf text;
};

enum bus_step {
    BUS_DOWN,
    BUS_IDLE,
    BUS_SENDING,
    BUS_BEATING,
    BUS_LEAVING,
};

struct bus_pg {
    struct bus port; /* first */
    struct bus_pg_config config;
    struct pg_conn *conn;
    struct pg_args args;
    struct list queue;
    struct list sent;
    size_t queued_bytes;
    enum bus_step step;
    int beat_due;
    uv_timer_t turn;  /* to the end of this turn; when closing, how long */
    uv_timer_t beat;
    int closing;      /* the handles still open, once it is being closed */
    bus_pg_closed_fn closed;
    void *closed_owner;
};

void bus_pg_pack(struct buf *payload, struct dm_slice frame) {
    buf_append_u64(payload, frame.len);
    buf_append_char(payload, ' ');
    buf_append_slice(payload, frame);
}

int bus_pg_unpack(struct dm_slice *payload, struct dm_slice *ret_frame) {
    struct dm_slice rest = *payload;
    int64_t len;
    if (!payload->len)
        return 0;
    if (!decimal_cut(&rest, &len) || !rest.len || rest.ptr[0] != ' ' ||
        (uint64_t)len > rest.len - 1)
        return -EINVAL;
    *ret_frame = (struct dm_slice){ rest.ptr + 1, (size_t)len };
    *payload = (struct dm_slice){ rest.ptr + 1 + len, rest.len - 1 - (size_t)len };
    return 1;
}

/* ---- what waits ---- */

static void payload_free(struct payload *payload) {
    buf_fini(&payload->text);
    free(payload);
}

static void payloads_free(struct list *list) {
    struct list *link;
    while ((link = list_pop_front(list)))
        payload_free(container_of(link, struct payload, link));
}

static struct payload *payload_for(struct bus_pg *bus, size_t len) {
    struct list *last = list_back(&bus->queue);
    struct payload *payload = last ? container_of(last, struct payload, link) : NULL;
    if (payload && payload->text.len + len + 8 <= BUS_PG_PAYLOAD_MAX)
        return payload;
    payload = mem_zalloc(sizeof(*payload));
    list_push_back(&bus->queue, &payload->link);
    return payload;
}

static void turn_ends(uv_timer_t *timer);

static void publish(struct bus *port, struct dm_slice frame) {
    struct bus_pg *bus = (struct bus_pg *)port;
    struct payload *payload;
    assert(frame.len <= port->frame_max);
    if (bus->closing)
        return;
    if (bus->queued_bytes + frame.len > bus->config.queue_bytes) {
        log_event(LOG_LEVEL_WARNING, "the bus is too slow, what waits for it is dropped",
                  LOG_UINT("bytes", bus->queued_bytes));
        payloads_free(&bus->queue);
        bus->queued_bytes = 0;
    }
    payload = payload_for(bus, frame.len);
    bus->queued_bytes -= payload->text.len;
    bus_pg_pack(&payload->text, frame);
    bus->queued_bytes += payload->text.len;
    if (bus->step == BUS_IDLE && !uv_is_active((uv_handle_t *)&bus->turn))
        uv_timer_start(&bus->turn, turn_ends, 0, 0);
}

/* ---- one transaction at a time ---- */

static void transact(struct bus_pg *bus, enum bus_step step, size_t statement) {
    bus->step = step;
    if (pg_conn_send(bus->conn, statement, &bus->args) == 0)
        pg_conn_sync(bus->conn);
}

static void send_batch(struct bus_pg *bus) {
    size_t count = 0;
    struct list *link;
    while (count < BATCH_MAX && (link = list_pop_front(&bus->queue))) {
        list_push_back(&bus->sent, link);
        bus->queued_bytes -= container_of(link, struct payload, link)->text.len;
        count++;
    }
    pg_args_reset(&bus->args);
    pg_conn_send(bus->conn, ST_LAZY, &bus->args);
    pg_args_reset(&bus->args);
    pg_args_array(&bus->args, PG_TEXT);
    list_foreach(it, &bus->sent) {
        const struct buf *text = &container_of(it, struct payload, link)->text;
        pg_args_item(&bus->args, text->data, text->len);
    }
    pg_args_array_end(&bus->args);
    transact(bus, BUS_SENDING, ST_NOTIFY);
}

static void send_beat(struct bus_pg *bus, enum bus_step step, size_t statement) {
    pg_args_reset(&bus->args);
    pg_args_int8(&bus->args, bus->port.node);
    transact(bus, step, statement);
}

static void conn_closed(void *owner);

static void end(struct bus_pg *bus) {
    uv_timer_stop(&bus->turn);
    pg_conn_close(bus->conn);
}

static void go_on(struct bus_pg *bus) {
    if (bus->step != BUS_IDLE)
        return;
    if (bus->beat_due && !bus->closing) {
        bus->beat_due = 0;
        send_beat(bus, BUS_BEATING, ST_BEAT);
    } else if (!list_is_empty(&bus->queue)) {
        send_batch(bus);
    } else if (bus->closing) {
        send_beat(bus, BUS_LEAVING, ST_LEAVE);
    }
}

static void turn_ends(uv_timer_t *timer) {
    go_on(timer->data);
}

static void beat(uv_timer_t *timer) {
    struct bus_pg *bus = timer->data;
    bus->beat_due = 1;
    go_on(bus);
}

static void conn_ready(struct pg_conn *conn, void *owner) {
    struct bus_pg *bus = owner;
    bus->step = BUS_IDLE;
    bus->beat_due = 1;
    go_on(bus);
}

/* Whether the last batch got out is not known: it goes again, and is known by its numbers. */
static void conn_lost(struct pg_conn *conn, void *owner) {
    struct bus_pg *bus = owner;
    bus->step = BUS_DOWN;
    list_foreach(it, &bus->sent)
        bus->queued_bytes += container_of(it, struct payload, link)->text.len;
    list_splice_back(&bus->sent, &bus->queue);
    list_splice_back(&bus->queue, &bus->sent);
    if (bus->closing)
        end(bus);
}

static void tell_nodes(struct bus_pg *bus, const PGresult *result) {
    struct bus_notice notice = { .kind = BUS_NODES };
    struct arena arena;
    size_t count;
    int64_t *values;
    arena_init(&arena, 1024);
    values = pg_read_ints(result, 0, 1, &arena, &count);
    if (count >= 2 && values[1] >= 0 && (uint64_t)values[1] <= count - 2) {
        notice.now_us = notice.open_us = values[0];
        if (!PQgetisnull(result, 0, 0))
            notice.open_us = pg_read_int(result, 0, 0);
        notice.sure_count = (size_t)values[1];
        notice.nodes = values + 2;
        notice.node_count = count - 2;
        bus->config.notice(bus->config.owner, &notice);
    }
    arena_fini(&arena);
}

static void conn_result(struct pg_conn *conn, void *owner, const PGresult *result) {
    struct bus_pg *bus = owner;
    if (pg_result_fault(result) != PG_FAULT_NONE)
        log_event(LOG_LEVEL_WARNING, "the bus is refused",
                  LOG_STR("reason", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
    else if (bus->step == BUS_BEATING && !bus->closing && PQntuples(result) == 1)
        tell_nodes(bus, result);
}

static void conn_sync(struct pg_conn *conn, void *owner) {
    struct bus_pg *bus = owner;
    payloads_free(&bus->sent);
    if (bus->step == BUS_LEAVING) {
        end(bus);
        return;
    }
    bus->step = BUS_IDLE;
    go_on(bus);
}

/* ---- opening and closing ---- */

static void handle_closed(uv_handle_t *handle) {
    struct bus_pg *bus = handle->data;
    bus_pg_closed_fn closed = bus->closed;
    void *owner = bus->closed_owner;
    if (--bus->closing)
        return;
    payloads_free(&bus->queue);
    payloads_free(&bus->sent);
    pg_args_fini(&bus->args);
    free(bus);
    closed(owner);
}

static void conn_closed(void *owner) {
    struct bus_pg *bus = owner;
    uv_close((uv_handle_t *)&bus->turn, handle_closed);
    uv_close((uv_handle_t *)&bus->beat, handle_closed);
}

int bus_pg_open(uv_loop_t *loop, const struct bus_pg_config *config, struct bus_pg **ret_bus) {
    static const struct pg_statement statements[] = {
        [ST_LAZY] = { "dm_bus_lazy", "SELECT set_config('synchronous_commit', 'off', true)" },
        [ST_NOTIFY] = { "dm_bus_notify", "SELECT pg_notify('" BUS_PG_CHANNEL "', p) "
                                         "FROM unnest($1::text[]) p" },
        [ST_BEAT] = { "dm_bus_beat", "SELECT (" OPEN "), node_beat($1) "
                                     "FROM set_config('synchronous_commit', 'off', true)" },
        [ST_LEAVE] = { "dm_bus_leave", "DELETE FROM nodes WHERE id = $1" },
    };
    static const struct pg_conn_events events = {
        .ready = conn_ready,
        .lost = conn_lost,
        .result = conn_result,
        .sync = conn_sync,
        .closed = conn_closed,
    };
    static const struct bus_ops ops = { .publish = publish };
    struct bus_pg *bus = mem_zalloc(sizeof(*bus));
    const struct pg_conn_config conn_config = {
        .conninfo = config->conninfo,
        .statements = statements,
        .statement_count = sizeof(statements) / sizeof(statements[0]),
        .events = &events,
        .owner = bus,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .label = "bus",
    };
    bus->config = *config;
    if (!bus->config.queue_bytes)
        bus->config.queue_bytes = QUEUE_BYTES;
    if (!bus->config.beat_ms)
        bus->config.beat_ms = BEAT_MS;
    bus->port.ops = &ops;
    bus->port.frame_max = BUS_PG_PAYLOAD_MAX - 8;
    random_bytes(&bus->port.node, sizeof(bus->port.node));
    bus->port.node &= INT64_MAX;
    list_init(&bus->queue);
    list_init(&bus->sent);
    int error = pg_conn_open(loop, &conn_config, &bus->conn);
    if (error) {
        free(bus);
        return error;
    }
    uv_timer_init(loop, &bus->turn);
    uv_timer_init(loop, &bus->beat);
    bus->turn.data = bus->beat.data = bus;
    uv_timer_start(&bus->beat, beat, bus->config.beat_ms, bus->config.beat_ms);
    *ret_bus = bus;
    return 0;
}

struct bus *bus_pg_port(struct bus_pg *bus) {
    return &bus->port;
}

static void leave_timeout(uv_timer_t *timer) {
    end(timer->data);
}

void bus_pg_close(struct bus_pg *bus, bus_pg_closed_fn closed, void *owner) {
    bus->closed = closed;
    bus->closed_owner = owner;
    bus->closing = 2;
    uv_timer_stop(&bus->beat);
    if (bus->step == BUS_DOWN) {
        end(bus);
        return;
    }
    uv_timer_start(&bus->turn, leave_timeout, LEAVE_TIMEOUT_MS, 0);
    go_on(bus);
}
