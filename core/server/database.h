/* The database that a configuration names, without a connection to it: brought up if it is a
 * private one, migrated, and let go. All of it blocks, but for database_bring_up. */
#ifndef DRAGOMAN_SERVER_DATABASE_H
#define DRAGOMAN_SERVER_DATABASE_H

#include "core/net/loop.h"
#include "core/server/config.h"

/* Who uses the private database. Every user holds a shared lock on STATE/lock; the server is
 * stopped in database_close by a gateway that is then alone, or by the last of the verbs when one
 * of them had started it. A worker leaves all that to its supervisor. Only a gateway and a verb
 * that fills a database make what is not there: a mistyped path is no reason to. */
enum backend_use {
    BACKEND_GATEWAY,
    BACKEND_VERB_READS, /* changes no account, and so no schema */
    BACKEND_VERB,
    BACKEND_VERB_FOUNDS, /* may be the first to come */
    BACKEND_WORKER,
};

struct private_cluster;

/* Zeroed before it is opened. Borrows from the configuration. */
struct database {
    struct private_cluster *cluster; /* NULL: somebody else's database */
    const char *conninfo;
    int lock_fd; /* shared by all who use the private database */
    enum backend_use use;
};

/* Makes the state directory and, where `use` may, the private database, and starts it. Returns a
 * CLI exit code; what went wrong was said on stderr. database_close in any case. */
int database_open(struct database *database, struct config *config, enum backend_use use);

/* Whether the state directory would do for a gateway; makes nothing. Returns a CLI exit code, as
 * above. */
int database_check_state(struct config *config);

/* Writes the versions before and after (may be NULL). Returns a CLI exit code, as above. */
int database_migrate(const struct database *database, int *ret_from, int *ret_to);

/* database_open and, but for a worker, the migration; where database.migrate is false, and for a
 * verb that only reads, it makes sure instead that none is due. In the pool; runs the loop
 * meanwhile. Returns a CLI exit code, as above. database_close in any case. */
int database_bring_up(struct database *database, struct config *config, enum backend_use use,
                      struct loop *loop);

/* 1 when it is a private one that this process looks after. Only then the next two are called. */
int database_can_be_revived(const struct database *database);

/* 1 while its server process is there. */
int database_is_up(const struct database *database);

/* Starts a server that has died. May be called in the pool. */
void database_revive(const struct database *database);

/* Gives up what was opened, and stops a private server as enum backend_use says. */
void database_close(struct database *database);

#endif
