#include "core/server/cli_ref.h"

#include "core/server/cli.h"
#include "core/server/user_word.h"

static enum dm_status find(struct backend *backend, const char *text, struct cli_ref *ref) {
    struct dm_command command = { .size = sizeof(command), .user = user_word(dm_slice_str(text)) };
    struct dm_result result = { 0 };
    struct store_call call = {
        .base.kind = STORE_USER_FIND,
        .arena = &ref->arena,
        .command = &command,
        .result = &result,
    };
    enum dm_status status = backend_call(backend, &call);
    ref->user = result.user;
    return status;
}

int cli_find_user(struct backend *backend, const char *text, struct cli_ref *ret_ref) {
    arena_init(&ret_ref->arena, 4096);
    ret_ref->user = NULL;
    enum dm_status status = find(backend, text, ret_ref);
    if (status == DM_NO_USER)
        return cli_fail(CLI_NO_USER, "no such user: %s", text);
    if (status != DM_OK)
        return cli_fail(CLI_UNAVAILABLE, "the database says: %s", dm_status_name(status));
    return CLI_OK;
}

void cli_ref_fini(struct cli_ref *ref) {
    arena_fini(&ref->arena);
}
