#include <stdlib.h>

#include "tests/unit/engine/bench.h"

TestSuite(submit, .init = bench_open, .fini = bench_close);

static uint32_t seen_limit;

static enum dm_status note_limit(struct fake_store *fake, struct store_call *call) {
    seen_limit = call->command->limit;
    return DM_OK;
}

Test(submit, sizes_and_texts) {
    struct peer ann;
    struct dm_command command;
    char *large = malloc(70000);
    struct dm_slice urls[101];
    memset(large, 'x', 70000);
    peer_join(&ann, "ann", "ann");
    command = bench_command(DM_CMD_SEND);
    command.user = bench_name("bob");
    command.text = (struct dm_slice){ large, 65537 };
    peer_submit(&ann, command, "a");
    command.text = DM_SLICE("a\0b");
    peer_submit(&ann, command, NULL);
    command.text = DM_SLICE("\xed\xa0\x80");
    peer_submit(&ann, command, NULL);
    command.text = DM_SLICE("x");
    command.user.name = (struct dm_slice){ large, 600 };
    peer_submit(&ann, command, NULL);
    command.user.name = DM_SLICE("");
    peer_submit(&ann, command, NULL);
    command.user.kind = (enum dm_ref_kind)77;
    peer_submit(&ann, command, NULL);
    command.user.kind = DM_REF_NONE;
    peer_submit(&ann, command, NULL);
    command.thread = bench_name("x");
    peer_submit(&ann, command, NULL);
    for (size_t i = 0; i < 101; i++)
        urls[i] = DM_SLICE("u");
    command.thread = dm_ref_id(1);
    command.urls = urls;
    command.url_count = 101;
    peer_submit(&ann, command, NULL);
    command.urls = NULL;
    command.url_count = 1;
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("ann send too_large field=text cookie=a", "ann send invalid field=text",
                 "ann send invalid field=text", "ann send no_user field=user",
                 "ann send no_user field=user", "ann send invalid field=user",
                 "ann send invalid field=thread", "ann send invalid field=thread",
                 "ann send too_large field=urls", "ann send invalid field=urls");
    free(large);
    peer_close(&ann);
}

Test(submit, uploads_need_a_store) {
    struct peer ann;
    struct dm_upload upload = { DM_SLICE("a"), DM_SLICE("b") };
    struct dm_command command = bench_command(DM_CMD_SEND);
    peer_join(&ann, "ann", "ann");
    command.user = bench_name("bob");
    command.text = DM_SLICE("x");
    command.uploads = &upload;
    command.upload_count = 1;
    peer_submit(&ann, command, NULL);
    bench_run();
    bench_expect("ann send unavailable");
    peer_close(&ann);
}

Test(submit, unknown_kinds) {
    static const int kinds[] = { 0, 6, 31, 67 + 20, 255, 256, 100000, -1 };
    struct peer ann;
    peer_join(&ann, "ann", "ann");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        peer_submit(&ann, bench_command((enum dm_command_kind)kinds[i]), NULL);
        bench_run();
        bench_expect("ann none invalid field=kind");
    }
    peer_close(&ann);
}

static unsigned asked_again;

static void ask_again(struct peer *peer) {
    if (++asked_again < 100)
        peer_submit(peer, bench_command(DM_CMD_NONE), NULL);
}

/* What an answer's receiver asks is answered in a turn of its own: the loop goes on meanwhile. */
Test(submit, asking_again_upon_each_answer_holds_nobody_up) {
    struct peer ann, bob;
    peer_join(&ann, "ann", "ann");
    peer_join(&bob, "bob", "bob");
    ann.on_line = ask_again;
    peer_submit(&ann, bench_command(DM_CMD_NONE), NULL);
    peer_submit(&bob, bench_command(DM_CMD_USER_GET), NULL);
    for (unsigned turn = 1; turn <= 3; turn++) {
        cr_assert(eq(i64, bench.wake_ms, 0));
        bench.wake_ms = -1;
        engine_run(bench.engine);
        cr_assert(eq(u32, asked_again, turn));
    }
    bench_expect("ann none invalid field=kind", "bob user_get ok user=bob+",
                 "ann none invalid field=kind", "ann none invalid field=kind");
    bench_run();
    cr_assert(eq(u32, asked_again, 100));
    cr_assert(eq(u32, engine_session_backlog(&ann.session), 0));
    peer_close(&ann);
    peer_close(&bob);
}

