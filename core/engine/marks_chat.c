/* Delivered positions in chats: many members were pushed the same, so theirs grow for long before
 * they become ranges. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/core.h"
#include "core/engine/marks.h"

/* How long the ranges of a chat grow. */
#define RIPE_US INT64_C(10000000)

static void ripen_one(struct engine *engine, struct thread *thread, size_t place) {
    struct thread_pushed *pushed = &thread->pushed[place];
    if (!pushed->to)
        return;
    marks_range(engine, thread, thread->members[place], pushed->from, pushed->to);
    pushed->to = 0;
}

void marks_ripen(struct engine *engine, struct thread *thread) {
    if (!thread->pushed)
        return;
    for (size_t i = 0; i < thread->member_count; i++)
        ripen_one(engine, thread, i);
    free(thread->pushed);
    thread->pushed = NULL;
    list_remove(&thread->chat_link);
    thread_unref(engine, thread);
}

void marks_grow(struct engine *engine, struct thread *thread, size_t place, uint64_t seq) {
    struct thread_pushed *pushed;
    if (!thread->pushed) {
        thread->pushed = mem_calloc(thread->member_count, sizeof(*thread->pushed));
        thread->ripe_us = engine_now_us(engine) + RIPE_US;
        thread_ref(thread);
        list_push_back(&engine->marks.chats, &thread->chat_link);
        engine_wake_at(engine, thread->ripe_us);
    }
    pushed = &thread->pushed[place];
    if (pushed->to && seq != pushed->to + 1)
        ripen_one(engine, thread, place);
    if (!pushed->to)
        pushed->from = seq;
    pushed->to = seq;
    if (marks_wanted_soon(engine, thread->members[place]))
        ripen_one(engine, thread, place);
}

int64_t marks_ripen_due(struct engine *engine, enum marks_urgency urgency) {
    struct list *link;
    while ((link = list_front(&engine->marks.chats))) {
        struct thread *thread = container_of(link, struct thread, chat_link);
        if (urgency == MARKS_LAZY && thread->ripe_us > engine_now_us(engine))
            return thread->ripe_us;
        marks_ripen(engine, thread);
    }
    return ENGINE_NEVER;
}

void marks_ripen_user(struct engine *engine, int64_t user_id) {
    list_foreach(it, &engine->marks.chats) {
        struct thread *thread = container_of(it, struct thread, chat_link);
        for (size_t i = 0; i < thread->member_count; i++) {
            if (thread->members[i] == user_id)
                ripen_one(engine, thread, i);
        }
    }
}
