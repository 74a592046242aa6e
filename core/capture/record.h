/* What was said, in the order in which it passed. Internal to the capture. */
#ifndef DRAGOMAN_CAPTURE_RECORD_H
#define DRAGOMAN_CAPTURE_RECORD_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/slice.h"

#define RECORD_MAX ((size_t)64 << 20) /* bytes that are kept; what comes later is not recorded */

enum said_kind {
    SAID_UPGRADE,  /* path, head */
    SAID_REFUSED,  /* status, body: of the answer */
    SAID_TEXT,     /* body */
    SAID_BINARY,
    SAID_CLOSE,    /* status: the code, 0 for none */
    SAID_DROP,     /* the end without a Close */
    SAID_REQUEST,  /* method, path, head, body */
    SAID_ANSWER,   /* status, body */
};

enum said_by { BY_CLIENT, BY_SERVER };

struct said {
    struct list link;
    enum said_kind kind;
    enum said_by by;
    unsigned client;      /* its number, from 1 */
    unsigned status;
    struct dm_slice method;
    struct dm_slice path;
    struct dm_slice type; /* the Content-Type; absent: none */
    struct dm_slice head; /* header lines worth keeping, "Name: value\n" each */
    struct dm_slice body;
};

struct record {
    struct arena arena;
    struct list said;
    unsigned clients;
    size_t left_out; /* things not recorded, for want of room or because nobody could read them */
};

void record_init(struct record *record);
void record_fini(struct record *record);

/* Keeps a copy. */
void record_add(struct record *record, const struct said *said);

/* Which names hold secrets, beside the usual ones; NULL-terminated. */
struct masks {
    const char **names;
};

/* Writes all of it as one transcript. */
void record_write(const struct record *record, const struct masks *masks, struct buf *out);

#endif
