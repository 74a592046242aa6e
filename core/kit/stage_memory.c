/* A gateway in memory: what core/server puts together, without configuration and database. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/auth/file_url.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/base/random.h"
#include "core/kit/stage.h"

#define SERIES_MAX 4096

struct theatre {
    struct stage *stage;
    uint8_t key[AUTH_KEY_LEN];
    struct adapter_values *values;
    struct file_urls *urls;
    struct engine_config engine_config;
    unsigned haste;
    struct host_config host_config;
    struct engine_client client;
    struct loop_timer wake;
    struct loop_hook turn;
    struct conn_server *server;
    const struct stage_files *files_ops;
    void *files; /* NULL: nobody serves them */
};

/* The engine's callbacks know a session only; there is one stage at a time. */
static struct theatre *current;

/* ---- settings ---- */

/* Settings of the gateway, not of the adapter, that a transcript may ask for. */
static const struct {
    const char *path;
    size_t offset; /* of a uint32_t in struct engine_config */
} numbers[] = {
    { "limits.text_max", offsetof(struct engine_config, text_max) },
    { "limits.queue_max", offsetof(struct engine_config, queue_max) },
    { "auth.guesses", offsetof(struct engine_config, guesses) },
    { "files.max_count", offsetof(struct engine_config, uploads_max) },
    { "files.max_size", offsetof(struct engine_config, upload_max) },
    { "files.max_total", offsetof(struct engine_config, upload_total_max) },
};

/* Where it is kept; NULL: it is none of them. */
static char *find_number(struct theatre *theatre, struct dm_slice path) {
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (dm_slice_eq(path, dm_slice_str(numbers[i].path)))
            return (char *)&theatre->engine_config + numbers[i].offset;
    return NULL;
}

static int set_number(struct theatre *theatre, char *place, const char *assignment,
                      const char *value, struct buf *error) {
    char *end;
    unsigned long read = strtoul(value, &end, 10);
    uint32_t number = (uint32_t)read;
    if (*value < '0' || *value > '9' || *end || read > UINT32_MAX) {
        buf_printf(error, "%s: a number is expected", assignment);
        return -1;
    }
    memcpy(place, &number, sizeof(number));
    /* A lowered queue is there to be filled. */
    theatre->host_config.backlog_max = theatre->engine_config.queue_max;
    theatre->host_config.backlog_pause = theatre->engine_config.queue_max ? HOST_READS_ON : 0;
    return 0;
}

static void refuse(const struct dm_adapter *adapter, struct dm_slice path, struct buf *error) {
    buf_printf(error, "%.*s cannot be set here: it is no setting of adapter %s, and of the gateway "
               "only public_url, gate.role, limits.rate, limits.burst", DM_SLICE_FMT(path),
               adapter->name);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        buf_printf(error, ", %s", numbers[i].path);
    buf_append_str(error, " can");
}

/* "NAME.KEY" and "limits.rate" lead to the adapter's settings, and so does KEY alone. */
static int set_adapter(struct theatre *theatre, const struct dm_adapter *adapter,
                       struct dm_slice path, const char *value, struct buf *error) {
    struct adapter_error reason;
    char key[128];
    size_t skip = strlen(adapter->name) + 1;
    if (path.len > skip && path.ptr[skip - 1] == '.' &&
        strncmp(path.ptr, adapter->name, skip - 1) == 0)
        snprintf(key, sizeof(key), "%.*s", (int)(path.len - skip), path.ptr + skip);
    else if (dm_slice_eq(path, DM_SLICE("limits.rate")) ||
             dm_slice_eq(path, DM_SLICE("limits.burst")))
        snprintf(key, sizeof(key), "%.*s", (int)(path.len - 7), path.ptr + 7);
    else
        snprintf(key, sizeof(key), "%.*s", DM_SLICE_FMT(path));
    int r = adapter_values_set(theatre->values, key, dm_slice_str(value), &reason);
    if (r == -ENOENT)
        refuse(adapter, path, error);
    else if (r != 0)
        buf_append_str(error, reason.text);
    return r == 0 ? 0 : -1;
}

