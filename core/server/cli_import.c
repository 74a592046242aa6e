/* dragoman import FILE... */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/server/cli.h"
#include "core/server/hashing.h"
#include "core/server/import_line.h"
#include "core/server/line_file.h"
#include "core/server/progress.h"

/* A file of 10 MiB in base64 has room, some of them do too. */
#define LINE_MAX_BYTES ((size_t)64 << 20)
#define BATCH_LINES 2000
#define BATCH_BYTES ((size_t)4 << 20)

struct tally {
    uint64_t made, known, bad;
};

/* One pass over one file. */
struct import {
    struct config *config;
    struct backend *backend;
    struct transfer *transfer;
    enum transfer_kind kind;
    const char *path;
    struct line_file file;
    struct progress progress;
    struct tally tally;
    int text_max;
    struct buf text;                 /* of the lines that wait */
    size_t ends[BATCH_LINES];        /* of each of them in it */
    uint64_t numbers[BATCH_LINES];
    struct dm_slice lines[BATCH_LINES];
    size_t count;
};

/* What a word like "users.jsonl" or "backup/messages-2.jsonl" brings in. */
static const struct {
    const char *prefix;
    enum transfer_kind kind;
} names[] = {
    { "users", TRANSFER_USERS },
    { "threads", TRANSFER_THREADS },
    { "messages", TRANSFER_MESSAGES },
};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum) {
    (void)signum;
    interrupted = 1;
}

static int kind_of(const char *path, enum transfer_kind *ret_kind) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (strncmp(name, names[i].prefix, strlen(names[i].prefix)))
            continue;
        *ret_kind = names[i].kind;
        return CLI_OK;
    }
    return cli_fail(CLI_USAGE, "%s: the name of a file begins with users, threads or messages",
                    path);
}

static void report(struct import *import, uint64_t number, const char *why) {
    import->tally.bad++;
    progress_clear(&import->progress);
    fprintf(stderr, "%s:%llu: %s\n", import->path, (unsigned long long)number, why);
}

static void said(void *owner, size_t index, enum transfer_outcome outcome, const char *why) {
    struct import *import = owner;
    if (outcome == TRANSFER_BAD)
        report(import, import->numbers[index], why);
    else if (outcome == TRANSFER_NEW)
        import->tally.made++;
    else
        import->tally.known++;
}

static int put_waiting(struct import *import) {
    size_t from = 0;
    for (size_t i = 0; i < import->count; i++) {
        import->lines[i] = (struct dm_slice){ import->text.data + from, import->ends[i] - from };
        from = import->ends[i];
    }
    int r = transfer_put(import->transfer, import->kind, import->lines, import->count,
                         import->text_max, said, import);
    import->count = 0;
    buf_trim(&import->text, 2 * BATCH_BYTES);
    progress_show(&import->progress, import->file.read, import->file.size, import->file.number);
    return r ? cli_fail(CLI_UNAVAILABLE,
                        "the database is gone or cannot now; run this again to go on") : CLI_OK;
}

/* Appends the line to those that wait, its secrets hashed. */
static int add_user(struct import *import, struct dm_slice line) {
    struct buf store = BUF_INIT;
    struct import_secrets secrets;
    struct hashed hashed;
    import_line_secrets(line, &store, &secrets);
    int r = hash_secrets(import->config, import->backend, secrets.password, secrets.pin, &hashed);
    if (!r) {
        import_line_seal(line, buf_or_absent(&hashed.password), buf_or_absent(&hashed.pin),
                         &import->text);
        hashed_fini(&hashed);
    }
    if (store.data)
        secret_wipe(store.data, store.len);
    buf_fini(&store);
    return r;
}

static int add(struct import *import, struct dm_slice line) {
    char why[IMPORT_WHY_SIZE];
    int r = CLI_OK;
    if (!line.len)
        return CLI_OK;
    if (!import_line_check(import->kind, line, why)) {
        /* The first pass over users has told of it. */
        if (import->kind != TRANSFER_FRIENDS)
            report(import, import->file.number, why);
        return CLI_OK;
    }
    if (import->kind == TRANSFER_FRIENDS && !import_line_has_friends(line))
        return CLI_OK;
    if (import->kind == TRANSFER_USERS)
        r = add_user(import, line);
    else
        buf_append_slice(&import->text, line);
    if (r)
        return r;
    import->numbers[import->count] = import->file.number;
    import->ends[import->count++] = import->text.len;
    return import->count == BATCH_LINES || import->text.len >= BATCH_BYTES
               ? put_waiting(import) : CLI_OK;
}

