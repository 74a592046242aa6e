/* Delivered positions on their way to the store. Private to core/engine.
 *
 * What was pushed to a member is joined into ranges per thread and member. Those of a direct thread
 * wait for the next message there, in whose batch they cost next to nothing; when none comes in
 * some tenths of a second they go alone, one of each member at a time and few threads at once, so
 * that they stand in nobody's way. In chats, which may have many members, ranges
 * grow for some seconds before they go; the first member that a message was pushed to is marked as
 * in a direct thread, because that is what makes the message a delivered one.
 *
 * Who asks for what the marks decide (marks_wait) hastens them and waits: an answer never knows
 * less than what was pushed before the question. */
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
    struct list waiters; /* operations that wait for marks, by delay_link */
    struct list dirty;   /* threads to look at, by mark_link, in the order of mark_due_us */
    size_t dirty_count;
    struct list idle;    /* pooled ranges */
    size_t idle_count;
    size_t pending;      /* ranges not yet stored */
    uint64_t number;     /* of the youngest range */
    int64_t held_us;     /* no dirty ones go before */
    int64_t hasty_us;    /* those that were to go by then go now */
    enum { MARKS_KEEP = 0, MARKS_DROP } failures; /* DROP once they are flushed at the end */
};

void marks_init(struct marks *marks);
void marks_fini(struct marks *marks);

/* The message at seq was pushed to that member. Who asks for what was missed is marked soon:
 * after a crash of this process they would get again what is not marked. */
void marks_delivered(struct engine *engine, struct thread *thread, int64_t user_id, uint64_t seq);

/* The same in a chat, lazily: to the member at that place. */
void marks_grow(struct engine *engine, struct thread *thread, size_t place, uint64_t seq);

/* Sends the growing ranges of a chat on their way, because its members are about to be others. */
void marks_ripen(struct engine *engine, struct thread *thread);

/* Runs `then` with DM_OK when what was pushed so far, in op->thread or else anywhere, is stored or
 * cannot be; inside the call when nothing is pending. */
void marks_wait(struct operation *op, operation_step_fn then);

/* A message of that thread is about to go to the store: what waits for it goes along. */
void marks_join(struct engine *engine, struct thread *thread);

/* What is to be stored goes at the end of this turn. */
void marks_hasten(struct engine *engine);

/* The member wrote the message at seq: it needs no mark, but joins ranges on both sides of it. */
void marks_own(struct thread *thread, int64_t user_id, uint64_t seq);

enum marks_urgency {
    MARKS_LAZY = 0, /* what is due */
    MARKS_NOW,      /* all, and for the last time: what fails from now on is not tried again */
};

/* Between marks.c and marks_chat.c: a range that is to go at once; those of chats that are ripe, or
 * all, and when the next ones are; those of one user; whether that one asks for what was missed. */
void marks_range(struct engine *engine, struct thread *thread, int64_t user_id, uint64_t from,
                 uint64_t to);
int64_t marks_ripen_due(struct engine *engine, enum marks_urgency urgency);
void marks_ripen_user(struct engine *engine, int64_t user_id);
int marks_wanted_soon(const struct engine *engine, int64_t user_id);

/* Submits what may go; returns when to call again, ENGINE_NEVER when nothing waits for time. */
int64_t marks_run(struct engine *engine, enum marks_urgency urgency);

#endif
