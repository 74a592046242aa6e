/* Files in pieces, and what ties them to messages. */
#include <errno.h>
#include <stdlib.h>

#include "storage/file_pg.h"
#include "tests/unit/storage/rig.h"

#define OWNER USER(1)
#define FRIEND USER(2)
#define STRANGER USER(3)

TestSuite(files, .timeout = 300);

struct shelf {
    struct rig rig;
    struct file_pg *store;
    struct file_store *port;
    int closed;
    int64_t thread; /* of owner and friend */
};

static void shelf_open(struct shelf *shelf, const struct file_pg_config *given) {
    struct file_pg_config config = given ? *given : (struct file_pg_config){ 0 };
    memset(shelf, 0, sizeof(*shelf));
    rig_open(&shelf->rig);
    rig_users(&shelf->rig, 4);
    shelf->thread = rig_direct(&shelf->rig, OWNER, FRIEND, 0);
    if (!config.conninfo)
        config.conninfo = shelf->rig.conninfo;
    cr_assert(eq(int, file_pg_open(&shelf->rig.loop, &config, &shelf->store), 0));
    shelf->port = file_pg_port(shelf->store);
}

static void on_closed(void *owner) {
    ((struct shelf *)owner)->closed = 1;
}

static void shelf_close(struct shelf *shelf) {
    if (!shelf->closed) {
        file_pg_close(shelf->store, on_closed, shelf);
        cr_assert(eq(int, shelf->closed, 0));
        rig_wait(&shelf->rig, &shelf->closed);
    }
    rig_close(&shelf->rig);
}

/* ---- requests ---- */

static int ended;

struct ask {
    union {
        struct file_request base;
        struct file_put put;
        struct file_find find;
        struct file_read read;
        struct file_drop drop;
    };
    int done;
    int order;
    enum dm_status status;
};

static void on_done(struct file_request *request, enum dm_status status) {
    struct ask *ask = request->owner;
    cr_assert(eq(int, ask->done, 0), "done twice");
    ask->done = 1;
    ask->order = ++ended;
    ask->status = status;
}

static void ask_submit(struct shelf *shelf, struct ask *ask, enum file_kind kind) {
    ask->base.kind = kind;
    ask->base.done = on_done;
    ask->base.owner = ask;
    file_store_submit(shelf->port, &ask->base);
    cr_assert(eq(int, ask->done, 0), "done inside submit");
}

static enum dm_status ask_wait(struct shelf *shelf, struct ask *ask, enum file_kind kind) {
    ask_submit(shelf, ask, kind);
    rig_wait(&shelf->rig, &ask->done);
    return ask->status;
}

static int64_t put(struct shelf *shelf, struct dm_slice data) {
    struct ask ask = { .put = { .owner_id = OWNER, .name = DM_SLICE("a.png"), .data = data } };
    cr_assert(eq(int, ask_wait(shelf, &ask, FILE_PUT), DM_OK));
    check_true(ask.put.ret_created_us > INT64_C(1700000000000000));
    return ask.put.ret_id;
}

static enum dm_status find(struct shelf *shelf, int64_t id, int64_t reader,
                           struct file_info *ret_info) {
    struct ask ask = { .find = { .id = id, .reader_id = reader, .arena = &shelf->rig.arena } };
    enum dm_status status = ask_wait(shelf, &ask, FILE_FIND);
    if (ret_info)
        *ret_info = ask.find.ret_info;
    return status;
}

static int may_read(struct shelf *shelf, int64_t id, int64_t reader) {
    return find(shelf, id, reader, NULL) == DM_OK;
}

static struct blob *read_piece(struct shelf *shelf, int64_t id, uint32_t piece) {
    struct ask ask = { .read = { .id = id, .piece = piece } };
    enum dm_status status = ask_wait(shelf, &ask, FILE_READ);
    check_true(status == (ask.read.ret_data ? DM_OK : DM_NO_FILE));
    return ask.read.ret_data;
}

static void drop(struct shelf *shelf, int64_t id) {
    struct ask ask = { .drop = { .ids = &id, .count = 1 } };
    cr_assert(eq(int, ask_wait(shelf, &ask, FILE_DROP), DM_OK));
}

static char *random_data(size_t len) {
    char *data = malloc(len + 1);
    uint64_t state = len;
    for (size_t i = 0; i < len; i++)
        data[i] = (char)sequence_next(&state);
    return data;
}

