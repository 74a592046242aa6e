#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "storage/store_pg_internal.h"

#define ATTEMPTS_MAX 20
/* The usual round trip is a moving mean over about so many. */
#define USUAL_OF 16

/* Sending */

static void send_batch(struct writer *writer) {
    struct pg_args *args = &writer->store->args;
    pg_args_reset(args);
    pg_args_int8(args, writer->id);
    pg_args_int8(args, writer->number + 1);
    enum store_statement statement = batch_encode(&writer->batch, args);
    writer->step = WRITER_HOT;
    if (pg_conn_send(writer->conn, statement, args) == 0)
        pg_conn_sync(writer->conn);
}

static void send_call(struct writer *writer) {
    struct pg_args *args = &writer->store->args;
    int error = 0;
    writer->step = WRITER_COLD;
    if (writer->task->phase == TASK_OPERATE) {
        pg_args_reset(args);
        pg_args_int8(args, writer->id);
        pg_args_int8(args, writer->number + 1);
        writer->mark_pending = 1;
        error = pg_conn_send(writer->conn, ST_WRITER_MARK, args);
    }
    if (!error)
        error = task_send(writer->task, writer->conn, args, writer->id);
    if (!error)
        pg_conn_sync(writer->conn);
}

static void send_lookup(struct writer *writer) {
    struct pg_args *args = &writer->store->args;
    pg_args_reset(args);
    batch_lookup_encode(&writer->batch, args);
    writer->step = WRITER_LOOKUP;
    writer->fault = PG_FAULT_NONE;
    if (pg_conn_send(writer->conn, ST_BATCH_LOOKUP, args) == 0)
        pg_conn_sync(writer->conn);
}

static void send_result(struct writer *writer) {
    struct pg_args *args = &writer->store->args;
    pg_args_reset(args);
    pg_args_int8(args, writer->id);
    writer->step = WRITER_RESULT;
    writer->fault = PG_FAULT_NONE;
    if (pg_conn_send(writer->conn, ST_WRITER_RESULT, args) == 0)
        pg_conn_sync(writer->conn);
}

void unit_send(struct writer *writer) {
    writer->fault = PG_FAULT_NONE;
    writer->mark_pending = 0;
    writer->sent_ns = clock_mono_ns();
    if (writer->unit == UNIT_HOT)
        send_batch(writer);
    else
        send_call(writer);
}

/* Answers */

static void note_fault(struct writer *writer, enum pg_fault fault, const char *reason) {
    if (writer->fault != PG_FAULT_NONE)
        return;
    writer->fault = fault;
    snprintf(writer->reason, sizeof(writer->reason), "%s", reason ? reason : "unknown");
}

static void decode(struct writer *writer, const PGresult *result) {
    int error = 0;
    if (writer->step == WRITER_HOT)
        error = batch_decode(&writer->batch, result);
    else if (writer->step == WRITER_LOOKUP)
        error = batch_lookup_decode(&writer->batch, result);
    else if (writer->step == WRITER_RESULT)
        error = task_recover(writer->task, result);
    if (error)
        note_fault(writer, PG_FAULT_OTHER, "an answer that does not fit");
}

