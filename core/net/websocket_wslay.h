/* One received frame, in whatever pieces it comes, over wslay. A reader costs 4 KiB and more, so
 * it is borrowed from a pool while a frame is under way and given back at its end. Private to the
 * WebSocket files. */
#ifndef DRAGOMAN_NET_WEBSOCKET_WSLAY_H
#define DRAGOMAN_NET_WEBSOCKET_WSLAY_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"
#include "core/net/websocket_frame.h"

struct frame_reader;

enum frame_event {
    FRAME_MORE,   /* all bytes were taken */
    FRAME_HEADER, /* the header is complete; the payload follows */
    FRAME_PIECE,  /* a piece of the payload, unmasked; perhaps empty, when the frame is */
    FRAME_BAD,    /* against the protocol in a way that wslay sees */
};

/* A reader before the first byte of a frame. */
struct frame_reader *frame_reader_get(void);

/* Gives it back; NULL does nothing. Allowed at any time. */
void frame_reader_put(struct frame_reader *reader);

/* Takes bytes of this one frame only, at most len; ret_used says how many. ret_piece lies in the
 * reader and is valid until the next call. */
enum frame_event frame_reader_feed(struct frame_reader *reader, const uint8_t *data, size_t len,
                                   size_t *ret_used, struct dm_slice *ret_piece);

/* From FRAME_HEADER on. */
const struct websocket_header *frame_reader_header(const struct frame_reader *reader);

/* 1 when the last piece was the frame's last. */
int frame_reader_is_done(const struct frame_reader *reader);

/* Frees the pool; for the end of the process and for tests. */
void frame_reader_pool_drain(void);

#endif
