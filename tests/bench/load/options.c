#include "tests/bench/load/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const mode_names[] = {
    [MODE_CLOSED] = "closed", [MODE_RATE] = "rate", [MODE_FANOUT] = "fanout",
    [MODE_ECHO] = "echo",     [MODE_IDLE] = "idle",
};

const char *mode_name(enum load_mode mode) {
    return mode_names[mode];
}

static void fail(const char *what, const char *which) {
    fprintf(stderr,
            "load: %s%s\n"
            "usage: load --users FILE [--mode closed|rate|fanout|echo|idle] [--chat UUID]\n"
            "            [--dialect opcode|saletick|node|socketio|xmpp|plain|echo]\n"
            "            [--host ADDRESS] [--port N] [--path PATH] [--sockets N] [--window N]\n"
            "            [--rate MESSAGES_A_SECOND] [--seconds S] [--warmup S] [--bytes N]\n"
            "FILE: one user a line, UUID and token, apart by white space\n", what, which);
    exit(64);
}

static enum load_mode parse_mode(const char *text) {
    for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
        if (!strcmp(mode_names[i], text))
            return (enum load_mode)i;
    fail("no such mode: ", text);
    return MODE_CLOSED;
}

static double parse_number(const char *text, double least, double most) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most))
        fail("no good number: ", text);
    return value;
}

static void take(struct options *options, int key, const char *value) {
    switch (key) {
    case 'm': options->mode = parse_mode(value); break;
    case 'd': options->dialect = dialect_find(value); break;
    case 'h': options->host = value; break;
    case 'p': options->port = (uint16_t)parse_number(value, 1, 65535); break;
    case 'P': options->path = value; break;
    case 'c': options->chat = value; break;
    case 'u': options->users_file = value; break;
    case 'n': options->sockets = (unsigned)parse_number(value, 2, 1e6); break;
    case 'w': options->window = (unsigned)parse_number(value, 1, 4096); break;
    case 'r': options->rate = parse_number(value, 0.1, 1e7); break;
    case 's': options->seconds = parse_number(value, 0.1, 86400); break;
    case 'W': options->warmup = parse_number(value, 0, 3600); break;
    case 'b': options->bytes = (unsigned)parse_number(value, 24, 60000); break;
    default: fail("", "");
    }
}

static void read_users(struct options *options) {
    FILE *file = fopen(options->users_file, "re");
    if (!file)
        fail("cannot open ", options->users_file);
    char *line = NULL;
    size_t size = 0, room = 0;
    while (getline(&line, &size, file) > 0) {
        char *token = line + strcspn(line, " \t\n");
        size_t uuid_len = (size_t)(token - line);
        token += strspn(token, " \t");
        token[strcspn(token, " \t\n")] = '\0';
        if (uuid_len == 0 || uuid_len >= sizeof(options->users->uuid) || !*token)
            fail("no user in a line of ", options->users_file);
        if (options->user_count == room) {
            room = room ? 2 * room : 256;
            options->users = realloc(options->users, room * sizeof(*options->users));
        }
        struct user *user = &options->users[options->user_count++];
        memset(user, 0, sizeof(*user));
        memcpy(user->uuid, line, uuid_len);
        user->token = strdup(token);
    }
    free(line);
    fclose(file);
}

void options_read(int argc, char **argv, struct options *ret_options) {
    static const struct option known[] = {
        { "mode", required_argument, NULL, 'm' },    { "dialect", required_argument, NULL, 'd' },
        { "host", required_argument, NULL, 'h' },    { "port", required_argument, NULL, 'p' },
        { "path", required_argument, NULL, 'P' },    { "users", required_argument, NULL, 'u' },
        { "sockets", required_argument, NULL, 'n' }, { "window", required_argument, NULL, 'w' },
        { "rate", required_argument, NULL, 'r' },    { "seconds", required_argument, NULL, 's' },
        { "warmup", required_argument, NULL, 'W' },  { "bytes", required_argument, NULL, 'b' },
        { "chat", required_argument, NULL, 'c' },
        { NULL, 0, NULL, 0 },
    };
    *ret_options = (struct options){
        .dialect = &dialect_opcode, .host = "127.0.0.1", .port = 8080, .sockets = 200,
        .chat = "", .window = 8, .rate = 1000, .seconds = 5, .warmup = 1, .bytes = 100,
    };
    for (int key; (key = getopt_long(argc, argv, "", known, NULL)) != -1;)
        take(ret_options, key, optarg);
    if (optind < argc)
        fail("what is ", argv[optind]);
    if (!ret_options->dialect)
        fail("no such dialect", "");
    if (!ret_options->users_file)
        fail("--users is wanted", "");
    if (!ret_options->path)
        ret_options->path = ret_options->dialect->path;
    read_users(ret_options);
    int in_pairs = ret_options->mode == MODE_CLOSED || ret_options->mode == MODE_RATE;
    if (in_pairs && ret_options->sockets % 2)
        fail("--sockets must be even: they write to each other in pairs", "");
    if (in_pairs && ret_options->user_count < ret_options->sockets)
        fail("fewer users than sockets", "");
    if (ret_options->user_count == 0)
        fail("no users", "");
}

void options_free(struct options *options) {
    for (unsigned i = 0; i < options->user_count; i++)
        free(options->users[i].token);
    free(options->users);
}
