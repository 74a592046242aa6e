/* Requests that wait for the store or the hasher. */
#include <string.h>

#include "core/server/admin/internal.h"
#include "core/server/user_word.h"

int admin_resume(struct admin_request *request) {
    request->state = ADMIN_IDLE;
    if (request->admin && request->exchange)
        return 1;
    admin_request_free(request);
    return 0;
}

static void called(struct store_request *base, enum dm_status status) {
    struct admin_request *request = base->owner;
    if (admin_resume(request))
        request->done(request, status);
}

void admin_call(struct admin_request *request, enum store_kind kind, admin_done_fn *done) {
    struct store_call *call = &request->call;
    request->state = ADMIN_WAITING;
    request->done = done;
    request->command.size = sizeof(request->command);
    memset(&request->result, 0, sizeof(request->result));
    list_init(&call->base.link);
    call->base.kind = kind;
    call->base.done = called;
    call->base.owner = request;
    call->arena = &request->arena;
    call->command = &request->command;
    call->account = &request->account;
    call->result = &request->result;
    store_submit(backend_store(gateway_backend(request->admin->gateway)), &call->base);
}

static void found(struct admin_request *request, enum dm_status status) {
    admin_done_fn *done = request->found;
    if (status != DM_OK)
        admin_reply_status(request, status);
    else
        done(request, status);
}

void admin_find_user(struct admin_request *request, admin_done_fn *done) {
    request->command.user = user_word(request->param);
    request->found = done;
    admin_call(request, STORE_USER_FIND, found);
}
