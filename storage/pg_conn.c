#include "storage/pg_conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "storage/pg_expect.h"
#include "storage/pg_params.h"

#define BACKOFF_MIN_MS 20
#define BACKOFF_MAX_MS 1000
#define TELL_EVERY_MS 60000
#define SERVER_VERSION_MIN 130000

struct pg_conn {
    struct pg_conn_config config;
    uv_loop_t *loop;
    enum pg_conn_state state;
    struct pg_params *params;
    PGconn *pg;
    uv_poll_t *poll; /* on its own, because it outlives the descriptor */
    int poll_events;
    uv_timer_t timer;
    uint32_t backoff_ms;
    struct pg_outage *outage;
    struct pg_outage own_outage;
    int dropped;
    PGresult *prepare_error;
    uint8_t prepared[PG_STATEMENTS_MAX];
    struct expect_queue expect;
};

static void conn_start(struct pg_conn *conn);
static void conn_wait(struct pg_conn *conn);
static void poll_ready(uv_poll_t *handle, int status, int events);

enum pg_conn_state pg_conn_state(const struct pg_conn *conn) {
    return conn->state;
}

/* The descriptor */

static void poll_closed(uv_handle_t *handle) {
    free(handle);
}

static void poll_close(struct pg_conn *conn) {
    if (!conn->poll)
        return;
    uv_poll_stop(conn->poll);
    uv_close((uv_handle_t *)conn->poll, poll_closed);
    conn->poll = NULL;
    conn->poll_events = 0;
}

static int poll_watch(struct pg_conn *conn, int events) {
    if (!conn->poll) {
        conn->poll = mem_zalloc(sizeof(*conn->poll));
        int error = uv_poll_init(conn->loop, conn->poll, PQsocket(conn->pg));
        if (error) {
            free(conn->poll);
            conn->poll = NULL;
            return error;
        }
        conn->poll->data = conn;
    }
    if (events == conn->poll_events)
        return 0;
    conn->poll_events = events;
    return uv_poll_start(conn->poll, events, poll_ready);
}

/* Losing and winning */

static void conn_teardown(struct pg_conn *conn) {
    poll_close(conn);
    uv_timer_stop(&conn->timer);
    PQclear(conn->prepare_error);
    conn->prepare_error = NULL;
    if (conn->pg)
        PQfinish(conn->pg);
    conn->pg = NULL;
    conn->expect.count = 0;
    conn->dropped = 0;
    memset(conn->prepared, 0, sizeof(conn->prepared));
}

static enum log_level failure_level(struct pg_conn *conn) {
    uint64_t now = uv_now(conn->loop);
    if (now < conn->outage->tell_at_ms)
        return LOG_LEVEL_DEBUG;
    conn->outage->tell_at_ms = now + TELL_EVERY_MS;
    return LOG_LEVEL_WARNING;
}

static void conn_is_away(struct pg_conn *conn) {
    conn->outage->away++;
}

static void conn_is_there(struct pg_conn *conn) {
    if (--conn->outage->away == 0)
        conn->outage->tell_at_ms = 0;
}

static void conn_fail(struct pg_conn *conn, const char *reason) {
    int was_ready = conn->state == PG_CONN_READY;
    enum log_level level = failure_level(conn);
    log_event(level,
              was_ready ? "database connection lost" : "database connection failed",
              LOG_STR("connection", conn->config.label), LOG_STR("reason", reason));
    conn_teardown(conn);
    conn_wait(conn);
    if (!was_ready)
        return;
    conn_is_away(conn);
    conn->config.events->lost(conn, conn->config.owner);
}

static void conn_fail_pg(struct pg_conn *conn) {
    char reason[512];
    const char *message = conn->pg ? PQerrorMessage(conn->pg) : "";
    size_t len = strcspn(message, "\n");
    len = len < sizeof(reason) - 1 ? len : sizeof(reason) - 1;
    memcpy(reason, message, len);
    reason[len] = '\0';
    conn_fail(conn, reason);
}

static void wait_over(uv_timer_t *timer) {
    conn_start(timer->data);
}

static void conn_wait(struct pg_conn *conn) {
    uint32_t ms = conn->backoff_ms;
    conn->state = PG_CONN_WAITING;
    conn->backoff_ms = ms ? (ms * 2 < BACKOFF_MAX_MS ? ms * 2 : BACKOFF_MAX_MS) : BACKOFF_MIN_MS;
    uint64_t jitter = ms ? random_fast_u64() % (ms / 2 + 1) : 0;
    uv_timer_start(&conn->timer, wait_over, ms / 2 + jitter, 0);
}

