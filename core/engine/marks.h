/* Delivered positions on their way to the store. Private to core/engine.
 *
 * What was pushed to a member is joined into ranges per thread and member. In direct threads at
 * most one range of them is at the store; it goes at the end of the turn when no append of the
 * thread is under way, else right behind the thread's next append, so that both share a batch. In
 * chats, which may have many members, ranges grow for some seconds before they go; the first
 * member that a message was pushed to is marked as in a direct thread, because that is what makes
 * the message a delivered one. */
#ifndef DRAGOMAN_ENGINE_MARKS_H
#define DRAGOMAN_ENGINE_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"

#include "core/engine/operation.h"

struct engine;
struct thread;

struct marks {
    struct list all;     /* ranges not yet stored */
    struct list chats;   /* with ranges that still grow, by chat_link, the oldest first */
    struct list waiters; /* operations that wait for a user's marks, by delay_link */
    struct list dirty;   /* threads to look at, by mark_link */
    struct list idle;    /* pooled ranges */
    size_t idle_count;
    size_t pending;      /* ranges not yet stored */
    uint64_t number;     /* of the youngest range */
    int64_t retry_us;    /* after a failure: not before this */
    enum { MARKS_KEEP = 0, MARKS_DROP } failures; /* DROP once they are flushed at the end */
};

void marks_init(struct marks *marks);
void marks_fini(struct marks *marks);

/* The message at seq was pushed to that member. */
void marks_delivered(struct engine *engine, struct thread *thread, int64_t user_id, uint64_t seq);

/* The same in a chat, lazily: to the member at that place. */
void marks_grow(struct engine *engine, struct thread *thread, size_t place, uint64_t seq);

/* Sends the growing ranges of a chat on their way, because its members are about to be others. */
void marks_ripen(struct engine *engine, struct thread *thread);

/* Runs `then` with DM_OK when whatever was pushed to op->actor so far is stored, or cannot be;
 * inside the call when nothing is pending. */
void marks_wait(struct operation *op, operation_step_fn then);

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
