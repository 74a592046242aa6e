#include "core/server/file_server.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/net/conn.h"
#include "core/server/file_range.h"
#include "core/server/file_type.h"

#define TRANSFERS_MAX 1024
#define CHUNK ((size_t)16 << 10) /* copied into the send queue at a time */
#define TOKEN_MAX 16384
#define FIELDS_MAX 10

struct file_server {
    struct file_server_config config;
    uint32_t transfers;
    enum { FILE_SERVER_OPEN = 0, FILE_SERVER_DRAINING } state;
    struct metric_counter *bytes;
};

/* One request:  FINDING ─▶ READING ⇄ WRITING ─▶ ANSWERED. It stays until both the exchange has
 * ended and nothing is asked of engine or store any more. */
enum transfer_state {
    TRANSFER_FINDING,  /* the engine is asked */
    TRANSFER_READING,  /* the store is asked */
    TRANSFER_WRITING,  /* the client is waited for */
    TRANSFER_ANSWERED,
};

struct transfer {
    struct file_server *server;
    struct http_exchange *exchange; /* NULL once ended */
    enum transfer_state state;
    enum dm_status signature;       /* what file_urls_open said */
    int64_t id;
    uint32_t piece_size;
    int64_t at, end;                /* what is left to be sent */
    struct blob *piece;             /* the one that `at` lies in; NULL: not read */
    struct file_read read;
};

struct file_server *file_server_new(const struct file_server_config *config) {
    struct file_server *server = mem_zalloc(sizeof(*server));
    server->config = *config;
    if (!config->transfers_max)
        server->config.transfers_max = TRANSFERS_MAX;
    server->bytes = metrics_counter(config->metrics, "dragoman_file_bytes_total",
                                    "Bytes of files sent.", METRIC_NO_LABELS);
    return server;
}

void file_server_free(struct file_server *server) {
    if (!server)
        return;
    assert(server->transfers == 0);
    free(server);
}

void file_server_drain(struct file_server *server) {
    server->state = FILE_SERVER_DRAINING;
}

uint32_t file_server_busy(const struct file_server *server) {
    return server->transfers;
}

static void count(struct file_server *server, unsigned status) {
    char text[8];
    snprintf(text, sizeof(text), "%u", status);
    metrics_inc(metrics_counter(server->config.metrics, "dragoman_file_requests_total",
                                "Requests for files, by status.", METRIC_LABELS("status", text)));
}

static void transfer_release(struct transfer *transfer) {
    if (transfer->exchange || transfer->state == TRANSFER_FINDING ||
        transfer->state == TRANSFER_READING)
        return;
    blob_unref(transfer->piece);
    transfer->server->transfers--;
    free(transfer);
}

/* ---- refusals ---- */

static void refuse(struct file_server *server, struct http_exchange *exchange, unsigned status,
                   const struct http_field *more) {
    struct http_field fields[5] = {
        { DM_SLICE("Content-Type"), DM_SLICE("application/json") },
        { DM_SLICE("Cache-Control"), DM_SLICE("no-store") },
        { DM_SLICE("X-Content-Type-Options"), DM_SLICE("nosniff") },
    };
    char body[64];
    size_t field_count = 3;
    if (more)
        fields[field_count++] = *more;
    if (status == 503 || status == 429)
        fields[field_count++] = (struct http_field){ DM_SLICE("Retry-After"), DM_SLICE("1") };
    int len = snprintf(body, sizeof(body), "{\"error\":\"%s\"}", http_status_text(status));
    count(server, status);
    http_respond(exchange, status, fields, field_count, (struct dm_slice){ body, (size_t)len });
}

static void transfer_refuse(struct transfer *transfer, unsigned status,
                            const struct http_field *more) {
    transfer->state = TRANSFER_ANSWERED;
    refuse(transfer->server, transfer->exchange, status, more);
}

/* ---- bytes ---- */

static void pump(struct transfer *transfer);

static void piece_read(struct file_request *request, enum dm_status status) {
    struct transfer *transfer = request->owner;
    transfer->state = TRANSFER_WRITING;
    transfer->piece = transfer->read.ret_data;
    if (!transfer->exchange) {
        transfer_release(transfer);
        return;
    }
    if (status == DM_OK) {
        pump(transfer);
        return;
    }
    /* Less than was promised: the connection is cut, so that nobody takes it for all. */
    transfer->state = TRANSFER_ANSWERED;
    http_respond_end(transfer->exchange);
}

static void read_piece(struct transfer *transfer) {
    transfer->state = TRANSFER_READING;
    transfer->read = (struct file_read){
        .base = { .kind = FILE_READ, .done = piece_read, .owner = transfer },
        .id = transfer->id,
        .piece = (uint32_t)(transfer->at / transfer->piece_size),
    };
    file_store_submit(transfer->server->config.store, &transfer->read.base);
}

