/* The bus port: how nodes, and the command line, tell running nodes of what changed. A fast path
 * only: PostgreSQL is the truth, and a RESYNC says that notices may have been missed. */
#ifndef DRAGOMAN_ENGINE_BUS_H
#define DRAGOMAN_ENGINE_BUS_H

#include <stdint.h>

#include "core/base/slice.h"

enum bus_notice_kind {
    BUS_USER_CREATED,     /* id */
    BUS_USER_CHANGED,     /* id */
    BUS_USER_DEACTIVATED, /* id */
    BUS_TOKEN_REVOKED,    /* fingerprint */
    BUS_RESYNC,           /* the connection was lost for a while: reload what is cached */
};

struct bus_notice {
    enum bus_notice_kind kind;
    int64_t id;
    uint8_t fingerprint[32];
};

/* Runs on the loop, in the order the notices were committed. The notice is borrowed. */
typedef void (*bus_notice_fn)(void *owner, const struct bus_notice *notice);

#endif
