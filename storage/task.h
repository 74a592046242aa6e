/* One store_call on its way. First the operation, which answers with an outcome (numbers), then a
 * look at the threads and messages that it names, then at the users that those name:
 *
 *   OPERATE ──▶ LOOK ──▶ USERS ──▶ DONE     (phases that have nothing to ask are skipped)
 *
 * Whoever owns the connection sends a phase, hands over the results, and advances at the sync. A
 * phase may be sent again on another connection; OPERATE of a write only by its writer. */
#ifndef DRAGOMAN_STORAGE_TASK_H
#define DRAGOMAN_STORAGE_TASK_H

#include "core/engine/store.h"
#include "storage/outcome.h"
#include "storage/pg_conn.h"
#include "storage/pg_fault.h"
#include "storage/statements.h"

enum task_phase {
    TASK_OPERATE,
    TASK_LOOK,
    TASK_USERS,
    TASK_DONE,
};

/* What to look at. */
enum task_look {
    LOOK_THREADS = 1u << 0,  /* as the actor sees them, each with its last message */
    LOOK_MESSAGES = 1u << 1, /* whole; without it a message is its ids */
    LOOK_RAW = 1u << 2,      /* into ret_thread */
    LOOK_MEMBERS = 1u << 3,
    LOOK_ACCOUNT = 1u << 4,
    LOOK_UUIDS = 1u << 8,    /* of messages that are not looked at whole */
    LOOK_NEXT = 1u << 9,     /* whole, but for the first message */
    LOOK_PLACES = 1u << 10,  /* the threads of the messages, as LOOK_THREADS those that it names */
    TAKE_USER = 1u << 5,     /* result->user instead of ->users */
    TAKE_MESSAGE = 1u << 6,  /* the first as result->message, the rest as ->messages */
    REVERSE = 1u << 7,       /* the messages, oldest first */
};

struct task;

/* How a call becomes a statement. */
struct task_operation {
    enum store_statement statement;
    void (*encode)(const struct task *task, struct pg_args *args);
    uint32_t look;
};

/* Models on their way: who they refer to is known by id only. */
struct task_thread {
    struct dm_thread thread;
    int64_t peer_id;
    const int64_t *member_ids;
};

struct task_uuid {
    int64_t thread_id;
    int64_t seq;
    struct dm_uuid uuid;
    int held;
};

struct task_message {
    struct dm_message message;
    int64_t author_id, recipient_id;
};

struct task {
    struct list link;
    struct store_call *call;
    uint32_t chat_members;
    uint32_t look;
    const struct task_operation *operation;
    enum task_phase phase;
    enum pg_fault fault;      /* the first of this phase */
    char reason[160];         /* of the fault */
    struct outcome outcome;
    size_t answered;          /* statements of this phase */
    enum store_statement sent[6];
    size_t sent_count;
    struct task_thread *threads;
    size_t thread_count;
    struct task_message *messages;
    size_t message_count;
    struct task_uuid *uuids;  /* ascending by thread and seq */
    size_t uuid_count;
    struct dm_user *users;    /* ascending by id */
    size_t user_count;
};

/* A task on the heap for a call; NULL when this store does not know the command. */
struct task *task_new(struct store_call *call, uint32_t chat_members);
void task_free(struct task *task);

/* Sends the statements of the present phase, without a sync. writer: the id that a writing
 * operation keeps its outcome under. Returns 0 or -EIO. */
int task_send(struct task *task, struct pg_conn *conn, struct pg_args *args, int64_t writer);

/* Takes the next answer of the phase. */
void task_answer(struct task *task, const PGresult *result);

/* Takes the operation's outcome from a writer's row instead of an answer. Returns 0 or negative
 * errno. */
int task_recover(struct task *task, const PGresult *result);

/* At the sync, when there was no fault: to the next phase that has something to ask. */
void task_advance(struct task *task);

/* Fills the result; in phase DONE. */
enum dm_status task_finish(struct task *task);

/* The table of operations. */
const struct task_operation *task_operation_of(const struct store_call *call);

/* Used by the phases: rows into the model, and the model into the result. */
void task_read_threads(struct task *task, const PGresult *result);
void task_read_raw(struct task *task, const PGresult *result);
void task_read_messages(struct task *task, const PGresult *result);
void task_read_uuids(struct task *task, const PGresult *result);
void task_read_members(struct task *task, const PGresult *result);
void task_read_users(struct task *task, const PGresult *result);
void task_read_account(struct task *task, const PGresult *result);
void task_read_revoked(struct task *task, const PGresult *result);
int task_read_events(struct task *task, const PGresult *result);
/* Of a list of threads, leaves the page in the outcome. */
void task_cut_list(struct task *task);
/* Ids of all users that something refers to, ascending, each once; in the call's arena. */
int64_t *task_user_ids(struct task *task, size_t *ret_count);
void task_fill(struct task *task);

#endif
