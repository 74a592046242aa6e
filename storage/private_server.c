#include "storage/private_server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"

#define LOG_TAIL 1000

char *private_server_path(const char *dir, const char *name) {
    size_t len = strlen(dir) + strlen(name) + 2;
    char *path = mem_alloc(len);
    snprintf(path, len, "%s/%s", dir, name);
    return path;
}

static int fail(const char *what, const char *path, int error) {
    log_event(LOG_LEVEL_ERROR, "private cluster", LOG_STR("step", what), LOG_STR("path", path),
              LOG_ERRNO("error", error));
    return error;
}

static int choose_user(struct private_server *server) {
    server->uid = geteuid();
    server->gid = getegid();
    if (server->uid != 0)
        return 0;
    const struct passwd *user = getpwnam("postgres");
    if (!user)
        user = getpwnam("nobody");
    if (!user || user->pw_uid == 0)
        return fail("an unprivileged user", "postgres", -ENOENT);
    server->uid = user->pw_uid;
    server->gid = user->pw_gid;
    server->switch_user = 1;
    return 0;
}

/* Others must be able to pass through the state directory, to the part that is the server's. */
static int make_state_dir(const struct private_server *server, const char *path) {
    struct stat st;
    if (mkdir(path, server->switch_user ? 0711 : 0700) != 0 && errno != EEXIST)
        return fail("mkdir", path, -errno);
    if (stat(path, &st) != 0)
        return fail("stat", path, -errno);
    if (server->switch_user && st.st_uid != server->uid && !(st.st_mode & S_IXOTH) &&
        chmod(path, (st.st_mode | S_IXOTH) & 07777) != 0)
        return fail("chmod", path, -errno);
    return 0;
}

int private_server_init(struct private_server *server, const char *state_dir,
                        const char *bin_dir) {
    char real[PATH_MAX];
    memset(server, 0, sizeof(*server));
    int error = choose_user(server);
    if (!error)
        error = make_state_dir(server, state_dir);
    if (error)
        return error;
    if (!realpath(state_dir, real))
        return fail("realpath", state_dir, -errno);
    server->state_dir = mem_dup(real, strlen(real));
    server->data_dir = private_server_path(real, "pg");
    server->run_dir = private_server_path(real, "run");
    server->log_path = private_server_path(real, "pg.log");
    if (strlen(server->run_dir) + strlen("/.s.PGSQL.5432.lock") >=
        sizeof(((struct sockaddr_un *)0)->sun_path))
        return fail("too long for a Unix socket", server->run_dir, -ENAMETOOLONG);
    server->bin_dir = bin_dir ? mem_dup(bin_dir, strlen(bin_dir)) : private_server_find_binaries();
    if (!server->bin_dir)
        return fail("PostgreSQL is not installed", "initdb", -ENOENT);
    return 0;
}

void private_server_fini(struct private_server *server) {
    free(server->state_dir);
    free(server->data_dir);
    free(server->run_dir);
    free(server->log_path);
    free(server->bin_dir);
}

/* Children. Everything that allocates happens before fork: another thread may hold malloc. */

static void child_become(const struct private_server *server, int log_fd) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        _exit(126);
    close_range(3, ~0u, 0);
    if (server->switch_user && (setgroups(1, &server->gid) != 0 || setgid(server->gid) != 0 ||
                                setuid(server->uid) != 0))
        _exit(126);
    umask(0077);
    if (chdir("/") != 0)
        _exit(126);
}