/* An older adapter knows fewer members, a newer one more; neither reads or writes beyond. */
Test(submit, sizes_of_the_struct) {
    struct peer ann;
    struct { struct dm_command command; char later[64]; } newer;
    void *small = calloc(1, offsetof(struct dm_command, text));
    struct dm_command *older = small;
    struct dm_command known = { .size = offsetof(struct dm_command, text),
                                .kind = DM_CMD_USER_GET };
    struct dm_command broken = { .kind = DM_CMD_USER_GET };
    peer_join(&ann, "ann", "ann");
    known.user = bench_name("bob");
    memcpy(older, &known, known.size);
    engine_submit(&ann.session, older, DM_SLICE_NONE);
    memset(&newer, 0xff, sizeof(newer));
    newer.command = bench_command(DM_CMD_USER_GET);
    newer.command.size = sizeof(newer);
    engine_submit(&ann.session, &newer.command, DM_SLICE_NONE);
    broken.size = 0;
    engine_submit(&ann.session, &broken, DM_SLICE_NONE);
    broken.size = 1u << 31;
    engine_submit(&ann.session, &broken, DM_SLICE_NONE);
    bench_run();
    bench_expect("ann user_get ok user=bob", "ann user_get ok user=ann+",
                 "ann none invalid field=size", "ann none invalid field=size");
    free(older);
    peer_close(&ann);
}

Test(submit, everything_is_copied) {
    struct peer ann;
    char name[] = "bob", text[] = "hi", cookie[] = "7";
    peer_join(&ann, "ann", "ann");
    peer_send(&ann, name, text, cookie);
    memset(name, 'X', sizeof(name) - 1);
    memset(text, 'X', sizeof(text) - 1);
    memset(cookie, 'X', sizeof(cookie) - 1);
    bench_run();
    bench_expect("ann send ok seq=1 text=hi peer=bob created cookie=7");
    peer_close(&ann);
}

Test(submit, limits_are_clamped) {
    struct peer ann;
    struct dm_command command = bench_command(DM_CMD_USER_LIST);
    bench.store.command = note_limit;
    peer_join(&ann, "ann", "ann");
    peer_submit(&ann, command, NULL);
    bench_run();
    cr_assert(eq(u32, seen_limit, 50));
    command.limit = 100000;
    peer_submit(&ann, command, NULL);
    bench_run();
    cr_assert(eq(u32, seen_limit, 500));
    command.limit = 3;
    peer_submit(&ann, command, NULL);
    bench_run();
    cr_assert(eq(u32, seen_limit, 3));
    bench_forget();
    peer_close(&ann);
}

Test(submit, a_full_queue_refuses_in_order) {
    struct peer ann;
    struct engine_config config = bench.config;
    config.queue_max = 2;
    engine_reload(bench.engine, &config);
    peer_join(&ann, "ann", "ann");
    peer_send(&ann, "bob", "one", "a");
    peer_send(&ann, "bob", "two", "b");
    peer_send(&ann, "bob", "three", "c");
    bench_run();
    bench_expect("ann send ok seq=1 text=one peer=bob created cookie=a",
                 "ann send ok seq=2 text=two peer=bob cookie=b", "ann send limited cookie=c");
    peer_send(&ann, "bob", "four", "d");
    bench_run();
    bench_expect("ann send ok seq=3 text=four peer=bob cookie=d");
    peer_close(&ann);
}

/* Caches of one entry: everything is dropped and found again all the time. */
Test(submit, tiny_caches_do_not_matter) {
    static const char *const names[] = { "bob", "cat", "dan" };
    struct peer ann;
    struct engine_config config = bench.config;
    config.cache_users = 1;
    config.cache_threads = 1;
    engine_reload(bench.engine, &config);
    peer_join(&ann, "ann", "ann");
    bench.quiet = 1;
    for (int i = 0; i < 60; i++)
        peer_send(&ann, names[i % 3], "x", NULL);
    bench_run();
    for (size_t i = 0; i < 3; i++)
        cr_assert(eq(u64, bench.store.threads[i].seq, 20));
    peer_close(&ann);
}
