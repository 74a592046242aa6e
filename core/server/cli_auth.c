#include "core/server/cli_auth.h"

#include "core/server/cli.h"
#include "core/server/issuers.h"

int cli_auth_open(struct config *config, struct backend *backend, struct auth **ret_auth) {
    struct auth_setup *setup;
    char error[AUTH_ERROR_SIZE];
    if (auth_setup_new(config, &setup))
        return cli_fail(CLI_CONFIG, "%s", config_error(config));
    int r = auth_open(loop_uv(backend_loop(backend)), auth_setup_config(setup), ret_auth, error);
    auth_setup_free(setup);
    return r ? cli_fail(CLI_CONFIG, "%s", error) : CLI_OK;
}

static void auth_closed(void *owner) {
    *(int *)owner = 1;
}

void cli_auth_close(struct backend *backend, struct auth *auth) {
    int closed = 0;
    auth_close(auth, auth_closed, &closed);
    while (!closed)
        uv_run(loop_uv(backend_loop(backend)), UV_RUN_ONCE);
}
