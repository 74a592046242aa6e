/* Finds the verb, reads the configuration in its order, and calls the verb. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/capture/capture.h"
#include "core/replay/replay.h"
#include "core/server/cli.h"
#include "core/server/cli_adapter.h"
#include "core/server/cli_kit.h"

struct verb {
    const char *first, *second;
    int (*run)(struct cli *cli);
    const char *usage;
};

static const struct verb verbs[] = {
    { "serve", NULL, cli_serve, "" },
    { "drain", NULL, cli_drain, "" },
    { "reload", NULL, cli_reload, "" },
    { "upgrade", NULL, cli_upgrade, "" },
    { "check-config", NULL, cli_check_config, "" },
    { "migrate", NULL, cli_migrate, "" },
    { "version", NULL, cli_version, "" },
    { "adapter", "list", cli_adapter_list, "[--matrix]" },
    { "user", "add", cli_user_add,
      "--username U [--email E] [--first-name F] [--last-name L] [--role R] [--photo URL]\n"
      "      [--color #HEX] [--location L] [--password P] [--pin N] [--id N] [--uuid U]\n"
      "      (--password - or --pin - reads it from standard input)" },
    { "user", "list", cli_user_list, "" },
    { "user", "show", cli_user_show, "USER" },
    { "user", "set", cli_user_set, "USER [the options of add but --id, --uuid] [--active yes]" },
    { "user", "deactivate", cli_user_deactivate, "USER" },
    { "token", "issue", cli_token_issue, "USER [--ttl SECONDS]" },
    { "token", "revoke", cli_token_revoke, "TOKEN (- reads it from standard input)" },
    { "import", NULL, cli_import, "users*.jsonl... threads*.jsonl... messages*.jsonl..." },
    { "export", NULL, cli_export, "DIR [--with-hashes]" },
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* Those that need no configuration, and take their words as they are. */
static const struct tool {
    const char *first, *second;
    int (*run)(int argc, char **argv);
    const char *usage;
} tools[] = {
    { "adapter", "check", cli_adapter_check, "FILE.so|NAME" },
    { "adapter", "new", cli_adapter_new, "NAME [--transport websocket|http|socketio]" },
    { "adapter", "test", cli_adapter_test, "FILE.so|NAME [--transcripts DIR] [--live]" },
    { "capture", NULL, capture_main,
      "--listen HOST:PORT --upstream ws://OLD-SERVER [--out DIR] [--mask NAME]..." },
    { "replay", NULL, replay_main, "TRANSCRIPT... --target URL [--var NAME=VALUE]..." },
};

#define TOOL_COUNT (sizeof(tools) / sizeof(tools[0]))

static char failure[2048];

const char *cli_failure(void) {
    return failure;
}

int cli_fail(enum cli_exit code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(failure, sizeof(failure), format, args);
    va_end(args);
    fprintf(stderr, "dragoman: %s\n", failure);
    return (int)code;
}

static int usage(FILE *file) {
    fputs("usage: dragoman VERB [--config FILE] [--state DIR] [--set key=value]... ...\n\n", file);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(file, "  %s%s%s %s\n", verbs[i].first, verbs[i].second ? " " : "",
                verbs[i].second ? verbs[i].second : "", verbs[i].usage);
    for (size_t i = 0; i < TOOL_COUNT; i++)
        fprintf(file, "  %s%s%s %s\n", tools[i].first, tools[i].second ? " " : "",
                tools[i].second ? tools[i].second : "", tools[i].usage);
    fputs("\nserve also takes --listen HOST:PORT and --admin HOST:PORT. USER is a username, an\n"
          "e-mail, an id or a UUID.\n", file);
    return file == stdout ? CLI_OK : CLI_USAGE;
}

static const struct tool *find_tool(int argc, char **argv, int *ret_words) {
    for (size_t i = 0; i < TOOL_COUNT; i++) {
        const struct tool *tool = &tools[i];
        *ret_words = tool->second ? 2 : 1;
        if (argc > *ret_words && !strcmp(argv[1], tool->first) &&
            (!tool->second || !strcmp(argv[2], tool->second)))
            return tool;
    }
    return NULL;
}

static const struct verb *find_verb(int argc, char **argv, int *ret_words) {
    for (size_t i = 0; i < VERB_COUNT; i++) {
        const struct verb *v = &verbs[i];
        if (argc < 2 || strcmp(argv[1], v->first))
            continue;
        *ret_words = v->second ? 2 : 1;
        if (!v->second || (argc > 2 && !strcmp(argv[2], v->second)))
            return v;
    }
    return NULL;
}

/* What a verb has to say is its output and its errors; how it came to the database is for those
 * who ask for debug lines. */
static void init_log(const struct config *config, const struct verb *verb) {
    enum log_level level = LOG_LEVEL_INFO;
    log_level_parse(config_string(config, "log.level"), &level);
    if (verb->run != cli_serve && level == LOG_LEVEL_INFO)
        level = LOG_LEVEL_WARNING;
    enum log_format format = dm_slice_eq(config_string(config, "log.format"), DM_SLICE("json"))
                                 ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT;
    log_init(level, format, STDERR_FILENO);
}

static int read_and_run(const struct verb *verb, struct cli *cli) {
    int r = options_take(&cli->options, &cli->argc, cli->argv);
    if (r)
        return r;
    if (options_read(&cli->options, cli->config))
        return cli_fail(CLI_CONFIG, "%s", config_error(cli->config));
    init_log(cli->config, verb);
    return verb->run(cli);
}

static int run_verb(const struct verb *verb, struct cli *cli) {
    int r = verb->run == cli_serve ? cli_serve_begin(cli) : CLI_OK;
    if (!r)
        r = read_and_run(verb, cli);
    if (verb->run == cli_serve)
        cli_serve_end(cli, r);
    options_fini(&cli->options);
    return r;
}

int main(int argc, char **argv) {
    static char version[] = "version";
    struct cli cli = { 0 };
    int words = 0;
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")))
        return usage(stdout);
    if (argc > 1 && !strcmp(argv[1], "--version"))
        argv[1] = version;
    const struct tool *tool = find_tool(argc, argv, &words);
    if (tool)
        return tool->run(argc - words, argv + words);
    const struct verb *verb = find_verb(argc, argv, &words);
    if (!verb)
        return usage(stderr);
    program_init(&cli.program, argc, argv);
    cli.config = config_new();
    cli.argc = argc - 1 - words;
    cli.argv = argv + 1 + words;
    int r = run_verb(verb, &cli);
    program_fini(&cli.program);
    config_free(cli.config);
    blob_pool_drain();
    if (fflush(stdout) || ferror(stdout))
        return cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
    return r;
}
