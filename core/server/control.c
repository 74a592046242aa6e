#include "core/server/control.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/net/conn.h"
#include "core/server/state_dir.h"

#define CONNECTIONS_MAX 16
#define LINE_MAX_BYTES 1024

typedef void control_fn(void *owner, struct control_call *call);

#define SIGNAL_COUNT 4

struct control {
    const struct control_handler *handler;
    uv_signal_t signals[SIGNAL_COUNT];
    unsigned signal_count; /* not closed yet */
    struct loop *loop;
    void *owner;
    struct conn_server *server; /* NULL: signals only */
    int dir;
    enum { CONTROL_OPEN = 0, CONTROL_CLOSED } state;
};

struct control_call {
    struct http_exchange *exchange; /* NULL: whoever asked is gone */
};

static void call_ended(struct http_exchange *exchange, enum http_end how) {
    struct control_call *call = http_userdata(exchange);
    if (call)
        call->exchange = NULL;
}

static const struct http_handler call_handler = { .end = call_ended };

void control_answer(struct control_call *call, enum control_outcome outcome, const char *format,
                    ...) {
    static const struct http_field type = { DM_SLICE("Content-Type"), DM_SLICE("text/plain") };
    char line[LINE_MAX_BYTES];
    va_list args;
    if (!call)
        return;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    if (len < 0 || len > (int)sizeof(line) - 2)
        len = (int)sizeof(line) - 2;
    line[len] = '\n';
    if (call->exchange) {
        http_attach(call->exchange, &call_handler, NULL);
        http_close_after(call->exchange);
        http_respond(call->exchange, (unsigned)outcome, &type, 1,
                     (struct dm_slice){ line, (size_t)len + 1 });
    }
    free(call);
}

static control_fn *find_verb(const struct control *control, struct dm_slice path) {
    if (dm_slice_eq(path, DM_SLICE("/drain")))
        return control->handler->drain;
    if (dm_slice_eq(path, DM_SLICE("/reload")))
        return control->handler->reload;
    if (dm_slice_eq(path, DM_SLICE("/upgrade")))
        return control->handler->upgrade;
    return NULL;
}

static void on_request(struct conn_server *server, struct http_exchange *exchange) {
    struct control *control = conn_server_userdata(server);
    const struct http_request *request = http_request(exchange);
    control_fn *verb = find_verb(control, request->path);
    if (!verb) {
        http_respond_status(exchange, 404);
    } else if (request->method != HTTP_METHOD_POST) {
        http_respond_not_allowed(exchange, "POST");
    } else {
        struct control_call *call = mem_zalloc(sizeof(*call));
        call->exchange = exchange;
        http_attach(exchange, &call_handler, call);
        verb(control->owner, call);
    }
}

static void on_signal(uv_signal_t *handle, int signum) {
    struct control *control = handle->data;
    const struct control_handler *handler = control->handler;
    control_fn *verb = signum == SIGHUP ? handler->reload
                       : signum == SIGUSR2 ? handler->upgrade : handler->drain;
    if (verb)
        verb(control->owner, NULL);
}

static const int signums[SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2 };

static void watch_signals(struct control *control) {
    control->signal_count = SIGNAL_COUNT;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(loop_uv(control->loop), &control->signals[i]);
        control->signals[i].data = control;
        uv_signal_start(&control->signals[i], on_signal, signums[i]);
    }
}

static const struct conn_handler conn_handler = { .request = on_request };

void control_path(int dir, const char *name, char ret_path[CONTROL_PATH_MAX]) {
    snprintf(ret_path, CONTROL_PATH_MAX, "/proc/self/fd/%d/%.60s", dir, name);
}

static int listen_below(struct control *control) {
    char name[32], path[CONTROL_PATH_MAX], address[CONTROL_PATH_MAX + 8];
    struct listener *listener;
    snprintf(name, sizeof(name), "%d.sock", (int)getpid());
    control_path(control->dir, name, path);
    unlink(path); /* of a process that had this number before */
    snprintf(address, sizeof(address), "unix:%s", path);
    struct listener_config config = {
        .address = dm_slice_str(address), .fd = -1, .mode = 0600,
    };
    return conn_server_listen(control->server, &config, &listener);
}

static int open_socket(struct control *control, const char *state) {
    struct conn_config config = CONN_CONFIG_DEFAULT;
    config.max_connections = CONNECTIONS_MAX;
    control->dir = state_dir_open(state, STATE_DIR_CONTROL);
    if (control->dir < 0)
        return control->dir;
    control->server = conn_server_new(control->loop, &config, &conn_handler, control);
    return listen_below(control);
}

int control_open(struct loop *loop, const char *state, const struct control_handler *handler,
                 void *owner, struct control **ret_control) {
    struct control *control = mem_zalloc(sizeof(*control));
    control->handler = handler;
    control->owner = owner;
    control->loop = loop;
    control->dir = -1;
    watch_signals(control);
    int r = state ? open_socket(control, state) : 0;
    if (r) {
        control_close(control);
        return r;
    }
    *ret_control = control;
    return 0;
}

static void server_closed(void *userdata) {
    ((struct control *)userdata)->state = CONTROL_CLOSED;
}

static void close_socket(struct control *control) {
    if (!control->server)
        return;
    conn_server_close(control->server, server_closed);
    while (control->state != CONTROL_CLOSED)
        uv_run(loop_uv(control->loop), UV_RUN_ONCE);
}

static void signal_closed(uv_handle_t *handle) {
    ((struct control *)handle->data)->signal_count--;
}

/* A signal that has no handler any more would kill the process while it still cleans up. */
static void close_signals(struct control *control) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&set, signums[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_close((uv_handle_t *)&control->signals[i], signal_closed);
        signal(signums[i], SIG_IGN);
    }
    while (control->signal_count)
        uv_run(loop_uv(control->loop), UV_RUN_ONCE);
}

void control_close(struct control *control) {
    if (!control)
        return;
    close_socket(control);
    close_signals(control);
    if (control->dir >= 0)
        close(control->dir);
    free(control);
}
