/* A store on a real PostgreSQL: one throw-away cluster for the program, one database for each
 * test, made from a migrated template. */
#ifndef DRAGOMAN_TESTS_STORAGE_RIG_H
#define DRAGOMAN_TESTS_STORAGE_RIG_H

#include <libpq-fe.h>

#include "storage/store_pg.h"
#include "tests/unit/check.h"

struct rig {
    uv_loop_t loop;
    uv_timer_t deadline;
    PGconn *sql;          /* the test's own, blocking */
    char database[64];
    char conninfo[512];
    struct store_pg *store;
    struct store *port;
    struct arena arena;
    struct dm_result result;
    int states[16];       /* as on_state told them */
    int state_count;
    int stores_open;
    int expired;
};

/* A database, and a store on it that is up. */
void rig_open(struct rig *rig);
void rig_open_with(struct rig *rig, const struct store_pg_config *config);
void rig_close(struct rig *rig);

/* A further node on the same database. */
struct store_pg *rig_store(struct rig *rig, const struct store_pg_config *config);
void rig_store_close(struct rig *rig, struct store_pg *store);

/* Runs the loop until *flag is not 0; fails the test after a minute. */
void rig_wait(struct rig *rig, const volatile int *flag);
/* Runs the loop for a while. */
void rig_run(struct rig *rig, unsigned ms);

/* The test's own SQL. Gives the first value as a number, 0 for none. */
int64_t rig_sql(struct rig *rig, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A request that remembers its end. */
struct probe {
    int done;
    int order; /* 1 for the first that ended in this rig's life */
    enum dm_status status;
};

struct append {
    struct store_append append; /* first */
    struct probe probe;
};

struct mark {
    struct store_mark mark; /* first */
    struct probe probe;
};

struct call {
    struct store_call call; /* first */
    struct dm_command command;
    struct dm_result result;
    struct store_account account;
    struct probe probe;
};

void append_submit(struct store *port, struct append *append, int64_t thread, int64_t author,
                   const char *text);
void mark_submit(struct store *port, struct mark *mark, int64_t thread, int64_t user,
                 uint64_t from, uint64_t to);
/* The caller has set kind, command and inputs; arena, result and done are set here. */
void call_submit(struct rig *rig, struct store *port, struct call *call);

/* Submit and wait. */
struct store_append rig_append(struct rig *rig, int64_t thread, int64_t author, const char *text);
enum dm_status rig_mark(struct rig *rig, int64_t thread, int64_t user, uint64_t from, uint64_t to);
enum dm_status rig_call(struct rig *rig, struct call *call);
/* STORE_COMMAND of actor; the command's members are set by the caller beforehand. */
enum dm_status rig_command(struct rig *rig, struct call *call, int64_t actor,
                           enum dm_command_kind kind);

/* Fixtures, by SQL: users 10000001...count named u1..., all TUTOR-less; and a direct thread. */
void rig_users(struct rig *rig, int count);
#define USER(n) (INT64_C(10000000) + (n))
int64_t rig_direct(struct rig *rig, int64_t opener, int64_t other, int gated);

/* What is submitted from now on names no pair (0), or a wrong one that begins with that user. */
void rig_forget_pairs(int64_t instead);

int64_t rig_chat(struct rig *rig, int64_t creator, const int64_t *others, size_t count);

/* Cuts every connection of this process to PostgreSQL but the test's own. */
int rig_cut(struct rig *rig);

#endif
