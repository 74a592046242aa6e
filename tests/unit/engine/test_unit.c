#include <stdlib.h>

#include "core/engine/unit.h"
#include "tests/unit/check.h"

TestSuite(unit);

static struct dm_user ann = { .id = 10000001 };
static struct dm_user bob = { .id = 10000002 };
static const struct dm_user *const both[] = { &ann, &bob };

static const struct unit_head head = {
    .thread_id = 7, .kind = DM_THREAD_CHAT, .rev = 12, .span = 2, .seq = 5, .member_rev = 3,
    .told_rev = 4, .corr = 99, .uuid = { { 1, 2, 0xff } }, .title = { "Caf\xc3\xa9 1:2-3", 10 },
    .opener_id = 10000001, .created_us = -5,
};

static struct dm_attachment file = {
    .file_id = 3, .name = { "a b", 3 }, .size = -1, .created_us = 4,
};
static struct dm_attachment link = {
    .name = { "x", 1 }, .url = { "https://h/x", 11 }, .size = 17,
};
static const struct dm_attachment *const attachments[] = { &file, &link };

static struct dm_message message = {
    .id = 31, .uuid = { { 9 } }, .seq = 5, .author = &bob, .text = { "12:\n- 4", 7 },
    .attachments = attachments, .attachment_count = 2, .created_us = 1000, .updated_us = 1001,
    .state = DM_MESSAGE_DELIVERED, .flags = DM_MESSAGE_FIRST,
};
static const struct dm_message *const messages[] = { &message, &message };

/* One of each form. */
static void put_all(struct buf *buf) {
    struct dm_thread own = { .state = DM_THREAD_BLOCKED, .message_count = 8, .unread = 2 };
    struct dm_thread others = { .state = DM_THREAD_BLOCKED_BY_OTHER, .last_message = &message,
                                .updated_us = 77, .members = both, .member_count = 2 };
    struct dm_event event = { .kind = DM_EVENT_MESSAGE, .actor = &bob, .message = &message,
                              .unread = 6 };
    unit_put_head(buf, &head);
    wire_put_uint(buf, 3);
    unit_put_event(buf, UNIT_TO_THREAD, &event, &own, &others);
    event = (struct dm_event){ .kind = DM_EVENT_READ, .actor = &ann, .messages = messages,
                               .message_count = 2 };
    unit_put_event(buf, UNIT_TO_THREAD, &event, &own, &own);
    event = (struct dm_event){ .kind = DM_EVENT_MEMBERS_ADDED, .actor = &ann, .users = both,
                               .user_count = 2 };
    unit_put_event(buf, UNIT_TO_LISTED, &event, &others, &others);
}

static int read_all(struct dm_slice bytes, struct arena *arena, struct unit *ret_unit) {
    struct wire_reader reader;
    wire_reader_init(&reader, bytes);
    if (unit_read_head(&reader, &ret_unit->head))
        return -1;
    return unit_read_events(&reader, arena, ret_unit);
}

static void check_message(const struct unit_message *got) {
    const struct dm_message *m = &got->message;
    cr_assert(eq(i64, m->id, 31));
    cr_assert(eq(u64, m->seq, 5));
    cr_assert(eq(i64, got->author_id, bob.id));
    check_true(dm_uuid_eq(&m->uuid, &message.uuid));
    check_true(dm_slice_eq(m->text, message.text));
    cr_assert(eq(int, m->state, DM_MESSAGE_DELIVERED));
    cr_assert(eq(u32, m->flags, DM_MESSAGE_FIRST));
    cr_assert(eq(i64, m->updated_us, 1001));
    cr_assert(eq(sz, m->attachment_count, 2));
    cr_assert(eq(i64, m->attachments[0]->file_id, 3));
    check_true(!m->attachments[0]->url.ptr);
    cr_assert(eq(i64, m->attachments[0]->size, -1));
    check_true(dm_slice_eq(m->attachments[1]->url, link.url));
}

