#include "core/server/cli_ref.h"

#include <stdlib.h>

#include "core/server/cli.h"

static enum dm_status find(struct backend *backend, const struct dm_ref *by, struct cli_ref *ref) {
    struct dm_command command = { .size = sizeof(command), .user = *by };
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
    struct dm_uuid uuid;
    struct dm_slice name = dm_slice_str(text);
    char *end;
    arena_init(&ret_ref->arena, 4096);
    ret_ref->user = NULL;
    int is_uuid = !dm_uuid_parse(name, &uuid);
    struct dm_ref by = is_uuid ? dm_ref_uuid(&uuid) : dm_ref_name(name);
    enum dm_status status = find(backend, &by, ret_ref);
    long long id = strtoll(text, &end, 10);
    if (status == DM_NO_USER && !is_uuid && id > 0 && !*end) {
        by = dm_ref_id(id);
        status = find(backend, &by, ret_ref);
    }
    if (status == DM_NO_USER)
        return cli_fail(CLI_NO_USER, "no such user: %s", text);
    if (status != DM_OK)
        return cli_fail(CLI_UNAVAILABLE, "the database says: %s", dm_status_name(status));
    return CLI_OK;
}

void cli_ref_fini(struct cli_ref *ref) {
    arena_fini(&ref->arena);
}
