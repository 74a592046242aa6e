/* The verbs that only look. */
#include <stdio.h>
#include <string.h>

#include "core/server/cli.h"
#include "core/server/backend.h"
#include "core/server/loadout.h"
#include "version.h"

int cli_check_config(struct cli *cli) {
    struct loadout loadout;
    struct buf yaml = BUF_INIT;
    if (loadout_init(&loadout, cli->config))
        return cli_fail(CLI_CONFIG, "%s", config_error(cli->config));
    config_show(cli->config, &yaml);
    loadout_show(&loadout, &yaml);
    fwrite(yaml.data, 1, yaml.len, stdout);
    buf_fini(&yaml);
    loadout_fini(&loadout);
    return CLI_OK;
}

int cli_migrate(struct cli *cli) {
    int from, to;
    int r = backend_migrate(cli->config, &from, &to);
    if (!r)
        printf("schema %d -> %d\n", from, to);
    return r;
}

int cli_version(struct cli *cli) {
    printf("dragoman %s (adapter ABI %d.%d)\n", DRAGOMAN_VERSION, DM_ABI_MAJOR, DM_ABI_MINOR);
    return CLI_OK;
}

int cli_adapter_list(struct cli *cli) {
    struct loadout loadout;
    struct buf lines = BUF_INIT;
    if (loadout_init(&loadout, cli->config))
        return cli_fail(CLI_CONFIG, "%s", config_error(cli->config));
    if (cli->argc && !strcmp(cli->argv[0], "--matrix"))
        loadout_matrix(&loadout, &lines);
    else
        loadout_list(&loadout, &lines);
    fwrite(lines.data, 1, lines.len, stdout);
    buf_fini(&lines);
    loadout_fini(&loadout);
    return CLI_OK;
}
