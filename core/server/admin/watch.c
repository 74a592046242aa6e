/* GET /api/v1/trace: the trace as Server-Sent Events (WHATWG HTML, section 9.2).
 *
 * A watcher that does not keep up gets no steps while its queue is full, and afterwards an event
 * "lost" that says how many it missed. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/server/admin/internal.h"
#include "core/server/admin/trace.h"

#define WATCHERS_MAX 8
#define ALIVE_MS 15000
#define CHAINS 64

struct watch {
    struct trace_watcher watcher;
    struct admin *admin;
    struct http_exchange *exchange;
    struct loop_timer alive;
    uint64_t session;          /* 0: all */
    int64_t user;              /* 0: all */
    uint64_t chains[CHAINS];   /* that met the filter, lately */
    size_t next_chain;
    uint64_t lost;
    enum { WATCH_FLOWS = 0, WATCH_FULL } state;
};

static struct watch *watch_of(struct trace_watcher *watcher) {
    return container_of(watcher, struct watch, watcher);
}

static void push(struct watch *watch, struct dm_slice text) {
    if (http_respond_chunk(watch->exchange, text) == HTTP_FULL)
        watch->state = WATCH_FULL;
}

static void send_step(struct watch *watch, const struct trace_step *step) {
    struct buf text = BUF_INIT;
    if (watch->state == WATCH_FULL) {
        watch->lost++;
        return;
    }
    buf_printf(&text, "id: %llu\ndata: ", (unsigned long long)step->seq);
    buf_append_slice(&text, blob_slice(step->json));
    buf_append_str(&text, "\n\n");
    push(watch, buf_slice(&text));
    buf_fini(&text);
}

static void tell_lost(struct watch *watch) {
    struct buf text = BUF_INIT;
    if (!watch->lost || watch->state == WATCH_FULL)
        return;
    buf_printf(&text, "event: lost\ndata: {\"lost\":%llu}\n\n", (unsigned long long)watch->lost);
    watch->lost = 0;
    push(watch, buf_slice(&text));
    buf_fini(&text);
}

/* ---- the filter ---- */

static int has_met(const struct watch *watch, uint64_t chain) {
    size_t known = watch->next_chain < CHAINS ? watch->next_chain : CHAINS;
    for (size_t i = 0; i < known; i++)
        if (watch->chains[i] == chain)
            return 1;
    return 0;
}

static int meets(const struct watch *watch, const struct trace_step *step) {
    return (!watch->session || watch->session == step->session)
           && (!watch->user || watch->user == step->user);
}

static void on_step(struct trace_watcher *watcher, const struct trace_step *step) {
    struct watch *watch = watch_of(watcher);
    if (!watch->session && !watch->user) {
        send_step(watch, step);
    } else if (has_met(watch, step->chain)) {
        send_step(watch, step);
    } else if (meets(watch, step)) {
        /* Now that the chain matters, what came before in it does too. */
        watch->chains[watch->next_chain++ % CHAINS] = step->chain;
        trace_recall(watch->admin->trace, watcher, step->chain, step->seq);
        send_step(watch, step);
    }
}

static void on_lost(struct trace_watcher *watcher, uint64_t count) {
    watch_of(watcher)->lost += count;
    tell_lost(watch_of(watcher));
}

/* ---- the exchange ---- */

static void on_writable(struct http_exchange *exchange) {
    struct watch *watch = http_userdata(exchange);
    watch->state = WATCH_FLOWS;
    tell_lost(watch);
}

/* A peer that is gone is noticed by writing to it. */
static void on_alive(struct loop_timer *timer) {
    struct watch *watch = container_of(timer, struct watch, alive);
    if (watch->state == WATCH_FLOWS)
        push(watch, DM_SLICE(":\n\n"));
    loop_timer_arm(watch->admin->loop, timer, ALIVE_MS);
}

static void on_gone(struct http_exchange *exchange) {
    conn_abort(http_conn(exchange));
}

static void on_end(struct http_exchange *exchange, enum http_end how) {
    struct watch *watch = http_userdata(exchange);
    loop_timer_cancel(watch->admin->loop, &watch->alive);
    trace_leave(watch->admin->trace, &watch->watcher);
    watch->admin->watches--;
    free(watch);
}

static const struct http_handler watch_handler = {
    .writable = on_writable,
    .gone = on_gone,
    .end = on_end,
};

static void begin(struct admin *admin, struct http_exchange *exchange, uint64_t session,
                  int64_t user) {
    const struct http_field fields[] = {
        { DM_SLICE("Content-Type"), DM_SLICE("text/event-stream") },
        { DM_SLICE("Cache-Control"), DM_SLICE("no-store") },
        { DM_SLICE("X-Accel-Buffering"), DM_SLICE("no") },
    };
    struct watch *watch = mem_zalloc(sizeof(*watch));
    watch->admin = admin;
    watch->exchange = exchange;
    watch->session = session;
    watch->user = user;
    watch->watcher.step = on_step;
    watch->watcher.lost = on_lost;
    loop_timer_init(&watch->alive, on_alive);
    admin->watches++;
    trace_watch(admin->trace, &watch->watcher);
    http_attach(exchange, &watch_handler, watch);
    http_respond_begin(exchange, 200, fields, 3, HTTP_LENGTH_CHUNKED);
    push(watch, DM_SLICE(": the trace\n\n"));
    loop_timer_arm(admin->loop, &watch->alive, ALIVE_MS);
}

void admin_trace(struct admin_request *request) {
    static const char *const known[] = { "user", "session", NULL };
    struct http_exchange *exchange = request->exchange;
    struct admin *admin = request->admin;
    int64_t user, session;
    if (admin_query_check(request, known)
        || admin_query_int(request, "user", 0, 1, INT64_MAX, &user)
        || admin_query_int(request, "session", 0, 1, INT64_MAX, &session))
        return;
    if (http_request(exchange)->method == HTTP_METHOD_HEAD) {
        admin_reply_empty(request, 204);
    } else if (admin->watches == WATCHERS_MAX) {
        admin_reply_error(request, 503, "too many watch already", NULL);
    } else {
        /* The exchange is the watch's from here on. */
        admin_request_free(request);
        begin(admin, exchange, (uint64_t)session, user);
    }
}
