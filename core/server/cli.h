/* The command line: one verb per function, each with the configuration already read. */
#ifndef DRAGOMAN_SERVER_CLI_H
#define DRAGOMAN_SERVER_CLI_H

#include "core/server/child.h"
#include "core/server/config.h"
#include "core/server/notify.h"
#include "core/server/options.h"

/* Exit codes, after sysexits.h. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 64,
    CLI_DATA = 65,
    CLI_NO_USER = 67,
    CLI_UNAVAILABLE = 69,
    CLI_CONFIG = 78,
};

/* What a verb gets: the configuration and the options it was read by, and its own words (argv[0]
 * is the first behind the verb's name). */
struct cli {
    struct config *config;
    struct options options;
    struct program program;
    struct inherit inherit; /* `serve`: what it was started with, and whom it tells */
    struct notify notify;
    int argc;
    char **argv;
};

int cli_serve(struct cli *cli);
int cli_check_config(struct cli *cli);
int cli_migrate(struct cli *cli);
int cli_version(struct cli *cli);
int cli_adapter_list(struct cli *cli);
int cli_user_add(struct cli *cli);
int cli_user_list(struct cli *cli);
int cli_user_show(struct cli *cli);
int cli_user_set(struct cli *cli);
int cli_user_deactivate(struct cli *cli);
int cli_token_issue(struct cli *cli);
int cli_token_revoke(struct cli *cli);
int cli_drain(struct cli *cli);
int cli_import(struct cli *cli);
int cli_export(struct cli *cli);
int cli_reload(struct cli *cli);
int cli_upgrade(struct cli *cli);

/* Before the configuration is read: takes what the process was started with. Returns a CLI exit
 * code. */
int cli_serve_begin(struct cli *cli);

/* After everything: tells the process that has started this one why it failed, if it did. */
void cli_serve_end(struct cli *cli, int r);

/* 1 when a gateway takes orders below the state directory, else 0. */
int cli_gateway_runs(const char *state);

/* What cli_fail wrote last, without the program's name; empty when nothing. */
const char *cli_failure(void);

/* Writes "dragoman: ..." to stderr and returns `code`. */
int cli_fail(enum cli_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
