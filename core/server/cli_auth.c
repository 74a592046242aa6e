#include "core/server/cli_auth.h"

#include "core/server/cli.h"
#include "core/server/issuers.h"

static int open_on(uv_loop_t *loop, struct auth_setup *setup, struct auth **ret_auth) {
    char error[AUTH_ERROR_SIZE];
    int r = auth_open(loop, auth_setup_config(setup), ret_auth, error);
    auth_setup_free(setup);
    return r ? cli_fail(CLI_CONFIG, "%s", error) : CLI_OK;
}

int cli_auth_open(struct config *config, struct backend *backend, struct auth **ret_auth) {
    struct auth_setup *setup;
    if (auth_setup_new(config, &setup))
        return cli_fail(CLI_CONFIG, "%s", config_error(config));
    return open_on(loop_uv(backend_loop(backend)), setup, ret_auth);
}

int cli_auth_check(struct config *config) {
    struct auth_setup *setup;
    struct auth *auth;
    uv_loop_t loop;
    if (auth_setup_try(config, &setup))
        return cli_fail(CLI_CONFIG, "%s", config_error(config));
    uv_loop_init(&loop);
    int r = open_on(&loop, setup, &auth);
    if (!r)
        auth_close(auth, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return r;
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
