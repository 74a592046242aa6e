#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "tests/unit/check.h"

Test(buf, an_untouched_one_is_present_and_empty) {
    struct buf buf;
    buf_init(&buf);
    check_slice(buf_slice(&buf), DM_SLICE(""));
    cr_assert(eq(sz, buf.cap, 0));
    buf_fini(&buf);
    buf_fini(&buf);
}

Test(buf, appends_in_order) {
    struct buf buf = BUF_INIT;
    buf_append(&buf, "ab", 2);
    buf_append_slice(&buf, DM_SLICE("cd"));
    buf_append_str(&buf, "ef");
    buf_append_char(&buf, 'g');
    buf_printf(&buf, "<%d|%s>", 42, "x");
    check_slice(buf_slice(&buf), DM_SLICE("abcdefg<42|x>"));
    buf_fini(&buf);
}

Test(buf, nothing_appended_is_nothing) {
    struct buf buf = BUF_INIT;
    buf_append(&buf, NULL, 0);
    buf_append_slice(&buf, DM_SLICE_NONE);
    buf_append_str(&buf, NULL);
    buf_printf(&buf, "%s", "");
    cr_assert(eq(sz, buf.len, 0));
    buf_fini(&buf);
}

Test(buf, keeps_bytes_of_every_value) {
    struct buf buf = BUF_INIT;
    buf_append(&buf, "a\0b", 3);
    buf_append_char(&buf, '\0');
    check_slice(buf_slice(&buf), DM_SLICE("a\0b\0"));
    buf_fini(&buf);
}

Test(buf, numbers_are_those_of_printf) {
    static const int64_t numbers[] = { 0,         1,         -1,        9,         10,
                                       -10,       99,        100,       INT32_MAX, INT32_MIN,
                                       INT64_MAX, INT64_MIN, 1234567890 };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        char expected[64];
        struct buf buf = BUF_INIT;
        snprintf(expected, sizeof(expected), "%" PRId64 " %" PRIu64, numbers[i],
                 (uint64_t)numbers[i]);
        buf_append_i64(&buf, numbers[i]);
        buf_append_char(&buf, ' ');
        buf_append_u64(&buf, (uint64_t)numbers[i]);
        check_slice(buf_slice(&buf), dm_slice_str(expected));
        buf_fini(&buf);
    }
}

Test(buf, printf_grows_for_long_text) {
    struct buf buf = BUF_INIT;
    for (int len = 0; len < 300; len++) {
        buf_reset(&buf);
        buf_printf(&buf, "%0*d", len, 7);
        cr_assert(eq(sz, buf.len, len < 1 ? 1 : (size_t)len));
        cr_assert(eq(chr, buf.data[buf.len - 1], '7'));
    }
    buf_fini(&buf);
}

Test(buf, reserve_gives_room_and_keeps_content) {
    struct buf buf = BUF_INIT;
    buf_append_str(&buf, "head");
    char *place = buf_reserve(&buf, 10000);
    memset(place, 'x', 10000);
    buf.len += 10000;
    cr_assert(eq(sz, buf.len, 10004));
    cr_assert(ge(sz, buf.cap, 10004));
    check_slice(((struct dm_slice){ buf.data, 5 }), DM_SLICE("headx"));
    buf_fini(&buf);
}

Test(buf, reset_keeps_storage_and_trim_bounds_it) {
    struct buf buf = BUF_INIT;
    buf_reserve(&buf, 5000);
    size_t cap = buf.cap;
    buf_append_str(&buf, "x");
    buf_reset(&buf);
    cr_assert(eq(sz, buf.len, 0));
    cr_assert(eq(sz, buf.cap, cap));
    buf_append_str(&buf, "y");
    buf_trim(&buf, cap);
    cr_assert(eq(sz, buf.cap, cap));
    cr_assert(eq(sz, buf.len, 0));
    buf_trim(&buf, cap - 1);
    cr_assert(eq(sz, buf.cap, 0));
    buf_fini(&buf);
}

Test(buf, consume_drops_the_front) {
    struct buf buf = BUF_INIT;
    buf_consume(&buf, 0);
    buf_append_str(&buf, "abcdef");
    buf_consume(&buf, 0);
    buf_consume(&buf, 2);
    check_slice(buf_slice(&buf), DM_SLICE("cdef"));
    buf_consume(&buf, 4);
    check_slice(buf_slice(&buf), DM_SLICE(""));
    buf_fini(&buf);
}