static void conn_won(struct pg_conn *conn) {
    uv_timer_stop(&conn->timer);
    if (PQserverVersion(conn->pg) < SERVER_VERSION_MIN) {
        conn_fail(conn, "PostgreSQL 13 or later is needed");
        return;
    }
    if (PQsetnonblocking(conn->pg, 1) != 0 || PQenterPipelineMode(conn->pg) != 1 ||
        poll_watch(conn, UV_READABLE) != 0) {
        conn_fail_pg(conn);
        return;
    }
    conn->state = PG_CONN_READY;
    conn_is_there(conn);
    conn->config.events->ready(conn, conn->config.owner);
}

static void connect_timeout(uv_timer_t *timer) {
    conn_fail(timer->data, "no answer in time");
}

static void connect_step(struct pg_conn *conn) {
    int fd = PQsocket(conn->pg);
    PostgresPollingStatusType status = PQconnectPoll(conn->pg);
    /* The next host means another descriptor, maybe under the same number. */
    if (PQsocket(conn->pg) != fd || status == PGRES_POLLING_WRITING)
        poll_close(conn);
    if (status == PGRES_POLLING_OK)
        conn_won(conn);
    else if (status == PGRES_POLLING_FAILED ||
             poll_watch(conn, status == PGRES_POLLING_READING ? UV_READABLE : UV_WRITABLE) != 0)
        conn_fail_pg(conn);
}

static void notice_ignored(void *owner, const PGresult *result) {
}

static void conn_connect(struct pg_conn *conn) {
    conn->state = PG_CONN_CONNECTING;
    conn->pg = PQconnectStartParams(pg_params_keys(conn->params), pg_params_values(conn->params),
                                    0);
    if (!conn->pg || PQstatus(conn->pg) == CONNECTION_BAD ||
        poll_watch(conn, UV_WRITABLE) != 0) {
        conn_fail_pg(conn);
        return;
    }
    PQsetNoticeReceiver(conn->pg, notice_ignored, NULL);
    uv_timer_start(&conn->timer, connect_timeout, conn->config.connect_timeout_ms, 0);
}

static void conn_free(uv_handle_t *handle) {
    struct pg_conn *conn = handle->data;
    conn->config.events->closed(conn->config.owner);
    free((char *)conn->config.conninfo);
    free(conn->expect.ring);
    pg_params_free(conn->params);
    free(conn);
}

static void conn_resolved(void *owner, int status) {
    struct pg_conn *conn = owner;
    if (conn->state == PG_CONN_CLOSED)
        uv_close((uv_handle_t *)&conn->timer, conn_free);
    else if (status < 0)
        conn_fail(conn, "host name cannot be resolved");
    else
        conn_connect(conn);
}

static void conn_start(struct pg_conn *conn) {
    conn->state = PG_CONN_RESOLVING;
    if (pg_params_resolve(conn->params, conn->loop, conn_resolved, conn) == 0)
        conn_connect(conn);
}

/* Answers */

static int result_is_fatal(const PGresult *result) {
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

static void note_health(struct pg_conn *conn, const struct expect *expect,
                        const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK)
        conn->backoff_ms = 0;
    else if (state && strncmp(state, "26", 2) == 0)
        conn->prepared[expect->statement] = 0;
}

static void conn_answer(struct pg_conn *conn, PGresult *result) {
    struct expect *expect = expect_front(&conn->expect);
    if (expect->kind == EXPECT_SYNC) {
        expect_pop(&conn->expect);
        PQclear(result);
        conn->config.events->sync(conn, conn->config.owner);
        return;
    }
    expect->answered = 1;
    note_health(conn, expect, result);
    if (expect->kind == EXPECT_RESULT) {
        /* A statement that could not be prepared fails by the reason of that. */
        PGresult *instead = conn->prepare_error;
        conn->prepare_error = NULL;
        conn->config.events->result(conn, conn->config.owner, instead ? instead : result);
        PQclear(instead);
    } else if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        conn->prepared[expect->statement] = 1;
    } else {
        conn->prepared[expect->statement] = 0;
        if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
            conn->prepare_error = result;
            return;
        }
    }
    PQclear(result);
}

