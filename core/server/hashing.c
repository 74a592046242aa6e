#include "core/server/hashing.h"

#include "core/server/cli.h"
#include "core/server/cli_auth.h"

struct hash_wait {
    enum dm_status status;
    int done;
    struct buf *out;
};

static void hash_done(void *owner, enum dm_status status, struct dm_slice hash) {
    struct hash_wait *wait = owner;
    wait->status = status;
    wait->done = 1;
    if (status == DM_OK)
        buf_append_slice(wait->out, hash);
}

static int hash_one(struct backend *backend, struct auth *auth, struct dm_slice secret,
                    struct buf *out) {
    struct hash_wait wait = { .out = out };
    if (!secret.ptr)
        return CLI_OK;
    if (!secret.len)
        return cli_fail(CLI_USAGE, "the secret is empty");
    auth->ops->hash(auth, secret, hash_done, &wait);
    while (!wait.done)
        uv_run(loop_uv(backend_loop(backend)), UV_RUN_ONCE);
    return wait.status == DM_OK ? CLI_OK : cli_fail(CLI_FAILED, "hashing failed");
}

int hash_secrets(struct config *config, struct backend *backend, struct dm_slice password,
                 struct dm_slice pin, struct hashed *ret_hashed) {
    *ret_hashed = (struct hashed){ BUF_INIT, BUF_INIT };
    if (!password.ptr && !pin.ptr)
        return CLI_OK;
    struct auth *auth;
    int r = cli_auth_open(config, backend, &auth);
    if (r)
        return r;
    r = hash_one(backend, auth, password, &ret_hashed->password);
    if (!r)
        r = hash_one(backend, auth, pin, &ret_hashed->pin);
    cli_auth_close(backend, auth);
    if (r)
        hashed_fini(ret_hashed);
    return r;
}

void hashed_fini(struct hashed *hashed) {
    buf_fini(&hashed->password);
    buf_fini(&hashed->pin);
}
