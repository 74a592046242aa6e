/* dragoman adapter test. */
#include "core/server/cli_kit.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "core/adapter/builtin.h"
#include "core/adapter/shared_object.h"
#include "core/kit/kit.h"
#include "core/server/apart.h"
#include "core/server/loadout.h"

static const char usage[] =
    "usage: dragoman adapter test NAME|FILE.so [options]\n"
    "  --transcripts DIR   plays the *.txt of this directory, and takes their frames for all else\n"
    "  --without-transcripts  tries the little that can be tried without any\n"
    "  --live              against a whole gateway with a private PostgreSQL of its own\n"
    "  --set KEY=VALUE     a setting of the adapter, or one of the gateway that\n"
    "                      proto-docs/conformance.md names (repeatable)\n"
    "  --var NAME=VALUE    a variable of the transcripts' headers (repeatable)\n"
    "  --silent-failures   the dialect has no word for a frame that cannot be carried out now\n"
    "  --only TEXT         only the tests whose name has this in it\n"
    "Prints TAP; exit status 0: all passed, 1: something failed, 64: wrong arguments.\n";

enum option_key {
    KEY_TRANSCRIPTS = 256, KEY_WITHOUT, KEY_LIVE, KEY_SET, KEY_VAR, KEY_SILENT, KEY_ONLY, KEY_HELP,
};

static const struct option long_options[] = {
    { "transcripts", required_argument, NULL, KEY_TRANSCRIPTS },
    { "without-transcripts", no_argument, NULL, KEY_WITHOUT },
    { "live", no_argument, NULL, KEY_LIVE },
    { "set", required_argument, NULL, KEY_SET },
    { "var", required_argument, NULL, KEY_VAR },
    { "silent-failures", no_argument, NULL, KEY_SILENT },
    { "only", required_argument, NULL, KEY_ONLY },
    { "help", no_argument, NULL, KEY_HELP },
    { NULL, 0, NULL, 0 },
};

/* What was asked for. */
struct request {
    struct kit_options options;
    const char *settings[STAGE_SETTINGS_MAX]; /* NULL-terminated, as the next */
    const char *vars[STAGE_SETTINGS_MAX];
};

static int keep_assignment(const char *list[STAGE_SETTINGS_MAX], const char *text) {
    size_t count = 0;
    while (list[count])
        count++;
    if (!strchr(text, '=') || count == STAGE_SETTINGS_MAX - 1)
        return -1;
    list[count] = text;
    return 0;
}

/* Returns 0, -1 when something is wrong, 1 when help was asked for. */
static int read_options(int argc, char **argv, struct request *request) {
    int key, r = 0;
    optind = 1;
    request->options.settings = request->settings;
    request->options.vars = request->vars;
    request->options.others = builtin_adapters;
    request->options.files = &kit_files;
    while (r == 0 && (key = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        switch (key) {
        case KEY_TRANSCRIPTS: request->options.transcripts = optarg; break;
        case KEY_WITHOUT: request->options.material = KIT_NEEDS_NO_TRANSCRIPTS; break;
        case KEY_LIVE: request->options.live = &kit_live; break;
        case KEY_SET: r = keep_assignment(request->settings, optarg); break;
        case KEY_VAR: r = keep_assignment(request->vars, optarg); break;
        case KEY_SILENT: request->options.failures = KIT_SILENT_ON_FAILURE; break;
        case KEY_ONLY: request->options.only = optarg; break;
        case KEY_HELP: return 1;
        default: r = -1;
        }
    return r == 0 && optind == argc - 1 ? 0 : -1;
}

static int lacks_transcripts(const struct kit_options *options) {
    if (options->transcripts || options->material == KIT_NEEDS_NO_TRANSCRIPTS)
        return 0;
    fputs("dragoman: without transcripts there is next to nothing to test: --transcripts DIR, or "
          "--without-transcripts\n", stderr);
    return 1;
}

/* Whether it can be opened at all, tried where it harms nobody. */
static int try_file(const char *path) {
    struct shared_object *object;
    struct adapter_error error;
    if (shared_object_open(path, &object, &error) != 0) {
        fprintf(stderr, "dragoman: %s\n", error.text);
        return KIT_FAILED;
    }
    shared_object_close(object);
    return KIT_PASSED;
}

static enum kit_exit test_file(struct request *request, const char *path) {
    struct shared_object *object;
    struct adapter_error error;
    int r = apart_run(path, try_file);
    if (r != KIT_PASSED)
        return (enum kit_exit)r;
    if (shared_object_open(path, &object, &error) != 0) {
        fprintf(stderr, "dragoman: %s\n", error.text);
        return KIT_FAILED;
    }
    request->options.file = shared_object_path(object);
    request->options.adapter = shared_object_adapter(object);
    enum kit_exit end = kit_run(&request->options);
    shared_object_close(object);
    return end;
}

int cli_adapter_test(int argc, char **argv) {
    struct request request = { .settings = { NULL } };
    int r = read_options(argc, argv, &request);
    if (r != 0) {
        fputs(usage, r > 0 ? stdout : stderr);
        return r > 0 ? KIT_PASSED : KIT_USAGE;
    }
    if (lacks_transcripts(&request.options))
        return KIT_USAGE;
    request.options.adapter = loadout_builtin(argv[optind]);
    if (request.options.adapter)
        return (int)kit_run(&request.options);
    if (!strchr(argv[optind], '/') && !strstr(argv[optind], ".so")) {
        fprintf(stderr, "dragoman: there is no adapter %s\n", argv[optind]);
        return KIT_USAGE;
    }
    return (int)test_file(&request, argv[optind]);
}
