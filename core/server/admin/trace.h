/* The trace: what happens to a message, step by step, while somebody watches.
 *
 *   frame_in ─▶ command ─▶ row ─▶ result ─▶ frame_out            (to the sender)
 *                            └──▶ event  ─▶ frame_out …           (to everybody else)
 *
 * The steps that come of one frame share a `chain`. Steps are taken down in the calls that show
 * them and finished at the end of the turn: frames pass through their adapter's `redact` then, so
 * that no secret is kept. The last TRACE_STEPS are remembered, for a watcher whose filter is met
 * only late in a chain (the recipient's frame, when the recipient is looked for).
 *
 * Without watchers nothing is observed and nothing kept. */
#ifndef DRAGOMAN_SERVER_ADMIN_TRACE_H
#define DRAGOMAN_SERVER_ADMIN_TRACE_H

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/server/gateway.h"

#define TRACE_STEPS 1024
#define TRACE_BYTES (8u << 20)  /* of all steps remembered, and of all taken down in a turn */
#define TRACE_FRAME_MAX 65536   /* a larger frame is shown by its size alone */

struct trace;

/* A finished step. */
struct trace_step {
    uint64_t seq;       /* in the order of happening */
    uint64_t chain;
    uint64_t session;   /* 0: of none */
    int64_t user;       /* the principal of that session; 0: none */
    struct blob *json;  /* one object, without newline */
};

/* Embedded in its owner. */
struct trace_watcher {
    struct list link;
    void (*step)(struct trace_watcher *watcher, const struct trace_step *step);
    /* So many steps could not be remembered. */
    void (*lost)(struct trace_watcher *watcher, uint64_t count);
};

struct trace *trace_new(struct gateway *gateway);

/* All watchers must be gone. NULL does nothing. */
void trace_free(struct trace *trace);

/* From now on every step is shown, at the end of the turn; the first watcher begins the trace, the
 * last one to go ends it. */
void trace_watch(struct trace *trace, struct trace_watcher *watcher);
void trace_leave(struct trace *trace, struct trace_watcher *watcher);

/* Shows the watcher what is remembered of a chain before that step, oldest first. */
void trace_recall(const struct trace *trace, struct trace_watcher *watcher, uint64_t chain,
                  uint64_t before_seq);

#endif
