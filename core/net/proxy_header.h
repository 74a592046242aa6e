/* The PROXY protocol's header, versions 1 and 2 (HAProxy, "The PROXY protocol", 2020): what a
 * proxy says about its client before the client's own bytes. Pure. */
#ifndef DRAGOMAN_NET_PROXY_HEADER_H
#define DRAGOMAN_NET_PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "core/net/address.h"

/* Section 2.1: a line of version 1 with its end. */
#define PROXY_HEADER_LINE_MAX 107
/* Bytes behind the fixed part of version 2: addresses and what else a proxy may add. */
#define PROXY_HEADER_MORE_MAX 4096

enum proxy_header_state {
    PROXY_HEADER_MORE,
    PROXY_HEADER_DONE,
    PROXY_HEADER_BAD,
};

/* A zeroed one waits for the first byte. */
struct proxy_header {
    uint8_t bytes[PROXY_HEADER_LINE_MAX];
    uint8_t len;
    uint8_t state;
    uint16_t skip;
};

/* Takes bytes until the header is complete: never one that belongs to the client. ret_used says
 * how many of len. */
enum proxy_header_state proxy_header_feed(struct proxy_header *header, const uint8_t *data,
                                          size_t len, size_t *ret_used);

/* Of a header that is DONE: 1 with the client's address, or 0 when it names none (UNKNOWN, LOCAL,
 * another family): the connection's own address stands then. */
int proxy_header_source(const struct proxy_header *header, struct net_address *ret_source);

#endif
