/* Delivered positions of direct threads on their way to the store. Private to core/engine.
 *
 * What was pushed to a member is joined into ranges per thread and member; at most one range of
 * them is at the store. A range goes at the end of the turn when no append of the thread is under
 * way, else right behind the thread's next append, so that both share a batch. */
#ifndef DRAGOMAN_ENGINE_MARKS_H
#define DRAGOMAN_ENGINE_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"

struct engine;
struct thread;

struct marks {
    struct list dirty;   /* threads to look at, by mark_link */
    struct list idle;    /* pooled ranges */
    size_t idle_count;
    size_t pending;      /* ranges not yet stored */
    int64_t retry_us;    /* after a failure: not before this */
    enum { MARKS_KEEP = 0, MARKS_DROP } failures; /* DROP once they are flushed at the end */
};

void marks_init(struct marks *marks);
void marks_fini(struct marks *marks);

/* The message at seq was pushed to that member. */
void marks_delivered(struct engine *engine, struct thread *thread, int64_t user_id, uint64_t seq);

/* The member wrote the message at seq: it needs no mark, but joins ranges on both sides of it. */
void marks_own(struct thread *thread, int64_t user_id, uint64_t seq);

/* An append of the thread was submitted: marks follow it. */
void marks_follow(struct engine *engine, struct thread *thread);

/* An append of the thread is over: if it was the last, marks need not wait for another. */
void marks_settle(struct engine *engine, struct thread *thread);

enum marks_urgency {
    MARKS_LAZY = 0, /* leaves threads with appends under way alone */
    MARKS_NOW,      /* for the last time: what fails from now on is not tried again */
};

/* Submits what may go; returns when to call again, ENGINE_NEVER when nothing waits for time. */
int64_t marks_run(struct engine *engine, enum marks_urgency urgency);

#endif