static int apply(struct theatre *theatre, const struct stage_plan *plan, const char *assignment,
                 struct buf *error) {
    const char *equals = strchr(assignment, '=');
    struct dm_slice path = { assignment, equals ? (size_t)(equals - assignment) : 0 };
    char *number = find_number(theatre, path);
    if (!equals) {
        buf_printf(error, "%s: KEY=VALUE is expected", assignment);
        return -1;
    }
    if (dm_slice_eq(path, DM_SLICE("public_url")))
        theatre->host_config.public_url = dm_slice_str(equals + 1);
    else if (dm_slice_eq(path, DM_SLICE("gate.role")))
        theatre->engine_config.gate_role = equals + 1;
    else if (number)
        return set_number(theatre, number, assignment, equals + 1, error);
    else
        return set_adapter(theatre, plan->adapter, path, equals + 1, error);
    return 0;
}

static int apply_settings(struct theatre *theatre, const struct stage_plan *plan,
                          struct buf *error) {
    theatre->values = adapter_values_new(plan->adapter);
    for (size_t i = 0; plan->settings[i]; i++)
        if (apply(theatre, plan, plan->settings[i], error) != 0)
            return -1;
    return 0;
}

/* ---- the engine's side ---- */

static void on_result(struct engine_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    stage_answered(current->stage, result);
    host_engine_client()->result(session, result, cookie);
}

static void run_in_time(struct loop_timer *timer) {
    engine_run(current->stage->engine);
}

static void run_at_turn(struct loop_hook *hook) {
    engine_run(current->stage->engine);
}

/* Delays against guessing, and marks that are stored lazily, would make trials long. */
static int64_t now_us(void) {
    return (int64_t)(clock_mono_ns() / 1000) * current->haste;
}

static void on_wake(void *owner, uint32_t ms) {
    struct theatre *theatre = owner;
    if (ms) {
        loop_timer_arm(theatre->stage->loop, &theatre->wake, ms / theatre->haste + 1);
        return;
    }
    loop_timer_cancel(theatre->stage->loop, &theatre->wake);
    loop_hook_mark(theatre->stage->loop, &theatre->turn, LOOP_DEFER);
}

static void write_url(void *owner, const struct dm_attachment *attachment, struct dm_slice base,
                      struct buf *ret_url) {
    struct theatre *theatre = owner;
    file_urls_write(theatre->urls, base, attachment->file_id, attachment->name, ret_url);
}

/* ---- life ---- */

static int64_t token_now_us(void) {
    return clock_real_us() + current->stage->token_skew_us;
}

static int open_auth(struct theatre *theatre, struct buf *error) {
    struct stage *stage = theatre->stage;
    char reason[AUTH_ERROR_SIZE] = "";
    /* Nothing here is worth the time that guessing it would take. */
    const struct auth_config config = { .key = { (char *)theatre->key, AUTH_KEY_LEN },
                                        .argon2_passes = 1, .argon2_memory = 8,
                                        .now_us = token_now_us };
    const struct file_urls_config urls = { .key = config.key,
                                           .public_url = theatre->host_config.public_url };
    random_bytes(theatre->key, sizeof(theatre->key));
    if (auth_open(loop_uv(stage->loop), &config, &stage->auth, reason) != 0 ||
        file_urls_new(&urls, &theatre->urls) != 0) {
        buf_printf(error, "tokens cannot be made: %s", reason);
        return -1;
    }
    return 0;
}

static int fail(struct buf *error, const struct adapter_error *reason) {
    buf_append_str(error, reason->text);
    return -1;
}

static int add_companions(struct host *host, const struct stage_plan *plan,
                          struct adapter_error *reason) {
    const struct host_instance_config config = { .name = NULL };
    const struct dm_adapter *const *companion = plan->companions;
    for (; companion && *companion; companion++)
        if (strcmp((*companion)->name, plan->adapter->name) != 0 &&
            host_add(host, *companion, &config, reason) != 0)
            return -1;
    return 0;
}

