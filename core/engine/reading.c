/* READ, READ_ONE, HISTORY and DELETE. */
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/release.h"
#include "core/engine/resolve.h"

/* So many messages in one event at most. */
#define EVENT_MESSAGES 500

/* What was read, kept while HISTORY goes on. */
struct reading {
    struct dm_result result;
};

/* ---- events ---- */

static void announce_read(struct operation *op) {
    const struct reading *reading = op->extra;
    const struct dm_result *read = &reading->result;
    size_t done = 0;
    while (done < read->message_count) {
        struct dm_event event = router_event(op->engine, DM_EVENT_READ, op->corr,
                                             op->actor->user);
        size_t left = read->message_count - done;
        event.messages = read->messages + done;
        event.message_count = left < EVENT_MESSAGES ? left : EVENT_MESSAGES;
        event.unread = read->count;
        fanout_result(op, &event);
        done += event.message_count;
    }
}

/* Members are needed at all, and no younger than the thread was when it was last written. */
static void announce_later(struct operation *op, operation_fn emit) {
    op->member_rev = op->thread->kind == DM_THREAD_CHAT ? 1 : 0;
    op->emit = emit;
}

static void keep_read(struct operation *op, const struct dm_result *read) {
    struct reading *reading = arena_alloc(&op->arena, sizeof(*reading));
    reading->result = *read;
    reading->result.count = read->thread ? read->thread->unread : 0;
    op->extra = reading;
    if (read->message_count && op->thread)
        announce_later(op, announce_read);
}

/* ---- READ ---- */

static void read_done(struct operation *op, enum dm_status status) {
    if (status == DM_OK)
        keep_read(op, &op->result);
    operation_finish(op, status);
}

static enum dm_status hide_chat(const struct operation *op, enum dm_status status) {
    if (status == DM_OK && op->thread && op->thread->kind == DM_THREAD_CHAT
        && (op->command.flags & DM_CMD_DIRECT_ONLY))
        return DM_NO_THREAD;
    return status;
}

/* 1 when a user was named with whom there is no thread yet: nothing to read, and no fault. */
static int has_no_thread_yet(const struct operation *op, enum dm_status status) {
    return status == DM_NO_THREAD && op->command.thread.kind == DM_REF_NONE;
}

static void submit_in_thread(struct operation *op, const struct dm_command *command,
                        operation_step_fn next) {
    struct store_call *call = operation_prepare(op, STORE_COMMAND);
    call->command = command;
    call->thread_id = op->thread->id;
    operation_call(op, (uint64_t)op->thread->id, next);
}

static void read_placed(struct operation *op, enum dm_status status) {
    status = hide_chat(op, status);
    if (status == DM_OK)
        submit_in_thread(op, &op->command, read_done);
    else
        operation_finish(op, has_no_thread_yet(op, status) ? DM_OK : status);
}

void read_begin(struct operation *op) {
    resolve_place(op, read_placed);
}

/* ---- HISTORY ---- */

static void history_done(struct operation *op, enum dm_status status) {
    operation_finish(op, status);
}

static void history_ask(struct operation *op) {
    struct store_call *call = operation_prepare(op, STORE_COMMAND);
    op->command.flags &= ~(uint32_t)DM_CMD_MARK_READ;
    call->thread_id = op->thread->id;
    operation_call(op, (uint64_t)op->thread->id, history_done);
}

static void history_read(struct operation *op, enum dm_status status) {
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    keep_read(op, &op->result);
    history_ask(op);
}

static void history_settled(struct operation *op, enum dm_status status) {
    struct dm_command *query;
    if (!(op->command.flags & DM_CMD_MARK_READ)) {
        history_ask(op);
        return;
    }
    query = operation_query(op);
    query->kind = DM_CMD_READ;
    query->thread = dm_ref_id(op->thread->id);
    submit_in_thread(op, query, history_read);
}

static void history_placed(struct operation *op, enum dm_status status) {
    status = hide_chat(op, status);
    if (status != DM_OK)
        operation_finish(op, has_no_thread_yet(op, status) ? DM_OK : status);
    else
        marks_wait(op, history_settled);
}

void history_begin(struct operation *op) {
    resolve_place(op, history_placed);
}

/* ---- single messages ---- */

static void announce_read_one(struct operation *op) {
    struct dm_event event = router_event(op->engine, DM_EVENT_READ, op->corr, op->actor->user);
    event.messages = &op->result.message;
    event.message_count = 1;
    event.unread = op->result.count;
    fanout_result(op, &event);
}

static void announce_deleted(struct operation *op) {
    struct dm_event event = router_event(op->engine, DM_EVENT_MESSAGE_DELETED, op->corr,
                                         op->actor->user);
    event.message = op->result.message;
    fanout_result(op, &event);
    if (op->extra)
        release_request(op, op->extra);
}

/* The request in place of the one deleted is for the events; the result shows the latter. */
static void keep_request(struct operation *op) {
    struct dm_message *request;
    if (!op->result.message_count)
        return;
    request = arena_alloc(&op->arena, sizeof(*request));
    *request = *op->result.messages[0];
    request->flags &= ~(uint32_t)DM_MESSAGE_READ_BY_ME;
    op->extra = request;
    op->result.messages = NULL;
    op->result.message_count = 0;
}

static int tells_of_change(const struct operation *op, enum dm_status status) {
    return status == DM_OK && op->result.message && (op->result.flags & DM_RESULT_CHANGED);
}

static void read_one_done(struct operation *op, enum dm_status status) {
    if (tells_of_change(op, status))
        announce_later(op, announce_read_one);
    operation_finish(op, status);
}

/* What was held, nobody but its author ever knew. */
static void delete_done(struct operation *op, enum dm_status status) {
    if (status == DM_OK)
        keep_request(op);
    if (tells_of_change(op, status))
        announce_later(op, op->result.message->flags & DM_MESSAGE_HELD ? fanout_nothing
                                                                       : announce_deleted);
    operation_finish(op, status);
}

static void one_placed(struct operation *op, enum dm_status status) {
    if (status != DM_OK)
        operation_finish(op, status);
    else
        submit_in_thread(op, &op->command,
                    op->command.kind == DM_CMD_DELETE ? delete_done : read_one_done);
}

void read_one_begin(struct operation *op) {
    resolve_message(op, one_placed);
}

void delete_begin(struct operation *op) {
    resolve_message(op, one_placed);
}