static void conn_answers(struct pg_conn *conn) {
    while (conn->state == PG_CONN_READY && !conn->dropped && conn->expect.count &&
           !PQisBusy(conn->pg)) {
        PGresult *result = PQgetResult(conn->pg);
        if (!result) {
            if (PQstatus(conn->pg) == CONNECTION_BAD)
                conn->dropped = 1;
            else if (expect_front(&conn->expect)->answered)
                expect_pop(&conn->expect);
            continue;
        }
        if (PQstatus(conn->pg) != CONNECTION_BAD && !result_is_fatal(result)) {
            conn_answer(conn, result);
            continue;
        }
        log_event(LOG_LEVEL_INFO, "database ends the connection",
                  LOG_STR("connection", conn->config.label),
                  LOG_STR("reason", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
        conn->dropped = 1;
        PQclear(result);
    }
}

static void conn_notifies(struct pg_conn *conn) {
    PGnotify *notify;
    while (conn->state == PG_CONN_READY && (notify = PQnotifies(conn->pg)) != NULL) {
        if (conn->config.events->notify)
            conn->config.events->notify(conn, conn->config.owner, notify);
        PQfreemem(notify);
    }
}

static void conn_flush(struct pg_conn *conn) {
    int left = PQflush(conn->pg);
    if (left < 0 || poll_watch(conn, left ? UV_READABLE | UV_WRITABLE : UV_READABLE) != 0)
        pg_conn_drop(conn);
}

static void poll_ready(uv_poll_t *handle, int status, int events) {
    struct pg_conn *conn = handle->data;
    if (conn->state == PG_CONN_CONNECTING) {
        connect_step(conn);
        return;
    }
    if (status < 0 || ((events & UV_READABLE) && !PQconsumeInput(conn->pg)))
        conn->dropped = 1;
    conn_answers(conn);
    if (conn->state == PG_CONN_READY && !conn->dropped) {
        conn_notifies(conn);
        if (conn->state == PG_CONN_READY)
            conn_flush(conn);
    }
    if (conn->state == PG_CONN_READY && conn->dropped)
        conn_fail_pg(conn);
}

/* Interface */

int pg_conn_open(uv_loop_t *loop, const struct pg_conn_config *config, struct pg_conn **ret_conn) {
    struct pg_params *params;
    assert(config->statement_count <= PG_STATEMENTS_MAX);
    int error = pg_params_parse(config->conninfo, &params);
    if (error)
        return error;
    struct pg_conn *conn = mem_zalloc(sizeof(*conn));
    conn->config = *config;
    conn->config.conninfo = mem_dup(config->conninfo, strlen(config->conninfo));
    conn->loop = loop;
    conn->outage = config->outage ? config->outage : &conn->own_outage;
    conn_is_away(conn);
    conn->params = params;
    conn->state = PG_CONN_WAITING;
    uv_timer_init(loop, &conn->timer);
    conn->timer.data = conn;
    uv_timer_start(&conn->timer, wait_over, 0, 0);
    *ret_conn = conn;
    return 0;
}

static void drop_later(uv_timer_t *timer) {
    struct pg_conn *conn = timer->data;
    if (conn->state == PG_CONN_READY)
        conn_fail_pg(conn);
}

void pg_conn_drop(struct pg_conn *conn) {
    if (conn->state != PG_CONN_READY || conn->dropped)
        return;
    conn->dropped = 1;
    uv_timer_start(&conn->timer, drop_later, 0, 0);
}

int pg_conn_send(struct pg_conn *conn, size_t statement, struct pg_args *args) {
    const struct pg_statement *s = &conn->config.statements[statement];
    assert(conn->state == PG_CONN_READY && statement < conn->config.statement_count);
    if (conn->dropped)
        return -EIO;
    pg_args_finish(args);
    if (!conn->prepared[statement]) {
        if (!PQsendPrepare(conn->pg, s->name, s->sql, 0, NULL)) {
            pg_conn_drop(conn);
            return -EIO;
        }
        /* Until its answer says otherwise: what follows in the pipeline may use it. */
        conn->prepared[statement] = 1;
        expect_push(&conn->expect, EXPECT_PREPARED, statement);
    }
    if (!PQsendQueryPrepared(conn->pg, s->name, args->count, args->values, args->lengths,
                             args->formats, 1)) {
        pg_conn_drop(conn);
        return -EIO;
    }
    expect_push(&conn->expect, EXPECT_RESULT, statement);
    return 0;
}

int pg_conn_sync(struct pg_conn *conn) {
    if (conn->dropped || !PQpipelineSync(conn->pg)) {
        pg_conn_drop(conn);
        return -EIO;
    }
    expect_push(&conn->expect, EXPECT_SYNC, 0);
    conn_flush(conn);
    return 0;
}

void pg_conn_close(struct pg_conn *conn) {
    enum pg_conn_state was = conn->state;
    if (was == PG_CONN_CLOSED)
        return;
    if (was != PG_CONN_READY)
        conn_is_there(conn);
    conn->state = PG_CONN_CLOSED;
    conn_teardown(conn);
    if (was == PG_CONN_RESOLVING)
        pg_params_cancel(conn->params);
    else
        uv_close((uv_handle_t *)&conn->timer, conn_free);
}
