/* The verbs that only look. */
#include <stdio.h>
#include <string.h>

#include "core/server/cli.h"
#include "core/server/backend.h"
#include "core/server/loadout.h"
#include "version.h"

int cli_migrate(struct cli *cli) {
    int from, to;
    if (cli->argc)
        return cli_fail(CLI_USAGE, "migrate does not know %s", cli->argv[0]);
    int r = backend_migrate(cli->config, &from, &to);
    if (!r)
        printf("schema %d -> %d\n", from, to);
    return r;
}

int cli_version(struct cli *cli) {
    if (cli->argc)
        return cli_fail(CLI_USAGE, "version does not know %s", cli->argv[0]);
    printf("dragoman %s (adapter ABI %d.%d)\n", DRAGOMAN_VERSION, DM_ABI_MAJOR, DM_ABI_MINOR);
    return CLI_OK;
}

int cli_adapter_list(struct cli *cli) {
    struct loadout loadout;
    struct buf lines = BUF_INIT;
    int matrix = cli->argc == 1 && !strcmp(cli->argv[0], "--matrix");
    if (cli->argc && !matrix)
        return cli_fail(CLI_USAGE, "adapter list does not know %s", cli->argv[0]);
    if (loadout_init(&loadout, cli->config))
        return cli_fail(CLI_CONFIG, "%s", config_error(cli->config));
    if (matrix)
        loadout_matrix(&loadout, &lines);
    else
        loadout_list(&loadout, &lines);
    fwrite(lines.data, 1, lines.len, stdout);
    buf_fini(&lines);
    loadout_fini(&loadout);
    return CLI_OK;
}
