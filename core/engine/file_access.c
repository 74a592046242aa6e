/* Who may open a file: the errand behind engine_file_find. */
#include "core/engine/core.h"
#include "core/engine/handshake.h"
#include "core/engine/resolve.h"

/* So that an answer known at once still comes after the call. */
#define AT_ONCE_US 1

struct access {
    engine_file_fn done;
    void *owner;
    struct file_find find;
    struct grant *grant;
};

void engine_attach_files(struct engine *engine, struct file_store *store,
                         file_url_check_fn check, void *check_owner) {
    engine->files.store = store;
    engine->files.check = check;
    engine->files.check_owner = check_owner;
}

static void tell(struct operation *op) {
    const struct access *access = op->extra;
    enum dm_status status = op->result.status;
    access->done(access->owner, status, status == DM_OK ? &access->find.ret_info : NULL);
}

static void found(struct file_request *request, enum dm_status status) {
    struct operation *op = request->owner;
    operation_ref(op);
    operation_finish(op, status);
    operation_settle(op);
    operation_unref(op);
}

static void find(struct operation *op) {
    struct access *access = op->extra;
    access->find.base.kind = FILE_FIND;
    access->find.base.corr = op->corr;
    access->find.base.done = found;
    access->find.base.owner = op;
    access->find.reader_id = op->other ? op->other->id : 0;
    access->find.arena = &op->arena;
    file_store_submit(op->engine->files.store, &access->find.base);
}

static void refuse(struct operation *op, enum dm_status status) {
    if (status == DM_NO_USER)
        status = DM_UNAUTHENTICATED;
    if (status != DM_UNAVAILABLE)
        counters_auth_failure(&op->engine->counters, status);
    operation_finish_later(op, status, AT_ONCE_US);
}

static void reader_known(struct operation *op, enum dm_status status) {
    if (status == DM_OK)
        find(op);
    else
        refuse(op, status);
}

void engine_file_find(struct engine *engine, int64_t file_id, struct dm_slice token,
                      engine_file_fn done, void *owner) {
    struct operation *op = operation_new(engine, NULL);
    struct access *access = arena_zalloc(&op->arena, sizeof(*access));
    access->done = done;
    access->owner = owner;
    access->find.id = file_id;
    op->extra = access;
    op->answer = tell;
    op->command.token = arena_slice(&op->arena, token);
    if (!engine->files.store) {
        operation_finish_later(op, DM_UNAVAILABLE, AT_ONCE_US);
        return;
    }
    if (!token.ptr) {
        find(op);
        return;
    }
    enum dm_status status = handshake_check(op, NULL, AUTH_TOKEN_ACCESS, &access->grant);
    if (status == DM_OK)
        resolve_user(op, &access->grant->subject, reader_known);
    else
        refuse(op, status);
}
