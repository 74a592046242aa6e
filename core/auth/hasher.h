/* Argon2id in libuv's pool, a bounded number at once, a bounded number waiting. */
#ifndef DRAGOMAN_AUTH_HASHER_H
#define DRAGOMAN_AUTH_HASHER_H

#include "core/auth/auth.h"
#include "core/base/list.h"

/* What a stored hash may ask for at most, whatever the configuration says. */
#define HASHER_PASSES_MAX 16
#define HASHER_LANES_MAX 8
#define HASHER_MEMORY_MAX 1048576 /* KiB */
#define HASHER_SECRET_MAX 65536   /* bytes */
#define HASHER_ENCODED_MAX 256

struct hasher_params {
    uint32_t passes;
    uint32_t memory;     /* KiB */
    uint32_t lanes;
    uint32_t memory_max; /* KiB; stored hashes beyond it do not match */
    uint32_t parallel;
    uint32_t queue;
};

struct hasher;
typedef void (*hasher_closed_fn)(struct hasher *hasher);

/* Fields are the hasher's own. */
struct hasher {
    uv_loop_t *loop;
    struct hasher_params params;
    struct list waiting;
    struct list running;
    struct list refused;   /* complete with DM_UNAVAILABLE in the next turn */
    uint32_t waiting_count;
    uint32_t running_count;
    uv_idle_t idle;        /* keeps the turn coming while something is refused */
    hasher_closed_fn closed;
};

/* Returns 0 or negative errno. */
int hasher_init(struct hasher *hasher, uv_loop_t *loop, const struct hasher_params *params);

/* For jobs that begin later. */
void hasher_set_params(struct hasher *hasher, const struct hasher_params *params);

/* As auth_ops.hash and auth_ops.check. A secret over HASHER_SECRET_MAX bytes: DM_TOO_LARGE, and
 * DM_UNAUTHENTICATED at the usual cost. */
void hasher_hash(struct hasher *hasher, struct dm_slice secret, auth_hash_fn done, void *owner);
void hasher_check(struct hasher *hasher, struct dm_slice secret, struct dm_slice hash,
                  auth_check_fn done, void *owner);

/* Completes everything as auth_close says, then runs closed once, on the loop, never inside this
 * call; the memory is the caller's again then. */
void hasher_close(struct hasher *hasher, hasher_closed_fn closed);

/* 1 when the text is an argon2id hash of version 0x13 in the PHC string format whose cost lies
 * within the bounds and whose salt and tag are 8 to 64 and 16 to 64 bytes; else 0. */
int hasher_encoded_sound(struct dm_slice encoded, uint32_t memory_max);

#endif
