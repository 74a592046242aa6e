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

/* A verb that is run with the configuration read, or a tool, which needs none and takes its words
 * as they are. */
struct verb {
    const char *first, *second;
    const char *usage;
    const char *about; /* one line */
    int (*run)(struct cli *cli);
    int (*tool)(int argc, char **argv);
};

static const struct verb verbs[] = {
    { "serve", NULL, "[--listen HOST:PORT] [--admin HOST:PORT]", "Runs the gateway.",
      .run = cli_serve },
    { "drain", NULL, "", "Asks the gateway to stop once what is in flight is done.",
      .run = cli_drain },
    { "reload", NULL, "", "Asks the gateway to read its configuration again.",
      .run = cli_reload },
    { "upgrade", NULL, "", "Asks the gateway to hand over to the program that is there now.",
      .run = cli_upgrade },
    { "check-config", NULL, "[--listen HOST:PORT] [--admin HOST:PORT]",
      "Checks the settings and prints those in effect.", .run = cli_check_config },
    { "migrate", NULL, "", "Brings the schema of the database up to date.",
      .run = cli_migrate },
    { "version", NULL, "", "Prints the version, and that of the adapter contract.",
      .run = cli_version },
    { "user", "add",
      "--username U [--email E] [--first-name F] [--last-name L] [--role R] [--photo URL]\n"
      "      [--color #HEX] [--location L] [--password P] [--pin N] [--id N] [--uuid U]\n"
      "      (--password - or --pin - reads it from standard input)",
      "Makes an account and prints it as a line of JSON.", .run = cli_user_add },
    { "user", "list", "", "Prints all accounts.", .run = cli_user_list },
    { "user", "show", "USER", "Prints one account.", .run = cli_user_show },
    { "user", "set", "USER [the options of add but --id, --uuid] [--active yes]",
      "Changes an account.", .run = cli_user_set },
    { "user", "deactivate", "USER", "Closes an account and its sessions.",
      .run = cli_user_deactivate },
    { "token", "issue", "USER [--ttl SECONDS]",
      "Prints an access token, which works in every dialect.", .run = cli_token_issue },
    { "token", "revoke", "TOKEN (- reads it from standard input)",
      "Makes a token void and closes its sessions.", .run = cli_token_revoke },
    { "import", NULL, "users*.jsonl... threads*.jsonl... messages*.jsonl...",
      "Brings in users, threads and messages of a legacy server.", .run = cli_import },
    { "export", NULL, "DIR [--with-hashes]", "Writes the files that import reads.",
      .run = cli_export },
    { "adapter", "list", "[--matrix]",
      "Prints which adapters are loaded, and where, or what becomes of each event in each.",
      .run = cli_adapter_list },
    { "adapter", "check", "FILE.so|NAME",
      "Says whether a gateway would load the adapter, and what it would see in it.",
      .tool = cli_adapter_check },
    { "adapter", "new", "NAME [--transport websocket|http|socketio]",
      "Writes the folder of a new adapter, which builds and passes the tests as it is.",
      .tool = cli_adapter_new },
    { "adapter", "test", "FILE.so|NAME --transcripts DIR [--live] [--set KEY=VALUE]...\n"
      "      [--var NAME=VALUE]... [--silent-failures] [--only TEXT]",
      "Puts an adapter through the conformance kit.", .tool = cli_adapter_test },
    { "capture", NULL,
      "--listen HOST:PORT --upstream ws://OLD-SERVER [--out DIR] [--mask NAME]...",
      "Records conversations with an old server as transcripts.", .tool = capture_main },
    { "replay", NULL, "TRANSCRIPT... --target URL [--var NAME=VALUE]...",
      "Plays transcripts against a server and compares what comes.", .tool = replay_main },
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

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

/* ---- finding the verb, and telling what there is ---- */

static int is_help(const char *word) {
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

/* Whether argv[1], and argv[2] for a verb of two words, are this verb. */
static int is_called(const struct verb *verb, int argc, char **argv) {
    return argc > 1 && !strcmp(argv[1], verb->first)
           && (!verb->second || (argc > 2 && !strcmp(argv[2], verb->second)));
}

static const struct verb *find_verb(int argc, char **argv) {
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (is_called(&verbs[i], argc, argv))
            return &verbs[i];
    return NULL;
}

static void print_usage(FILE *file, const struct verb *verb, const char *before) {
    fprintf(file, "%s%s%s%s%s%s\n", before, verb->first, verb->second ? " " : "",
            verb->second ? verb->second : "", *verb->usage ? " " : "", verb->usage);
}

/* `first`: the verbs that begin so, with what they do; NULL: all, briefly. */
static void print_verbs(FILE *file, const char *first) {
    fputs("usage: dragoman VERB [--config FILE] [--state DIR] [--set key=value]... ...\n\n", file);
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!first || !strcmp(first, verbs[i].first)) {
            print_usage(file, &verbs[i], "  ");
            if (first)
                fprintf(file, "      %s\n", verbs[i].about);
        }
    fputs("\nUSER is an id (digits alone are never a username), a UUID, a username or an e-mail.\n"
          "`dragoman VERB --help` tells of one verb, dragoman(1) of all.\n", file);
}

static int is_first_word(const char *word) {
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!strcmp(word, verbs[i].first))
            return 1;
    return 0;
}

