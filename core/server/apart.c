#include "core/server/apart.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/server/cli.h"

#define LOADING_S 30

/* The verdict is a byte of its own: an exit status alone may be that of anybody. */
static void be_child(const char *path, int (*fn)(const char *path), int verdict_fd) {
    alarm(LOADING_S);
    char verdict = (char)fn(path);
    _exit(write(verdict_fd, &verdict, 1) == 1 ? CLI_OK : CLI_FAILED);
}

int apart_run(const char *path, int (*fn)(const char *path)) {
    int status, fds[2];
    char verdict;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return cli_fail(CLI_FAILED, "no pipe for the process to load it in");
    pid_t child = fork();
    if (child == 0)
        be_child(path, fn, fds[1]);
    close(fds[1]);
    int waited = child > 0 && waitpid(child, &status, 0) == child;
    int judged = waited && read(fds[0], &verdict, 1) == 1;
    close(fds[0]);
    if (!waited)
        return cli_fail(CLI_FAILED, "%s: no process to load it in", path);
    if (WIFSIGNALED(status))
        return cli_fail(CLI_FAILED, "%s: %s while it was loaded", path,
                        WTERMSIG(status) == SIGALRM ? "no end" : strsignal(WTERMSIG(status)));
    if (!judged)
        return cli_fail(CLI_FAILED, "%s: it ended the process while it was loaded, with status %d",
                        path, WEXITSTATUS(status));
    return verdict;
}
