/* Finds the verb, reads the configuration in its order, and calls the verb. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/address.h"
#include "core/replay/replay.h"
#include "core/server/cli.h"
#include "core/server/cli_kit.h"
#include "core/server/loadout.h"

extern char **environ;

struct verb {
    const char *first, *second;
    int (*run)(struct cli *cli);
    const char *usage;
};

static const struct verb verbs[] = {
    { "serve", NULL, cli_serve, "" },
    { "drain", NULL, cli_drain, "" },
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

int cli_fail(enum cli_exit code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("dragoman: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return (int)code;
}

static int usage(FILE *file) {
    fputs("usage: dragoman VERB [--config FILE] [--state DIR] [--set key=value]... ...\n\n", file);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(file, "  %s%s%s %s\n", verbs[i].first, verbs[i].second ? " " : "",
                verbs[i].second ? verbs[i].second : "", verbs[i].usage);
    fputs("  adapter test NAME|FILE.so [--transcripts DIR] [--live]\n"
          "  replay TRANSCRIPT... --target URL [--var NAME=VALUE]...\n"
          "\nserve also takes --listen HOST:PORT and --admin HOST:PORT. USER is a username, an\n"
          "e-mail, an id or a UUID.\n", file);
    return file == stdout ? CLI_OK : CLI_USAGE;
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

/* The options that every verb shares, and the setting each stands for ("": --set itself). */
static const struct {
    const char *option;
    const char *path;
} common_options[] = {
    { "--config", NULL },
    { "--set", "" },
    { "--state", "state" },
    { "--listen", "listen" },
    { "--admin", "admin" },
};

#define COMMON_COUNT (sizeof(common_options) / sizeof(common_options[0]))

/* Recognises `--name VALUE` and `--name=VALUE`. Returns how many words it took, 0 when it is none
 * of the shared ones, -1 when the value is missing. */
static int match_common(char **argv, int left, size_t *ret_index, const char **ret_value) {
    for (size_t i = 0; i < COMMON_COUNT; i++) {
        size_t len = strlen(common_options[i].option);
        if (strncmp(argv[0], common_options[i].option, len))
            continue;
        *ret_index = i;
        if (argv[0][len] == '=') {
            *ret_value = argv[0] + len + 1;
            return 1;
        }
        if (argv[0][len] == '\0') {
            *ret_value = left > 1 ? argv[1] : NULL;
            return left > 1 ? 2 : -1;
        }
    }
    return 0;
}

struct common {
    const char *file;
    const char *assignments[128];
    size_t count;
    char *owned[128];
};

static int keep_assignment(struct common *common, const char *path, const char *value) {
    if (common->count == sizeof(common->assignments) / sizeof(common->assignments[0]))
        return cli_fail(CLI_USAGE, "too many options");
    char *text = NULL;
    if (*path && asprintf(&text, "%s=%s", path, value) < 0)
        abort();
    common->owned[common->count] = text;
    common->assignments[common->count++] = text ? text : value;
    return 0;
}

/* Takes the shared options out of argv; what stays is the verb's own. */
static int split_options(struct cli *cli, struct common *common) {
    int kept = 0;
    for (int i = 0; i < cli->argc;) {
        size_t index;
        const char *value;
        int words = match_common(cli->argv + i, cli->argc - i, &index, &value);
        if (words < 0)
            return cli_fail(CLI_USAGE, "%s wants a value", cli->argv[i]);
        if (words == 0) {
            cli->argv[kept++] = cli->argv[i++];
            continue;
        }
        const char *path = common_options[index].path;
        if (!path)
            common->file = value;
        else if (keep_assignment(common, path, value))
            return CLI_USAGE;
        i += words;
    }
    cli->argc = kept;
    return 0;
}

static int read_config(struct config *config, const struct common *common) {
    int r = common->file ? config_read_file(config, common->file) : 0;
    if (!r)
        r = config_read_environment(config, environ);
    for (size_t i = 0; !r && i < common->count; i++)
        r = config_set(config, common->assignments[i]);
    return r ? cli_fail(CLI_CONFIG, "%s", config_error(config)) : 0;
}

static int check_address(struct config *config, const char *path) {
    struct dm_slice text = config_string(config, path);
    struct sockaddr_storage address;
    socklen_t len;
    if (!text.ptr || !net_address_resolve(text, &address, &len))
        return 0;
    return config_fail(config, path, "%s must be HOST:PORT, [IPV6]:PORT or unix:PATH", path);
}

/* Also the verbs that need no adapter refuse a misspelled setting: it may be one of security. */
static int check_config(struct config *config) {
    struct loadout loadout;
    int r = loadout_init(&loadout, config);
    if (!r)
        loadout_fini(&loadout);
    if (!r)
        r = check_address(config, "listen");
    if (!r)
        r = check_address(config, "admin");
    return r ? cli_fail(CLI_CONFIG, "%s", config_error(config)) : CLI_OK;
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

static int run_verb(const struct verb *verb, struct cli *cli) {
    struct common common = { 0 };
    int r = split_options(cli, &common);
    if (!r)
        r = read_config(cli->config, &common);
    if (!r)
        r = check_config(cli->config);
    if (!r) {
        init_log(cli->config, verb);
        r = verb->run(cli);
    }
    for (size_t i = 0; i < common.count; i++)
        free(common.owned[i]);
    return r;
}

int main(int argc, char **argv) {
    static char version[] = "version";
    int words = 0;
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")))
        return usage(stdout);
    if (argc > 1 && !strcmp(argv[1], "--version"))
        argv[1] = version;
    if (argc > 1 && !strcmp(argv[1], "replay"))
        return replay_main(argc - 1, argv + 1);
    if (argc > 2 && !strcmp(argv[1], "adapter") && !strcmp(argv[2], "test"))
        return cli_adapter_test(argc - 2, argv + 2);
    const struct verb *verb = find_verb(argc, argv, &words);
    if (!verb)
        return usage(stderr);
    struct cli cli = { config_new(), argc - 1 - words, argv + 1 + words };
    int r = run_verb(verb, &cli);
    config_free(cli.config);
    blob_pool_drain();
    if (fflush(stdout) || ferror(stdout))
        return cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
    return r;
}
