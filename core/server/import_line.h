/* What a line of an import may be, before the database sees it. */
#ifndef DRAGOMAN_SERVER_IMPORT_LINE_H
#define DRAGOMAN_SERVER_IMPORT_LINE_H

#include "core/base/buf.h"
#include "storage/transfer/transfer.h"

#define IMPORT_WHY_SIZE 96

/* What a line of users says in the clear; borrowed from the line's copy in `text`. */
struct import_secrets {
    struct dm_slice password; /* absent: none */
    struct dm_slice pin;      /* a string, or digits */
};

/* 1 when the line is one JSON object (RFC 8259) with known keys only; else 0 with the reason.
 * TRANSFER_FRIENDS takes what TRANSFER_USERS takes. */
int import_line_check(enum transfer_kind kind, struct dm_slice line, char why[IMPORT_WHY_SIZE]);

/* Of a checked line of users: 1 when it has somebody to befriend. */
int import_line_has_friends(struct dm_slice line);

/* Of a checked line of users: its secrets, as NUL-terminated text in `store`, which the caller
 * wipes. Both absent when there are none. */
void import_line_secrets(struct dm_slice line, struct buf *store,
                         struct import_secrets *ret_secrets);

/* Appends a checked line of users with its secrets replaced by their hashes (absent: none). */
void import_line_seal(struct dm_slice line, struct dm_slice password_hash,
                      struct dm_slice pin_hash, struct buf *out);

#endif
