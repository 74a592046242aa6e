/* dragoman check-config: reads and judges what `serve` would, the same way, and makes nothing. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/net/address.h"
#include "core/server/addresses.h"
#include "core/server/admin/guard.h"
#include "core/server/cli.h"
#include "core/server/cli_auth.h"
#include "core/server/database.h"
#include "core/server/entry.h"
#include "core/server/loadout.h"
#include "core/server/owner.h"

static int show(struct config *config) {
    struct loadout loadout;
    struct buf yaml = BUF_INIT;
    if (loadout_init(&loadout, config))
        return cli_fail(CLI_CONFIG, "%s", config_error(config));
    config_show(config, &yaml);
    loadout_show(&loadout, &yaml);
    fwrite(yaml.data, 1, yaml.len, stdout);
    fflush(stdout);
    buf_fini(&yaml);
    loadout_fini(&loadout);
    return CLI_OK;
}

/* Certificate and key, and who is believed and exempt. */
static int check_entry(struct config *config) {
    struct address_limit_config limits;
    struct entry_setup setup = { 0 };
    int r = addresses_limits(config, &limits);
    if (!r)
        r = entry_setup_read(config, &setup);
    address_set_fini(&limits.exempt);
    entry_setup_fini(&setup);
    return r ? cli_fail(CLI_CONFIG, "%s", config_error(config)) : CLI_OK;
}

/* Without a file of the operator's the token is made when there is none; without the listener
 * nobody reads it. */
static int check_admin(struct config *config) {
    struct guard guard;
    if (!config_string(config, "admin").ptr || !config_string(config, "admin_token_file").ptr
        || !guard_init(&guard, config))
        return CLI_OK;
    return cli_fail(CLI_CONFIG, "%s", config_error(config));
}

static int may_bind(struct dm_slice place) {
    struct sockaddr_storage address;
    socklen_t len;
    if (net_address_resolve(place, &address, &len) || address.ss_family == AF_UNIX)
        return 1;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int is_denied = fd >= 0 && bind(fd, (struct sockaddr *)&address, len) && errno == EACCES;
    if (fd >= 0)
        close(fd);
    return !is_denied;
}

/* No error: `serve` may find a socket of the service manager's, and binds none then. */
static void warn_of_ports(const struct config *config) {
    static const char *const paths[] = { "listen", "listen_tls", "admin" };
    for (size_t i = 0; i < 3; i++) {
        struct dm_slice place = config_string(config, paths[i]);
        if (place.ptr && !may_bind(place))
            log_event(LOG_LEVEL_WARNING, "the user who serves may not bind this port; a socket of "
                      "the service manager may, as dragoman.socket",
                      LOG_STR("setting", paths[i]), LOG_SLICE("address", place));
    }
}

/* The settings are shown before the files that they name are opened: whoever reads why one of them
 * will not do, sees by which setting. The user who will serve opens them: what root can read tells
 * nothing. */
int cli_check_config(struct cli *cli) {
    if (cli->argc)
        return cli_fail(CLI_USAGE, "check-config does not know %s", cli->argv[0]);
    int r = show(cli->config);
    if (!r)
        r = owner_become(config_string(cli->config, "state").ptr);
    if (!r)
        warn_of_ports(cli->config);
    if (!r)
        r = check_entry(cli->config);
    if (!r)
        r = database_check_state(cli->config);
    if (!r)
        r = check_admin(cli->config);
    return r ? r : cli_auth_check(cli->config);
}