void unit_result(struct writer *writer, const PGresult *result) {
    if (writer->step == WRITER_COLD && !writer->mark_pending) {
        task_answer(writer->task, result);
        note_fault(writer, writer->task->fault, writer->task->reason);
        return;
    }
    enum pg_fault fault = pg_result_fault(result);
    if (fault != PG_FAULT_NONE)
        note_fault(writer, fault, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    else
        decode(writer, result);
    writer->mark_pending = 0;
}

/* Ends */

static void unit_done(struct writer *writer) {
    writer->unit = UNIT_NONE;
    writer->step = WRITER_IDLE;
    writer->uncertain = 0;
    store_wake(writer->store);
}

static void finish_hot(struct writer *writer, enum dm_status status) {
    struct list requests;
    list_init(&requests);
    list_splice_back(&requests, &writer->requests);
    unit_done(writer);
    for (struct list *link; (link = list_pop_front(&requests)) != NULL;)
        writer_complete(writer, container_of(link, struct store_request, link), status);
}

static void finish_cold(struct writer *writer, enum dm_status status) {
    struct task *task = writer->task;
    writer->task = NULL;
    unit_done(writer);
    writer->store->stats.calls++;
    struct store_request *request = &task->call->base;
    task_free(task);
    writer_complete(writer, request, status);
}

static void unit_fail(struct writer *writer, enum dm_status status) {
    if (status == DM_UNAVAILABLE)
        writer->store->stats.unavailable += writer_in_hand(writer);
    if (writer->unit == UNIT_HOT)
        finish_hot(writer, status);
    else
        finish_cold(writer, status);
}

static void split_half(struct writer *writer, size_t count) {
    struct unit *half = mem_zalloc(sizeof(*half));
    list_init(&half->requests);
    for (; half->count < count; half->count++)
        list_push_back(&half->requests, list_pop_front(&writer->requests));
    list_push_back(&writer->halves, &half->link);
}

/* Something in the batch is bad: each half is tried alone, before anything else, until what is
 * bad is alone. */
static void unit_split(struct writer *writer) {
    struct list later;
    size_t count = writer->request_count;
    list_init(&later);
    list_splice_back(&later, &writer->halves);
    split_half(writer, count / 2);
    split_half(writer, count - count / 2);
    list_splice_back(&writer->halves, &later);
    writer->store->stats.splits++;
    unit_done(writer);
}

static const struct store_request *unit_request(const struct writer *writer) {
    return writer->unit == UNIT_COLD
               ? &writer->task->call->base
               : container_of(list_front(&writer->requests), struct store_request, link);
}

static void unit_refused(struct writer *writer) {
    enum pg_fault fault = writer->fault;
    int bad_input = fault == PG_FAULT_DATA || fault == PG_FAULT_OTHER;
    if (fault == PG_FAULT_RETRY && ++writer->attempts < ATTEMPTS_MAX) {
        writer->store->stats.retries++;
        unit_send(writer);
    } else if (fault == PG_FAULT_UNKNOWN_WRITER && !writer->uncertain) {
        /* Somebody cleaned up: nothing of this unit was done, so a new row will do. */
        writer->registered = 0;
        pg_conn_drop(writer->conn);
    } else if (writer->unit == UNIT_HOT && bad_input && writer->request_count > 1) {
        unit_split(writer);
    } else {
        unit_fail(writer, fault_status(fault, writer->reason, unit_request(writer)));
    }
}

static void note_round_trip(struct store_pg *store, uint64_t taken_ns) {
    metrics_observe(&store->stats.batch_us, taken_ns / 1000);
    store->usual_ns += taken_ns / USUAL_OF;
    store->usual_ns -= store->usual_ns / USUAL_OF;
}

static void sync_batch(struct writer *writer) {
    struct store_pg_stats *stats = &writer->store->stats;
    if (writer->fault == PG_FAULT_DONE) {
        stats->recovered++;
        send_lookup(writer);
        return;
    }
    if (writer->fault != PG_FAULT_NONE) {
        unit_refused(writer);
        return;
    }
    writer->number++;
    metrics_observe(&stats->batch_rows, writer->request_count);
    note_round_trip(writer->store, clock_mono_ns() - writer->sent_ns);
    finish_hot(writer, DM_OK);
}

static void next_phase(struct writer *writer) {
    task_advance(writer->task);
    if (writer->task->phase == TASK_DONE)
        finish_cold(writer, task_finish(writer->task));
    else
        unit_send(writer);
}

static void sync_call(struct writer *writer) {
    if (writer->fault == PG_FAULT_DONE) {
        writer->store->stats.recovered++;
        send_result(writer);
    } else if (writer->fault != PG_FAULT_NONE) {
        unit_refused(writer);
    } else {
        if (writer->task->phase == TASK_OPERATE)
            writer->number++;
        next_phase(writer);
    }
}

void unit_sync(struct writer *writer) {
    switch (writer->step) {
    case WRITER_HOT:
        sync_batch(writer);
        break;
    case WRITER_COLD:
        sync_call(writer);
        break;
    case WRITER_LOOKUP:
        /* Committed: a look-up that fails is tried until it tells. */
        if (writer->fault != PG_FAULT_NONE) {
            pg_conn_drop(writer->conn);
            break;
        }
        writer->number++;
        finish_hot(writer, DM_OK);
        break;
    case WRITER_RESULT:
        if (writer->fault != PG_FAULT_NONE) {
            pg_conn_drop(writer->conn);
            break;
        }
        writer->number++;
        next_phase(writer);
        break;
    default:
        break;
    }
}

void unit_abandon(struct writer *writer) {
    if (writer->unit != UNIT_NONE)
        unit_fail(writer, DM_UNAVAILABLE);
    while (!list_is_empty(&writer->halves)) {
        struct unit *half = container_of(list_pop_front(&writer->halves), struct unit, link);
        for (struct list *link; (link = list_pop_front(&half->requests)) != NULL;)
            writer_complete(writer, container_of(link, struct store_request, link),
                            DM_UNAVAILABLE);
        free(half);
    }
}
