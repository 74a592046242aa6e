/* Files in pieces. */
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/storage/shelf.h"

TestSuite(files, .timeout = 300);

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
    cr_assert(eq(int, shelf_find(shelf, id, OWNER, &info), DM_OK));
    cr_assert(eq(i64, info.size, (int64_t)data.len));
    for (size_t at = 0; at < data.len || piece == 0; piece++) {
        struct blob *blob = shelf_read(shelf, id, piece);
        size_t want = data.len - at < info.piece_size ? data.len - at : info.piece_size;
        cr_assert(eq(sz, blob->len, want));
        check_true(memcmp(blob->data, data.ptr + at, want) == 0);
        at += want;
        blob_unref(blob);
    }
    check_true(!shelf_read(shelf, id, piece));
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
        check_content(&shelf, shelf_put(&shelf, bytes), bytes);
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
    int64_t id = shelf_put(&shelf, DM_SLICE("hello"));
    cr_assert(eq(int, shelf_find(&shelf, id, 0, &info), DM_OK));
    cr_assert(eq(i64, info.id, id));
    cr_assert(eq(i64, info.owner_id, OWNER));
    cr_assert(eq(i64, info.size, 5));
    cr_assert(eq(u32, info.piece_size, (uint32_t)FILE_PIECE_SIZE));
    check_slice(info.name, DM_SLICE("a.png"));
    cr_assert(eq(int, shelf_find(&shelf, id + 1, 0, &info), DM_NO_FILE));
    check_true(!shelf_read(&shelf, id + 1, 0));
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
    for (int cuts = 0; cuts < 5; cuts++) {
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
    int64_t left = rig_sql(&shelf.rig, "SELECT id FROM files WHERE size IS NULL");
    cr_assert(eq(int, shelf_find(&shelf, left, 0, NULL), DM_NO_FILE));
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

Test(files, without_an_answer_requests_end_in_time) {
    struct file_pg_config config = { .connections = 2, .wait_ms = 300 };
    struct shelf shelf;
    struct ask asks[3] = { 0 };
    shelf_open(&shelf, &config);
    int64_t id = shelf_put(&shelf, DM_SLICE("x"));
    rig_sql(&shelf.rig, "BEGIN");
    rig_sql(&shelf.rig, "LOCK TABLE files");
    asks[0].put = (struct file_put){ .owner_id = OWNER, .name = DM_SLICE("a"),
                                     .data = DM_SLICE("y") };
    ask_submit(&shelf, &asks[0], FILE_PUT);
    for (int i = 1; i < 3; i++) {
        asks[i].find = (struct file_find){ .id = id, .arena = &shelf.rig.arena };
        ask_submit(&shelf, &asks[i], FILE_FIND);
    }
    for (int i = 0; i < 3; i++) {
        rig_wait(&shelf.rig, &asks[i].done);
        cr_assert(eq(int, asks[i].status, DM_UNAVAILABLE));
    }
    rig_sql(&shelf.rig, "COMMIT");
    check_true(shelf_may_read(&shelf, id, OWNER));
    cr_assert(eq(i64, shelf_put(&shelf, DM_SLICE("z")) > id, 1));
    shelf_close(&shelf);
}

Test(files, closing_ends_what_is_pending) {
    struct file_pg_config config = { .connections = 1 };
    struct shelf shelf;
    struct ask asks[4] = { 0 };
    shelf_open(&shelf, &config);
    char *data = random_data(1 << 20);
    (void)shelf_put(&shelf, DM_SLICE("x"));
    for (int i = 0; i < 4; i++) {
        asks[i].put = (struct file_put){ .owner_id = OWNER, .name = DM_SLICE("a"),
                                         .data = { data, 1 << 20 } };
        ask_submit(&shelf, &asks[i], FILE_PUT);
    }
    file_pg_close(shelf.store, shelf_closed, &shelf);
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
