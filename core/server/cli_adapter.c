/* dragoman adapter check and adapter new. */
#include "core/server/cli_adapter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/kit/scaffold.h"
#include "core/kit/verdict.h"
#include "core/server/apart.h"
#include "core/server/cli.h"
#include "core/server/loadout.h"

static int print_verdict(const struct verdict *verdict, const char *what) {
    printf("%s\n", what);
    fwrite(verdict->lines.data, 1, verdict->lines.len, stdout);
    if (verdict->problems)
        printf("%s is not fit to be loaded\n", what);
    else if (verdict->notes)
        printf("%s is good; %u %s\n", what, verdict->notes,
               verdict->notes == 1 ? "note" : "notes");
    else
        printf("%s is good\n", what);
    return verdict->problems ? CLI_FAILED : CLI_OK;
}

static int check_file(const char *path) {
    struct verdict verdict;
    verdict_init(&verdict);
    verdict_file(&verdict, path);
    int r = print_verdict(&verdict, path);
    verdict_fini(&verdict);
    return fflush(stdout) ? CLI_FAILED : r;
}

static int check_builtin(const struct dm_adapter *adapter) {
    struct verdict verdict;
    verdict_init(&verdict);
    verdict_adapter(&verdict, adapter);
    int r = print_verdict(&verdict, adapter->name);
    verdict_fini(&verdict);
    return r;
}

static int check_apart(const char *path) {
    fflush(stdout);
    return apart_run(path, check_file);
}

/* Says how the verb is used, to the one who asks or to the one who got it wrong. */
static int show_usage(int argc, char **argv, const char *usage) {
    if (argc != 2 || strcmp(argv[1], "--help"))
        return cli_fail(CLI_USAGE, "%s", usage);
    puts(usage);
    return CLI_OK;
}

int cli_adapter_check(int argc, char **argv) {
    if (argc != 2 || argv[1][0] == '-')
        return show_usage(argc, argv, "usage: dragoman adapter check FILE.so|NAME\n"
                                      "Says whether a gateway would load the adapter, and what it "
                                      "would see in it:\nABI, hooks, routes, settings, events, "
                                      "symbols. Exit status 0: it would, 1: not.");
    const struct dm_adapter *adapter = loadout_builtin(argv[1]);
    return adapter ? check_builtin(adapter) : check_apart(argv[1]);
}

/* ---- new ---- */

static int read_new(int argc, char **argv, const char **ret_name, const char **ret_transport) {
    *ret_name = NULL;
    *ret_transport = scaffold_transports[0];
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--transport") && i + 1 < argc)
            *ret_transport = argv[++i];
        else if (!strncmp(argv[i], "--transport=", strlen("--transport=")))
            *ret_transport = argv[i] + strlen("--transport=");
        else if (argv[i][0] != '-' && !*ret_name)
            *ret_name = argv[i];
        else
            return -1;
    }
    return *ret_name ? 0 : -1;
}

int cli_adapter_new(int argc, char **argv) {
    struct adapter_error error;
    const char *name, *transport;
    if (read_new(argc, argv, &name, &transport))
        return show_usage(argc, argv, "usage: dragoman adapter new NAME "
                                      "[--transport websocket|http|socketio]\n"
                                      "Writes the folder NAME of a new adapter, which builds and "
                                      "passes\n`dragoman adapter test` as it is.");
    if (loadout_builtin(name))
        return cli_fail(CLI_USAGE, "%s: a built-in adapter has that name", name);
    int r = scaffold_write(name, transport, &error);
    if (r)
        return cli_fail(r == -EINVAL ? CLI_USAGE : CLI_FAILED, "%s", error.text);
    printf("made %s/: build it with meson setup, and read on in %s/README.md\n", name, name);
    return CLI_OK;
}
