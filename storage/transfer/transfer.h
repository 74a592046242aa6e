/* Histories in and out of the database, as lines of JSON (proto-docs/import.md).
 *
 * For the command line: every function blocks. The connection holds temporary functions, so it
 * cannot go through a pooler in transaction mode. */
#ifndef DRAGOMAN_STORAGE_TRANSFER_H
#define DRAGOMAN_STORAGE_TRANSFER_H

#include <stddef.h>

#include "core/base/slice.h"

enum transfer_kind {
    TRANSFER_USERS = 0,
    TRANSFER_FRIENDS, /* the lines of users again, when all of them are there */
    TRANSFER_THREADS,
    TRANSFER_MESSAGES,
    TRANSFER_KIND_COUNT,
};

enum transfer_outcome {
    TRANSFER_NEW = 0,
    TRANSFER_KNOWN, /* was there already; left as it is */
    TRANSFER_BAD,   /* left out; `why` says why */
};

struct transfer;

/* Connects. Returns 0; -ECONNREFUSED when the database cannot be reached; -EBUSY while another
 * import runs; -EPROTO when it refuses what an import needs. The reason is logged. */
int transfer_open(const char *conninfo, struct transfer **ret_transfer);

/* NULL does nothing. */
void transfer_close(struct transfer *transfer);

/* An import of messages looks each UUID up, by an index that exists only meanwhile: begin makes it
 * unless an import that was cut short has left it, finish drops it. Neither stops a gateway that is
 * running. Return 0 or -EPROTO. */
int transfer_begin_messages(struct transfer *transfer);
int transfer_finish_messages(struct transfer *transfer);

/* Tells what became of line `index` of a batch. `why` is for TRANSFER_BAD; borrowed. */
typedef void transfer_said_fn(void *owner, size_t index, enum transfer_outcome outcome,
                              const char *why);

/* Brings in `count` lines, each the text of one JSON object, in one transaction. A line that makes
 * the database give up is found by halves and left out alone. text_max: bytes of a message's text.
 * `said` runs once for each line, in order. Returns 0, or -EPROTO when the connection is lost or
 * the database can do nothing now, such as with a full disk: what was told of is committed. */
int transfer_put(struct transfer *transfer, enum transfer_kind kind, const struct dm_slice *lines,
                 size_t count, int text_max, transfer_said_fn *said, void *owner);

/* Takes one line without its line feed. Returns 0, or a negative errno that ends the export. */
typedef int transfer_line_fn(void *owner, enum transfer_kind kind, struct dm_slice line);

enum transfer_secrets {
    TRANSFER_WITHOUT_SECRETS = 0,
    TRANSFER_WITH_SECRETS, /* the hashes of passwords and pins */
};

/* All users, then all threads, then all messages, as they stand at one moment. Returns 0,
 * -ECONNREFUSED, -EPROTO, or what `line` returned. */
int transfer_export(const char *conninfo, enum transfer_secrets secrets, transfer_line_fn *line,
                    void *owner);

#endif