static int open_host(struct theatre *theatre, const struct stage_plan *plan,
                     struct buf *error) {
    struct stage *stage = theatre->stage;
    struct adapter_error reason;
    const struct host_instance_config config = { .values = theatre->values };
    stage->host = host_new(&theatre->host_config, stage->loop, stage->metrics);
    if (host_add(stage->host, plan->adapter, &config, &reason) != 0 ||
        add_companions(stage->host, plan, &reason) != 0)
        return fail(error, &reason);
    theatre->client = *host_engine_client();
    theatre->client.result = on_result;
    theatre->client.wake = on_wake;
    theatre->client.owner = theatre;
    stage->engine = engine_new(&theatre->engine_config, stage->store, stage->auth,
                               &theatre->client, stage->metrics);
    engine_attach_files(stage->engine, memory_files(stage->memory), file_urls_check,
                        theatre->urls);
    host_attach_engine(stage->host, stage->engine);
    host_set_file_url(stage->host, write_url, theatre);
    theatre->files_ops = plan->files;
    if (plan->files)
        theatre->files = plan->files->open(stage, theatre->urls);
    return host_start(stage->host, &reason) == 0 ? 0 : fail(error, &reason);
}

static void on_request(struct conn_server *server, struct http_exchange *exchange) {
    struct theatre *theatre = conn_server_userdata(server);
    if (!theatre->files || !theatre->files_ops->request(theatre->files, exchange))
        host_request(theatre->stage->host, exchange);
}

static const struct conn_handler conn_handler = { .request = on_request };

static int open_server(struct theatre *theatre, struct buf *error) {
    struct stage *stage = theatre->stage;
    const struct conn_config config = CONN_CONFIG_DEFAULT;
    const struct listener_config listen = { .address = DM_SLICE("127.0.0.1:0"), .fd = -1 };
    struct listener *listener;
    theatre->server = conn_server_new(stage->loop, &config, &conn_handler, theatre);
    int r = conn_server_listen(theatre->server, &listen, &listener);
    if (r < 0) {
        buf_printf(error, "cannot listen on the loopback: %s", strerror(-r));
        return -1;
    }
    net_address_format(listener_address(listener), stage->address);
    return 0;
}

static void close_all(struct stage *stage);

static int open_all(const struct stage_plan *plan, struct stage *stage, struct buf *error) {
    struct theatre *theatre = mem_zalloc(sizeof(*theatre));
    theatre->stage = stage;
    theatre->haste = plan->haste ? plan->haste : 1;
    theatre->engine_config.now_us = now_us;
    stage->inner = theatre;
    current = theatre;
    if (loop_new(&stage->loop) != 0)
        abort();
    loop_timer_init(&theatre->wake, run_in_time);
    loop_hook_init(&theatre->turn, run_at_turn);
    stage->metrics = metrics_new(SERIES_MAX);
    stage->memory = memory_new(stage->loop);
    stage->store = memory_store(stage->memory);
    if (apply_settings(theatre, plan, error) == 0 && open_auth(theatre, error) == 0 &&
        open_host(theatre, plan, error) == 0 && open_server(theatre, error) == 0)
        return 0;
    close_all(stage);
    return -1;
}

static void auth_closed(void *owner) {
    *(int *)owner = 1;
}

static void close_auth(struct stage *stage) {
    int closed = 0;
    if (!stage->auth)
        return;
    auth_close(stage->auth, auth_closed, &closed);
    while (!closed)
        uv_run(loop_uv(stage->loop), UV_RUN_ONCE);
}

static void close_engine(struct theatre *theatre) {
    struct stage *stage = theatre->stage;
    if (!stage->engine)
        return;
    if (theatre->files)
        theatre->files_ops->close(theatre->files);
    engine_flush(stage->engine);
    stage_settle(stage);
    host_stop(stage->host);
    host_free(stage->host);
    stage->host = NULL;
    loop_timer_cancel(stage->loop, &theatre->wake);
    loop_hook_cancel(&theatre->turn);
    engine_free(stage->engine);
}

static void close_all(struct stage *stage) {
    struct theatre *theatre = stage->inner;
    memory_set(stage->memory, MEMORY_ANSWERS);
    if (theatre->server)
        conn_server_close(theatre->server, NULL);
    for (int i = 0; i < 16; i++)
        loop_run_once(stage->loop);
    if (stage->host)
        host_hang_up(stage->host);
    close_engine(theatre);
    host_free(stage->host);
    close_auth(stage);
    file_urls_free(theatre->urls);
    adapter_values_free(theatre->values);
    metrics_free(stage->metrics);
    memory_free(stage->memory);
    loop_free(stage->loop);
    blob_pool_drain();
    free(theatre);
    current = NULL;
}

const struct stage_backing stage_memory = {
    .open = open_all, .close = close_all, .kind = STAGE_SCRIPTED,
};
