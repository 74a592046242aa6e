/* Databases of earlier versions, with what they hold. */
#include <stdio.h>
#include <stdlib.h>

#include "storage/migrate.h"
#include "tests/unit/storage/rig.h"

TestSuite(migrate, .timeout = 300);

static int64_t query(PGconn *pg, const char *sql) {
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    check_true(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
    int64_t value = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

/* An empty database as it was before that step. */
static PGconn *before(struct rig *rig, const char *step, char *ret_conninfo, size_t size) {
    char text[256];
    rig_open(rig);
    rig_sql(rig, "CREATE DATABASE %s_old OWNER dragoman", rig->database);
    snprintf(ret_conninfo, size, "%s_old", rig->conninfo);
    PGconn *pg = PQconnectdb(ret_conninfo);
    query(pg, "CREATE TABLE versions (version integer PRIMARY KEY, name text NOT NULL, "
              "at timestamptz NOT NULL DEFAULT now())");
    for (int i = 0; strcmp(migrations[i].name, step) != 0; i++) {
        query(pg, migrations[i].data.ptr);
        snprintf(text, sizeof(text), "INSERT INTO versions (version, name) VALUES (%d, '%s')",
                 i + 1, migrations[i].name);
        query(pg, text);
    }
    return pg;
}

static void after(struct rig *rig, PGconn *pg) {
    PQfinish(pg);
    rig_sql(rig, "DROP DATABASE %s_old WITH (FORCE)", rig->database);
    rig_close(rig);
}

/* A request of 1 that user `asked` is to approve; so many messages. */
static void ask(PGconn *pg, int asked, int count) {
    char text[512];
    snprintf(text, sizeof(text),
             "SELECT op_direct_open(10000001, 1000000%d, true, gen_random_uuid())", asked);
    query(pg, text);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text),
                 "SELECT append_one(1, (SELECT number + 1 FROM writer), max(id), 10000001, "
                 "gen_random_uuid(), '%d', 0, 0, 0, 0, 0, 0) FROM threads", i + 1);
        query(pg, text);
    }
}

static void delete(PGconn *pg, int seq) {
    char text[256];
    snprintf(text, sizeof(text),
             "SELECT op_delete(10000001, id) FROM messages WHERE seq = %d "
             "AND thread_id = (SELECT max(id) FROM threads)", seq);
    query(pg, text);
}

Test(migrate, a_thread_whose_request_was_deleted_gets_its_next) {
    struct rig rig;
    char conninfo[600];
    PGconn *pg = before(&rig, "request", conninfo, sizeof(conninfo));
    query(pg, "INSERT INTO users (id, uuid, username) SELECT 10000000 + i, gen_random_uuid(), "
              "'u' || i FROM generate_series(1, 5) i");
    query(pg, "INSERT INTO writer VALUES (1, 0)");
    ask(pg, 2, 4);
    query(pg, "SELECT op_read(10000002, max(id), NULL, NULL, NULL, false) FROM threads");
    delete(pg, 2);
    delete(pg, 1);
    ask(pg, 3, 2); /* stands */
    ask(pg, 4, 1);
    delete(pg, 1); /* nothing waits */
    ask(pg, 5, 3);
    query(pg, "SELECT op_block(10000005, max(id)) FROM threads");
    delete(pg, 1);
    cr_assert(eq(int, migrate_run(conninfo, NULL, NULL), 0));
    cr_assert(eq(i64, query(pg, "SELECT count(*) FROM messages "
                                "WHERE held = 0 AND NOT deleted"), 2));
    cr_assert(eq(i64, query(pg, "SELECT sum(CASE hi_id WHEN 10000002 THEN seq * 10 ELSE seq END) "
                                "FROM messages m JOIN threads t ON t.id = m.thread_id "
                                "WHERE held = 0 AND NOT deleted"), 31));
    cr_assert(eq(i64, query(pg, "SELECT count_hi * 100 + unread_hi * 10 + read_hi FROM threads "
                                "WHERE hi_id = 10000002"), 112));
    cr_assert(eq(i64, query(pg, "SELECT count_lo * 100 + last_seq FROM threads "
                                "WHERE hi_id = 10000002"), 204));
    cr_assert(eq(i64, query(pg, "SELECT sum(count_hi) FROM threads WHERE hi_id > 10000003"), 0));
    after(&rig, pg);
}
