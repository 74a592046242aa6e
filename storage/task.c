#include "storage/task.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"

struct task *task_new(struct store_call *call, uint32_t chat_members) {
    const struct task_operation *operation = task_operation_of(call);
    if (!operation)
        return NULL;
    struct task *task = mem_zalloc(sizeof(*task));
    list_init(&task->link);
    task->call = call;
    task->chat_members = chat_members;
    task->operation = operation;
    task->look = operation->look;
    const struct dm_command *command = call->command;
    if (call->base.kind == STORE_COMMAND) {
        if (command->flags & DM_CMD_WITH_MEMBERS)
            task->look |= LOOK_MEMBERS;
        if (command->flags & DM_CMD_OLDEST_FIRST && command->kind == DM_CMD_HISTORY)
            task->look |= REVERSE;
        if (!(command->flags & DM_CMD_DIRECT_ONLY) && command->kind == DM_CMD_UNDELIVERED)
            task->look |= LOOK_PLACES;
    }
    return task;
}

void task_free(struct task *task) {
    free(task);
}

static int send_one(struct task *task, struct pg_conn *conn, struct pg_args *args,
                    enum store_statement statement) {
    assert(task->sent_count < sizeof(task->sent) / sizeof(task->sent[0]));
    task->sent[task->sent_count++] = statement;
    return pg_conn_send(conn, statement, args);
}

static int send_operation(struct task *task, struct pg_conn *conn, struct pg_args *args,
                          int64_t writer) {
    pg_args_reset(args);
    if (!store_is_read(&task->call->base))
        pg_args_int8(args, writer);
    task->operation->encode(task, args);
    return send_one(task, conn, args, task->operation->statement);
}

/* The threads to show: those listed, or the one acted on. */
static const int64_t *shown_threads(const struct task *task, size_t *ret_count) {
    const struct outcome *outcome = &task->outcome;
    *ret_count = outcome->thread_count ? outcome->thread_count : outcome->thread_id != 0;
    return outcome->thread_count ? outcome->threads : &outcome->thread_id;
}

/* The positions of the messages of the outcome from that one on, as two arrays. */
static void encode_positions(const struct task *task, size_t first, struct pg_args *args) {
    const struct outcome_message *messages = task->outcome.messages;
    size_t count = task->outcome.message_count;
    pg_args_array(args, PG_INT8);
    for (size_t i = first; i < count; i++)
        pg_args_item_int8(args, messages[i].thread_id);
    pg_args_array_end(args);
    pg_args_array(args, PG_INT8);
    for (size_t i = first; i < count; i++)
        pg_args_item_int8(args, messages[i].seq);
    pg_args_array_end(args);
}

static void encode_messages(const struct task *task, struct pg_args *args) {
    size_t shown;
    const int64_t *threads = shown_threads(task, &shown);
    pg_args_reset(args);
    pg_args_int8(args, task->call->actor_id);
    encode_positions(task, task->look & LOOK_MESSAGES ? 0
                           : task->look & LOOK_NEXT   ? 1
                                                      : task->outcome.message_count, args);
    pg_args_int8s(args, threads, task->look & LOOK_THREADS ? shown : 0);
}

static int send_look(struct task *task, struct pg_conn *conn, struct pg_args *args) {
    size_t shown;
    const int64_t *threads = shown_threads(task, &shown);
    int error = 0;
    if (task->look & LOOK_THREADS && shown) {
        pg_args_reset(args);
        pg_args_int8(args, task->call->actor_id);
        pg_args_int8s(args, threads, shown);
        error = send_one(task, conn, args, ST_THREADS);
    }
    if (!error && task->look & LOOK_RAW && shown) {
        pg_args_reset(args);
        pg_args_int8(args, threads[0]);
        error = send_one(task, conn, args, ST_THREAD_RAW);
    }
    if (!error && task->look & LOOK_MEMBERS && shown) {
        pg_args_reset(args);
        pg_args_int8s(args, threads, shown);
        error = send_one(task, conn, args, ST_MEMBERS);
    }
    if (!error && ((task->look & LOOK_MESSAGES && task->outcome.message_count) ||
                   (task->look & LOOK_THREADS && shown))) {
        encode_messages(task, args);
        error = send_one(task, conn, args, ST_MESSAGES);
    }
    if (!error && task->look & LOOK_UUIDS && task->outcome.message_count) {
        pg_args_reset(args);
        encode_positions(task, 0, args);
        error = send_one(task, conn, args, ST_UUIDS);
    }
    if (!error && task->look & LOOK_ACCOUNT && task->outcome.user_count) {
        pg_args_reset(args);
        pg_args_int8(args, task->outcome.users[0]);
        error = send_one(task, conn, args, ST_ACCOUNT);
    }
    return error;
}

