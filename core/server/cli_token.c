/* dragoman token issue | revoke */
#include <stdio.h>
#include <string.h>

#include "core/auth/auth.h"
#include "core/base/clock.h"
#include "core/base/decimal.h"
#include "core/server/cli.h"
#include "core/server/cli_auth.h"
#include "core/server/cli_ref.h"

#define TTL_MAX (INT64_C(3650) * 24 * 3600)

static int issue(struct auth *auth, const struct dm_user *user, int64_t ttl) {
    struct buf token = BUF_INIT;
    if (!(user->flags & DM_USER_ACTIVE))
        return cli_fail(CLI_FAILED, "the user is deactivated");
    int r = auth->ops->issue(auth, user, AUTH_TOKEN_ACCESS, ttl ? ttl : auth->access_ttl, &token);
    if (!r)
        printf("%.*s\n", (int)token.len, token.data);
    buf_fini(&token);
    return r ? cli_fail(CLI_FAILED, "cannot sign: %s", strerror(-r)) : CLI_OK;
}

static int issue_for(struct cli *cli, struct backend *backend, int64_t ttl) {
    struct cli_ref ref;
    struct auth *auth;
    int r = cli_find_user(backend, cli->argv[0], &ref);
    if (!r)
        r = cli_auth_open(cli->config, backend, &auth);
    if (!r) {
        r = issue(auth, ref.user, ttl);
        cli_auth_close(backend, auth);
    }
    cli_ref_fini(&ref);
    return r;
}

static int parse_ttl(const char *text, int64_t *ret_ttl) {
    if (decimal_parse(dm_slice_str(text), TTL_MAX, ret_ttl) || *ret_ttl < 1)
        return cli_fail(CLI_USAGE, "--ttl wants seconds, at most ten years of them");
    return CLI_OK;
}

int cli_token_issue(struct cli *cli) {
    int64_t ttl = 0;
    if (cli->argc == 3 && !strcmp(cli->argv[1], "--ttl")) {
        if (parse_ttl(cli->argv[2], &ttl))
            return CLI_USAGE;
    } else if (cli->argc != 1) {
        return cli_fail(CLI_USAGE, "token issue USER [--ttl SECONDS]");
    }
    struct backend *backend;
    int r = backend_open(cli->config, BACKEND_VERB_READS, &backend);
    if (r)
        return r;
    r = issue_for(cli, backend, ttl);
    backend_close(backend);
    return r;
}

/* Until when the revocation must be remembered. A token that does not verify now, because its
 * issuer is not configured or has changed its keys, is remembered for long. */
static enum dm_status judge(struct auth *auth, struct dm_slice token, int64_t *ret_expires_us) {
    struct auth_claims claims;
    enum dm_status status = auth->ops->verify(auth, token, NULL, &claims);
    *ret_expires_us = 0;
    if (status == DM_OK) {
        *ret_expires_us = claims.expires_us;
        auth_claims_fini(&claims);
    }
    if (!*ret_expires_us)
        *ret_expires_us = clock_real_us() + TTL_MAX * 1000000;
    return status;
}

static const char *outcome(enum dm_status judged) {
    switch (judged) {
    case DM_OK:
        return "revoked";
    case DM_TOKEN_EXPIRED:
        return "revoked; it had expired already";
    default:
        return "revoked, though no issuer that is configured now accepts it";
    }
}

static int revoke_token(struct backend *backend, struct auth *auth, struct dm_slice token) {
    struct arena arena;
    struct dm_result result = { 0 };
    arena_init(&arena, 1024);
    struct store_call call = {
        .base.kind = STORE_TOKEN_REVOKE,
        .arena = &arena,
        .result = &result,
    };
    enum dm_status judged = judge(auth, token, &call.expires_us);
    auth_fingerprint(token, call.fingerprint);
    enum dm_status status = backend_call(backend, &call);
    arena_fini(&arena);
    if (status != DM_OK)
        return cli_fail(CLI_UNAVAILABLE, "the database says: %s", dm_status_name(status));
    puts(outcome(judged));
    return CLI_OK;
}

int cli_token_revoke(struct cli *cli) {
    char line[AUTH_TOKEN_MAX + 2];
    if (cli->argc != 1)
        return cli_fail(CLI_USAGE, "token revoke TOKEN");
    struct dm_slice token = dm_slice_str(cli->argv[0]);
    if (!strcmp(cli->argv[0], "-")) {
        if (!fgets(line, sizeof(line), stdin))
            return cli_fail(CLI_USAGE, "no token on standard input");
        token = (struct dm_slice){ line, strcspn(line, "\n") };
    }
    const char *fault = auth_token_fault(token);
    if (fault)
        return cli_fail(CLI_DATA, "this is no token: %s", fault);
    struct backend *backend;
    struct auth *auth;
    int r = backend_open(cli->config, BACKEND_VERB, &backend);
    if (r)
        return r;
    r = cli_auth_open(cli->config, backend, &auth);
    if (!r) {
        r = revoke_token(backend, auth, token);
        cli_auth_close(backend, auth);
    }
    backend_close(backend);
    return r;
}
