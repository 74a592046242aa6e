/* The server process of a private cluster, its files and its binaries. Blocking. */
#ifndef DRAGOMAN_STORAGE_PRIVATE_SERVER_H
#define DRAGOMAN_STORAGE_PRIVATE_SERVER_H

#include <sys/types.h>

struct private_server {
    char *state_dir; /* absolute */
    char *data_dir;
    char *run_dir;
    char *log_path;
    char *bin_dir;
    uid_t uid; /* whom the server runs as */
    gid_t gid;
    int switch_user;
};

/* Finds the binaries and the user. The server must be finished also after an error. */
int private_server_init(struct private_server *server, const char *state_dir,
                        const char *bin_dir);
void private_server_fini(struct private_server *server);

/* Makes directories, cluster and configuration where they are missing. */
int private_server_prepare(struct private_server *server);

/* Starts the server in a session of its own and returns at once. */
int private_server_start(struct private_server *server);

/* The process id of the server that runs on these files; 0 when none does. */
int private_server_pid(const struct private_server *server);

/* Logs the last lines of the server's log. */
void private_server_log_tail(const struct private_server *server);

/* Runs a program of PostgreSQL as the server's user and waits; its output goes to the log.
 * argv[0] is its name in bin_dir. Returns its exit status or negative errno. */
int private_server_run(const struct private_server *server, char *argv[]);

/* The directory in which initdb and postgres lie, on the heap; NULL when there is none. */
char *private_server_find_binaries(void);

/* Writes the settings the gateway wants. */
int private_server_configure(const struct private_server *server);

/* Appends path parts; on the heap. */
char *private_server_path(const char *dir, const char *name);

#endif