static int send_users(struct task *task, struct pg_conn *conn, struct pg_args *args) {
    size_t count;
    int64_t *ids = task_user_ids(task, &count);
    pg_args_reset(args);
    pg_args_int8s(args, ids, count);
    return send_one(task, conn, args, ST_USERS);
}

int task_send(struct task *task, struct pg_conn *conn, struct pg_args *args, int64_t writer) {
    task->sent_count = 0;
    task->answered = 0;
    task->fault = PG_FAULT_NONE;
    switch (task->phase) {
    case TASK_OPERATE:
        return send_operation(task, conn, args, writer);
    case TASK_LOOK:
        return send_look(task, conn, args);
    case TASK_USERS:
        return send_users(task, conn, args);
    case TASK_DONE:
        break;
    }
    return 0;
}

static void task_fail(struct task *task, enum pg_fault fault, const char *reason) {
    if (task->fault != PG_FAULT_NONE)
        return;
    task->fault = fault;
    snprintf(task->reason, sizeof(task->reason), "%s", reason ? reason : "unknown");
}

static void answer_operation(struct task *task, const PGresult *result) {
    if (task->operation->statement == ST_REVOKED)
        task_read_revoked(task, result);
    else if (task->operation->statement == ST_EVENTS) {
        if (task_read_events(task, result) != 0)
            task_fail(task, PG_FAULT_OTHER, "no events");
    } else if (outcome_read(result, task->call->arena, &task->outcome) != 0)
        task_fail(task, PG_FAULT_OTHER, "no outcome");
    else if (task->operation->statement == ST_THREAD_LIST)
        task_cut_list(task);
}

void task_answer(struct task *task, const PGresult *result) {
    if (task->answered >= task->sent_count)
        return;
    enum store_statement statement = task->sent[task->answered++];
    enum pg_fault fault = pg_result_fault(result);
    if (fault != PG_FAULT_NONE) {
        task_fail(task, fault, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
        return;
    }
    switch (statement) {
    case ST_THREADS:
        task_read_threads(task, result);
        break;
    case ST_THREAD_RAW:
        task_read_raw(task, result);
        break;
    case ST_MESSAGES:
        task_read_messages(task, result);
        break;
    case ST_UUIDS:
        task_read_uuids(task, result);
        break;
    case ST_MEMBERS:
        task_read_members(task, result);
        break;
    case ST_USERS:
        task_read_users(task, result);
        break;
    case ST_ACCOUNT:
        task_read_account(task, result);
        break;
    default:
        answer_operation(task, result);
        break;
    }
}

int task_recover(struct task *task, const PGresult *result) {
    return outcome_read(result, task->call->arena, &task->outcome);
}

/* Names the threads of the outcome's messages, each once. */
static void name_places(struct task *task) {
    struct outcome *outcome = &task->outcome;
    int64_t *threads = arena_alloc(task->call->arena, outcome->message_count * sizeof(*threads));
    outcome->threads = threads;
    outcome->thread_count = 0;
    for (size_t i = 0; i < outcome->message_count; i++) {
        size_t at = 0;
        while (at < outcome->thread_count && threads[at] != outcome->messages[i].thread_id)
            at++;
        threads[at] = outcome->messages[i].thread_id;
        if (at == outcome->thread_count)
            outcome->thread_count++;
    }
    task->look |= LOOK_THREADS;
}

void task_advance(struct task *task) {
    size_t count;
    if (task->phase == TASK_OPERATE) {
        const struct outcome *outcome = &task->outcome;
        if (task->look & LOOK_PLACES && outcome->message_count)
            name_places(task);
        int named = outcome->thread_id || outcome->thread_count ||
                    (task->look & LOOK_MESSAGES && outcome->message_count) ||
                    (task->look & LOOK_ACCOUNT && outcome->user_count);
        int looks = task->look & (LOOK_THREADS | LOOK_RAW | LOOK_MEMBERS | LOOK_MESSAGES |
                                  LOOK_ACCOUNT);
        task->phase = TASK_LOOK;
        if (named && looks)
            return;
    }
    if (task->phase == TASK_LOOK) {
        task->phase = TASK_USERS;
        task_user_ids(task, &count);
        if (count)
            return;
    }
    task->phase = TASK_DONE;
}

enum dm_status task_finish(struct task *task) {
    assert(task->phase == TASK_DONE);
    task_fill(task);
    return task->outcome.status;
}
