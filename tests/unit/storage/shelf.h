/* A store of files beside the rig's store of messages. */
#ifndef DRAGOMAN_TESTS_STORAGE_SHELF_H
#define DRAGOMAN_TESTS_STORAGE_SHELF_H

#include "storage/file_pg.h"
#include "tests/unit/storage/rig.h"

#define OWNER USER(1)
#define FRIEND USER(2)
#define STRANGER USER(3)

struct shelf {
    struct rig rig;
    struct file_pg *store;
    struct file_store *port;
    int closed;
    int64_t thread; /* of owner and friend */
};

/* A file request that remembers its end. */
struct ask {
    union {
        struct file_request base;
        struct file_put put;
        struct file_find find;
        struct file_read read;
        struct file_drop drop;
    };
    int done;
    int order;
    enum dm_status status;
};

/* Users 1 to 4, a thread of owner and friend, and a file store; config may be NULL. */
void shelf_open(struct shelf *shelf, const struct file_pg_config *config);
void shelf_close(struct shelf *shelf);
void shelf_closed(void *shelf);

void ask_submit(struct shelf *shelf, struct ask *ask, enum file_kind kind);
enum dm_status ask_wait(struct shelf *shelf, struct ask *ask, enum file_kind kind);

/* Stores a file of the owner's, called a.png; returns its id. */
int64_t shelf_put(struct shelf *shelf, struct dm_slice data);
enum dm_status shelf_find(struct shelf *shelf, int64_t id, int64_t reader,
                          struct file_info *ret_info);
int shelf_may_read(struct shelf *shelf, int64_t id, int64_t reader);
/* NULL when there is no such piece. */
struct blob *shelf_read(struct shelf *shelf, int64_t id, uint32_t piece);
void shelf_drop(struct shelf *shelf, int64_t id);

#endif