static int read_lines(struct import *import) {
    struct dm_slice line;
    int r = CLI_OK;
    while (!r && !interrupted) {
        int kind = line_file_next(&import->file, &line);
        if (kind < 0)
            return cli_fail(CLI_FAILED, "%s: %s", import->path, strerror(-kind));
        if (kind == LINE_END)
            return put_waiting(import);
        if (kind == LINE_TOO_LONG)
            report(import, import->file.number, "the line is too long");
        else
            r = add(import, line);
    }
    return r ? r : put_waiting(import);
}

static int pass(struct import *import, enum transfer_kind kind) {
    int r = line_file_open(&import->file, import->path, LINE_MAX_BYTES);
    if (r)
        return cli_fail(CLI_FAILED, "%s: %s", import->path, strerror(-r));
    import->kind = kind;
    progress_begin(&import->progress, import->path);
    r = read_lines(import);
    progress_clear(&import->progress);
    line_file_close(&import->file);
    return r;
}

static int run_file(struct import *import, enum transfer_kind kind) {
    struct tally users;
    import->tally = (struct tally){ 0 };
    if (kind == TRANSFER_MESSAGES && transfer_begin_messages(import->transfer))
        return cli_fail(CLI_FAILED, "the database refuses an index for the import");
    int r = pass(import, kind);
    if (!r && kind == TRANSFER_USERS && !interrupted) {
        users = import->tally;
        r = pass(import, TRANSFER_FRIENDS);
        users.bad = import->tally.bad;
        import->tally = users;
    }
    if (!r && interrupted)
        return cli_fail(CLI_FAILED, "stopped; run this again to go on");
    if (!r && kind == TRANSFER_MESSAGES && transfer_finish_messages(import->transfer))
        r = cli_fail(CLI_FAILED, "the import's index is left behind; run this again");
    if (!r)
        printf("%s: %llu new, %llu known, %llu bad\n", import->path,
               (unsigned long long)import->tally.made, (unsigned long long)import->tally.known,
               (unsigned long long)import->tally.bad);
    return r;
}

static int run_files(struct import *import, struct cli *cli) {
    uint64_t bad = 0;
    for (int i = 0; i < cli->argc; i++) {
        enum transfer_kind kind = TRANSFER_USERS;
        import->path = cli->argv[i];
        int r = kind_of(import->path, &kind);
        if (!r)
            r = run_file(import, kind);
        if (r)
            return r;
        bad += import->tally.bad;
    }
    return bad ? CLI_DATA : CLI_OK;
}

static int open_transfer(struct import *import) {
    switch (transfer_open(backend_conninfo(import->backend), &import->transfer)) {
    case 0:
        return CLI_OK;
    case -EBUSY:
        return cli_fail(CLI_FAILED, "another import runs");
    default:
        return cli_fail(CLI_UNAVAILABLE, "the database cannot be used for an import");
    }
}

int cli_import(struct cli *cli) {
    struct sigaction action = { .sa_handler = on_interrupt };
    enum transfer_kind kind;
    if (!cli->argc)
        return cli_fail(CLI_USAGE, "which files?");
    for (int i = 0; i < cli->argc; i++)
        if (kind_of(cli->argv[i], &kind))
            return CLI_USAGE;
    struct import *import = mem_zalloc(sizeof(*import));
    import->config = cli->config;
    import->text_max = (int)config_int(cli->config, "limits.text_max");
    int r = backend_open(cli->config, BACKEND_VERB_FOUNDS, &import->backend);
    if (!r) {
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        r = open_transfer(import);
        if (!r)
            r = run_files(import, cli);
        transfer_close(import->transfer);
        backend_close(import->backend);
    }
    buf_fini(&import->text);
    free(import);
    return r;
}
