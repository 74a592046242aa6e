/* A PostgreSQL of the gateway's own, below its state directory: STATE/pg (data), STATE/run (the
 * Unix socket, the only way in), STATE/pg.log.
 *
 * All functions block, up to a minute; call them before or after the loop, or in the pool. Run by
 * root, the server belongs to the user postgres (else nobody), since PostgreSQL refuses root. Its
 * local access rule is trust: whoever may enter STATE/run may read everything, and that directory
 * is open to the server's user and its group, and root only. `psql -h STATE/run -U dragoman
 * dragoman` works for those. */
#ifndef DRAGOMAN_STORAGE_PRIVATE_CLUSTER_H
#define DRAGOMAN_STORAGE_PRIVATE_CLUSTER_H

struct private_cluster;

/* Prepares, starts nothing. state_dir is made when it is missing (its parent must be there) and
 * copied; relative paths are taken from the working directory. bin_dir: where initdb and postgres
 * lie; NULL searches pg_config --bindir, /usr/lib/postgresql (the newest), PATH. Returns 0,
 * -ENOENT when no PostgreSQL is installed, or another negative errno, logged. */
int private_cluster_new(const char *state_dir, const char *bin_dir,
                        struct private_cluster **ret_cluster);

/* Makes sure that the server runs and answers: initdb on first use, adopting one that a killed
 * gateway left running, removing a stale pid file, starting, waiting for crash recovery, creating
 * role and database. Idempotent and thread-safe against itself; the same call brings back one that
 * has died. Returns 0 or negative errno, logged with the tail of the server's log. */
int private_cluster_ensure_running(struct private_cluster *cluster);

/* Fast shutdown, waited for. 0 also when it did not run. */
int private_cluster_stop(struct private_cluster *cluster);

/* libpq's conninfo for the gateway's database. Lives as long as the cluster. */
const char *private_cluster_conninfo(const struct private_cluster *cluster);

/* The server's process id, 0 when it does not run. */
int private_cluster_pid(const struct private_cluster *cluster);

/* Frees the description; the server is left as it is. NULL does nothing. */
void private_cluster_free(struct private_cluster *cluster);

#endif
