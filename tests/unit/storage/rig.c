#include "tests/unit/storage/rig.h"

#include <criterion/hooks.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/random.h"
#include "storage/migrate.h"
#include "storage/private_cluster.h"

#define WAIT_MS 60000

static struct private_cluster *cluster;
static char state_dir[] = "/tmp/dragoman-storage-XXXXXX";

/* The tests run in processes of their own, which inherit the environment. */
ReportHook(PRE_ALL)(struct criterion_test_set *tests) {
    log_init(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, 2);
    if (!mkdtemp(state_dir) || chmod(state_dir, 0711) != 0 ||
        private_cluster_new(state_dir, NULL, &cluster) != 0 ||
        private_cluster_ensure_running(cluster) != 0 ||
        migrate_run(private_cluster_conninfo(cluster), NULL, NULL) != 0)
        abort();
    setenv("RIG_STATE", state_dir, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats) {
    char command[128];
    private_cluster_stop(cluster);
    private_cluster_free(cluster);
    snprintf(command, sizeof(command), "rm -rf %s", state_dir);
    if (system(command) != 0)
        abort();
}

/* Databases */

static PGconn *connect_to(const char *user, const char *database) {
    char conninfo[512];
    snprintf(conninfo, sizeof(conninfo),
             "host=%s/run user=%s dbname=%s application_name=test", getenv("RIG_STATE"), user,
             database);
    PGconn *pg = PQconnectdb(conninfo);
    cr_assert(eq(int, PQstatus(pg), CONNECTION_OK), "%s", PQerrorMessage(pg));
    return pg;
}

static void admin(const char *format, ...) {
    char sql[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    PGconn *pg = connect_to("postgres", "postgres");
    PGresult *result = PQexec(pg, sql);
    cr_assert(eq(int, PQresultStatus(result), PGRES_COMMAND_OK), "%s", PQerrorMessage(pg));
    PQclear(result);
    PQfinish(pg);
}

int64_t rig_sql(struct rig *rig, const char *format, ...) {
    char sql[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    PGresult *result = PQexec(rig->sql, sql);
    int64_t value = 0;
    ExecStatusType status = PQresultStatus(result);
    cr_assert(eq(int, status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, 1), "%s: %s", sql,
              PQerrorMessage(rig->sql));
    if (PQntuples(result) > 0)
        value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return value;
}

/* The loop */

static void deadline_hit(uv_timer_t *timer) {
    ((struct rig *)timer->data)->expired = 1;
}

static void run_until(struct rig *rig, const volatile int *flag, unsigned ms) {
    rig->expired = 0;
    uv_timer_start(&rig->deadline, deadline_hit, ms, 0);
    while (!*flag && !rig->expired)
        uv_run(&rig->loop, UV_RUN_ONCE);
    uv_timer_stop(&rig->deadline);
}

void rig_wait(struct rig *rig, const volatile int *flag) {
    run_until(rig, flag, WAIT_MS);
    cr_assert(eq(int, !!*flag, 1), "nothing happened for a minute");
}

void rig_run(struct rig *rig, unsigned ms) {
    static const int never;
    run_until(rig, &never, ms);
}

static void on_state(void *owner, enum store_state state) {
    struct rig *rig = owner;
    if (rig->state_count < 16)
        rig->states[rig->state_count++] = state;
}

static void on_closed(void *owner) {
    ((struct rig *)owner)->stores_open--;
}

struct store_pg *rig_store(struct rig *rig, const struct store_pg_config *config) {
    struct store_pg_config own = config ? *config : (struct store_pg_config){ 0 };
    struct store_pg *store;
    if (!own.conninfo)
        own.conninfo = rig->conninfo;
    cr_assert(eq(int, store_pg_open(&rig->loop, &own, &store), 0));
    rig->stores_open++;
    for (int i = 0; i < WAIT_MS / 10; i++) {
        if (store_current_state(store_pg_port(store)) == STORE_UP)
            return store;
        rig_run(rig, 10);
    }
    cr_fatal("the store does not come up");
    return store;
}

void rig_store_close(struct rig *rig, struct store_pg *store) {
    int before = rig->stores_open;
    store_pg_close(store, on_closed, rig);
    while (rig->stores_open == before)
        uv_run(&rig->loop, UV_RUN_ONCE);
}

void rig_open_with(struct rig *rig, const struct store_pg_config *config) {
    struct store_pg_config own = *config;
    memset(rig, 0, sizeof(*rig));
    snprintf(rig->database, sizeof(rig->database), "t%d_%llu", getpid(),
             (unsigned long long)random_fast_u64());
    admin("CREATE DATABASE %s TEMPLATE dragoman OWNER dragoman", rig->database);
    snprintf(rig->conninfo, sizeof(rig->conninfo), "host=%s/run user=dragoman dbname=%s",
             getenv("RIG_STATE"), rig->database);
    rig->sql = connect_to("postgres", rig->database);
    uv_loop_init(&rig->loop);
    uv_timer_init(&rig->loop, &rig->deadline);
    rig->deadline.data = rig;
    arena_init(&rig->arena, 65536);
    own.on_state = on_state;
    own.owner = rig;
    rig->store = rig_store(rig, &own);
    rig->port = store_pg_port(rig->store);
}

void rig_open(struct rig *rig) {
    const struct store_pg_config config = { 0 };
    rig_open_with(rig, &config);
}

void rig_close(struct rig *rig) {
    if (rig->store)
        rig_store_close(rig, rig->store);
    uv_close((uv_handle_t *)&rig->deadline, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    cr_assert(eq(int, uv_loop_close(&rig->loop), 0));
    arena_fini(&rig->arena);
    PQfinish(rig->sql);
    admin("DROP DATABASE %s WITH (FORCE)", rig->database);
}

/* Requests */

static int ended;

static void end(struct probe *probe, enum dm_status status) {
    cr_assert(eq(int, probe->done, 0), "done twice");
    probe->done = 1;
    probe->order = ++ended;
    probe->status = status;
}

static void append_done(struct store_request *request, enum dm_status status) {
    end(&((struct append *)request)->probe, status);
}

static void mark_done(struct store_request *request, enum dm_status status) {
    end(&((struct mark *)request)->probe, status);
}

static void call_done(struct store_request *request, enum dm_status status) {
    end(&((struct call *)request)->probe, status);
}

/* Which two a direct thread has, as the engine knows of the threads it has seen. */
static struct pair {
    int64_t thread, lo, hi;
} pairs[1024];
static size_t pair_count;

static void note_pair(int64_t thread, int64_t a, int64_t b) {
    pairs[pair_count++ % 1024] = (struct pair){ thread, a < b ? a : b, a < b ? b : a };
}

static struct pair pair_of(int64_t thread) {
    for (size_t i = 0; i < 1024; i++)
        if (pairs[i].thread == thread)
            return pairs[i];
    return (struct pair){ 0 };
}

void rig_forget_pairs(int64_t instead) {
    for (size_t i = 0; i < pair_count; i++) {
        pairs[i].lo = instead;
        pairs[i].hi = instead ? instead + 1 : 0;
    }
}

void append_submit(struct store *port, struct append *append, int64_t thread, int64_t author,
                   const char *text) {
    struct store_append *a = &append->append;
    a->base.kind = STORE_APPEND;
    a->base.lane = (uint64_t)thread;
    a->base.done = append_done;
    struct pair pair = pair_of(thread);
    a->thread_id = thread;
    a->lo_id = pair.lo;
    a->hi_id = pair.hi;
    a->author_id = author;
    if (text)
        a->text = dm_slice_str(text);
    uuid_new_v7(&a->uuid);
    append->probe = (struct probe){ 0 };
    store_submit(port, &a->base);
    cr_assert(eq(int, append->probe.done, 0), "done inside submit");
}

void mark_submit(struct store *port, struct mark *mark, int64_t thread, int64_t user,
                 uint64_t from, uint64_t to) {
    struct pair pair = pair_of(thread);
    *mark = (struct mark){ .mark = { .base = { .kind = STORE_MARK_DELIVERED,
                                               .lane = (uint64_t)thread,
                                               .done = mark_done },
                                     .thread_id = thread,
                                     .lo_id = pair.lo,
                                     .hi_id = pair.hi,
                                     .user_id = user,
                                     .from = from,
                                     .to = to } };
    store_submit(port, &mark->mark.base);
}

void call_submit(struct rig *rig, struct store *port, struct call *call) {
    struct store_call *c = &call->call;
    call->probe = (struct probe){ 0 };
    memset(&call->result, 0, sizeof(call->result));
    memset(&c->ret_thread, 0, sizeof(c->ret_thread));
    c->base.done = call_done;
    if (!c->base.lane)
        c->base.lane = c->thread_id ? (uint64_t)c->thread_id : (uint64_t)c->actor_id;
    c->arena = &rig->arena;
    c->result = &call->result;
    c->command = &call->command;
    c->account = &call->account;
    call->command.size = sizeof(call->command);
    store_submit(port, &c->base);
    cr_assert(eq(int, call->probe.done, 0), "done inside submit");
}

struct store_append rig_append(struct rig *rig, int64_t thread, int64_t author, const char *text) {
    struct append append = { 0 };
    append_submit(rig->port, &append, thread, author, text);
    rig_wait(rig, &append.probe.done);
    cr_assert(eq(int, append.probe.status, DM_OK));
    return append.append;
}

enum dm_status rig_mark(struct rig *rig, int64_t thread, int64_t user, uint64_t from,
                        uint64_t to) {
    struct mark mark;
    mark_submit(rig->port, &mark, thread, user, from, to);
    rig_wait(rig, &mark.probe.done);
    return mark.probe.status;
}

enum dm_status rig_call(struct rig *rig, struct call *call) {
    call_submit(rig, rig->port, call);
    rig_wait(rig, &call->probe.done);
    return call->probe.status;
}

enum dm_status rig_command(struct rig *rig, struct call *call, int64_t actor,
                           enum dm_command_kind kind) {
    call->call.base.kind = STORE_COMMAND;
    call->call.actor_id = actor;
    call->command.kind = kind;
    return rig_call(rig, call);
}

/* Fixtures */

void rig_users(struct rig *rig, int count) {
    rig_sql(rig, "INSERT INTO users (id, uuid, username) SELECT 10000000 + i, gen_random_uuid(), "
                 "'u' || i FROM generate_series(1, %d) i", count);
    rig_sql(rig, "INSERT INTO user_names SELECT username, id FROM users ON CONFLICT DO NOTHING");
}

int64_t rig_direct(struct rig *rig, int64_t opener, int64_t other, int gated) {
    struct call call = { .call = { .base = { .kind = STORE_DIRECT_OPEN },
                                   .actor_id = opener,
                                   .other_id = other,
                                   .gate = gated ? STORE_GATED : STORE_NOT_GATED } };
    cr_assert(eq(int, rig_call(rig, &call), DM_OK));
    note_pair(call.result.thread->id, opener, other);
    return call.result.thread->id;
}

int64_t rig_chat(struct rig *rig, int64_t creator, const int64_t *others, size_t count) {
    struct dm_ref refs[16];
    struct call call = { .command = { .title = DM_SLICE("chat"), .users = refs,
                                      .user_count = count } };
    for (size_t i = 0; i < count; i++)
        refs[i] = dm_ref_id(others[i]);
    cr_assert(eq(int, rig_command(rig, &call, creator, DM_CMD_CHAT_CREATE), DM_OK));
    return call.result.thread->id;
}

int rig_cut(struct rig *rig) {
    int cut = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int fd = atoi(entry->d_name);
        struct sockaddr_un peer = { 0 };
        socklen_t len = sizeof(peer);
        if (fd != PQsocket(rig->sql) && getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
            peer.sun_family == AF_UNIX && strstr(peer.sun_path, ".s.PGSQL."))
            cut += shutdown(fd, SHUT_RDWR) == 0;
    }
    closedir(dir);
    return cut;
}
