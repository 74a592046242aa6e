/* `adapter test --live`: whole gateways on a private database that outlives each of them. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/engine/core.h"
#include "core/server/cli.h"
#include "core/server/cli_kit.h"
#include "core/server/gateway_internal.h"

/* The database outlives the gateways of the trials, and each of them if it crashes: a process that
 * does nothing else keeps it until its pipe is closed. */
static struct keeper {
    char state[64];
    pid_t pid;
    int pipe_fd;
} keeper;

/* Of one trial. */
struct live {
    struct stage *stage;
    struct config *config;
    struct gateway *gateway;
    struct inherit inherit;
};

/* ---- the keeper ---- */

static struct config *state_config(void) {
    struct config *config = config_new();
    char text[128];
    snprintf(text, sizeof(text), "state=%s", keeper.state);
    config_set(config, text);
    return config;
}

static void be_keeper(int ready_fd, int until_fd) {
    struct config *config = state_config();
    struct backend *backend;
    char byte = 'y';
    log_init(LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT, STDERR_FILENO);
    signal(SIGINT, SIG_IGN);
    if (backend_open(config, BACKEND_GATEWAY, &backend))
        exit(1);
    if (write(ready_fd, &byte, 1) != 1)
        exit(1);
    while (read(until_fd, &byte, 1) < 0 && errno == EINTR)
        ;
    backend_close(backend);
    config_free(config);
    exit(0);
}

static int begin(void) {
    int ready[2], until[2];
    char byte;
    snprintf(keeper.state, sizeof(keeper.state), "/tmp/dragoman-kit-XXXXXX");
    if (!mkdtemp(keeper.state) || chmod(keeper.state, 0755) || pipe2(ready, O_CLOEXEC) ||
        pipe2(until, O_CLOEXEC))
        return -1;
    keeper.pid = fork();
    if (keeper.pid == 0) {
        close(until[1]);
        be_keeper(ready[1], until[0]);
    }
    close(ready[1]);
    close(until[0]);
    keeper.pipe_fd = until[1];
    int is_ready = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    return is_ready ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    return remove(path);
}

static void end(void) {
    close(keeper.pipe_fd);
    waitpid(keeper.pid, NULL, 0);
    nftw(keeper.state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- a gateway ---- */

/* The engine's callbacks know a session only; there is one stage at a time. */
static const struct live *current;

static void on_result(struct engine_session *session, const struct dm_result *result,
                      struct dm_slice cookie) {
    stage_answered(current->stage, result);
    host_engine_client()->result(session, result, cookie);
}

static int set(struct config *config, struct buf *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int set(struct config *config, struct buf *error, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (config_set(config, text) == 0)
        return 0;
    buf_append_str(error, config_error(config));
    return -1;
}

static void name_companions(const struct stage_plan *plan, struct buf *yaml) {
    const struct dm_adapter *const *companion = plan->companions;
    for (; companion && *companion; companion++)
        if (strcmp((*companion)->name, plan->adapter->name) != 0)
            buf_printf(yaml, "  - name: %s\n", (*companion)->name);
}

/* Secrets are hashed quickly: nothing here is worth guessing. */
static int configure(const struct stage_plan *plan, struct config *config, struct buf *error) {
    struct buf yaml = BUF_INIT;
    buf_printf(&yaml, "listen: 127.0.0.1:0\nauth: {hash_memory_kib: 8, hash_passes: 1}\n"
               "adapters:\n  - name: %s\n", plan->adapter->name);
    if (plan->file)
        buf_printf(&yaml, "    path: \"%s\"\n", plan->file);
    name_companions(plan, &yaml);
    int r = config_read_text(config, "kit", buf_slice(&yaml));
    buf_fini(&yaml);
    if (r)
        buf_append_str(error, config_error(config));
    for (size_t i = 0; !r && plan->settings[i]; i++) {
        int of_adapter = !memchr(plan->settings[i], '.', strcspn(plan->settings[i], "=")) &&
                         strncmp(plan->settings[i], "public_url=", 11) != 0;
        r = of_adapter ? set(config, error, "%s.%s", plan->adapter->name, plan->settings[i])
                       : set(config, error, "%s", plan->settings[i]);
    }
    return r ? -1 : 0;
}

static int open_live(const struct stage_plan *plan, struct stage *stage, struct buf *error) {
    struct live *live = mem_zalloc(sizeof(*live));
    live->config = state_config();
    live->stage = stage;
    stage->inner = live;
    if (configure(plan, live->config, error) == 0 && loop_new(&stage->loop) == 0) {
        if (gateway_open(stage->loop, live->config, BACKEND_GATEWAY, &live->inherit, NULL,
                         &live->gateway) == CLI_OK) {
            current = live;
            live->gateway->client.result = on_result;
            stage->metrics = live->gateway->metrics;
            stage->store = backend_store(live->gateway->backend);
            stage->auth = live->gateway->auth;
            stage->engine = live->gateway->engine;
            stage->host = live->gateway->host;
            snprintf(stage->address, sizeof(stage->address), "%s",
                     gateway_address(live->gateway));
            return 0;
        }
        loop_free(stage->loop);
        buf_append_str(error, cli_failure());
    }
    config_free(live->config);
    free(live);
    return -1;
}

/* What is committed is heard of in that order: once the gateway has heard of this revocation, it
 * has heard of all that was done before. */
static void hear(struct stage *stage) {
    struct arena arena;
    struct dm_result result = { .status = DM_OK };
    struct store_call call = { .base = { .kind = STORE_TOKEN_REVOKE }, .arena = &arena,
                               .result = &result, .expires_us = clock_real_us() + 60000000 };
    arena_init(&arena, 4096);
    random_bytes(call.fingerprint, sizeof(call.fingerprint));
    if (stage_call(stage, &call) == DM_OK)
        while (!revoked_contains(&stage->engine->revoked, call.fingerprint))
            uv_run(loop_uv(stage->loop), UV_RUN_ONCE);
    stage_settle(stage);
    arena_fini(&arena);
}

static void close_live(struct stage *stage) {
    struct live *live = stage->inner;
    engine_flush(stage->engine);
    stage_settle(stage);
    gateway_close(live->gateway);
    loop_free(stage->loop);
    config_free(live->config);
    free(live);
    current = NULL;
    blob_pool_drain();
}

const struct stage_backing kit_live = {
    .open = open_live, .close = close_live, .hear = hear, .kind = STAGE_LIVE,
    .begin = begin, .end = end,
};
