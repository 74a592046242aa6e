#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/migrate.h"
#include "storage/private_cluster.h"
#include "tests/unit/storage/rig.h"

TestSuite(cluster, .timeout = 300);

static char *state_dir(void) {
    static char path[64];
    strcpy(path, "/tmp/dragoman-cluster-XXXXXX");
    if (!mkdtemp(path))
        abort();
    return path;
}

static void remove_dir(const char *path) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", path);
    cr_assert(eq(int, system(command), 0));
}

static int64_t query(const char *conninfo, const char *sql) {
    PGconn *pg = PQconnectdb(conninfo);
    cr_assert(eq(int, PQstatus(pg), CONNECTION_OK), "%s", PQerrorMessage(pg));
    PGresult *result = PQexec(pg, sql);
    int64_t value = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    PQfinish(pg);
    return value;
}

Test(cluster, is_made_adopted_and_brought_back) {
    const char *state = state_dir();
    struct private_cluster *cluster;
    struct private_cluster *again;
    struct stat st;
    char path[128];
    cr_assert(eq(int, private_cluster_new(state, NULL, &cluster), 0));
    cr_assert(eq(int, private_cluster_pid(cluster), 0));
    cr_assert(eq(int, private_cluster_ensure_running(cluster), 0));
    int pid = private_cluster_pid(cluster);
    check_true(pid > 0);
    cr_assert(eq(i64, query(private_cluster_conninfo(cluster),
                            "SELECT count(*) FROM pg_settings WHERE (name, setting) IN "
                            "(('fsync', 'on'), ('synchronous_commit', 'on'), "
                            "('full_page_writes', 'on'), ('listen_addresses', ''))"), 4));
    /* Nobody but the server's user may read the data. */
    snprintf(path, sizeof(path), "%s/pg", state);
    cr_assert(eq(int, stat(path, &st), 0));
    cr_assert(eq(int, st.st_mode & 0077, 0));
    check_true(geteuid() != 0 || st.st_uid != 0);
    snprintf(path, sizeof(path), "%s/run", state);
    cr_assert(eq(int, stat(path, &st), 0));
    cr_assert(eq(int, st.st_mode & 0007, 0));
    query(private_cluster_conninfo(cluster), "CREATE TABLE kept AS SELECT 5 AS x");
    /* A gateway that was killed leaves it to the next one. */
    cr_assert(eq(int, private_cluster_new(state, NULL, &again), 0));
    cr_assert(eq(int, private_cluster_ensure_running(again), 0));
    cr_assert(eq(int, private_cluster_pid(again), pid));
    kill(pid, SIGKILL);
    cr_assert(eq(int, private_cluster_ensure_running(again), 0));
    check_true(private_cluster_pid(again) != pid);
    cr_assert(eq(i64, query(private_cluster_conninfo(again), "SELECT x FROM kept"), 5));
    cr_assert(eq(int, private_cluster_stop(cluster), 0));
    cr_assert(eq(int, private_cluster_pid(again), 0));
    cr_assert(eq(int, private_cluster_stop(cluster), 0));
    /* A pid file that tells of somebody else. */
    snprintf(path, sizeof(path), "%s/pg/postmaster.pid", state);
    FILE *file = fopen(path, "w");
    fprintf(file, "%d\n", getpid());
    fclose(file);
    cr_assert(eq(int, private_cluster_pid(cluster), 0));
    cr_assert(eq(int, private_cluster_ensure_running(cluster), 0));
    cr_assert(eq(i64, query(private_cluster_conninfo(cluster), "SELECT x FROM kept"), 5));
    cr_assert(eq(int, private_cluster_stop(cluster), 0));
    private_cluster_free(again);
    private_cluster_free(cluster);
    remove_dir(state);
}

Test(cluster, refuses_what_cannot_work) {
    struct private_cluster *cluster;
    char path[256] = "/tmp/dragoman-cluster-";
    cr_assert(eq(int, private_cluster_new("/nonexistent/below", NULL, &cluster), -ENOENT));
    memset(path + strlen(path), 'x', 120);
    path[150] = '\0';
    cr_assert(eq(int, private_cluster_new(path, NULL, &cluster), -ENAMETOOLONG));
    rmdir(path);
    private_cluster_free(NULL);
}

/* To the postmaster's children and then to itself; none of them gets to say anything. */
static void signal_all(const char *signal, int pid) {
    char command[128];
    snprintf(command, sizeof(command), "kill -%s $(cat /proc/%d/task/%d/children) %d", signal, pid,
             pid, pid);
    cr_assert(eq(int, system(command), 0));
}

