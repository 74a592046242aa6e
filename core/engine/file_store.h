/* The file store port: files that are kept by the gateway, apart from the store (store.h) so that
 * a large one delays no message. Implemented by storage/ on PostgreSQL and, for unit tests, by a
 * scripted fake.
 *
 * A request is a struct embedded by the asker, alive and untouched by it, what its inputs point to
 * included, from submit until its `done` runs. `done` runs exactly once, on the loop, never inside
 * submit, and after that the request is the asker's again. Requests complete in any order.
 *
 * When the database is away or answers nothing, requests wait, bounded in number and time, then end
 * DM_UNAVAILABLE. A file is never half there: it can be found once it is complete and durable. One
 * whose put ended otherwise may be left behind; like every file that no message refers to, it is
 * removed when it is a day old. */
#ifndef DRAGOMAN_ENGINE_FILE_STORE_H
#define DRAGOMAN_ENGINE_FILE_STORE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/status.h"

/* In pieces of so many bytes are files written; their reader goes by file_info.piece_size. */
#define FILE_PIECE_SIZE ((size_t)128 << 10)

struct file_request;
typedef void (*file_done_fn)(struct file_request *request, enum dm_status status);

enum file_kind {
    FILE_PUT,  /* struct file_put */
    FILE_FIND, /* struct file_find */
    FILE_READ, /* struct file_read */
    FILE_DROP, /* struct file_drop */
};

struct file_request {
    struct list link;   /* the store's while pending */
    enum file_kind kind;
    uint64_t corr;      /* correlation id, for logs */
    int64_t queued_ns;  /* the store's */
    uint32_t losses;    /* the store's */
    file_done_fn done;
    void *owner;        /* the asker's */
};

/* What is known of a file. */
struct file_info {
    int64_t id;
    int64_t owner_id;
    struct dm_slice name;
    int64_t size;
    uint32_t piece_size; /* every piece but the last has so many bytes */
    int64_t created_us;
};

/* Stores a file. DM_OK: it is durable, and its owner's alone until a message refers to it. */
struct file_put {
    struct file_request base;
    int64_t owner_id;
    struct dm_slice name;    /* storable text */
    struct dm_slice data;    /* maybe empty */

    int64_t ret_id;          /* the store's until done */
    int64_t ret_created_us;
    size_t written;          /* the store's */
};

/* Looks a file up. With a reader: only what that user may open, which is a file in a message that
 * the user can see now, or an own one that is in no message. DM_NO_FILE otherwise. */
struct file_find {
    struct file_request base;
    int64_t id;
    int64_t reader_id;       /* 0: whoever asks may open it */
    struct arena *arena;     /* for the name */

    struct file_info ret_info;
};

/* Reads one piece, counted from 0. DM_NO_FILE when there is none. */
struct file_read {
    struct file_request base;
    int64_t id;
    uint32_t piece;

    struct blob *ret_data;   /* DM_OK: one reference, the asker's */
};

/* Removes files that no message refers to; others, and unknown ones, are passed over. */
struct file_drop {
    struct file_request base;
    const int64_t *ids;
    size_t count;
};

struct file_store;

/* Implementations hold struct file_store as their first member. */
struct file_store_ops {
    void (*submit)(struct file_store *store, struct file_request *request);
};

struct file_store {
    const struct file_store_ops *ops;
};

static inline void file_store_submit(struct file_store *store, struct file_request *request) {
    store->ops->submit(store, request);
}

/* What a URL that a client sent is. */
enum file_url_kind {
    FILE_URL_FOREIGN,  /* leads elsewhere */
    FILE_URL_SIGNED,   /* the gateway's own, with a signature of it, maybe expired */
    FILE_URL_UNSIGNED, /* the gateway's own by its form, without signature */
    FILE_URL_FORGED,   /* with one that is not the gateway's */
};

/* Tells them apart; ret_id is set unless FOREIGN. Pure and quick. */
typedef enum file_url_kind (*file_url_check_fn)(void *owner, struct dm_slice url,
                                                int64_t *ret_id);

#endif