Test(buf, consuming_more_than_there_is_aborts, .signal = SIGABRT) {
    struct buf buf = BUF_INIT;
    buf_consume(&buf, 1);
}

Test(buf, an_absurd_size_aborts, .signal = SIGABRT) {
    struct buf buf = BUF_INIT;
    buf_append_char(&buf, 'x');
    buf_reserve(&buf, SIZE_MAX);
}

Test(buf, random_appends_and_consumes_match_a_flat_copy) {
    char model[8192];
    size_t len = 0;
    uint64_t state = 1;
    struct buf buf = BUF_INIT;
    for (int step = 0; step < 20000; step++) {
        size_t count = sequence_next(&state) % 200;
        if (sequence_next(&state) % 2 && len + count <= sizeof(model)) {
            memset(model + len, (int)(step & 127), count);
            buf_append(&buf, model + len, count);
            len += count;
        } else {
            count = count > len ? len : count;
            buf_consume(&buf, count);
            len -= count;
            memmove(model, model + count, len);
        }
        cr_assert(eq(sz, buf.len, len));
        cr_assert(eq(int, memcmp(buf_slice(&buf).ptr, model, len), 0));
    }
    buf_fini(&buf);
}

Test(blob, holds_a_copy) {
    char text[] = "payload";
    struct blob *blob = blob_new(text, 7);
    text[0] = 'X';
    check_slice(blob_slice(blob), DM_SLICE("payload"));
    cr_assert(eq(ptr, blob_unref(blob), NULL));
    blob_pool_drain();
}

Test(blob, may_be_empty) {
    struct blob *blob = blob_new(NULL, 0);
    check_slice(blob_slice(blob), DM_SLICE(""));
    blob_unref(blob);
    blob_pool_drain();
}

Test(blob, null_is_tolerated) {
    cr_assert(eq(ptr, blob_ref(NULL), NULL));
    cr_assert(eq(ptr, blob_unref(NULL), NULL));
}

Test(blob, lives_until_the_last_reference) {
    struct blob *blob = blob_new("abc", 3);
    cr_assert(eq(ptr, blob_ref(blob), blob));
    blob_unref(blob);
    check_slice(blob_slice(blob), DM_SLICE("abc"));
    cr_assert(eq(sz, blob_pool_bytes(), 0));
    blob_unref(blob);
    cr_assert(eq(sz, blob_pool_bytes(), 64));
    blob_pool_drain();
    cr_assert(eq(sz, blob_pool_bytes(), 0));
}

Test(blob, a_small_one_is_used_again) {
    struct blob *first = blob_alloc(100);
    blob_unref(first);
    struct blob *second = blob_alloc(90);
    cr_assert(eq(ptr, second, first));
    cr_assert(eq(sz, second->len, 90));
    cr_assert(eq(u32, second->refs, 1));
    blob_unref(second);
    blob_pool_drain();
}

Test(blob, a_lowered_length_does_not_confuse_the_pool) {
    struct blob *blob = blob_alloc(1000);
    blob->len = 3;
    blob_unref(blob);
    struct blob *again = blob_alloc(1000);
    memset(again->data, 'x', 1000);
    blob_unref(again);
    blob_pool_drain();
}

Test(blob, a_large_one_is_not_pooled) {
    struct blob *blob = blob_alloc(5000);
    memset(blob->data, 'x', 5000);
    blob_unref(blob);
    cr_assert(eq(sz, blob_pool_bytes(), 0));
}

Test(blob, every_length_is_writable) {
    for (size_t len = 0; len < 5000; len += 7) {
        struct blob *blob = blob_alloc(len);
        memset(blob->data, 'x', len);
        blob_unref(blob);
    }
    blob_pool_drain();
}

Test(blob, the_pool_is_bounded) {
    enum { COUNT = 40000 };
    struct blob **blobs = calloc(COUNT, sizeof(struct blob *));
    for (size_t i = 0; i < COUNT; i++)
        blobs[i] = blob_alloc(i % 4000);
    for (size_t i = 0; i < COUNT; i++)
        blob_unref(blobs[i]);
    cr_assert(le(sz, blob_pool_bytes(), BLOB_POOL_MAX));
    cr_assert(gt(sz, blob_pool_bytes(), BLOB_POOL_MAX / 4));
    blob_pool_drain();
    free(blobs);
}

Test(blob, one_reference_too_few_aborts, .signal = SIGABRT) {
    struct blob *blob = blob_alloc(5000);
    blob->refs = 0;
    blob_unref(blob);
}
