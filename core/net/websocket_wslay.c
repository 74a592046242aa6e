#include "core/net/websocket_wslay.h"

#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "core/base/mem.h"

#define POOL_MAX 16

struct frame_reader {
    wslay_frame_context_ptr wslay;
    struct frame_reader *next; /* in the pool */
    struct websocket_header header;
    uint64_t seen; /* bytes of the payload */
    uint8_t raw[WEBSOCKET_HEADER_MAX];
    uint8_t raw_len;
    uint8_t has_header;
    uint8_t header_told;
    uint8_t empty_told;
    const uint8_t *data;
    size_t len;
};

static struct frame_reader *pool;
static size_t pool_count;

/* wslay would read ahead into its own buffer. It is given no byte beyond what it needs for the
 * header, and then none beyond the frame: so it is empty at the frame's end and can serve another
 * connection, and the limit for messages is applied before any payload is taken. */
static size_t allowance(struct frame_reader *reader) {
    if (!reader->has_header) {
        struct websocket_header header;
        size_t need = websocket_header_read(reader->raw, reader->raw_len, &header);
        return need - reader->raw_len;
    }
    return reader->header_told ? (size_t)(reader->header.length - reader->seen) : 0;
}

static void note_taken(struct frame_reader *reader, const uint8_t *data, size_t len) {
    if (reader->has_header) {
        reader->seen += len;
        return;
    }
    memcpy(reader->raw + reader->raw_len, data, len);
    reader->raw_len = (uint8_t)(reader->raw_len + len);
    if (websocket_header_read(reader->raw, reader->raw_len, &reader->header) == 0)
        reader->has_header = 1;
}

static ssize_t on_recv(uint8_t *buf, size_t len, int flags, void *user_data) {
    struct frame_reader *reader = user_data;
    (void)flags;
    size_t n = allowance(reader);
    n = n < len ? n : len;
    n = n < reader->len ? n : reader->len;
    if (n == 0)
        return -1;
    memcpy(buf, reader->data, n);
    note_taken(reader, reader->data, n);
    reader->data += n;
    reader->len -= n;
    return (ssize_t)n;
}

static struct frame_reader *reader_new(void) {
    static const struct wslay_frame_callbacks callbacks = { .recv_callback = on_recv };
    struct frame_reader *reader = mem_zalloc(sizeof(*reader));
    if (wslay_frame_context_init(&reader->wslay, &callbacks, reader) != 0)
        abort();
    return reader;
}

static void reader_free(struct frame_reader *reader) {
    wslay_frame_context_free(reader->wslay);
    free(reader);
}

struct frame_reader *frame_reader_get(void) {
    if (!pool)
        return reader_new();
    struct frame_reader *reader = pool;
    pool = reader->next;
    pool_count--;
    wslay_frame_context_ptr wslay = reader->wslay;
    *reader = (struct frame_reader){ .wslay = wslay };
    return reader;
}

void frame_reader_put(struct frame_reader *reader) {
    if (!reader)
        return;
    /* In the middle of a frame wslay cannot be brought back to the beginning. */
    if (!frame_reader_is_done(reader) || pool_count == POOL_MAX) {
        reader_free(reader);
        return;
    }
    reader->next = pool;
    pool = reader;
    pool_count++;
}

void frame_reader_pool_drain(void) {
    while (pool) {
        struct frame_reader *next = pool->next;
        reader_free(pool);
        pool = next;
    }
    pool_count = 0;
}

const struct websocket_header *frame_reader_header(const struct frame_reader *reader) {
    return &reader->header;
}

int frame_reader_is_done(const struct frame_reader *reader) {
    return reader->has_header && reader->seen == reader->header.length &&
           (reader->header.length > 0 || reader->empty_told);
}

static enum frame_event event_of(struct frame_reader *reader, ssize_t r,
                                 const struct wslay_frame_iocb *iocb,
                                 struct dm_slice *ret_piece) {
    if (r < 0 && r != WSLAY_ERR_WANT_READ)
        return FRAME_BAD;
    if (reader->has_header && !reader->header_told) {
        reader->header_told = 1;
        return FRAME_HEADER;
    }
    if (r < 0)
        return FRAME_MORE;
    *ret_piece = (struct dm_slice){ (const char *)iocb->data, iocb->data_length };
    return FRAME_PIECE;
}

enum frame_event frame_reader_feed(struct frame_reader *reader, const uint8_t *data, size_t len,
                                   size_t *ret_used, struct dm_slice *ret_piece) {
    struct wslay_frame_iocb iocb = { .data_length = 0 };
    *ret_used = 0;
    /* wslay has reported an empty frame together with its header. */
    if (reader->header_told && reader->header.length == 0) {
        reader->empty_told = 1;
        *ret_piece = DM_SLICE("");
        return FRAME_PIECE;
    }
    reader->data = data;
    reader->len = len;
    ssize_t r = wslay_frame_recv(reader->wslay, &iocb);
    *ret_used = len - reader->len;
    return event_of(reader, r, &iocb, ret_piece);
}
