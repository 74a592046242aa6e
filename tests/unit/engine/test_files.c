/* Files that come with commands, and who may open them. */
#include <stdlib.h>

#include "core/engine/attachment.h"
#include "tests/unit/engine/bench.h"
#include "tests/unit/engine/fake_files.h"
#include "tests/unit/engine/other.h"

static struct fake_files files;
static struct peer ann, bob;

static void setup(void) {
    bench_open();
    fake_files_init(&files);
    engine_attach_files(bench.engine, &files.store, fake_files_check, NULL);
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
}

static void run(void) {
    do
        bench_run();
    while (fake_files_run(&files));
}

static void teardown(void) {
    run();
    peer_close(&ann);
    peer_close(&bob);
    bench_close();
}

TestSuite(files, .init = setup, .fini = teardown);

static struct dm_command send_to_bob(const struct dm_upload *uploads, size_t upload_count,
                                     const struct dm_slice *urls, size_t url_count) {
    struct dm_command command = bench_command(DM_CMD_SEND);
    command.user = bench_name("bob");
    command.uploads = uploads;
    command.upload_count = upload_count;
    command.urls = urls;
    command.url_count = url_count;
    return command;
}

static void try_upload(const char *name, struct dm_slice data) {
    struct dm_upload upload = { dm_slice_str(name), data };
    peer_submit(&ann, send_to_bob(&upload, 1, NULL, 0), NULL);
    run();
}

static void try_url(const char *text) {
    struct dm_slice url = dm_slice_str(text);
    peer_submit(&ann, send_to_bob(NULL, 0, &url, 1), NULL);
    run();
}

Test(files, uploads_are_stored_before_the_message) {
    struct dm_upload uploads[] = { { DM_SLICE("a.png"), DM_SLICE("AAA") },
                                   { DM_SLICE("b \xc3\xa9.txt"), DM_SLICE("") } };
    peer_submit(&ann, send_to_bob(uploads, 2, NULL, 0), "7");
    bench_run();
    bench_expect_nothing();
    cr_assert(eq(sz, bench.store.counts[STORE_APPEND], 0));
    cr_assert(eq(sz, bench.store.counts[STORE_DIRECT_OPEN], 0));
    run();
    bench_expect("bob ! thread_opened member actor=ann peer=ann",
                 "ann send ok seq=1 file=a.png file=b \xc3\xa9.txt peer=bob created cookie=7",
                 "bob ! message member actor=ann seq=1 file=a.png file=b \xc3\xa9.txt peer=ann"
                 " unread=1");
    cr_assert(eq(sz, files.count, 2));
    cr_assert(eq(i64, files.files[0].owner_id, bench_id("ann")));
    cr_assert(eq(sz, files.files[0].size, 3));
    check_true(memcmp(files.files[0].data, "AAA", 3) == 0);
}

Test(files, what_is_sent_behind_a_file_stays_behind_it) {
    struct dm_upload upload = { DM_SLICE("a"), DM_SLICE("x") };
    peer_send(&ann, "bob", "first", NULL);
    run();
    bench_forget();
    peer_submit(&ann, send_to_bob(&upload, 1, NULL, 0), NULL);
    peer_send(&ann, "bob", "text", NULL);
    peer_send(&bob, "ann", "meanwhile", NULL);
    bench_run();
    bench_expect("bob send ok seq=2 text=meanwhile peer=ann",
                 "ann ! message member actor=bob seq=2 text=meanwhile peer=bob unread=2");
    run();
    bench_expect("ann send ok seq=3 file=a peer=bob",
                 "bob ! message member actor=ann seq=3 file=a peer=ann unread=3",
                 "ann send ok seq=4 text=text peer=bob",
                 "bob ! message member actor=ann seq=4 text=text peer=ann unread=4");
}

Test(files, a_failure_leaves_nothing) {
    struct dm_upload uploads[] = { { DM_SLICE("a"), DM_SLICE("1") },
                                   { DM_SLICE("b"), DM_SLICE("2") } };
    files.fail = DM_UNAVAILABLE;
    files.fail_after = 1;
    peer_submit(&ann, send_to_bob(uploads, 2, NULL, 0), NULL);
    run();
    bench_expect("ann send unavailable");
    cr_assert(eq(sz, files.count, 1));
    cr_assert(eq(int, files.files[0].dropped, 1));
    cr_assert(eq(sz, bench.store.thread_count, 0));
}

