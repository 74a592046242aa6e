/* The bytes of frames, and that it does not matter how they are cut. */
#include "core/net/websocket_frame.h"
#include "core/net/websocket_wslay.h"
#include "tests/unit/net/net_check.h"

Test(websocket_frame, header_is_read_back) {
    static const uint64_t lengths[] = { 0, 1, 125, 126, 65535, 65536, (uint64_t)1 << 40 };
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        uint8_t data[WEBSOCKET_HEADER_MAX];
        struct websocket_header header;
        size_t size = websocket_header_write(2, lengths[i], data);
        for (size_t len = 0; len < size; len++)
            cr_assert(gt(sz, websocket_header_read(data, len, &header), len));
        cr_assert(eq(sz, websocket_header_read(data, size, &header), 0));
        cr_assert(eq(u64, header.length, lengths[i]));
        cr_assert(eq(sz, header.size, size));
        check_true(header.fin && header.kind == 2 && !header.is_masked && !header.reserved);
    }
}

Test(websocket_frame, unmask_is_its_own_inverse_at_every_length) {
    static const uint8_t mask[4] = { 1, 2, 3, 4 };
    uint8_t data[40];
    for (size_t len = 0; len <= sizeof(data); len++) {
        memset(data, 0, sizeof(data));
        websocket_unmask(data, len, mask);
        for (size_t i = 0; i < sizeof(data); i++)
            cr_assert(eq(u8, data[i], i < len ? mask[i % 4] : 0));
        websocket_unmask(data, len, mask);
        for (size_t i = 0; i < sizeof(data); i++)
            cr_assert(eq(u8, data[i], 0));
    }
}

/* ---- the reader over wslay ---- */

static void read_in_steps(struct frame_reader *reader, struct dm_slice bytes, size_t step,
                          struct dm_slice payload) {
    struct buf got = BUF_INIT;
    int headers = 0;
    size_t used = 0;
    while (!frame_reader_is_done(reader)) {
        size_t n;
        size_t len = bytes.len - used < step ? bytes.len - used : step;
        struct dm_slice piece;
        switch (frame_reader_feed(reader, (const uint8_t *)bytes.ptr + used, len, &n, &piece)) {
        case FRAME_HEADER:
            headers++;
            cr_assert(eq(u64, frame_reader_header(reader)->length, payload.len));
            break;
        case FRAME_PIECE:
            buf_append_slice(&got, piece);
            break;
        case FRAME_MORE:
            cr_assert(eq(sz, n, len));
            break;
        case FRAME_BAD:
            cr_fatal("bad frame");
        }
        used += n;
    }
    cr_assert(eq(int, headers, 1));
    check_slice(buf_slice(&got), payload);
    buf_fini(&got);
}

Test(websocket_frame, reader_takes_one_frame_and_no_byte_more) {
    static const size_t sizes[] = { 0, 1, 125, 126, 4096, 5000, 65536 };
    char *payload = calloc(1, 65536);
    for (size_t i = 0; i < 65536; i++)
        payload[i] = (char)(i * 7);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct dm_slice slice = { payload, sizes[i] };
        struct buf bytes = BUF_INIT;
        frame_append(&bytes, 0x82, FRAME_MASKED, slice);
        buf_append_str(&bytes, "the next frame");
        for (size_t step = 1; step < 20; step++) {
            struct frame_reader *reader = frame_reader_get();
            read_in_steps(reader, buf_slice(&bytes), step, slice);
            frame_reader_put(reader);
        }
        struct frame_reader *reader = frame_reader_get();
        read_in_steps(reader, buf_slice(&bytes), bytes.len, slice);
        frame_reader_put(reader);
        buf_fini(&bytes);
    }
    free(payload);
    frame_reader_pool_drain();
}

Test(websocket_frame, reader_may_be_given_back_at_any_time) {
    struct dm_slice piece;
    size_t n;
    for (size_t len = 0; len <= 7; len++) {
        struct frame_reader *reader = frame_reader_get();
        frame_reader_feed(reader, (const uint8_t *)"\x81\x85\0\0\0\0h", len, &n, &piece);
        frame_reader_put(reader);
    }
    frame_reader_put(NULL);
    frame_reader_pool_drain();
}

/* ---- a long conversation cut at random ---- */

static void add_random_message(struct buf *bytes, struct buf *log, uint64_t *seed) {
    char payload[400];
    size_t len = sequence_next(seed) % (sequence_next(seed) % 4 ? 30 : sizeof(payload));
    memset(payload, 'a' + (int)(sequence_next(seed) % 26), len);
    size_t cut = len ? sequence_next(seed) % len : 0;
    if (sequence_next(seed) % 3) {
        frame_append(bytes, 0x81, FRAME_MASKED, (struct dm_slice){ payload, len });
    } else {
        frame_append(bytes, 0x01, FRAME_MASKED, (struct dm_slice){ payload, cut });
        frame_append(bytes, 0x8a, FRAME_MASKED, (struct dm_slice){ payload, len % 126 });
        frame_append(bytes, 0x80, FRAME_MASKED, (struct dm_slice){ payload + cut, len - cut });
    }
    if (len > 100)
        buf_printf(log, "text#%zu ", len);
    else
        buf_printf(log, "text:%.*s ", (int)len, payload);
}

Test(websocket_frame, cuts_change_nothing) {
    struct net net = { 0 };
    struct buf bytes = BUF_INIT;
    struct buf log = BUF_INIT;
    uint64_t seed = 42;
    net_open_ws(&net);
    for (int i = 0; i < 2000; i++)
        add_random_message(&bytes, &log, &seed);
    size_t at = 0;
    while (at < bytes.len) {
        size_t n = 1 + sequence_next(&seed) % (sequence_next(&seed) % 2 ? 8 : 1000);
        n = n < bytes.len - at ? n : bytes.len - at;
        net_put(&net, (struct dm_slice){ bytes.data + at, n });
        loop_run_once(net.loop);
        at += n;
    }
    net_settle(&net);
    check_slice(buf_slice(&net.log), buf_slice(&log));
    buf_fini(&bytes);
    buf_fini(&log);
    net_close(&net);
}