static void check_content(struct shelf *shelf, int64_t id, struct dm_slice data) {
    struct file_info info;
    uint32_t piece = 0;
    cr_assert(eq(int, find(shelf, id, OWNER, &info), DM_OK));
    cr_assert(eq(i64, info.size, (int64_t)data.len));
    for (size_t at = 0; at < data.len || piece == 0; piece++) {
        struct blob *blob = read_piece(shelf, id, piece);
        size_t want = data.len - at < info.piece_size ? data.len - at : info.piece_size;
        cr_assert(eq(sz, blob->len, want));
        check_true(memcmp(blob->data, data.ptr + at, want) == 0);
        at += want;
        blob_unref(blob);
    }
    check_true(!read_piece(shelf, id, piece));
}

/* ---- bytes ---- */

Test(files, are_read_as_they_were_written) {
    static const size_t sizes[] = { 0, 1, FILE_PIECE_SIZE - 1, FILE_PIECE_SIZE,
                                    FILE_PIECE_SIZE + 1, 3 * FILE_PIECE_SIZE,
                                    10 * 1024 * 1024 };
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *data = random_data(sizes[i]);
        struct dm_slice bytes = { data, sizes[i] };
        check_content(&shelf, put(&shelf, bytes), bytes);
        free(data);
    }
    struct file_pg_stats stats;
    file_pg_stats(shelf.store, &stats);
    cr_assert(eq(sz, stats.waiting, 0));
    check_true(stats.written == stats.read && stats.written > 10 * 1024 * 1024);
    shelf_close(&shelf);
}

Test(files, what_is_known_of_one) {
    struct shelf shelf;
    struct file_info info;
    shelf_open(&shelf, NULL);
    int64_t id = put(&shelf, DM_SLICE("hello"));
    cr_assert(eq(int, find(&shelf, id, 0, &info), DM_OK));
    cr_assert(eq(i64, info.id, id));
    cr_assert(eq(i64, info.owner_id, OWNER));
    cr_assert(eq(i64, info.size, 5));
    cr_assert(eq(u32, info.piece_size, (uint32_t)FILE_PIECE_SIZE));
    check_slice(info.name, DM_SLICE("a.png"));
    cr_assert(eq(int, find(&shelf, id + 1, 0, &info), DM_NO_FILE));
    check_true(!read_piece(&shelf, id + 1, 0));
    shelf_close(&shelf);
}

Test(files, bad_names_are_refused_and_nothing_is_left) {
    struct shelf shelf;
    struct ask ask = { .put = { .owner_id = OWNER, .name = DM_SLICE("\xff"),
                                .data = DM_SLICE("x") } };
    shelf_open(&shelf, NULL);
    cr_assert(eq(int, ask_wait(&shelf, &ask, FILE_PUT), DM_INVALID));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM files"), 0));
    shelf_close(&shelf);
}

Test(files, a_large_one_does_not_hold_up_a_small_one) {
    struct file_pg_config config = { .connections = 1 };
    struct shelf shelf;
    shelf_open(&shelf, &config);
    char *data = random_data(4 << 20);
    struct ask large = { .put = { .owner_id = OWNER, .name = DM_SLICE("a"),
                                  .data = { data, 4 << 20 } } };
    struct ask small = { .put = { .owner_id = OWNER, .name = DM_SLICE("b"),
                                  .data = DM_SLICE("x") } };
    ask_submit(&shelf, &large, FILE_PUT);
    ask_submit(&shelf, &small, FILE_PUT);
    rig_wait(&shelf.rig, &large.done);
    check_true(small.done && small.order < large.order);
    check_true(small.status == DM_OK && large.status == DM_OK);
    free(data);
    shelf_close(&shelf);
}

/* ---- trouble ---- */

Test(files, lost_connections_do_not_show) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    char *data = random_data(8 << 20);
    struct dm_slice bytes = { data, 8 << 20 };
    struct ask ask = { .put = { .owner_id = OWNER, .name = DM_SLICE("a"), .data = bytes } };
    ask_submit(&shelf, &ask, FILE_PUT);
    for (int cuts = 0; cuts < 3; cuts++) {
        size_t written = ask.put.written;
        for (int i = 0; i < 3000 && !ask.done && ask.put.written < written + FILE_PIECE_SIZE; i++)
            rig_run(&shelf.rig, 1);
        rig_cut(&shelf.rig);
    }
    rig_wait(&shelf.rig, &ask.done);
    cr_assert(eq(int, ask.status, DM_OK));
    check_content(&shelf, ask.put.ret_id, bytes);
    free(data);
    shelf_close(&shelf);
}

