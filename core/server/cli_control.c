/* dragoman drain, reload, upgrade: asks every process that serves below the state directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/decimal.h"
#include "core/server/cli.h"
#include "core/server/control.h"
#include "core/server/state_dir.h"

#define ANSWER_MAX 8192
#define PROCESSES_MAX 64

/* One process that serves. */
struct target {
    int pid;
    int process; /* a pidfd; -1: the system has none */
    int socket;
};

static int connect_to(int dir, const char *name) {
    char path[CONTROL_PATH_MAX];
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    control_path(dir, name, path);
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !connect(fd, (struct sockaddr *)&un, sizeof(un)))
        return fd < 0 ? -errno : fd;
    int error = errno;
    close(fd);
    return -error;
}

/* What a killed process has left is cleared away. Returns 1 with a target, 0, or negative errno. */
static int find_target(int dir, const char *name, struct target *ret_target) {
    struct dm_slice rest = dm_slice_str(name);
    int64_t pid;
    decimal_cut(&rest, &pid);
    if (pid < 1 || pid > INT_MAX || !dm_slice_eq(rest, DM_SLICE(".sock")))
        return 0;
    int process = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    int fd = connect_to(dir, name);
    if (fd >= 0) {
        *ret_target = (struct target){ (int)pid, process, fd };
        return 1;
    }
    if (process >= 0)
        close(process);
    if (fd == -ECONNREFUSED)
        unlinkat(dir, name, 0);
    return fd == -ECONNREFUSED || fd == -ENOENT ? 0 : fd;
}

static int find_targets(int dir, struct target *ret_targets, size_t *ret_count) {
    DIR *listing = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 0));
    struct dirent *entry;
    int r = 0;
    *ret_count = 0;
    while (listing && r >= 0 && *ret_count < PROCESSES_MAX && (entry = readdir(listing))) {
        r = find_target(dir, entry->d_name, &ret_targets[*ret_count]);
        if (r > 0)
            ++*ret_count;
    }
    if (!listing)
        return -errno;
    closedir(listing);
    return r < 0 ? r : 0;
}

int cli_gateway_runs(const char *state) {
    struct target targets[PROCESSES_MAX];
    size_t count = 0;
    int dir = state_dir_find(state, STATE_DIR_CONTROL);
    if (dir < 0)
        return 0;
    find_targets(dir, targets, &count);
    close(dir);
    for (size_t i = 0; i < count; i++) {
        close(targets[i].socket);
        if (targets[i].process >= 0)
            close(targets[i].process);
    }
    return count > 0;
}

static int read_answer(int fd, char *ret_text, size_t size) {
    size_t len = 0;
    ssize_t n;
    while (len + 1 < size && (n = read(fd, ret_text + len, size - 1 - len)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    ret_text[len] = '\0';
    return len ? 0 : -EPIPE;
}

/* Sends the request and prints the line that comes back. Returns a CLI exit code. */
static int ask(const struct target *target, const char *verb) {
    char text[ANSWER_MAX];
    int status;
    int len = snprintf(text, sizeof(text), "POST /%s HTTP/1.1\r\nHost: dragoman\r\n"
                                           "Content-Length: 0\r\n\r\n", verb);
    if (send(target->socket, text, (size_t)len, MSG_NOSIGNAL) != len
        || read_answer(target->socket, text, sizeof(text)))
        return cli_fail(CLI_UNAVAILABLE, "process %d has ended meanwhile", target->pid);
    const char *line = strstr(text, "\r\n\r\n");
    if (sscanf(text, "HTTP/1.1 %d", &status) != 1 || !line)
        return cli_fail(CLI_FAILED, "process %d answers nonsense", target->pid);
    line += 4;
    size_t end = strcspn(line, "\n");
    if (status != CONTROL_DONE)
        return cli_fail(CLI_FAILED, "process %d: %.*s", target->pid, (int)end, line);
    printf("%d: %.*s\n", target->pid, (int)end, line);
    return CLI_OK;
}

static void await_end(const struct target *target) {
    struct pollfd end = { .fd = target->process, .events = POLLIN };
    while (target->process >= 0 && poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
}

/* What becomes of a process that has said yes. */
enum then {
    THEN_IT_STAYS,
    THEN_IT_ENDS,
};

static int ask_all(const struct target *targets, size_t count, const char *verb,
                   enum then then) {
    int r = CLI_OK;
    for (size_t i = 0; i < count; i++) {
        int failed = ask(&targets[i], verb);
        r = failed ? failed : r;
    }
    for (size_t i = 0; i < count; i++) {
        if (then == THEN_IT_ENDS && !r)
            await_end(&targets[i]);
        close(targets[i].socket);
        if (targets[i].process >= 0)
            close(targets[i].process);
    }
    return r;
}

static int run(struct cli *cli, const char *verb, enum then then) {
    struct target targets[PROCESSES_MAX];
    size_t count = 0;
    const char *state = config_string(cli->config, "state").ptr;
    if (cli->argc)
        return cli_fail(CLI_USAGE, "%s does not know %s", verb, cli->argv[0]);
    int dir = state_dir_find(state, STATE_DIR_CONTROL);
    int r = dir < 0 ? dir : find_targets(dir, targets, &count);
    if (dir >= 0)
        close(dir);
    if (r && r != -ENOENT)
        return cli_fail(CLI_FAILED, "%s/control: %s", state, strerror(-r));
    if (!count)
        return cli_fail(CLI_UNAVAILABLE, "no gateway runs on %s", state);
    return ask_all(targets, count, verb, then);
}

int cli_drain(struct cli *cli) {
    return run(cli, "drain", THEN_IT_ENDS);
}

int cli_reload(struct cli *cli) {
    return run(cli, "reload", THEN_IT_STAYS);
}

int cli_upgrade(struct cli *cli) {
    return run(cli, "upgrade", THEN_IT_STAYS);
}
