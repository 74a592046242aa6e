/* From this process to another one of the same program. Between fork and exec only what is
 * async-signal-safe may run, since other threads may hold any lock: everything is made ready
 * before, but for the process id, which is written over a place kept free for it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/server/child_internal.h"

#define PID_DIGITS 10
#define NOT_EXECUTED 127

extern char **environ;

struct image {
    char **argv;
    char **environment;
    size_t count;               /* of the environment */
    char listen_pid[32];
    char watchdog_pid[32];
    char listen_fds[32];
    struct buf names;
    int high[INHERIT_MAX];      /* the descriptors, out of the way of their numbers to be */
    size_t high_count;
};

/* ---- how the program was started ---- */

void program_init(struct program *program, int argc, char **argv) {
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    program->argv = mem_calloc((size_t)argc + 1, sizeof(char *));
    for (int i = 0; i < argc; i++)
        program->argv[i] = mem_dup(argv[i], strlen(argv[i]));
    if (argc > 0 && strchr(argv[0], '/'))
        program->path = mem_dup(argv[0], strlen(argv[0]));
    else
        program->path = len > 0 ? mem_dup(path, (size_t)len) : mem_dup("dragoman", 8);
}

void program_fini(struct program *program) {
    for (char **word = program->argv; *word; word++)
        free(*word);
    free(program->argv);
    free((char *)(uintptr_t)program->path);
}

/* ---- before the fork ---- */

static void make_arguments(struct image *image, const struct child_config *config) {
    size_t count = 0;
    while (config->program->argv[count])
        count++;
    image->argv = mem_calloc(count + 2, sizeof(char *));
    memcpy(image->argv, config->program->argv, count * sizeof(char *));
    image->argv[count] = (char *)(uintptr_t)config->extra;
}

static int is_variable(const char *assignment, const char *const *names) {
    for (; *names; names++) {
        size_t len = strlen(*names);
        if (!strncmp(assignment, *names, len) && assignment[len] == '=')
            return 1;
    }
    return 0;
}

static void make_environment(struct image *image, enum child_role role) {
    static const char *const passed[] = { "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                          "WATCHDOG_PID", NULL };
    static const char *const manager[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", NULL };
    size_t count = 0;
    while (environ[count])
        count++;
    image->environment = mem_calloc(count + 5, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        if (!is_variable(environ[i], passed)
            && !(role == CHILD_WORKER && is_variable(environ[i], manager)))
            image->environment[image->count++] = environ[i];
    image->environment[image->count++] = image->listen_pid;
    image->environment[image->count++] = image->listen_fds;
    image->environment[image->count++] = image->names.data;
    if (role == CHILD_SUCCESSOR && getenv("WATCHDOG_PID"))
        image->environment[image->count++] = image->watchdog_pid;
}

static int make_sockets(struct image *image, const struct inherit *sockets) {
    int above = INHERIT_FIRST + (int)sockets->count;
    buf_append_str(&image->names, "LISTEN_FDNAMES=");
    for (size_t i = 0; i < sockets->count; i++) {
        int fd = fcntl(sockets->items[i].fd, F_DUPFD_CLOEXEC, above);
        if (fd < 0)
            return -errno;
        image->high[image->high_count++] = fd;
        buf_printf(&image->names, "%s%s", i ? ":" : "", sockets->items[i].name);
    }
    buf_append_char(&image->names, '\0');
    snprintf(image->listen_fds, sizeof(image->listen_fds), "LISTEN_FDS=%zu", sockets->count);
    snprintf(image->listen_pid, sizeof(image->listen_pid), "LISTEN_PID=%0*d", PID_DIGITS, 0);
    snprintf(image->watchdog_pid, sizeof(image->watchdog_pid), "WATCHDOG_PID=%0*d", PID_DIGITS, 0);
    return 0;
}

static void image_fini(struct image *image) {
    for (size_t i = 0; i < image->high_count; i++)
        close(image->high[i]);
    buf_fini(&image->names);
    free(image->argv);
    free(image->environment);
}

/* ---- behind it ---- */

static void write_pid(char *variable, pid_t pid) {
    char *digit = variable + strlen(variable);
    for (int i = 0; i < PID_DIGITS; i++, pid /= 10)
        *--digit = (char)('0' + pid % 10);
}

static void become(struct image *image, const char *path) {
    static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD };
    sigset_t none;
    pid_t pid = getpid();
    /* The parent's handlers would write into the parent's pipe. */
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        signal(caught[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < image->high_count; i++)
        if (dup2(image->high[i], INHERIT_FIRST + (int)i) < 0)
            _exit(NOT_EXECUTED);
    write_pid(image->listen_pid, pid);
    write_pid(image->watchdog_pid, pid);
    execve(path, image->argv, image->environment);
    _exit(NOT_EXECUTED);
}

pid_t child_fork(const struct child_config *config, const struct inherit *sockets) {
    struct image image = { .names = BUF_INIT };
    int r = make_sockets(&image, sockets);
    pid_t pid = r;
    make_arguments(&image, config);
    make_environment(&image, config->role);
    if (!r) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pid = fork();
        if (pid == 0)
            become(&image, config->program->path);
        pid = pid < 0 ? -errno : pid;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    image_fini(&image);
    return pid;
}