Test(files, a_piece_that_got_lost_makes_the_file_anew) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    char *data = random_data(2 << 20);
    struct dm_slice bytes = { data, 2 << 20 };
    struct ask ask = { .put = { .owner_id = OWNER, .name = DM_SLICE("a"), .data = bytes } };
    ask_submit(&shelf, &ask, FILE_PUT);
    while (!ask.done && ask.put.written < 4 * FILE_PIECE_SIZE)
        rig_run(&shelf.rig, 1);
    rig_sql(&shelf.rig, "DELETE FROM file_pieces WHERE piece = 1");
    rig_wait(&shelf.rig, &ask.done);
    cr_assert(eq(int, ask.status, DM_OK));
    check_content(&shelf, ask.put.ret_id, bytes);
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM files WHERE size IS NULL"), 1));
    cr_assert(eq(int, find(&shelf, rig_sql(&shelf.rig, "SELECT id FROM files WHERE size IS NULL"),
                           0, NULL), DM_NO_FILE));
    free(data);
    shelf_close(&shelf);
}

Test(files, without_a_database_requests_end_in_time) {
    struct file_pg_config config = { .conninfo = "host=/nowhere user=x dbname=y",
                                     .wait_ms = 200, .queue_max = 2 };
    struct shelf shelf;
    struct ask asks[3] = { 0 };
    shelf_open(&shelf, &config);
    for (int i = 0; i < 3; i++) {
        asks[i].find = (struct file_find){ .id = 1, .arena = &shelf.rig.arena };
        ask_submit(&shelf, &asks[i], FILE_FIND);
    }
    rig_wait(&shelf.rig, &asks[0].done);
    for (int i = 0; i < 3; i++) {
        rig_wait(&shelf.rig, &asks[i].done);
        cr_assert(eq(int, asks[i].status, DM_UNAVAILABLE));
    }
    cr_assert(eq(int, asks[2].order, asks[0].order < asks[1].order ? asks[0].order - 1
                                                                   : asks[1].order - 1),
              "the one too many ends first");
    shelf_close(&shelf);
}

Test(files, closing_ends_what_is_pending) {
    struct file_pg_config config = { .connections = 1 };
    struct shelf shelf;
    struct ask asks[4] = { 0 };
    shelf_open(&shelf, &config);
    char *data = random_data(1 << 20);
    (void)put(&shelf, DM_SLICE("x"));
    for (int i = 0; i < 4; i++) {
        asks[i].put = (struct file_put){ .owner_id = OWNER, .name = DM_SLICE("a"),
                                         .data = { data, 1 << 20 } };
        ask_submit(&shelf, &asks[i], FILE_PUT);
    }
    file_pg_close(shelf.store, on_closed, &shelf);
    struct ask late = { .find = { .id = 1, .arena = &shelf.rig.arena } };
    ask_submit(&shelf, &late, FILE_FIND);
    rig_wait(&shelf.rig, &shelf.closed);
    for (int i = 0; i < 4; i++)
        check_true(asks[i].done && asks[i].status == DM_UNAVAILABLE);
    check_true(late.done && late.status == DM_UNAVAILABLE);
    free(data);
    shelf_close(&shelf);
}

Test(files, bad_configurations_are_refused) {
    struct file_pg *store;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct file_pg_config config = { .conninfo = "no such=thing" };
    cr_assert(eq(int, file_pg_open(&loop, &config, &store), -EINVAL));
    config = (struct file_pg_config){ .conninfo = "host=/x", .connections = 17 };
    cr_assert(eq(int, file_pg_open(&loop, &config, &store), -EINVAL));
    cr_assert(eq(int, uv_loop_close(&loop), 0));
}

/* ---- messages ---- */

static struct store_append send_files(struct shelf *shelf, int64_t thread, int64_t author,
                                      const int64_t *ids, size_t count, enum dm_status expected) {
    struct dm_slice urls[4] = { { 0 } };
    struct append append = { .append = { .urls = urls, .file_ids = ids,
                                         .attachment_count = count } };
    append_submit(shelf->rig.port, &append, thread, author, "see");
    rig_wait(&shelf->rig, &append.probe.done);
    cr_assert(eq(int, append.probe.status, expected));
    return append.append;
}