Test(files, a_refused_message_takes_its_files_along) {
    struct dm_upload upload = { DM_SLICE("a"), DM_SLICE("1") };
    struct dm_command command = send_to_bob(&upload, 1, NULL, 0);
    struct fake_thread *chat =
        fake_add_chat(&bench.store, "x", (const char *const[]){ "bob", "cat", NULL });
    command.user = (struct dm_ref){ 0 };
    command.thread = dm_ref_id(chat->id);
    peer_submit(&ann, command, NULL);
    run();
    bench_expect("ann send no_thread");
    cr_assert(eq(sz, files.count, 1));
    cr_assert(eq(int, files.files[0].dropped, 1));
}

Test(files, names_are_checked) {
    static const char *const bad[] = {
        "", ".", "..", "a/b", "/a", "a\\b", "a\nb", "a\x7f", "a\x1f", "\xc2\x85", "\xff", "\xc3",
    };
    static const char *const good[] = {
        "a", "...", ".hidden", "a b.tar.gz", "\xc2\xa0", "\xe2\x82\xac\xc3\xa9", "a:b", "%2e", "-",
    };
    char longest[257];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        try_upload(bad[i], DM_SLICE("x"));
        bench_expect("ann send invalid field=uploads");
    }
    try_upload(NULL, DM_SLICE("x"));
    try_upload("a", DM_SLICE_NONE);
    bench_expect("ann send invalid field=uploads", "ann send invalid field=uploads");
    cr_assert(eq(sz, files.count, 0));
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        cr_assert(eq(int, attachment_name_is_good(dm_slice_str(good[i])), 1), "%s", good[i]);
    check_true(!attachment_name_is_good((struct dm_slice){ "a\0b", 3 }));
    memset(longest, 'a', sizeof(longest));
    check_true(attachment_name_is_good((struct dm_slice){ longest, 255 }));
    check_true(!attachment_name_is_good((struct dm_slice){ longest, 256 }));
}

Test(files, limits) {
    char *bytes = calloc(1, 101);
    struct dm_upload uploads[4];
    struct engine_config config = bench.config;
    config.uploads_max = 3;
    config.upload_max = 100;
    config.upload_total_max = 150;
    config.upload_memory_max = 160;
    engine_reload(bench.engine, &config);
    for (size_t i = 0; i < ARRAY_LEN(uploads); i++)
        uploads[i] = (struct dm_upload){ DM_SLICE("a"), { bytes, 50 } };
    peer_submit(&ann, send_to_bob(uploads, 4, NULL, 0), NULL);
    run();
    bench_expect("ann send too_large field=uploads");
    uploads[0].data.len = 101;
    peer_submit(&ann, send_to_bob(uploads, 1, NULL, 0), NULL);
    run();
    bench_expect("ann send too_large field=uploads");
    uploads[0].data.len = 51;
    peer_submit(&ann, send_to_bob(uploads, 3, NULL, 0), NULL);
    run();
    bench_expect("ann send too_large field=uploads");
    cr_assert(eq(sz, files.count, 0));
    uploads[0].data.len = 50;
    peer_submit(&ann, send_to_bob(uploads, 3, NULL, 0), NULL);
    peer_submit(&ann, send_to_bob(uploads, 1, NULL, 0), NULL);
    run();
    bench_forget();
    cr_assert(eq(sz, files.count, 3));
    peer_submit(&ann, send_to_bob(uploads, 3, NULL, 0), NULL);
    run();
    cr_assert(eq(sz, files.count, 6), "what was stored counts no longer");
    bench_forget();
    free(bytes);
}

Test(files, put_alone) {
    struct dm_upload upload = { DM_SLICE("a.png"), DM_SLICE("AAA") };
    struct dm_command command = bench_command(DM_CMD_FILE_PUT);
    peer_submit(&ann, command, NULL);
    command.uploads = &upload;
    command.upload_count = 1;
    peer_submit(&ann, command, "7");
    run();
    bench_expect("ann file_put invalid field=uploads", "ann file_put ok cookie=7");
    cr_assert(eq(sz, files.count, 1));
}

Test(files, own_urls_become_references) {
    fake_files_add(&files, bench_id("ann"), "mine.png");
    fake_files_add(&files, bench_id("bob"), "seen.png");
    files.files[1].reader_id = bench_id("ann");
    struct dm_slice urls[] = { DM_SLICE("http://x.example/y.gif?z"), DM_SLICE("unsigned:501"),
                               DM_SLICE("signed:502"), DM_SLICE("signed:501") };
    peer_submit(&ann, send_to_bob(NULL, 0, urls, 4), NULL);
    run();
    bench_expect("bob ! thread_opened member actor=ann peer=ann",
                 "ann send ok seq=1 file=y.gif file=mine.png file=seen.png file=mine.png peer=bob"
                 " created",
                 "bob ! message member actor=ann seq=1 file=y.gif file=mine.png file=seen.png"
                 " file=mine.png peer=ann unread=1");
}

