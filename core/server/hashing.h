/* Secrets given on the command line, hashed by the auth service as configured. */
#ifndef DRAGOMAN_SERVER_HASHING_H
#define DRAGOMAN_SERVER_HASHING_H

#include "core/base/buf.h"
#include "core/server/backend.h"

struct hashed {
    struct buf password;
    struct buf pin;
};

/* Hashes what is present. Runs the loop until done. Returns a CLI exit code; on CLI_OK the caller
 * calls hashed_fini. */
int hash_secrets(struct config *config, struct backend *backend, struct dm_slice password,
                 struct dm_slice pin, struct hashed *ret_hashed);

void hashed_fini(struct hashed *hashed);

/* The content, or absent when there is none. */
static inline struct dm_slice buf_or_absent(const struct buf *buf) {
    return buf->len ? buf_slice(buf) : DM_SLICE_NONE;
}

#endif
