/* Revoked tokens, by fingerprint. Private to core/engine. */
#ifndef DRAGOMAN_ENGINE_REVOKED_H
#define DRAGOMAN_ENGINE_REVOKED_H

#include <stdint.h>

#include "core/base/map.h"

struct engine;

struct revoked {
    struct map_bytes set;
    size_t loaded_count; /* when it was last read: grown far beyond, expired ones are dropped */
    enum { REVOKED_UNKNOWN = 0, REVOKED_KNOWN } state;
    enum { REVOKED_IDLE = 0, REVOKED_LOADING, REVOKED_AGAIN } loading;
    int64_t retry_us;    /* ENGINE_NEVER: not waiting */
};

void revoked_init(struct revoked *revoked);
void revoked_fini(struct revoked *revoked);

/* 1 when the token is revoked. */
int revoked_contains(const struct revoked *revoked, const uint8_t *fingerprint);

/* Adds a token and takes the principal of the sessions it opened. */
void revoked_add(struct engine *engine, const uint8_t *fingerprint);

/* Reads the set anew; what was known stays in force meanwhile. */
void revoked_load(struct engine *engine);

/* Tries again when it is time; returns when it will be. */
int64_t revoked_run(struct engine *engine);

#endif
