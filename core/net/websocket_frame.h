/* The bytes of RFC 6455, section 5.2. Pure functions. Private to the WebSocket files. */
#ifndef DRAGOMAN_NET_WEBSOCKET_FRAME_H
#define DRAGOMAN_NET_WEBSOCKET_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"

#define WEBSOCKET_HEADER_MAX 14 /* received: with a mask */
#define WEBSOCKET_CONTROL_MAX 125

struct websocket_header {
    uint64_t length;
    uint8_t mask[4];
    uint8_t fin;
    uint8_t reserved; /* the three bits */
    uint8_t kind;
    uint8_t is_masked;
    uint8_t size; /* of the header itself */
};

/* Reads a header from its first len bytes. Returns 0 with ret_header set, or how many bytes must
 * be there before it can say more. Judges nothing. */
size_t websocket_header_read(const uint8_t *data, size_t len, struct websocket_header *ret_header);

/* Writes the header of an unmasked final frame; returns its size, at most 10. */
size_t websocket_header_write(uint8_t kind, uint64_t length,
                              uint8_t ret_data[WEBSOCKET_HEADER_MAX]);

/* XORs data with the mask, in place, from the mask's first byte on. */
void websocket_unmask(uint8_t *data, size_t len, const uint8_t mask[4]);

/* 1 for a close code that may stand in a Close (section 7.4 and the registry). */
int websocket_code_is_sendable(unsigned code);

#endif
