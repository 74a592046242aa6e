/* dragoman export DIR */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/server/backend.h"
#include "core/server/cli.h"
#include "core/server/progress.h"
#include "storage/transfer/transfer.h"

struct export {
    FILE *files[TRANSFER_KIND_COUNT];
    uint64_t lines[TRANSFER_KIND_COUNT];
    struct progress progress;
};

static const char *const names[TRANSFER_KIND_COUNT] = {
    [TRANSFER_USERS] = "users.jsonl",
    [TRANSFER_THREADS] = "threads.jsonl",
    [TRANSFER_MESSAGES] = "messages.jsonl",
};

/* Nobody else reads what people wrote; and nothing is written over. */
static int open_file(const char *dir, const char *name, FILE **ret_file) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    *ret_file = fd < 0 ? NULL : fdopen(fd, "w");
    return *ret_file ? CLI_OK : cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
}

static int open_files(struct export *export, const char *dir) {
    if (mkdir(dir, 0700) && errno != EEXIST)
        return cli_fail(CLI_FAILED, "%s: %s", dir, strerror(errno));
    int r = CLI_OK;
    for (size_t i = 0; !r && i < TRANSFER_KIND_COUNT; i++)
        if (names[i])
            r = open_file(dir, names[i], &export->files[i]);
    return r;
}

/* A file is whole only when its last bytes are on the disk. */
static int close_files(struct export *export) {
    int r = CLI_OK;
    for (size_t i = 0; i < TRANSFER_KIND_COUNT; i++) {
        FILE *file = export->files[i];
        if (!file)
            continue;
        if (fflush(file) || fsync(fileno(file)))
            r = cli_fail(CLI_FAILED, "%s: %s", names[i], strerror(errno));
        fclose(file);
    }
    return r;
}

static int write_line(void *owner, enum transfer_kind kind, struct dm_slice line) {
    struct export *export = owner;
    FILE *file = export->files[kind];
    if (fwrite(line.ptr, 1, line.len, file) != line.len || fputc('\n', file) == EOF)
        return errno ? -errno : -EIO;
    progress_show(&export->progress, 0, 0, ++export->lines[kind]);
    return 0;
}

static int write_all(struct export *export, struct backend *backend,
                     enum transfer_secrets secrets) {
    progress_begin(&export->progress, "export");
    int r = transfer_export(backend_conninfo(backend), secrets, write_line, export);
    progress_clear(&export->progress);
    if (r == -ECONNREFUSED || r == -EPROTO)
        return cli_fail(CLI_UNAVAILABLE, "the database cannot be read");
    return r ? cli_fail(CLI_FAILED, "%s", strerror(-r)) : CLI_OK;
}

static int run(struct export *export, struct cli *cli, enum transfer_secrets secrets) {
    struct backend *backend;
    int r = backend_open(cli->config, BACKEND_VERB_READS, &backend);
    if (r)
        return r;
    r = open_files(export, cli->argv[0]);
    if (!r)
        r = write_all(export, backend, secrets);
    backend_close(backend);
    return r;
}

int cli_export(struct cli *cli) {
    struct export export = { 0 };
    enum transfer_secrets secrets = TRANSFER_WITHOUT_SECRETS;
    if (cli->argc == 2 && !strcmp(cli->argv[1], "--with-hashes"))
        secrets = TRANSFER_WITH_SECRETS;
    else if (cli->argc != 1)
        return cli_fail(CLI_USAGE, "export DIR [--with-hashes]");
    int r = run(&export, cli, secrets);
    int closed = close_files(&export);
    if (r || closed)
        return r ? r : closed;
    for (size_t i = 0; i < TRANSFER_KIND_COUNT; i++)
        if (names[i])
            printf("%s/%s: %llu lines\n", cli->argv[0], names[i],
                   (unsigned long long)export.lines[i]);
    return CLI_OK;
}