Test(files, urls_of_files_that_are_not_the_authors_are_refused) {
    fake_files_add(&files, bench_id("bob"), "foreign.png");
    fake_files_add(&files, bench_id("bob"), "seen.png");
    fake_files_add(&files, bench_id("ann"), "mine.png");
    files.files[1].reader_id = bench_id("ann");
    try_url("forged:503");
    bench_expect("ann send invalid field=urls");
    try_url("signed:501");
    bench_expect("ann send invalid field=urls");
    try_url("unsigned:502");
    bench_expect("ann send invalid field=urls");
    try_url("signed:999");
    bench_expect("ann send invalid field=urls");
    cr_assert(eq(sz, bench.store.thread_count, 0));
}

/* ---- reading ---- */

static struct answer {
    int count;
    enum dm_status status;
    int64_t id;
} answer;

static void opened(void *owner, enum dm_status status, const struct file_info *info) {
    struct answer *ret = owner;
    ret->count++;
    ret->status = status;
    ret->id = info ? info->id : 0;
    check_true((status == DM_OK) == !!info);
}

static enum dm_status open_file(int64_t id, const char *token) {
    memset(&answer, 0, sizeof(answer));
    engine_file_find(bench.engine, id, dm_slice_str(token), opened, &answer);
    cr_assert(eq(int, answer.count, 0));
    for (int i = 0; i < 3; i++) {
        run();
        bench_wait(1000);
    }
    cr_assert(eq(int, answer.count, 1));
    return answer.status;
}

Test(files, are_opened_by_those_who_may) {
    int64_t id = fake_files_add(&files, bench_id("ann"), "mine.png");
    files.files[0].reader_id = bench_id("cat");
    check_true(open_file(id, NULL) == DM_OK && answer.id == id);
    cr_assert(eq(i64, files.asked_reader, 0));
    check_true(open_file(id, "access:ann") == DM_OK);
    cr_assert(eq(i64, files.asked_reader, bench_id("ann")));
    check_true(open_file(id, "access:cat") == DM_OK);
    check_true(open_file(id, "access:bob") == DM_NO_FILE);
    check_true(open_file(id, "access:dan") == DM_NO_FILE);
    check_true(open_file(999, "access:ann") == DM_NO_FILE);
    check_true(open_file(999, NULL) == DM_NO_FILE);
}

Test(files, bad_tokens_open_nothing) {
    int64_t id = fake_files_add(&files, bench_id("ann"), "mine.png");
    files.asked_reader = -1;
    check_true(open_file(id, "") == DM_UNAUTHENTICATED);
    check_true(open_file(id, "garbage") == DM_UNAUTHENTICATED);
    check_true(open_file(id, "refresh:ann") == DM_UNAUTHENTICATED);
    check_true(open_file(id, "expired:ann") == DM_TOKEN_EXPIRED);
    check_true(open_file(id, "access:nobody") == DM_UNAUTHENTICATED);
    fake_user_named(&bench.store, "cat")->user.flags = 0;
    check_true(open_file(id, "access:cat") == DM_UNAUTHENTICATED);
    struct bus_notice notice = { .kind = BUS_TOKEN_REVOKED };
    fake_fingerprint("access:dan", notice.fingerprint);
    engine_notice(bench.engine, &notice);
    check_true(open_file(id, "access:dan") == DM_UNAUTHENTICATED);
    cr_assert(eq(i64, files.asked_reader, -1));
}

static void setup_among_others(void) {
    other_open();
    fake_files_init(&files);
    engine_attach_files(bench.engine, &files.store, fake_files_check, NULL);
}

static void teardown_among_others(void) {
    run();
    other_close();
}

TestSuite(shared_files, .init = setup_among_others, .fini = teardown_among_others);

/* What is told to other nodes is reckoned by showing it once more; an answer is none of that. */
Test(shared_files, are_answered_once_among_other_nodes_too) {
    int64_t id = fake_files_add(&files, bench_id("ann"), "mine.png");
    other_meet("S0 1 1 0 ");
    check_true(open_file(id, NULL) == DM_OK && answer.id == id);
    check_true(open_file(id, "access:ann") == DM_OK);
    check_true(open_file(id, "garbage") == DM_UNAUTHENTICATED);
}

Test(files, without_a_store_there_are_none) {
    engine_attach_files(bench.engine, NULL, NULL, NULL);
    try_upload("a", DM_SLICE("x"));
    bench_expect("ann send unavailable");
    check_true(open_file(1, NULL) == DM_UNAVAILABLE);
    try_url("forged:1");
    bench_expect("bob ! thread_opened member actor=ann peer=ann",
                 "ann send ok seq=1 file=forged:1 peer=bob created",
                 "bob ! message member actor=ann seq=1 file=forged:1 peer=ann unread=1");
}
