#include "core/replay/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static const char usage[] =
    "usage: dragoman replay FILE... --target URL [options]\n"
    "       dragoman replay FILE... --header\n"
    "  --target URL            http://HOST:PORT[/PREFIX] or ws://...\n"
    "  --users-from FILE       JSON: what is known of the users that are named\n"
    "  --var NAME=VALUE        sets a variable of the header (repeatable)\n"
    "  --timeout SECONDS       how long an expectation waits (default 10)\n"
    "  --settle MILLISECONDS   how long silence is listened to (default 50)\n"
    "  --cut BYTES             cuts everything sent into writes of this many bytes\n"
    "  --fragment BYTES        cuts every message into WebSocket frames of this many bytes\n"
    "  --format plain|tap      what is printed (default plain)\n"
    "  --verbose               prints every frame as it goes or comes\n"
    "  --header                prints each transcript's header as a line of JSON, plays nothing\n";

enum option_key {
    KEY_TARGET = 256, KEY_USERS, KEY_VAR, KEY_TIMEOUT, KEY_SETTLE, KEY_CUT, KEY_FRAGMENT,
    KEY_FORMAT, KEY_VERBOSE, KEY_HEADER, KEY_HELP,
};

static const struct option long_options[] = {
    { "target", required_argument, NULL, KEY_TARGET },
    { "users-from", required_argument, NULL, KEY_USERS },
    { "var", required_argument, NULL, KEY_VAR },
    { "timeout", required_argument, NULL, KEY_TIMEOUT },
    { "settle", required_argument, NULL, KEY_SETTLE },
    { "cut", required_argument, NULL, KEY_CUT },
    { "fragment", required_argument, NULL, KEY_FRAGMENT },
    { "format", required_argument, NULL, KEY_FORMAT },
    { "verbose", no_argument, NULL, KEY_VERBOSE },
    { "header", no_argument, NULL, KEY_HEADER },
    { "help", no_argument, NULL, KEY_HELP },
    { NULL, 0, NULL, 0 },
};

static int fail(const char *option, const char *why) {
    fprintf(stderr, "dragoman replay: %s: %s\n", option, why);
    return -1;
}

/* A number with an optional fraction, scaled. */
static int read_scaled(const char *option, const char *text, double scale, double max,
                       unsigned *ret) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0) || value * scale > max)
        return fail(option, "a number is expected, not too large");
    *ret = (unsigned)(value * scale);
    return 0;
}

static int read_var(struct replay_options *o, const char *text) {
    if (!strchr(text, '='))
        return fail("--var", "NAME=VALUE is expected");
    o->vars[o->var_count++] = text;
    return 0;
}

static int read_format(struct replay_options *o, const char *text) {
    o->format = strcmp(text, "tap") == 0 ? REPLAY_TAP : REPLAY_PLAIN;
    return o->format == REPLAY_TAP || strcmp(text, "plain") == 0
               ? 0 : fail("--format", "plain or tap is expected");
}

static int read_target(struct replay_options *o, const char *text) {
    const char *error = target_parse(text, &o->target);
    return error ? fail("--target", error) : 0;
}

static int read_size(const char *option, const char *text, size_t *ret_size) {
    unsigned size = 0;
    int result = read_scaled(option, text, 1, 1e9, &size);
    *ret_size = size;
    return result;
}

static int read_option(struct replay_options *o, int key, const char *text) {
    switch (key) {
    case KEY_TARGET: return read_target(o, text);
    case KEY_USERS: o->users_file = text; return 0;
    case KEY_VAR: return read_var(o, text);
    case KEY_TIMEOUT: return read_scaled("--timeout", text, 1000, 1e9, &o->player.timeout_ms);
    case KEY_SETTLE: return read_scaled("--settle", text, 1, 1e9, &o->player.settle_ms);
    case KEY_CUT: return read_size("--cut", text, &o->player.cut);
    case KEY_FRAGMENT: return read_size("--fragment", text, &o->player.fragment);
    case KEY_FORMAT: return read_format(o, text);
    case KEY_VERBOSE: o->player.talk = PLAYER_VERBOSE; return 0;
    case KEY_HEADER: o->what = REPLAY_HEADER; return 0;
    case KEY_HELP: fputs(usage, stdout); return 1;
    default: fputs(usage, stderr); return -1;
    }
}

int replay_options_read(int argc, char **argv, struct replay_options *ret_options) {
    struct replay_options *o = ret_options;
    int key, result = 0;
    *o = (struct replay_options){ .player = { .timeout_ms = 10000, .settle_ms = 50 } };
    o->vars = mem_calloc((size_t)argc + 1, sizeof(*o->vars));
    o->files = mem_calloc((size_t)argc + 1, sizeof(*o->files));
    o->player.target = &o->target;
    optind = 1;
    while (result == 0 && (key = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        result = read_option(o, key, optarg);
    while (optind < argc)
        o->files[o->file_count++] = argv[optind++];
    if (result == 0 && o->file_count == 0)
        result = fail("FILE", "a transcript is needed");
    if (result == 0 && o->what == REPLAY_PLAY && !o->target.host[0])
        result = fail("--target", "a server is needed");
    return result;
}

void replay_options_free(struct replay_options *options) {
    free(options->vars);
    free(options->files);
}