/* What the piece at hand has at `at`, one chunk at most. */
static struct dm_slice next_chunk(const struct transfer *transfer) {
    size_t offset = (size_t)(transfer->at % transfer->piece_size);
    size_t len = transfer->piece->len > offset ? transfer->piece->len - offset : 0;
    if ((int64_t)len > transfer->end - transfer->at)
        len = (size_t)(transfer->end - transfer->at);
    return (struct dm_slice){ transfer->piece->data + offset, len < CHUNK ? len : CHUNK };
}

static void pump(struct transfer *transfer) {
    while (transfer->at < transfer->end) {
        if (!transfer->piece) {
            read_piece(transfer);
            return;
        }
        struct dm_slice chunk = next_chunk(transfer);
        int r = chunk.len ? http_respond_chunk(transfer->exchange, chunk) : -EIO;
        if (r < 0)
            break;
        transfer->at += (int64_t)chunk.len;
        metrics_add(transfer->server->bytes, chunk.len);
        if (transfer->at % transfer->piece_size == 0)
            transfer->piece = blob_unref(transfer->piece);
        if (r == HTTP_FULL)
            return;
    }
    transfer->state = TRANSFER_ANSWERED;
    http_respond_end(transfer->exchange);
}

/* ---- the answer ---- */

struct head {
    struct http_field fields[FIELDS_MAX];
    size_t count;
    struct buf disposition;
    char etag[64];
    char range[96];
};

static void add(struct head *head, struct dm_slice name, struct dm_slice value) {
    assert(head->count < FIELDS_MAX);
    head->fields[head->count++] = (struct http_field){ name, value };
}

static void describe(struct head *head, const struct file_info *info) {
    enum file_display display;
    const char *type = file_type_of(info->name, &display);
    file_type_disposition(info->name, display, &head->disposition);
    add(head, DM_SLICE("Content-Type"), dm_slice_str(type));
    add(head, DM_SLICE("Content-Disposition"), buf_slice(&head->disposition));
    add(head, DM_SLICE("Accept-Ranges"), DM_SLICE("bytes"));
    add(head, DM_SLICE("X-Content-Type-Options"), DM_SLICE("nosniff"));
    add(head, DM_SLICE("Content-Security-Policy"), DM_SLICE("sandbox"));
}

static void send_part(struct transfer *transfer, struct head *head, struct file_range range,
                      int64_t size) {
    unsigned status = 200;
    if (range.kind == FILE_RANGE_PART) {
        status = 206;
        snprintf(head->range, sizeof(head->range), "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
                 range.begin, range.end - 1, size);
        add(head, DM_SLICE("Content-Range"), dm_slice_str(head->range));
    }
    transfer->at = range.begin;
    transfer->end = range.end;
    transfer->state = TRANSFER_WRITING;
    if (http_respond_begin(transfer->exchange, status, head->fields, head->count,
                           range.end - range.begin) == -EINVAL) {
        transfer_refuse(transfer, 500, NULL);
        return;
    }
    count(transfer->server, status);
    if (http_request(transfer->exchange)->method == HTTP_METHOD_HEAD)
        transfer->at = transfer->end;
    pump(transfer);
}

static void send_unsatisfiable(struct transfer *transfer, int64_t size) {
    char text[48];
    struct http_field field = { DM_SLICE("Content-Range"), DM_SLICE_NONE };
    snprintf(text, sizeof(text), "bytes */%" PRId64, size);
    field.value = dm_slice_str(text);
    transfer_refuse(transfer, 416, &field);
}

/* A file never changes: its id names its content. */
static void answer(struct transfer *transfer, const struct file_info *info) {
    const struct http_request *request = http_request(transfer->exchange);
    struct head head = { .count = 0 };
    snprintf(head.etag, sizeof(head.etag), "\"f%" PRId64 "-%" PRId64 "\"", info->id, info->size);
    struct dm_slice etag = dm_slice_str(head.etag);
    struct file_range range = file_range_of(request, etag, info->size);
    add(&head, DM_SLICE("ETag"), etag);
    add(&head, DM_SLICE("Cache-Control"), DM_SLICE("private"));
    if (file_range_is_known(request, etag)) {
        transfer->state = TRANSFER_ANSWERED;
        count(transfer->server, 304);
        http_respond(transfer->exchange, 304, head.fields, head.count, DM_SLICE_NONE);
    } else if (range.kind == FILE_RANGE_UNSATISFIABLE) {
        send_unsatisfiable(transfer, info->size);
    } else {
        transfer->piece_size = info->piece_size;
        describe(&head, info);
        send_part(transfer, &head, range, info->size);
    }
    buf_fini(&head.disposition);
}

/* ---- the question ---- */