/* Says what was wrong with words that are no verb. */
static int refuse_words(int argc, char **argv) {
    if (argc < 2) {
        print_verbs(stderr, NULL);
        return CLI_USAGE;
    }
    if (!is_first_word(argv[1]))
        return cli_fail(CLI_USAGE, "there is no verb \"%.60s\"; see dragoman --help", argv[1]);
    if (argc < 3)
        return cli_fail(CLI_USAGE, "\"%s\" wants a second word; see dragoman %s --help", argv[1],
                        argv[1]);
    return cli_fail(CLI_USAGE, "there is no verb \"%s %.60s\"; see dragoman %s --help", argv[1],
                    argv[2], argv[1]);
}

/* Whether help is asked for, in any of the ways that people try; then it has been given. */
static int give_help(int argc, char **argv, const struct verb *verb) {
    int words = verb ? 1 + (verb->second != NULL) : 0;
    if (argc > 1 && is_help(argv[1])) {
        print_verbs(stdout, argc > 2 && is_first_word(argv[2]) ? argv[2] : NULL);
        return 1;
    }
    if (argc > 2 && !verb && is_first_word(argv[1]) && is_help(argv[2])) {
        print_verbs(stdout, argv[1]);
        return 1;
    }
    if (!verb || verb->tool)
        return 0;
    for (int i = words + 1; i < argc; i++)
        if (!strcmp(argv[i], "--help")) {
            print_usage(stdout, verb, "usage: dragoman ");
            printf("      [--config FILE] [--state DIR] [--set key=value]...\n%s\n", verb->about);
            return 1;
        }
    return 0;
}

/* ---- running it ---- */

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
    int serves = verb->run == cli_serve || verb->run == cli_check_config;
    int r = options_take(&cli->options, serves ? OPTIONS_OF_SERVING : OPTIONS_OF_ALL, &cli->argc,
                         cli->argv);
    if (r)
        return r;
    if (!serves)
        options_default_file(&cli->options);
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

static int read_words(const struct verb *verb, int argc, char **argv) {
    struct cli cli = { 0 };
    int words = verb->second ? 2 : 1;
    program_init(&cli.program, argc, argv);
    cli.config = config_new();
    cli.argc = argc - 1 - words;
    cli.argv = argv + 1 + words;
    int r = run_verb(verb, &cli);
    program_fini(&cli.program);
    config_free(cli.config);
    blob_pool_drain();
    return r;
}

int main(int argc, char **argv) {
    static char version[] = "version", help[] = "--help";
    if (argc > 1 && !strcmp(argv[1], "--version"))
        argv[1] = version;
    const struct verb *verb = find_verb(argc, argv);
    int words = verb && verb->second ? 2 : 1, r = CLI_OK;
    if (verb && argc > words + 1 && !strcmp(argv[words + 1], "-h"))
        argv[words + 1] = help;
    if (give_help(argc, argv, verb))
        ;
    else if (!verb)
        r = refuse_words(argc, argv);
    else if (verb->tool)
        return verb->tool(argc - words, argv + words);
    else
        r = read_words(verb, argc, argv);
    if (fflush(stdout) || ferror(stdout))
        return cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
    return r;
}
