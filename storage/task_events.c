/* Rows of thread_events_read(): each bears the outcome of what happened. Their messages and users
 * are strung together, so that the later phases look at them as at those of any outcome. */
#include <errno.h>

#include "storage/pg_read.h"
#include "storage/task.h"

#define KIND_END (-1)

/* The rows' limit in thread_events_read(). */
#define ROWS_MAX 1000

struct strung {
    struct outcome_message *messages;
    size_t message_count;
    int64_t *users;
    size_t user_count;
};

static void count_all(const struct outcome *outcomes, size_t count, struct strung *ret) {
    for (size_t i = 0; i < count; i++) {
        ret->message_count += outcomes[i].message_count;
        ret->user_count += outcomes[i].user_count + 1;
    }
}

static void string_one(struct strung *all, const struct outcome *outcome,
                       struct store_event *event) {
    event->count = outcome->count;
    event->first_message = all->message_count;
    event->message_count = outcome->message_count;
    for (size_t i = 0; i < outcome->message_count; i++)
        all->messages[all->message_count++] = outcome->messages[i];
    event->first_user = all->user_count;
    event->user_count = outcome->user_count;
    for (size_t i = 0; i < outcome->user_count; i++)
        all->users[all->user_count++] = outcome->users[i];
    all->users[all->user_count++] = event->actor_id;
}

static int read_rows(struct task *task, const PGresult *result, size_t count,
                     struct outcome *outcomes, struct store_event *events) {
    for (size_t i = 0; i < count; i++) {
        int row = (int)i;
        uint64_t rev = (uint64_t)pg_read_int(result, row, 0);
        uint64_t span = (uint64_t)pg_read_int(result, row, 1);
        events[i] = (struct store_event){
            .rev = rev,
            .span = span < rev ? span : rev, /* an opening takes none, whatever its row says */
            .actor_id = pg_read_int(result, row, 2),
            .kind = (enum dm_command_kind)pg_read_int(result, row, 3),
        };
        int error = outcome_read_at(result, row, 4, task->call->arena, &outcomes[i]);
        if (error)
            return error;
    }
    return 0;
}

int task_read_events(struct task *task, const PGresult *result) {
    struct arena *arena = task->call->arena;
    struct store_events *asked = task->call->events;
    struct strung all = { 0 };
    int rows = PQntuples(result);
    if (PQnfields(result) != 5)
        return -EPROTO;
    if (rows == 0) {
        task->outcome.status = DM_NO_THREAD;
        return 0;
    }
    if (pg_read_int(result, rows - 1, 3) != KIND_END)
        return -EPROTO;
    size_t count = (size_t)rows - 1;
    struct outcome *outcomes = arena_alloc(arena, count * sizeof(*outcomes));
    struct store_event *events = arena_alloc(arena, count * sizeof(*events));
    int error = read_rows(task, result, count, outcomes, events);
    if (error)
        return error;
    count_all(outcomes, count, &all);
    all.messages = arena_alloc(arena, all.message_count * sizeof(*all.messages));
    all.users = arena_alloc(arena, all.user_count * sizeof(*all.users));
    all.message_count = all.user_count = 0;
    for (size_t i = 0; i < count; i++)
        string_one(&all, &outcomes[i], &events[i]);
    asked->ret_list = events;
    asked->ret_count = count;
    asked->ret_more = count == ROWS_MAX;
    asked->ret_rev = asked->ret_more ? events[count - 1].rev
                                     : (uint64_t)pg_read_int(result, rows - 1, 0);
    task->outcome = (struct outcome){
        .thread_id = task->call->thread_id,
        .messages = all.messages, .message_count = all.message_count,
        .users = all.users, .user_count = all.user_count,
    };
    return 0;
}
