#include "core/engine/strand.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/engine/catchup.h"
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/order.h"

struct strand *strand_of(struct engine_session *session) {
    struct strand *strand = session->strand;
    if (strand)
        return strand;
    strand = mem_zalloc(sizeof(*strand));
    strand->engine = session->engine;
    strand->session = session;
    strand->counters = session->counters;
    list_init(&strand->queue);
    list_init(&strand->running);
    list_init(&strand->ready_link);
    session->strand = strand;
    return strand;
}

void strand_ref(struct strand *strand) {
    strand->refs++;
}

void strand_unref(struct strand *strand) {
    if (--strand->refs)
        return;
    if (strand->session)
        strand->session->strand = NULL;
    if (strand->user)
        engine_user_unref(strand->engine, strand->user);
    list_remove(&strand->ready_link);
    free(strand);
}

void strand_orphan(struct strand *strand) {
    strand->user = strand->session->user;
    if (strand->user)
        engine_user_ref(strand->user);
    strand->session = NULL;
}

void strand_enter(struct operation *op, uint64_t lane) {
    struct strand *strand = op->strand;
    list_remove(&op->link);
    list_push_back(&strand->running, &op->link);
    strand->lane = lane;
    if (op->state != OPERATION_DONE)
        op->state = OPERATION_RUNNING;
}

void strand_close_lane(struct strand *strand) {
    strand->lane = 0;
}

static enum dm_status permit(const struct strand *strand, const struct command_rule *rule) {
    uint32_t flags = strand->session ? strand->session->flags : 0;
    if (strand->session ? !!strand->session->user : !!strand->user)
        return DM_OK;
    if (rule->access == COMMAND_ANYBODY)
        return DM_OK;
    if (rule->access == COMMAND_HANDSHAKE && (flags & ENGINE_SESSION_HANDSHAKE))
        return DM_OK;
    if (rule->access == COMMAND_LOOKUP && (flags & ENGINE_SESSION_LOOKUP))
        return DM_OK;
    return DM_UNAUTHENTICATED;
}

/* Begins an operation. It may be done, in the queue or running when this returns. */
static void begin(struct strand *strand, struct operation *op) {
    const struct command_rule *rule = command_rule(op->command.kind);
    struct engine_user *actor = strand->session ? strand->session->user : strand->user;
    enum dm_status status = permit(strand, rule);
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    operation_set_actor(op, actor);
    if (rule->order == COMMAND_ALONE)
        strand_enter(op, 0);
    else
        op->state = OPERATION_LOOKING;
    rule->begin(op);
}

/* One that joins may begin beside others that join, but not before the answer of one that runs
 * alone: that may be the handshake. */
static int may_begin(const struct strand *strand, const struct operation *op) {
    return list_is_empty(&strand->running)
           || (strand->lane && command_rule(op->command.kind)->order == COMMAND_JOINS);
}

static int may_resume(const struct strand *strand, const struct operation *op) {
    return list_is_empty(&strand->running) || (op->lane && op->lane == strand->lane);
}

/* One step with the operation at the queue's head; returns 0 when it must wait. */
static int step(struct strand *strand, struct operation *op) {
    switch (op->state) {
    case OPERATION_DONE:
        strand_enter(op, strand->lane);
        return 1;
    case OPERATION_LOOKING:
        return 0;
    case OPERATION_READY:
        if (!may_resume(strand, op))
            return 0;
        op->state = OPERATION_LOOKING;
        op->resume(op);
        return 1;
    case OPERATION_QUEUED:
        if (!may_begin(strand, op))
            return 0;
        begin(strand, op);
        return 1;
    case OPERATION_RUNNING:
        break;
    }
    /* What runs has left the queue. */
    abort();
}

static void start(struct strand *strand) {
    struct list *link;
    while ((link = list_front(&strand->queue))) {
        if (!step(strand, container_of(link, struct operation, link)))
            break;
    }
}

/* The next one to be answered, if it was submitted no later than `last`. */
static struct operation *done_head(const struct strand *strand, uint64_t last) {
    struct list *link = list_front(&strand->running);
    struct operation *op = link ? container_of(link, struct operation, link) : NULL;
    if (!op || op->state != OPERATION_DONE || op->corr > last || order_holds(op))
        return NULL;
    return op;
}

static void answer(struct strand *strand, struct operation *op) {
    struct engine *engine = strand->engine;
    if (strand->session && op->deliver)
        op->deliver(op, strand->session);
    if (strand->session)
        catchup_complete(strand->session, &op->command, &op->arena, &op->result);
    counters_command(&engine->counters, strand->counters, op->command.kind, op->result.status,
                     clock_mono_ns() - op->begun_ns);
    log_event(LOG_LEVEL_DEBUG, "command", LOG_UINT("corr", op->corr),
              LOG_STR("kind", dm_command_name(op->command.kind)),
              LOG_STR("outcome", dm_status_name(op->result.status)));
    if (engine->observer)
        engine->observer->result(engine->observer->owner, strand->session, op->corr,
                                 &op->result);
    if (strand->session)
        engine->client->result(strand->session, &op->result, op->cookie);
    if (strand->session)
        catchup_answered(strand->session, &op->command, &op->result);
}

/* Begins what may begin, and delivers what is done, from engine_run. */
static void make_ready(struct strand *strand) {
    if (!list_is_empty(&strand->ready_link))
        return;
    list_push_back(&strand->engine->ready, &strand->ready_link);
    engine_wake_at(strand->engine, 0);
}

static void deliver_until(struct strand *strand, uint64_t last) {
    struct operation *op;
    strand_ref(strand);
    while ((op = done_head(strand, last))) {
        list_remove(&op->link);
        strand->backlog--;
        answer(strand, op);
        operation_unref(op);
    }
    strand_unref(strand);
}

void strand_deliver(struct strand *strand) {
    deliver_until(strand, strand->engine->operations.corr);
}

void strand_advance(struct strand *strand) {
    uint64_t last = strand->engine->operations.corr;
    strand_ref(strand);
    do {
        deliver_until(strand, last);
        start(strand);
    } while (done_head(strand, last));
    if (done_head(strand, UINT64_MAX))
        make_ready(strand);
    strand_unref(strand);
}

void strand_release(struct strand *strand) {
    strand_deliver(strand);
    make_ready(strand);
}

void strand_push(struct strand *strand, struct operation *op) {
    list_push_back(&strand->queue, &op->link);
    strand->backlog++;
    start(strand);
    if (done_head(strand, UINT64_MAX))
        make_ready(strand);
}

void strand_run_ready(struct engine *engine) {
    struct list batch;
    struct list *link;
    list_init(&batch);
    list_splice_back(&batch, &engine->ready);
    while ((link = list_pop_front(&batch)))
        strand_advance(container_of(link, struct strand, ready_link));
}
