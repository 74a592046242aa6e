#include "core/server/admin/trace.h"

#include <stdlib.h>

#include "core/adapter/inspect.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/engine/observer.h"
#include "core/server/admin/trace_json.h"

#define ALIASES 4096 /* a power of two */
#define DRAFTS_MAX 4096

/* A step that waits for the end of the turn. */
struct draft {
    struct list link;
    struct trace_step step;
    yyjson_mut_doc *doc;
    const struct dm_instance *instance; /* whose frame it is; NULL: no frame */
    struct blob *frame;                 /* as it was; NULL: too large to be shown */
    enum dm_frame_kind kind;
    uint32_t flags;
};

struct trace {
    struct gateway *gateway;
    struct loop *loop;
    struct engine_observer engine;
    struct host_observer host;
    struct list watchers;
    struct loop_hook turn;
    struct list drafts;
    size_t draft_bytes;
    uint32_t draft_count;
    uint64_t lost;         /* drafts that had to make room for others */

    uint64_t seq;
    uint64_t chain;        /* the last one given out */
    uint64_t current;      /* what happens now belongs to it */
    uint64_t reserved;     /* seq of a frame whose hook runs; 0: none */
    struct {
        uint64_t corr;
        uint64_t chain;
    } aliases[ALIASES];    /* of the commands last seen */

    struct trace_step steps[TRACE_STEPS];
    uint64_t count;        /* ever finished */
    uint64_t oldest;       /* the first that is still remembered */
    size_t bytes;
};

/* ---- chains ---- */

static uint64_t chain_new(struct trace *trace) {
    return trace->current = ++trace->chain;
}

static void alias(struct trace *trace, uint64_t corr, uint64_t chain) {
    trace->aliases[corr & (ALIASES - 1)].corr = corr;
    trace->aliases[corr & (ALIASES - 1)].chain = chain;
}

/* The chain of a command, also of one that began before anybody watched. */
static uint64_t chain_of(struct trace *trace, uint64_t corr) {
    if (trace->aliases[corr & (ALIASES - 1)].corr != corr)
        alias(trace, corr, ++trace->chain);
    return trace->aliases[corr & (ALIASES - 1)].chain;
}

/* ---- drafts ---- */

static void draft_free(struct trace *trace, struct draft *draft) {
    list_remove(&draft->link);
    trace->draft_count--;
    yyjson_mut_doc_free(draft->doc);
    blob_unref(draft->frame);
    free(draft);
}

static struct draft *first_draft(const struct trace *trace) {
    return container_of(list_front(&trace->drafts), struct draft, link);
}

static struct draft *draft_new(struct trace *trace, const char *kind, uint64_t chain) {
    struct draft *draft = mem_zalloc(sizeof(*draft));
    if (trace->draft_count == DRAFTS_MAX) {
        draft_free(trace, first_draft(trace));
        trace->lost++;
    }
    trace->draft_count++;
    draft->step.seq = ++trace->seq;
    draft->step.chain = chain;
    draft->doc = trace_json_new(kind);
    list_push_back(&trace->drafts, &draft->link);
    loop_hook_mark(trace->loop, &trace->turn, LOOP_DEFER);
    return draft;
}

static void set_peer(struct draft *draft, uint64_t session, const struct dm_user *user) {
    draft->step.session = session;
    draft->step.user = user ? user->id : 0;
    trace_json_peer(draft->doc, session, user);
}

static void take_frame(struct trace *trace, struct draft *draft, const struct host_peer *peer,
                       const char *type, const struct dm_frame *frame) {
    set_peer(draft, peer->id, peer->user);
    trace_json_frame(draft->doc, peer->instance->name, type, frame);
    if (!frame || frame->data.len > TRACE_FRAME_MAX
        || trace->draft_bytes + frame->data.len > TRACE_BYTES)
        return;
    draft->instance = peer->instance;
    draft->kind = frame->kind;
    draft->flags = frame->flags;
    draft->frame = blob_new(frame->data.ptr, frame->data.len);
    trace->draft_bytes += frame->data.len;
}

/* ---- what the host shows ---- */

static void on_other(void *owner) {
    chain_new(owner);
}

static void on_begin(void *owner) {
    struct trace *trace = owner;
    chain_new(trace);
    trace->reserved = ++trace->seq;
}

static void on_frame_in(void *owner, const struct host_peer *peer, const char *type,
                        const struct dm_frame *frame) {
    struct trace *trace = owner;
    struct draft *draft = draft_new(trace, frame ? "frame_in" : "request", trace->current);
    /* It came before what its hook has done. */
    if (trace->reserved)
        draft->step.seq = trace->reserved;
    trace->reserved = 0;
    take_frame(trace, draft, peer, type, frame);
}

static void on_frame_out(void *owner, const struct host_peer *peer, uint64_t corr,
                         const char *type, const struct dm_frame *frame) {
    struct trace *trace = owner;
    uint64_t chain = corr ? chain_of(trace, corr) : trace->current;
    take_frame(trace, draft_new(trace, "frame_out", chain), peer, type, frame);
}

static void on_response(void *owner, const struct host_peer *peer, int status) {
    struct trace *trace = owner;
    struct draft *draft = draft_new(trace, "response", trace->current);
    set_peer(draft, peer->id, peer->user);
    trace_json_response(draft->doc, peer->instance->name, status);
}

/* ---- what the engine shows ---- */