static int open_log(const struct private_server *server) {
    int fd = open(server->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return fail("open", server->log_path, -errno);
    if (server->switch_user && fchown(fd, server->uid, server->gid) != 0) {
        close(fd);
        return fail("chown", server->log_path, -errno);
    }
    return fd;
}

int private_server_run(const struct private_server *server, char *argv[]) {
    char *name = argv[0];
    char *program = private_server_path(server->bin_dir, name);
    /* PostgreSQL's programs look for each other beside the path they were called by. */
    argv[0] = program;
    int log_fd = open_log(server);
    int status = 0;
    pid_t pid = log_fd < 0 ? -1 : fork();
    if (pid == 0) {
        child_become(server, log_fd);
        execv(program, argv);
        _exit(127);
    }
    int error = log_fd < 0 ? log_fd : pid < 0 ? -errno : 0;
    if (log_fd >= 0)
        close(log_fd);
    while (!error && waitpid(pid, &status, 0) < 0)
        error = errno == EINTR ? 0 : -errno;
    argv[0] = name;
    free(program);
    if (error)
        return error;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

int private_server_start(struct private_server *server) {
    char *program = private_server_path(server->bin_dir, "postgres");
    char *const argv[] = { program, "-D", server->data_dir, NULL };
    int log_fd = open_log(server);
    int status;
    pid_t pid = log_fd < 0 ? -1 : fork();
    if (pid == 0) {
        /* A grandchild in a session of its own outlives the gateway and belongs to init. */
        setsid();
        if (fork() != 0)
            _exit(0);
        child_become(server, log_fd);
        execv(program, argv);
        _exit(127);
    }
    int error = log_fd < 0 ? log_fd : pid < 0 ? -errno : 0;
    if (log_fd >= 0)
        close(log_fd);
    if (!error)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    free(program);
    return error;
}

/* Whether a process is a PostgreSQL server on our data directory: pids are used again. */
static int is_ours(const struct private_server *server, int pid) {
    char path[64];
    char name[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
    ssize_t len = readlink(path, name, sizeof(name) - 1);
    if (len < 0)
        return errno != ENOENT && kill(pid, 0) == 0;
    name[len] = '\0';
    return strcmp(name, server->data_dir) == 0;
}

int private_server_pid(const struct private_server *server) {
    char *path = private_server_path(server->data_dir, "postmaster.pid");
    FILE *file = fopen(path, "re");
    int pid = 0;
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    free(path);
    if (pid > 0 && is_ours(server, pid))
        return pid;
    /* As the first process of a container we inherit it, and nobody else would bury it. */
    if (pid > 0)
        waitpid(pid, NULL, WNOHANG);
    return 0;
}

void private_server_log_tail(const struct private_server *server) {
    char tail[LOG_TAIL];
    FILE *file = fopen(server->log_path, "re");
    if (!file)
        return;
    if (fseek(file, -LOG_TAIL, SEEK_END) != 0)
        rewind(file);
    size_t len = fread(tail, 1, sizeof(tail), file);
    fclose(file);
    log_event(LOG_LEVEL_ERROR, "private cluster's log",
              LOG_SLICE("tail", ((struct dm_slice){ tail, len })));
}

/* Files */

static int own_dir(const struct private_server *server, const char *path, mode_t mode) {
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return fail("mkdir", path, -errno);
    if (server->switch_user && chown(path, server->uid, server->gid) != 0)
        return fail("chown", path, -errno);
    if (chmod(path, mode) != 0)
        return fail("chmod", path, -errno);
    return 0;
}

/* Into a directory beside, renamed when it is whole: an initdb that was killed leaves no half
 * cluster. */
static int init_data(const struct private_server *server) {
    char *making = private_server_path(server->state_dir, "pg.making");
    char *clean[] = { "rm", "-rf", "--", making, NULL };
    char *init[] = { "initdb", "-D", making, "-U", "postgres", "-E", "UTF8", "--no-locale",
                           "-A", "trust", NULL };
    struct private_server tool = *server;
    tool.bin_dir = "/bin";
    /* The half cluster is the server's user's, but the directory it lies in need not be. */
    tool.switch_user = 0;
    log_event(LOG_LEVEL_INFO, "private cluster is made", LOG_STR("data", server->data_dir));
    int error = private_server_run(&tool, clean);
    if (!error)
        error = own_dir(server, making, 0700);
    if (!error && (error = private_server_run(server, init)) != 0) {
        private_server_log_tail(server);
        error = fail("initdb", making, error < 0 ? error : -ECHILD);
    }
    if (!error && rename(making, server->data_dir) != 0)
        error = fail("rename", making, -errno);
    free(making);
    return error > 0 ? -ECHILD : error;
}

int private_server_prepare(struct private_server *server) {
    char *version = private_server_path(server->data_dir, "PG_VERSION");
    int error = own_dir(server, server->run_dir, 0750);
    if (!error && access(version, F_OK) != 0)
        error = init_data(server);
    free(version);
    return error ? error : private_server_configure(server);
}