static unsigned refusal(const struct transfer *transfer, enum dm_status status) {
    if (status == DM_UNAVAILABLE)
        return 503;
    if (status == DM_INTERNAL)
        return 500;
    return transfer->signature == DM_UNAUTHENTICATED || transfer->signature == DM_OK ? 404 : 403;
}

static void found(void *owner, enum dm_status status, const struct file_info *info) {
    struct transfer *transfer = owner;
    transfer->state = TRANSFER_ANSWERED;
    if (!transfer->exchange)
        transfer_release(transfer);
    else if (status == DM_OK && info->piece_size)
        answer(transfer, info);
    else
        transfer_refuse(transfer, refusal(transfer, status), NULL);
}

/* The parameter `token`, decoded into `memory` of TOKEN_MAX bytes. */
static struct dm_slice query_token(const struct http_request *request, char *memory) {
    struct dm_slice rest = request->query;
    struct http_field pair;
    size_t len;
    while (http_pair_next(rest, &rest, &pair))
        if (dm_slice_eq(pair.name, DM_SLICE("token")) && pair.value.ptr &&
            pair.value.len <= TOKEN_MAX &&
            http_percent_decode(pair.value, HTTP_PLUS_LITERAL, memory, &len) == 0)
            return (struct dm_slice){ memory, len };
    return DM_SLICE_NONE;
}

static struct dm_slice token_of(const struct http_request *request, char *memory) {
    struct dm_slice value = http_header(request, "Authorization");
    if (value.len < 7 || strncasecmp(value.ptr, "Bearer ", 7) != 0)
        return query_token(request, memory);
    value = (struct dm_slice){ value.ptr + 7, value.len - 7 };
    while (value.len && value.ptr[0] == ' ')
        value = (struct dm_slice){ value.ptr + 1, value.len - 1 };
    return value;
}

static void ask(struct transfer *transfer) {
    const struct http_request *request = http_request(transfer->exchange);
    struct engine *engine = transfer->server->config.engine;
    char *memory = mem_alloc(TOKEN_MAX);
    struct dm_slice token = token_of(request, memory);
    transfer->signature = file_urls_open(transfer->server->config.urls, transfer->id,
                                         request->query);
    if (transfer->signature == DM_OK)
        engine_file_find(engine, transfer->id, DM_SLICE_NONE, found, transfer);
    else if (token.ptr)
        engine_file_find(engine, transfer->id, token, found, transfer);
    else
        transfer_refuse(transfer, refusal(transfer, DM_NO_FILE), NULL);
    free(memory);
}

static void on_writable(struct http_exchange *exchange) {
    struct transfer *transfer = http_userdata(exchange);
    if (transfer->state == TRANSFER_WRITING)
        pump(transfer);
}

static void on_end(struct http_exchange *exchange, enum http_end how) {
    struct transfer *transfer = http_userdata(exchange);
    transfer->exchange = NULL;
    transfer_release(transfer);
}

static const struct http_handler handler = { .writable = on_writable, .end = on_end };

static void begin(struct file_server *server, struct http_exchange *exchange, int64_t id) {
    struct transfer *transfer = mem_zalloc(sizeof(*transfer));
    transfer->server = server;
    transfer->exchange = exchange;
    transfer->state = TRANSFER_FINDING;
    transfer->id = id;
    server->transfers++;
    http_attach(exchange, &handler, transfer);
    ask(transfer);
}

static int is_prefix(struct dm_slice path) {
    size_t len = sizeof(FILE_URL_PREFIX) - 1;
    return path.len >= len && memcmp(path.ptr, FILE_URL_PREFIX, len) == 0;
}

static int may_ask(struct file_server *server, struct http_exchange *exchange) {
    uint64_t key = address_limit_key(server->config.addresses, http_request(exchange)->remote);
    struct loop *loop = conn_server_loop(conn_server_of(http_conn(exchange)));
    return address_limit_take(server->config.addresses, ADDRESS_LIMIT_ALL, key, loop_now(loop));
}

int file_server_request(struct file_server *server, struct http_exchange *exchange) {
    const struct http_request *request = http_request(exchange);
    struct http_field allow = { DM_SLICE("Allow"), DM_SLICE("GET, HEAD") };
    int64_t id;
    if (!is_prefix(request->path))
        return 0;
    if (!may_ask(server, exchange))
        refuse(server, exchange, 429, NULL);
    else if (file_url_parse_path(request->path, &id) != 0)
        refuse(server, exchange, 404, NULL);
    else if (request->method != HTTP_METHOD_GET && request->method != HTTP_METHOD_HEAD)
        refuse(server, exchange, 405, &allow);
    else if (server->state == FILE_SERVER_DRAINING ||
             server->transfers >= server->config.transfers_max)
        refuse(server, exchange, 503, NULL);
    else
        begin(server, exchange, id);
    return 1;
}
