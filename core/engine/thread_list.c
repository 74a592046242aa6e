#include "core/engine/thread_list.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/core.h"
#include "core/engine/session.h"

/* So many ids are kept; a longer list goes on by its cursor from there. */
#define BEHIND_MAX 100000

struct thread_list {
    uint64_t cursor; /* of the next page */
    uint64_t unread; /* the count of the first */
    uint32_t flags;  /* of its command */
    size_t done, count;
    int64_t ids[];
};

/* What comes live meanwhile is told by its events. */
static int is_followed(const struct dm_command *command) {
    return !!(command->flags & DM_CMD_HOLD_EVENTS);
}

static struct thread_list *list_of(const struct operation *op) {
    const struct engine_session *session = operation_session(op);
    struct thread_list *list = session && session->kept ? session->kept->list : NULL;
    return list && op->command.cursor == list->cursor && op->command.flags == list->flags ? list
                                                                                         : NULL;
}

static void drop(struct engine_session *session) {
    free(session->kept->list);
    session->kept->list = NULL;
}

void thread_list_ask(struct operation *op, struct store_call *call) {
    const struct thread_list *list = list_of(op);
    size_t left = list ? list->count - list->done : 0;
    int64_t *ids;
    if (!list) {
        call->behind_max = is_followed(&op->command) ? 0 : BEHIND_MAX;
        return;
    }
    call->listed_count = left < op->command.limit ? left : op->command.limit;
    ids = arena_alloc(&op->arena, call->listed_count * sizeof(*ids));
    memcpy(ids, list->ids + list->done, call->listed_count * sizeof(*ids));
    call->listed = ids;
}

static void keep(struct operation *op, struct engine_session *session) {
    const struct store_call *call = &op->at.call;
    size_t size = call->ret_thread_count * sizeof(int64_t);
    struct thread_list *list = mem_alloc(sizeof(*list) + size);
    *list = (struct thread_list){ .cursor = op->result.next_cursor, .unread = op->result.count,
                                  .flags = op->command.flags, .count = call->ret_thread_count };
    memcpy(list->ids, call->ret_threads, size);
    free(session_kept(session)->list);
    session->kept->list = list;
}

/* A cursor that leads on without the list, too: not above what was told. */
static uint64_t cursor_behind(const struct dm_result *result, uint64_t before) {
    uint64_t last = result->thread_count
                        ? (uint64_t)result->threads[result->thread_count - 1]->last_message->id
                        : before;
    return last < before ? last : before;
}

static void go_on(struct operation *op) {
    struct engine_session *session = operation_session(op);
    struct thread_list *list = list_of(op);
    if (!list) { /* another took its place */
        op->result.next_cursor = cursor_behind(&op->result, op->command.cursor);
        return;
    }
    op->result.count = list->unread;
    list->done += op->at.call.listed_count;
    if (list->done < list->count || list->count == BEHIND_MAX)
        op->result.next_cursor = list->cursor = cursor_behind(&op->result, list->cursor);
    if (list->done == list->count)
        drop(session);
}

void thread_list_answered(struct operation *op) {
    const struct store_call *call = &op->at.call;
    struct engine_session *session = operation_session(op);
    if (call->listed)
        go_on(op);
    else if (session && session->user == op->actor && call->ret_thread_count)
        keep(op, session);
}
