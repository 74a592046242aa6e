/* FRIEND_REQUEST and its answers. */
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/fanout.h"
#include "core/engine/resolve.h"
#include "core/engine/thread_cache.h"

static enum dm_event_kind event_of(enum dm_command_kind kind) {
    if (kind == DM_CMD_FRIEND_ACCEPT)
        return DM_EVENT_FRIEND_ACCEPTED;
    return kind == DM_CMD_FRIEND_DENY ? DM_EVENT_FRIEND_DENIED : DM_EVENT_FRIEND_REQUEST;
}

static void announce(struct operation *op) {
    struct dm_event event = router_event(op->engine, event_of(op->command.kind), op->corr,
                                         op->actor->user);
    fanout_user(op, &event, op->other->id);
}

static void done(struct operation *op, enum dm_status status) {
    if (status == DM_OK && (op->result.flags & DM_RESULT_CHANGED))
        op->emit = announce;
    if (status == DM_OK || status == DM_EXISTS)
        op->result.user = operation_user(op, op->other->user);
    operation_finish(op, status);
}

static void known(struct operation *op, enum dm_status status) {
    if (status == DM_OK && op->other->id == op->actor->id)
        status = op->command.kind == DM_CMD_FRIEND_REQUEST ? DM_SELF : DM_NO_REQUEST;
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    operation_prepare(op, STORE_COMMAND)->other_id = op->other->id;
    operation_call(op, (uint64_t)op->actor->id, done);
}

void friend_begin(struct operation *op) {
    resolve_user(op, &op->command.user, known);
}