static void on_command(void *owner, const struct engine_session *session, uint64_t corr,
                       const struct dm_command *command) {
    struct trace *trace = owner;
    struct draft *draft = draft_new(trace, "command", trace->current);
    alias(trace, corr, trace->current);
    set_peer(draft, host_session_id(session), engine_session_user(session));
    trace_json_command(draft->doc, corr, command);
}

static void on_result(void *owner, const struct engine_session *session, uint64_t corr,
                      const struct dm_result *result) {
    struct trace *trace = owner;
    uint64_t chain = trace->current = chain_of(trace, corr);
    uint64_t id = session ? host_session_id(session) : 0;
    const struct dm_user *user = session ? engine_session_user(session) : NULL;
    if (trace_json_has_row(result)) {
        struct draft *row = draft_new(trace, "row", chain);
        set_peer(row, id, user);
        trace_json_row(row->doc, result);
    }
    struct draft *draft = draft_new(trace, "result", chain);
    set_peer(draft, id, user);
    trace_json_result(draft->doc, corr, result);
}

static void on_event(void *owner, const struct dm_event *event) {
    struct trace *trace = owner;
    struct draft *draft = draft_new(trace, "event", chain_of(trace, event->corr));
    draft->step.user = event->actor ? event->actor->id : 0;
    trace_json_event(draft->doc, event);
}

/* ---- the end of the turn ---- */

static void forget_oldest(struct trace *trace) {
    struct trace_step *step = &trace->steps[trace->oldest++ % TRACE_STEPS];
    trace->bytes -= step->json->len;
    step->json = blob_unref(step->json);
}

static const struct trace_step *remember(struct trace *trace, const struct trace_step *step) {
    while (trace->oldest < trace->count
           && (trace->count - trace->oldest == TRACE_STEPS
               || trace->bytes + step->json->len > TRACE_BYTES))
        forget_oldest(trace);
    trace->bytes += step->json->len;
    trace->steps[trace->count % TRACE_STEPS] = *step;
    return &trace->steps[trace->count++ % TRACE_STEPS];
}

static void redact(struct trace *trace, struct draft *draft) {
    struct dm_frame frame = { .kind = draft->kind, .data = blob_slice(draft->frame),
                              .flags = draft->flags };
    struct buf text = BUF_INIT;
    if (!host_redact(gateway_host(trace->gateway), draft->instance, &frame, &text))
        trace_json_text(draft->doc, buf_slice(&text));
    buf_fini(&text);
}

static void finish(struct trace *trace, struct draft *draft) {
    if (draft->frame)
        redact(trace, draft);
    draft->step.json = trace_json_write(draft->doc, draft->step.seq, draft->step.chain);
    const struct trace_step *step = remember(trace, &draft->step);
    list_foreach_safe(link, &trace->watchers) {
        struct trace_watcher *watcher = container_of(link, struct trace_watcher, link);
        watcher->step(watcher, step);
    }
    draft_free(trace, draft);
}

static void on_turn(struct loop_hook *hook) {
    struct trace *trace = container_of(hook, struct trace, turn);
    while (!list_is_empty(&trace->drafts))
        finish(trace, first_draft(trace));
    trace->draft_bytes = 0;
    if (trace->lost)
        list_foreach_safe(link, &trace->watchers) {
            struct trace_watcher *watcher = container_of(link, struct trace_watcher, link);
            watcher->lost(watcher, trace->lost);
        }
    trace->lost = 0;
}

/* ---- life ---- */

struct trace *trace_new(struct gateway *gateway) {
    struct trace *trace = mem_zalloc(sizeof(*trace));
    trace->gateway = gateway;
    trace->loop = backend_loop(gateway_backend(gateway));
    trace->engine = (struct engine_observer){ on_command, on_result, on_event, trace };
    trace->host = (struct host_observer){ on_other,     on_begin,    on_frame_in,
                                          on_frame_out, on_response, trace };
    list_init(&trace->watchers);
    list_init(&trace->drafts);
    loop_hook_init(&trace->turn, on_turn);
    return trace;
}

static void observe(struct trace *trace, const struct engine_observer *engine,
                    const struct host_observer *host) {
    engine_observe(gateway_engine(trace->gateway), engine);
    host_observe(gateway_host(trace->gateway), host);
}

static void stop(struct trace *trace) {
    observe(trace, NULL, NULL);
    loop_hook_cancel(&trace->turn);
    while (!list_is_empty(&trace->drafts))
        draft_free(trace, first_draft(trace));
    while (trace->oldest < trace->count)
        forget_oldest(trace);
    trace->draft_bytes = 0;
}

void trace_watch(struct trace *trace, struct trace_watcher *watcher) {
    if (list_is_empty(&trace->watchers))
        observe(trace, &trace->engine, &trace->host);
    list_push_back(&trace->watchers, &watcher->link);
}

void trace_leave(struct trace *trace, struct trace_watcher *watcher) {
    list_remove(&watcher->link);
    if (list_is_empty(&trace->watchers))
        stop(trace);
}

void trace_recall(const struct trace *trace, struct trace_watcher *watcher, uint64_t chain,
                  uint64_t before_seq) {
    for (uint64_t i = trace->oldest; i < trace->count; i++) {
        const struct trace_step *step = &trace->steps[i % TRACE_STEPS];
        if (step->chain == chain && step->seq != before_seq)
            watcher->step(watcher, step);
    }
}

void trace_free(struct trace *trace) {
    if (!trace)
        return;
    stop(trace);
    free(trace);
}
