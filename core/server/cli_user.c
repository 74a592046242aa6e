/* dragoman user add | list | show | set | deactivate */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/secret.h"
#include "core/base/utf8.h"
#include "core/server/cli.h"
#include "core/server/cli_ref.h"
#include "core/server/hashing.h"
#include "core/server/user_json.h"

#define SECRET_MAX 1024
#define ID_MIN 10000000
#define ID_MAX ((INT64_C(1) << 53) - 1)
#define PAGE_ROWS 500

/* One option of `add` and `set` that fills a member of the account. */
static const struct {
    const char *option;
    size_t offset;
} profile_options[] = {
    { "--username", offsetof(struct dm_profile, username) },
    { "--email", offsetof(struct dm_profile, email) },
    { "--first-name", offsetof(struct dm_profile, first_name) },
    { "--last-name", offsetof(struct dm_profile, last_name) },
    { "--photo", offsetof(struct dm_profile, photo) },
    { "--color", offsetof(struct dm_profile, color) },
    { "--role", offsetof(struct dm_profile, role) },
    { "--location", offsetof(struct dm_profile, location) },
};

#define PROFILE_COUNT (sizeof(profile_options) / sizeof(profile_options[0]))

/* What the options of add and set say. */
struct user_options {
    struct store_account account;
    struct dm_slice password;
    struct dm_slice pin;
    struct {
        char password[SECRET_MAX + 2];
        char pin[SECRET_MAX + 2];
    } from_stdin;
};

static int take_profile(struct user_options *options, const char *option, const char *value) {
    for (size_t i = 0; i < PROFILE_COUNT; i++) {
        if (strcmp(option, profile_options[i].option))
            continue;
        struct dm_slice slice = dm_slice_str(value);
        if (!text_storable(slice))
            return cli_fail(CLI_USAGE, "%s is no valid UTF-8", option);
        memcpy((char *)&options->account.profile + profile_options[i].offset, &slice,
               sizeof(slice));
        return CLI_OK;
    }
    return cli_fail(CLI_USAGE, "unknown option %s", option);
}

static int take_id(struct user_options *options, const char *value) {
    int64_t id;
    if (decimal_parse(dm_slice_str(value), ID_MAX, &id) || id < ID_MIN)
        return cli_fail(CLI_USAGE, "--id must be a whole number from %d to 2^53 - 1", ID_MIN);
    options->account.id = id;
    return CLI_OK;
}

/* "-": the next line of standard input, kept in `line`. */
static int take_secret(const char *value, char line[SECRET_MAX + 2], struct dm_slice *secret) {
    *secret = dm_slice_str(value);
    if (strcmp(value, "-"))
        return CLI_OK;
    if (!fgets(line, SECRET_MAX + 2, stdin))
        return cli_fail(CLI_USAGE, "no secret on standard input");
    *secret = (struct dm_slice){ line, strcspn(line, "\n") };
    return secret->len <= SECRET_MAX
               ? CLI_OK : cli_fail(CLI_USAGE, "a secret has at most %d bytes", SECRET_MAX);
}

static int take_activity(struct user_options *options, const char *value) {
    int yes = !strcmp(value, "yes");
    if (!yes && strcmp(value, "no"))
        return cli_fail(CLI_USAGE, "--active must be yes or no");
    options->account.activity = yes ? STORE_ACTIVATE : STORE_DEACTIVATE;
    return CLI_OK;
}

static int take_option(struct user_options *options, const char *option, const char *value) {
    if (!strcmp(option, "--id"))
        return take_id(options, value);
    if (!strcmp(option, "--uuid"))
        return dm_uuid_parse(dm_slice_str(value), &options->account.uuid)
                   ? cli_fail(CLI_USAGE, "--uuid is no UUID") : CLI_OK;
    if (!strcmp(option, "--password"))
        return take_secret(value, options->from_stdin.password, &options->password);
    if (!strcmp(option, "--pin"))
        return take_secret(value, options->from_stdin.pin, &options->pin);
    if (!strcmp(option, "--active"))
        return take_activity(options, value);
    return take_profile(options, option, value);
}

static int take_options(struct user_options *options, int argc, char **argv) {
    for (int i = 0; i < argc; i += 2) {
        if (i + 1 >= argc)
            return cli_fail(CLI_USAGE, "%s wants a value", argv[i]);
        int r = take_option(options, argv[i], argv[i + 1]);
        if (r)
            return r;
    }
    return CLI_OK;
}

static int print_user(const struct dm_user *user) {
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    user_json_put(doc, root, user);
    char *line = yyjson_mut_write(doc, 0, NULL);
    if (line)
        puts(line);
    yyjson_mut_doc_free(doc);
    free(line);
    return line ? CLI_OK : cli_fail(CLI_FAILED, "the user is no valid UTF-8");
}

