/* What was missed is read from the store: after a fault of the bus or of another node, and where
 * the order of a thread has a gap that the bus does not fill. Private to core/engine.
 *
 * After a fault the store is asked in which threads of the users here something has happened since,
 * and then, of each, what: behind the last event that was shown here, or behind the time up to
 * which nothing was missed when the thread is not known here. What is read goes the way of what
 * other nodes tell (remote.h), so it is put into order with that and shown once. */
#ifndef DRAGOMAN_ENGINE_RECOVERY_H
#define DRAGOMAN_ENGINE_RECOVERY_H

#include "core/engine/operation.h"
#include "core/engine/unit.h"

struct recovery {
    enum { RECOVERY_OFF = 0, RECOVERY_ASKS, RECOVERY_READS } state;
    int64_t since_us;      /* by the database's clock */
    int64_t again_us;      /* a further fault: since when; INT64_MAX: none */
    int64_t due_us;        /* a next try; ENGINE_NEVER: none */
    int64_t *threads;      /* to be read; owned */
    size_t thread_count;
    size_t next;
    size_t under_way;
};

void recovery_init(struct recovery *recovery);
void recovery_fini(struct recovery *recovery);

/* Nothing is certain from that moment on. */
void recovery_begin(struct engine *engine, int64_t since_us);

/* 1 from recovery_begin until all is read. */
int recovery_is_on(const struct engine *engine);

/* Reads what lies between the thread's last event shown and that rev. */
void recovery_fill(struct engine *engine, struct thread *thread, uint64_t before_rev);

/* Reads what a unit did not tell. */
void recovery_untold(struct engine *engine, const struct unit_head *head);

/* Begins what waits for its time; returns when to call again. */
int64_t recovery_run(struct engine *engine);

/* One thing that happened, as a unit: appends its bytes (recovery_unit.c). */
void recovery_put_unit(struct buf *buf, const struct store_call *call, size_t index);

#endif
