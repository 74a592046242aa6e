#include "storage/listen_pg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/mem.h"
#include "core/base/uuid.h"
#include "storage/bus_pg.h"
#include "storage/pg_conn.h"
#include "storage/pg_fault.h"

#define CONNECT_TIMEOUT_MS 5000

enum { ST_LISTEN, ST_LOCK, ST_LISTEN_BUS };

struct listen_pg {
    struct pg_conn *conn;
    struct pg_args args;
    int64_t node;
    bus_notice_fn notice;
    void *owner;
    int failed;
    listen_pg_closed_fn closed;
    void *closed_owner;
};

static int parse_id(const char *text, int64_t *ret_id) {
    return decimal_parse(dm_slice_str(text), INT64_MAX, ret_id) || *ret_id == 0 ? -EINVAL : 0;
}

static int parse_fingerprint(const char *text, uint8_t ret_bytes[32]) {
    if (strlen(text) != 64)
        return -EINVAL;
    for (int i = 0; i < 32; i++) {
        int hi = dm_hex_value(text[2 * i]);
        int lo = dm_hex_value(text[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return -EINVAL;
        ret_bytes[i] = (uint8_t)(hi << 4 | lo);
    }
    return 0;
}

int listen_pg_parse(const char *payload, struct bus_notice *ret_notice) {
    static const struct {
        const char *word;
        enum bus_notice_kind kind;
    } kinds[] = {
        { "user_created ", BUS_USER_CREATED },
        { "user_changed ", BUS_USER_CHANGED },
        { "user_deactivated ", BUS_USER_DEACTIVATED },
        { "token_revoked ", BUS_TOKEN_REVOKED },
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].word);
        struct bus_notice notice = { .kind = kinds[i].kind };
        if (strncmp(payload, kinds[i].word, len) != 0)
            continue;
        int error = notice.kind == BUS_TOKEN_REVOKED
                        ? parse_fingerprint(payload + len, notice.fingerprint)
                        : parse_id(payload + len, &notice.id);
        if (!error)
            *ret_notice = notice;
        return error;
    }
    return -EINVAL;
}

static int ask(struct listen_pg *listen, struct pg_conn *conn, size_t statement) {
    pg_args_reset(&listen->args);
    if (statement == ST_LOCK)
        pg_args_int8(&listen->args, listen->node);
    return pg_conn_send(conn, statement, &listen->args);
}

static void conn_ready(struct pg_conn *conn, void *owner) {
    struct listen_pg *listen = owner;
    int error;
    listen->failed = 0;
    error = ask(listen, conn, ST_LISTEN);
    if (!error && listen->node)
        error = ask(listen, conn, ST_LOCK);
    if (!error && listen->node)
        error = ask(listen, conn, ST_LISTEN_BUS);
    if (!error)
        pg_conn_sync(conn);
}

static void conn_lost(struct pg_conn *conn, void *owner) {
    struct listen_pg *listen = owner;
    const struct bus_notice deaf = { .kind = BUS_DEAF };
    listen->notice(listen->owner, &deaf);
}

static void conn_result(struct pg_conn *conn, void *owner, const PGresult *result) {
    struct listen_pg *listen = owner;
    listen->failed |= pg_result_fault(result) != PG_FAULT_NONE;
}

static void conn_sync(struct pg_conn *conn, void *owner) {
    struct listen_pg *listen = owner;
    const struct bus_notice resync = { .kind = BUS_RESYNC };
    if (listen->failed) {
        pg_conn_drop(conn);
        return;
    }
    listen->notice(listen->owner, &resync);
}

/* What is malformed ends the payload: the frames' numbers tell that some are missing. */
static void hear_frames(struct listen_pg *listen, struct dm_slice payload) {
    struct bus_notice notice = { .kind = BUS_FRAME };
    while (bus_pg_unpack(&payload, &notice.frame) == 1)
        listen->notice(listen->owner, &notice);
}

static void conn_notify(struct pg_conn *conn, void *owner, const PGnotify *notify) {
    struct listen_pg *listen = owner;
    struct bus_notice notice;
    if (strcmp(notify->relname, BUS_PG_CHANNEL) == 0)
        hear_frames(listen, dm_slice_str(notify->extra));
    else if (strcmp(notify->relname, LISTEN_PG_CHANNEL) == 0 &&
        listen_pg_parse(notify->extra, &notice) == 0)
        listen->notice(listen->owner, &notice);
}

static void conn_closed(void *owner) {
    struct listen_pg *listen = owner;
    listen_pg_closed_fn closed = listen->closed;
    void *closed_owner = listen->closed_owner;
    pg_args_fini(&listen->args);
    free(listen);
    closed(closed_owner);
}

int listen_pg_open(uv_loop_t *loop, const char *conninfo, int64_t node, bus_notice_fn notice,
                   void *owner, struct listen_pg **ret_listen) {
    static const struct pg_statement statements[] = {
        [ST_LISTEN] = { "dm_listen", "LISTEN " LISTEN_PG_CHANNEL },
        [ST_LOCK] = { "dm_node_lock", "SELECT pg_advisory_lock_shared($1)" },
        [ST_LISTEN_BUS] = { "dm_listen_bus", "LISTEN " BUS_PG_CHANNEL },
    };
    static const struct pg_conn_events events = {
        .ready = conn_ready,
        .lost = conn_lost,
        .result = conn_result,
        .sync = conn_sync,
        .notify = conn_notify,
        .closed = conn_closed,
    };
    struct listen_pg *listen = mem_zalloc(sizeof(*listen));
    const struct pg_conn_config config = {
        .conninfo = conninfo,
        .statements = statements,
        .statement_count = sizeof(statements) / sizeof(statements[0]),
        .events = &events,
        .owner = listen,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .label = "listen",
    };
    listen->node = node;
    listen->notice = notice;
    listen->owner = owner;
    int error = pg_conn_open(loop, &config, &listen->conn);
    if (error) {
        free(listen);
        return error;
    }
    *ret_listen = listen;
    return 0;
}

void listen_pg_close(struct listen_pg *listen, listen_pg_closed_fn closed, void *owner) {
    listen->closed = closed;
    listen->closed_owner = owner;
    pg_conn_close(listen->conn);
}

int listen_pg_is_up(const struct listen_pg *listen) {
    return pg_conn_state(listen->conn) == PG_CONN_READY;
}