/* Hashes the secrets, then carries the call out and prints the user it gives. */
static int write_user(struct cli *cli, struct backend *backend, struct user_options *options,
                      struct store_call *call) {
    struct hashed hashed;
    int r = hash_secrets(cli->config, backend, options->password, options->pin, &hashed);
    if (r)
        return r;
    options->account.password_hash = buf_or_absent(&hashed.password);
    options->account.pin_hash = buf_or_absent(&hashed.pin);
    call->account = &options->account;
    enum dm_status status = backend_call(backend, call);
    hashed_fini(&hashed);
    if (status == DM_EXISTS)
        return cli_fail(CLI_FAILED, "the name, e-mail, id or UUID is taken");
    if (status == DM_NO_USER)
        return cli_fail(CLI_NO_USER, "no such user");
    if (status != DM_OK)
        return cli_fail(CLI_UNAVAILABLE, "the database says: %s", dm_status_name(status));
    return print_user(call->result->user);
}

/* Opens the backend, runs `verb` with a fresh call on it, and closes. */
typedef int (*user_verb_fn)(struct cli *cli, struct backend *backend, struct store_call *call,
                            struct user_options *options);

static int with_backend(struct cli *cli, enum backend_use use, struct user_options *options,
                        user_verb_fn verb) {
    struct backend *backend;
    int r = backend_open(cli->config, use, &backend);
    if (r)
        return r;
    struct arena arena;
    struct dm_result result = { 0 };
    arena_init(&arena, 16384);
    struct store_call call = { .arena = &arena, .result = &result };
    r = verb(cli, backend, &call, options);
    arena_fini(&arena);
    backend_close(backend);
    return r;
}

static int run_add(struct cli *cli, struct backend *backend, struct store_call *call,
                   struct user_options *options) {
    call->base.kind = STORE_USER_CREATE;
    return write_user(cli, backend, options, call);
}

int cli_user_add(struct cli *cli) {
    struct user_options options = { 0 };
    int r = take_options(&options, cli->argc, cli->argv);
    if (r)
        return r;
    const struct dm_profile *profile = &options.account.profile;
    if (!profile->username.len && !profile->email.len)
        return cli_fail(CLI_USAGE, "a user needs --username or --email");
    r = with_backend(cli, BACKEND_VERB_FOUNDS, &options, run_add);
    secret_wipe(&options.from_stdin, sizeof(options.from_stdin));
    return r;
}

static int run_set(struct cli *cli, struct backend *backend, struct store_call *call,
                   struct user_options *options) {
    struct cli_ref ref;
    int r = cli_find_user(backend, cli->argv[0], &ref);
    if (!r) {
        call->base.kind = STORE_USER_UPDATE;
        call->other_id = ref.user->id;
        r = write_user(cli, backend, options, call);
    }
    cli_ref_fini(&ref);
    return r;
}

int cli_user_set(struct cli *cli) {
    struct user_options options = { 0 };
    if (cli->argc < 1)
        return cli_fail(CLI_USAGE, "whom?");
    int r = take_options(&options, cli->argc - 1, cli->argv + 1);
    if (r)
        return r;
    if (options.account.id || !dm_uuid_is_nil(&options.account.uuid))
        return cli_fail(CLI_USAGE, "ids do not change");
    r = with_backend(cli, BACKEND_VERB, &options, run_set);
    secret_wipe(&options.from_stdin, sizeof(options.from_stdin));
    return r;
}

int cli_user_deactivate(struct cli *cli) {
    struct user_options options = { .account.activity = STORE_DEACTIVATE };
    if (cli->argc != 1)
        return cli_fail(CLI_USAGE, "one user, please");
    return with_backend(cli, BACKEND_VERB, &options, run_set);
}

static int run_show(struct cli *cli, struct backend *backend, struct store_call *call,
                    struct user_options *options) {
    struct cli_ref ref;
    int r = cli_find_user(backend, cli->argv[0], &ref);
    if (!r)
        r = print_user(ref.user);
    cli_ref_fini(&ref);
    return r;
}

int cli_user_show(struct cli *cli) {
    struct user_options options = { 0 };
    if (cli->argc != 1)
        return cli_fail(CLI_USAGE, "one user, please");
    return with_backend(cli, BACKEND_VERB_READS, &options, run_show);
}

static int run_list(struct cli *cli, struct backend *backend, struct store_call *call,
                    struct user_options *options) {
    struct dm_command command = { .size = sizeof(command), .limit = PAGE_ROWS };
    call->base.kind = STORE_USER_PAGE;
    call->command = &command;
    do {
        memset(call->result, 0, sizeof(*call->result));
        enum dm_status status = backend_call(backend, call);
        if (status != DM_OK)
            return cli_fail(CLI_UNAVAILABLE, "the database says: %s", dm_status_name(status));
        for (size_t i = 0; i < call->result->user_count; i++)
            if (print_user(call->result->users[i]))
                return CLI_FAILED;
        command.cursor = call->result->next_cursor;
        arena_reset(call->arena);
    } while (command.cursor);
    return CLI_OK;
}

int cli_user_list(struct cli *cli) {
    struct user_options options = { 0 };
    if (cli->argc)
        return cli_fail(CLI_USAGE, "user list takes no words");
    return with_backend(cli, BACKEND_VERB_READS, &options, run_list);
}