Test(unit, what_is_put_is_read) {
    struct buf buf = BUF_INIT;
    struct arena arena;
    struct unit unit;
    arena_init(&arena, 4096);
    put_all(&buf);
    cr_assert(eq(int, read_all(buf_slice(&buf), &arena, &unit), 0));
    cr_assert(eq(i64, unit.head.thread_id, 7));
    cr_assert(eq(u64, unit.head.rev, 12));
    cr_assert(eq(u64, unit.head.span, 2));
    cr_assert(eq(u64, unit.head.told_rev, 4));
    cr_assert(eq(i64, unit.head.created_us, -5));
    check_true(dm_slice_eq(unit.head.title, head.title));
    check_true(dm_uuid_eq(&unit.head.uuid, &head.uuid));
    cr_assert(eq(sz, unit.event_count, 3));
    cr_assert(eq(int, unit.events[0].own.state, DM_THREAD_BLOCKED));
    cr_assert(eq(u64, unit.events[0].own.count, 8));
    cr_assert(eq(int, unit.events[0].own.has_last, 0));
    cr_assert(eq(int, unit.events[0].others.has_last, 1));
    cr_assert(eq(u64, unit.events[0].unread, 6));
    cr_assert(eq(sz, unit.events[0].member_count, 2));
    check_message(unit.events[0].message);
    cr_assert(eq(sz, unit.events[1].message_count, 2));
    cr_assert(eq(i64, unit.events[1].messages[1].message.id, 31));
    cr_assert(eq(int, unit.events[2].route, UNIT_TO_LISTED));
    cr_assert(eq(i64, unit.events[2].users[1], bob.id));
    arena_fini(&arena);
    buf_fini(&buf);
}

/* In memory of its exact size, so that a sanitizer sees each byte too many. */
static int read_exactly(const char *bytes, size_t len) {
    char *copy = malloc(len + !len);
    struct arena arena;
    struct unit unit;
    int r;
    memcpy(copy, bytes, len);
    arena_init(&arena, 256);
    r = read_all((struct dm_slice){ copy, len }, &arena, &unit);
    arena_fini(&arena);
    free(copy);
    return r;
}

Test(unit, one_that_is_cut_short_is_none) {
    struct buf buf = BUF_INIT;
    put_all(&buf);
    for (size_t len = 0; len < buf.len; len++)
        check_true(read_exactly(buf.data, len) != 0);
    buf_fini(&buf);
}

Test(unit, what_a_newer_node_adds_is_passed_over) {
    struct buf buf = BUF_INIT;
    put_all(&buf);
    buf_append_str(&buf, "more of it 17 ");
    cr_assert(eq(int, read_exactly(buf.data, buf.len), 0));
    buf_fini(&buf);
}

Test(unit, an_unknown_event_is_left_out) {
    struct buf buf = BUF_INIT;
    struct arena arena;
    struct unit unit;
    struct dm_event event = { .kind = DM_EVENT_KIND_COUNT, .actor = &ann, .message = &message };
    arena_init(&arena, 4096);
    unit_put_head(&buf, &head);
    wire_put_uint(&buf, 2);
    unit_put_event(&buf, UNIT_TO_THREAD, &event, NULL, NULL);
    event = (struct dm_event){ .kind = DM_EVENT_FRIEND_REQUEST, .actor = &ann };
    unit_put_event(&buf, UNIT_TO_USER, &event, NULL, NULL);
    cr_assert(eq(int, read_all(buf_slice(&buf), &arena, &unit), 0));
    cr_assert(eq(sz, unit.event_count, 1));
    cr_assert(eq(int, unit.events[0].kind, DM_EVENT_FRIEND_REQUEST));
    arena_fini(&arena);
    buf_fini(&buf);
}

Test(unit, bytes_that_are_anything_are_survived) {
    static const char pieces[] = "0123456789-: abcdef\xff";
    struct buf buf = BUF_INIT;
    srand(20261128);
    put_all(&buf);
    for (int i = 0; i < 20000; i++) {
        char *copy = malloc(buf.len);
        memcpy(copy, buf.data, buf.len);
        for (int n = 1 + rand() % 4; n; n--)
            copy[(size_t)rand() % buf.len] = pieces[(size_t)rand() % (sizeof(pieces) - 1)];
        read_exactly(copy, buf.len - (size_t)rand() % 3);
        free(copy);
    }
    buf_fini(&buf);
}

Test(unit, numbers_beyond_their_range_are_none) {
    static const char *const bad[] = { "", "1", "-", " ", "x ", "18446744073709551616 ",
                                       "9223372036854775808 ", "--1 ", "1.0 ", "+1 " };
    struct wire_reader reader;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        wire_reader_init(&reader, dm_slice_str(bad[i]));
        cr_assert(eq(i64, wire_int(&reader), 0));
        cr_assert(eq(int, reader.failed, 1));
        cr_assert(eq(u64, wire_uint(&reader), 0));
    }
    wire_reader_init(&reader, DM_SLICE("18446744073709551615 -9223372036854775807 0 5:abcde-"));
    cr_assert(eq(u64, wire_uint(&reader), UINT64_MAX));
    cr_assert(eq(i64, wire_int(&reader), -INT64_MAX));
    cr_assert(eq(u64, wire_uint(&reader), 0));
    check_true(dm_slice_eq(wire_text(&reader), DM_SLICE("abcde")));
    check_true(!wire_text(&reader).ptr);
    cr_assert(eq(int, reader.failed, 0));
}
