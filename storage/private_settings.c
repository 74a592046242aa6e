/* Where PostgreSQL's programs are, and the settings of a private server. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "storage/private_server.h"

/* Binaries */

static int has_binaries(const char *dir) {
    char *initdb = private_server_path(dir, "initdb");
    char *postgres = private_server_path(dir, "postgres");
    int found = access(initdb, X_OK) == 0 && access(postgres, X_OK) == 0;
    free(initdb);
    free(postgres);
    return found;
}

static char *from_pg_config(void) {
    char line[1024];
    FILE *pipe = popen("pg_config --bindir 2>/dev/null", "re");
    char *dir = NULL;
    if (!pipe)
        return NULL;
    if (fgets(line, sizeof(line), pipe)) {
        line[strcspn(line, "\n")] = '\0';
        if (has_binaries(line))
            dir = mem_dup(line, strlen(line));
    }
    pclose(pipe);
    return dir;
}

/* Debian keeps every major version in a directory of its own. */
static char *from_debian(void) {
    char path[300];
    long best = 0;
    DIR *root = opendir("/usr/lib/postgresql");
    if (!root)
        return NULL;
    for (const struct dirent *entry; (entry = readdir(root)) != NULL;) {
        long major = strtol(entry->d_name, NULL, 10);
        snprintf(path, sizeof(path), "/usr/lib/postgresql/%s/bin", entry->d_name);
        if (major > best && has_binaries(path))
            best = major;
    }
    closedir(root);
    snprintf(path, sizeof(path), "/usr/lib/postgresql/%ld/bin", best);
    return best ? mem_dup(path, strlen(path)) : NULL;
}

static char *from_path(void) {
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        char *dir = mem_dup(path, len);
        if (len && has_binaries(dir))
            return dir;
        free(dir);
        path += len + (path[len] == ':');
    }
    return NULL;
}

char *private_server_find_binaries(void) {
    char *dir = from_pg_config();
    if (!dir)
        dir = from_debian();
    return dir ? dir : from_path();
}

/* Settings */

static long shared_buffers_mb(void) {
    long long bytes = (long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    long mb = (long)(bytes / 8 / (1 << 20));
    return mb < 32 ? 32 : mb > 256 ? 256 : mb;
}

static void append_path(struct buf *buf, const char *path) {
    for (; *path; path++) {
        if (*path == '\'' || *path == '\\')
            buf_append_char(buf, *path);
        buf_append_char(buf, *path);
    }
}

/* Durability stays as PostgreSQL has it: on. */
static void append_settings(struct buf *buf, const struct private_server *server,
                            const char *compression) {
    buf_append_str(buf, "# Written at every start. ALTER SYSTEM, or postgresql.auto.conf, "
                        "wins over this file.\n"
                        "listen_addresses = ''\n"
                        "unix_socket_directories = '");
    append_path(buf, server->run_dir);
    buf_append_str(buf, "'\n"
                        "cluster_name = 'dragoman'\n"
                        "timezone = 'UTC'\n"
                        "log_timezone = 'UTC'\n"
                        "max_connections = 200\n");
    buf_printf(buf, "shared_buffers = '%ldMB'\n", shared_buffers_mb());
    buf_printf(buf, "wal_compression = %s\n", compression);
    buf_append_str(buf, "wal_buffers = '16MB'\n"
                        "max_wal_size = '2GB'\n"
                        "min_wal_size = '256MB'\n"
                        "checkpoint_timeout = '15min'\n"
                        "random_page_cost = 1.1\n"
                        "jit = off\n"
                        "autovacuum_naptime = '15s'\n"
                        "autovacuum_vacuum_cost_limit = 2000\n"
                        "log_checkpoints = off\n"
                        "log_autovacuum_min_duration = -1\n");
}

static int write_file(const struct private_server *server, const char *path,
                      const struct buf *text) {
    char *making = private_server_path(server->data_dir, "dragoman.conf.new");
    int fd = open(making, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = fd < 0 ? -errno : 0;
    if (!error && write(fd, text->data, text->len) != (ssize_t)text->len)
        error = -EIO;
    if (!error && server->switch_user && fchown(fd, server->uid, server->gid) != 0)
        error = -errno;
    if (fd >= 0)
        close(fd);
    if (!error && rename(making, path) != 0)
        error = -errno;
    free(making);
    return error;
}

static int include_once(const char *path) {
    static const char line[] = "\ninclude_if_exists = 'dragoman.conf'\n";
    char text[256];
    FILE *file = fopen(path, "r+e");
    int found = 0;
    if (!file)
        return -errno;
    while (!found && fgets(text, sizeof(text), file))
        found = strstr(text, "include_if_exists = 'dragoman.conf'") == text;
    if (!found && (fseek(file, 0, SEEK_END) != 0 || fputs(line, file) < 0)) {
        fclose(file);
        return -EIO;
    }
    return fclose(file) == 0 ? 0 : -errno;
}

/* PostgreSQL may be too old for lz4, or built without it. */
static const char *choose_compression(const struct private_server *server) {
    char *probe[] = { "postgres", "-D", server->data_dir, "-c", "wal_compression=lz4",
                      "-C", "wal_compression", NULL };
    return private_server_run(server, probe) == 0 ? "lz4" : "on";
}

int private_server_configure(const struct private_server *server) {
    char *main_path = private_server_path(server->data_dir, "postgresql.conf");
    char *own_path = private_server_path(server->data_dir, "dragoman.conf");
    struct buf text = BUF_INIT;
    int error = 0;
    if (private_server_pid(server) == 0) {
        append_settings(&text, server, choose_compression(server));
        error = write_file(server, own_path, &text);
        if (!error)
            error = include_once(main_path);
    }
    if (error)
        log_event(LOG_LEVEL_ERROR, "private cluster", LOG_STR("step", "configure"),
                  LOG_STR("path", own_path), LOG_ERRNO("error", error));
    buf_fini(&text);
    free(main_path);
    free(own_path);
    return error;
}
