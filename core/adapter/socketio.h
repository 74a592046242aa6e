/* Packets of Socket.IO, protocol 5: text in, values out, and back. Pure. */
#ifndef DRAGOMAN_ADAPTER_SOCKETIO_H
#define DRAGOMAN_ADAPTER_SOCKETIO_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/slice.h"

/* More attachments of one packet than this are refused. */
#define SOCKETIO_ATTACHMENTS_MAX 16

enum socketio_type {
    SOCKETIO_CONNECT = 0,
    SOCKETIO_DISCONNECT,
    SOCKETIO_EVENT,
    SOCKETIO_ACK,
    SOCKETIO_CONNECT_ERROR,
    SOCKETIO_BINARY_EVENT,
    SOCKETIO_BINARY_ACK,
};

enum socketio_packet_flag {
    SOCKETIO_HAS_ID = 1u << 0,
};

struct socketio_packet {
    enum socketio_type type;
    uint32_t flags;       /* enum socketio_packet_flag */
    uint32_t attachments; /* binary messages that follow */
    struct dm_slice ns;   /* "/" when none is written */
    uint64_t id;          /* of an acknowledgement; below 2^53 */
    struct dm_slice data; /* JSON text, not looked at; absent when there is none */
};

/* Takes a packet apart; slices borrow from text. Returns 0, or -EINVAL: an unknown type, no or too
 * many attachments of a binary one, an id out of range. */
int socketio_decode(struct dm_slice text, struct socketio_packet *ret_packet);

/* Appends the packet as text. */
void socketio_encode(const struct socketio_packet *packet, struct buf *ret_text);

#endif