Test(files, belong_to_their_owner_until_they_are_sent) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t id = put(&shelf, DM_SLICE("x"));
    check_true(may_read(&shelf, id, OWNER));
    check_true(!may_read(&shelf, id, FRIEND));
    check_true(!may_read(&shelf, id, STRANGER));
    struct store_append sent = send_files(&shelf, shelf.thread, OWNER, &id, 1, DM_OK);
    cr_assert(eq(int, sent.ret_outcome, STORE_APPENDED));
    check_true(may_read(&shelf, id, OWNER));
    check_true(may_read(&shelf, id, FRIEND));
    check_true(!may_read(&shelf, id, STRANGER));
    check_true(may_read(&shelf, id, 0));
    shelf_close(&shelf);
}

Test(files, histories_name_them) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t ids[] = { put(&shelf, DM_SLICE("first")), put(&shelf, DM_SLICE("")) };
    send_files(&shelf, shelf.thread, OWNER, ids, 2, DM_OK);
    struct call call = { .call = { .thread_id = shelf.thread }, .command = { .limit = 10 } };
    call.command.thread = dm_ref_id(shelf.thread);
    cr_assert(eq(int, rig_command(&shelf.rig, &call, FRIEND, DM_CMD_HISTORY), DM_OK));
    cr_assert(eq(sz, call.result.message_count, 1));
    const struct dm_message *message = call.result.messages[0];
    cr_assert(eq(sz, message->attachment_count, 2));
    cr_assert(eq(i64, message->attachments[0]->file_id, ids[0]));
    cr_assert(eq(i64, message->attachments[0]->size, 5));
    check_slice(message->attachments[0]->name, DM_SLICE("a.png"));
    check_true(!message->attachments[0]->url.ptr);
    cr_assert(eq(i64, message->attachments[1]->size, 0));
    shelf_close(&shelf);
}

Test(files, only_those_the_author_may_open_can_be_sent) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t other = rig_direct(&shelf.rig, FRIEND, STRANGER, 0);
    int64_t ids[] = { put(&shelf, DM_SLICE("x")), 999 };
    send_files(&shelf, other, FRIEND, ids, 1, DM_INVALID);
    send_files(&shelf, shelf.thread, OWNER, ids, 2, DM_INVALID);
    send_files(&shelf, shelf.thread, OWNER, &ids[1], 1, DM_INVALID);
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM messages"), 0));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT sum(last_seq) FROM threads"), 0));
    send_files(&shelf, shelf.thread, OWNER, ids, 1, DM_OK);
    send_files(&shelf, other, FRIEND, ids, 1, DM_OK);
    check_true(may_read(&shelf, ids[0], STRANGER));
    int64_t unfinished = rig_sql(&shelf.rig, "INSERT INTO files VALUES (777, %lld, NULL, 1, false,"
                                 "'x') RETURNING id", (long long)OWNER);
    send_files(&shelf, shelf.thread, OWNER, &unfinished, 1, DM_INVALID);
    shelf_close(&shelf);
}

Test(files, a_bad_one_spoils_no_other_message_of_its_batch) {
    struct shelf shelf;
    struct append appends[20] = { 0 };
    struct dm_slice none[1] = { { 0 } };
    int64_t bad = 999;
    shelf_open(&shelf, NULL);
    for (int i = 0; i < 20; i++) {
        if (i % 7 == 3) {
            appends[i].append.urls = none;
            appends[i].append.file_ids = &bad;
            appends[i].append.attachment_count = 1;
        }
        append_submit(shelf.rig.port, &appends[i], shelf.thread, OWNER, "x");
    }
    uint64_t seq = 0;
    for (int i = 0; i < 20; i++) {
        rig_wait(&shelf.rig, &appends[i].probe.done);
        cr_assert(eq(int, appends[i].probe.status, i % 7 == 3 ? DM_INVALID : DM_OK));
        if (i % 7 != 3)
            cr_assert(eq(u64, appends[i].append.ret_seq, ++seq));
    }
    shelf_close(&shelf);
}

static void remove_member(struct shelf *shelf, int64_t chat, int64_t actor, int64_t user) {
    struct dm_ref ref = dm_ref_id(user);
    struct call call = { .call = { .thread_id = chat },
                         .command = { .users = &ref, .user_count = 1 } };
    call.command.thread = dm_ref_id(chat);
    cr_assert(eq(int, rig_command(&shelf->rig, &call, actor, DM_CMD_CHAT_REMOVE), DM_OK));
}