/* kill -9 of every process of PostgreSQL under load. */
Test(cluster, killed_under_load_loses_and_doubles_nothing) {
    enum { COUNT = 2000 };
    const char *state = state_dir();
    struct private_cluster *cluster;
    struct append *list = calloc(COUNT, sizeof(*list));
    struct store_pg_stats stats;
    struct store_pg *store;
    struct rig rig;
    int64_t thread;
    int from, to;
    cr_assert(eq(int, private_cluster_new(state, NULL, &cluster), 0));
    cr_assert(eq(int, private_cluster_ensure_running(cluster), 0));
    const char *conninfo = private_cluster_conninfo(cluster);
    cr_assert(eq(int, migrate_run(conninfo, &from, &to), 0));
    cr_assert(eq(int, from, 0));
    cr_assert(eq(int, to, migrate_wanted()));
    cr_assert(eq(int, migrate_run(conninfo, &from, &to), 0));
    cr_assert(eq(int, from, to));
    rig_open(&rig);
    const struct store_pg_config config = { .conninfo = conninfo, .wait_ms = 60000 };
    store = rig_store(&rig, &config);
    struct store *shared = rig.port;
    rig.port = store_pg_port(store);
    query(conninfo, "INSERT INTO users (id, uuid, username) VALUES "
                    "(10000001, gen_random_uuid(), 'u1'), (10000002, gen_random_uuid(), 'u2')");
    thread = rig_direct(&rig, USER(1), USER(2), 0);
    for (int i = 0; i < COUNT; i++) {
        append_submit(rig.port, &list[i], thread, USER(1), "x");
        if (i % 40 == 39)
            rig_run(&rig, 1);
        if (i % 700 == 500) {
            /* What the stopped ones are sent is surely on its way when they die. */
            signal_all("STOP", private_cluster_pid(cluster));
            rig_run(&rig, 20);
            signal_all("KILL", private_cluster_pid(cluster));
            rig_run(&rig, 20);
            cr_assert(eq(int, private_cluster_ensure_running(cluster), 0));
        }
    }
    for (int i = 0; i < COUNT; i++) {
        rig_wait(&rig, &list[i].probe.done);
        cr_assert(eq(int, list[i].probe.status, DM_OK));
    }
    cr_assert(eq(i64, query(conninfo, "SELECT count(*) FROM messages"), COUNT));
    cr_assert(eq(i64, query(conninfo, "SELECT count(DISTINCT uuid) FROM messages"), COUNT));
    cr_assert(eq(i64, query(conninfo, "SELECT max(seq) FROM messages"), COUNT));
    store_pg_stats(store, &stats);
    check_true(stats.uncertain > 0);
    rig_store_close(&rig, store);
    rig.port = shared;
    rig_close(&rig);
    cr_assert(eq(int, private_cluster_stop(cluster), 0));
    private_cluster_free(cluster);
    free(list);
    remove_dir(state);
}

Test(cluster, a_database_from_the_future_is_refused) {
    struct rig rig;
    rig_open(&rig);
    rig_sql(&rig, "INSERT INTO versions VALUES (9999, 'later')");
    cr_assert(eq(int, migrate_run(rig.conninfo, NULL, NULL), -ENOTSUP));
    cr_assert(eq(int, migrate_run("host=/nonexistent", NULL, NULL), -ECONNREFUSED));
    rig_close(&rig);
}

Test(cluster, bad_configurations_are_refused) {
    struct store_pg *store;
    uv_loop_t loop;
    uv_loop_init(&loop);
    const struct store_pg_config bad[] = {
        { 0 },
        { .conninfo = "host='unclosed" },
        { .conninfo = "nonsense=1" },
        { .conninfo = "host=/x", .write_connections = 99 },
        { .conninfo = "host=/x", .read_connections = 99 },
        { .conninfo = "host=/x", .batch_rows = 4096 },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(eq(int, store_pg_open(&loop, &bad[i], &store), -EINVAL));
    cr_assert(eq(int, uv_loop_close(&loop), 0));
}

static void closed(void *owner) {
    *(int *)owner = 1;
}

/* Names are looked up in the pool; a store that never got through closes all the same. */
Test(cluster, unreachable_servers_do_not_hold_the_store) {
    static const char *const conninfos[] = {
        "host=/nonexistent",
        "host=127.0.0.1 port=1",
        "host=localhost port=1",
        "host=does-not-exist.invalid",
        "host=does-not-exist.invalid,localhost,/nonexistent port=1,1,5432",
    };
    for (size_t i = 0; i < ARRAY_LEN(conninfos); i++) {
        const struct store_pg_config config = { .conninfo = conninfos[i], .wait_ms = 100 };
        struct append append = { 0 };
        struct store_pg *store;
        uv_loop_t loop;
        int done = 0;
        uv_loop_init(&loop);
        cr_assert(eq(int, store_pg_open(&loop, &config, &store), 0));
        append_submit(store_pg_port(store), &append, 1, 1, "x");
        while (!append.probe.done)
            uv_run(&loop, UV_RUN_ONCE);
        cr_assert(eq(int, append.probe.status, DM_UNAVAILABLE));
        cr_assert(eq(int, store_current_state(store_pg_port(store)), STORE_DOWN));
        store_pg_close(store, closed, &done);
        uv_run(&loop, UV_RUN_DEFAULT);
        cr_assert(eq(int, done, 1));
        cr_assert(eq(int, uv_loop_close(&loop), 0));
    }
}

Test(cluster, names_are_resolved_before_libpq_sees_them) {
    struct rig rig;
    char conninfo[512];
    struct store_pg_config config = { .conninfo = conninfo };
    rig_open(&rig);
    /* The second host is the one that answers. */
    snprintf(conninfo, sizeof(conninfo),
             "host=localhost,%s/run port=1,5432 user=dragoman dbname=%s", getenv("RIG_STATE"),
             rig.database);
    struct store_pg *store = rig_store(&rig, &config);
    rig_store_close(&rig, store);
    rig_close(&rig);
}
