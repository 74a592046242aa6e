/* APPROVE and BLOCK: whether a direct thread is open to its other side. */
#include "core/engine/commands.h"
#include "core/engine/core.h"
#include "core/engine/release.h"
#include "core/engine/resolve.h"

static void announce(struct operation *op) {
    release_announce(op, op->extra);
}

/* What was released is for the events; the result shows the thread. */
static void decided(struct operation *op, enum dm_status status) {
    if (status == DM_OK) {
        struct dm_result *full = arena_alloc(&op->arena, sizeof(*full));
        *full = op->result;
        op->extra = full;
        op->emit = announce;
        op->span = op->rev ? 1 + full->message_count : 0;
        op->result.messages = NULL;
        op->result.message_count = 0;
    }
    operation_finish(op, status);
}

/* That a chat has no requests is said by the store, which knows who may know of the chat. */
static void placed(struct operation *op, enum dm_status status) {
    struct store_call *call;
    if (status != DM_OK) {
        operation_finish(op, status);
        return;
    }
    call = operation_prepare(op, STORE_COMMAND);
    call->thread_id = op->thread->id;
    operation_call(op, (uint64_t)op->thread->id, decided);
}

/* Only those who are asked by the gate may let others through. */
static int may_approve(const struct operation *op) {
    struct dm_slice gate = op->engine->gate_role;
    return gate.len && dm_user_has_role(op->actor->user, gate);
}

void gate_begin(struct operation *op) {
    if (op->command.kind == DM_CMD_APPROVE && !may_approve(op)) {
        operation_finish(op, DM_FORBIDDEN);
        return;
    }
    resolve_place(op, placed);
}