Test(files, a_removed_member_opens_and_sends_them_no_longer) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t chat = rig_chat(&shelf.rig, OWNER, (int64_t[]){ FRIEND, STRANGER }, 2);
    int64_t with_owner = rig_direct(&shelf.rig, STRANGER, USER(4), 0);
    int64_t id = put(&shelf, DM_SLICE("x"));
    send_files(&shelf, chat, OWNER, &id, 1, DM_OK);
    check_true(may_read(&shelf, id, STRANGER));
    remove_member(&shelf, chat, OWNER, STRANGER);
    check_true(!may_read(&shelf, id, STRANGER));
    check_true(may_read(&shelf, id, FRIEND));
    send_files(&shelf, with_owner, STRANGER, &id, 1, DM_INVALID);
    shelf_close(&shelf);
}

Test(files, of_held_messages_are_their_authors_alone) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t gated = rig_direct(&shelf.rig, OWNER, STRANGER, 1);
    int64_t first = put(&shelf, DM_SLICE("1"));
    int64_t second = put(&shelf, DM_SLICE("2"));
    send_files(&shelf, gated, OWNER, &first, 1, DM_OK);
    struct store_append held = send_files(&shelf, gated, OWNER, &second, 1, DM_OK);
    cr_assert(eq(int, held.ret_outcome, STORE_APPENDED_HELD));
    check_true(may_read(&shelf, first, STRANGER));
    check_true(!may_read(&shelf, second, STRANGER));
    check_true(may_read(&shelf, second, OWNER));
    shelf_close(&shelf);
}

Test(files, go_with_the_last_message_that_refers_to_them) {
    struct shelf shelf;
    shelf_open(&shelf, NULL);
    int64_t id = put(&shelf, DM_SLICE("x"));
    struct store_append one = send_files(&shelf, shelf.thread, OWNER, &id, 1, DM_OK);
    struct store_append two = send_files(&shelf, shelf.thread, FRIEND, &id, 1, DM_OK);
    struct call call = { .command = { .message = dm_ref_id(one.ret_id) } };
    call.call.thread_id = shelf.thread;
    cr_assert(eq(int, rig_command(&shelf.rig, &call, OWNER, DM_CMD_DELETE), DM_OK));
    check_true(may_read(&shelf, id, FRIEND) && may_read(&shelf, id, OWNER));
    drop(&shelf, id);
    check_true(may_read(&shelf, id, 0));
    call.command.message = dm_ref_id(two.ret_id);
    cr_assert(eq(int, rig_command(&shelf.rig, &call, FRIEND, DM_CMD_DELETE), DM_OK));
    check_true(!may_read(&shelf, id, FRIEND));
    check_true(may_read(&shelf, id, OWNER));
    drop(&shelf, id);
    check_true(!may_read(&shelf, id, 0));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM file_pieces"), 0));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM file_uses"), 0));
    shelf_close(&shelf);
}

/* ---- collecting ---- */

Test(files, unused_ones_are_removed_when_they_are_old) {
    struct file_pg_config config = { .collect_ms = 20, .unused_age_s = 3600 };
    struct shelf shelf;
    struct file_pg_stats stats = { 0 };
    shelf_open(&shelf, &config);
    int64_t used = put(&shelf, DM_SLICE("used")), fresh = put(&shelf, DM_SLICE("fresh"));
    send_files(&shelf, shelf.thread, OWNER, &used, 1, DM_OK);
    for (int i = 0; i < 40; i++)
        (void)put(&shelf, DM_SLICE("old"));
    rig_sql(&shelf.rig, "UPDATE files SET created_at = now() - interval '2 hours' WHERE id <> %lld",
            (long long)fresh);
    for (int i = 0; i < 3000 && stats.collected < 40; i++) {
        rig_run(&shelf.rig, 10);
        file_pg_stats(shelf.store, &stats);
    }
    rig_run(&shelf.rig, 50);
    cr_assert(eq(u64, stats.collected, 40));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM files"), 2));
    cr_assert(eq(i64, rig_sql(&shelf.rig, "SELECT count(*) FROM file_pieces"), 2));
    check_true(may_read(&shelf, used, FRIEND) && may_read(&shelf, fresh, OWNER));
    shelf_close(&shelf);
}
