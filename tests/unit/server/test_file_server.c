/* The file server between a scripted engine, a store in memory and a raw client. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/server/file_server.h"
#include "tests/unit/net/net_check.h"

#define KEY "0123456789abcdef0123456789ABCDEF"
#define MEMBER "member-token"
#define PIECE 1000

static struct stage {
    struct net net;
    struct metrics *metrics;
    struct file_urls *urls;
    struct file_server *server;
    struct file_store store;
    struct loop_hook hook;
    struct list reads;
    struct { engine_file_fn done; void *owner; int64_t id; enum dm_status status; } find;
    struct file_info info; /* of file 42 */
    char *content;
    char asked[64];        /* the token of the last find */
    enum dm_status trouble; /* of the store; DM_OK: none */
    uint32_t broken_piece; /* it has none from this one on */
    int held;              /* 1: nothing is answered */
    int reads_done;
} stage;

/* ---- the scripted parts ---- */

static void answer_find(void) {
    engine_file_fn done = stage.find.done;
    stage.find.done = NULL;
    if (stage.find.status == DM_OK)
        done(stage.find.owner, DM_OK, &stage.info);
    else
        done(stage.find.owner, stage.find.status, NULL);
}

static void answer_read(struct file_read *read) {
    size_t at = (size_t)read->piece * PIECE;
    size_t left = (size_t)stage.info.size - at;
    stage.reads_done++;
    if (read->piece >= stage.broken_piece) {
        read->base.done(&read->base, DM_UNAVAILABLE);
        return;
    }
    read->ret_data = blob_new(stage.content + at, left < PIECE ? left : PIECE);
    read->base.done(&read->base, DM_OK);
}

static void answer_all(struct loop_hook *hook) {
    struct list *link;
    if (stage.held)
        return;
    if (stage.find.done)
        answer_find();
    while ((link = list_pop_front(&stage.reads)))
        answer_read((struct file_read *)container_of(link, struct file_request, link));
}

static void soon(void) {
    loop_hook_mark(stage.net.loop, &stage.hook, LOOP_DEFER);
}

void engine_file_find(struct engine *engine, int64_t file_id, struct dm_slice token,
                      engine_file_fn done, void *owner) {
    int opens = !token.ptr || dm_slice_eq(token, DM_SLICE(MEMBER));
    check_true(!stage.find.done);
    stage.find.done = done;
    stage.find.owner = owner;
    stage.find.status = stage.trouble ? stage.trouble
                        : dm_slice_eq(token, DM_SLICE("expired")) ? DM_TOKEN_EXPIRED
                        : opens && file_id == 42 ? DM_OK : DM_NO_FILE;
    snprintf(stage.asked, sizeof(stage.asked), "%.*s", DM_SLICE_FMT(token));
    soon();
}

static void store_submit_read(struct file_store *store, struct file_request *request) {
    cr_assert(eq(int, request->kind, FILE_READ));
    cr_assert(eq(i64, ((struct file_read *)request)->id, 42));
    list_push_back(&stage.reads, &request->link);
    soon();
}

static void on_request(struct net *net, struct http_exchange *exchange) {
    if (!file_server_request(stage.server, exchange))
        http_respond_status(exchange, 418);
}

static void set_file(const char *name, size_t size) {
    free(stage.content);
    stage.content = mem_alloc(size);
    for (size_t i = 0; i < size; i++)
        stage.content[i] = (char)('a' + i % 23);
    stage.info = (struct file_info){ .id = 42, .owner_id = 1, .name = dm_slice_str(name),
                                     .size = (int64_t)size, .piece_size = PIECE,
                                     .created_us = 1 };
}

static void setup(void) {
    static const struct file_store_ops ops = { store_submit_read };
    const struct file_urls_config urls = { .key = DM_SLICE(KEY) };
    stage.store.ops = &ops;
    stage.broken_piece = UINT32_MAX;
    list_init(&stage.reads);
    loop_hook_init(&stage.hook, answer_all);
    check_true(file_urls_new(&urls, &stage.urls) == 0);
    stage.metrics = metrics_new(50);
    struct file_server_config config = { .store = &stage.store, .urls = stage.urls,
                                         .metrics = stage.metrics, .transfers_max = 3 };
    stage.server = file_server_new(&config);
    set_file("a.png", 10);
    net_open(&stage.net, on_request);
}

static void teardown(void) {
    stage.held = 0;
    soon();
    net_turn(&stage.net);
    net_close(&stage.net);
    cr_assert(eq(u32, file_server_busy(stage.server), 0));
    file_server_free(stage.server);
    file_urls_free(stage.urls);
    metrics_free(stage.metrics);
    free(stage.content);
}

TestSuite(file_server, .init = setup, .fini = teardown);

/* ---- asking ---- */

static struct dm_slice signed_path(int64_t id) {
    static struct buf path;
    buf_reset(&path);
    file_urls_write(stage.urls, DM_SLICE(""), id, DM_SLICE("x"), &path);
    return buf_slice(&path);
}

/* Headers are lines ended by \r\n. */
static const char *ask(const char *method, struct dm_slice path, const char *headers) {
    char request[1024];
    snprintf(request, sizeof(request), "%s %.*s HTTP/1.1\r\nHost: x\r\n%s\r\n", method,
             DM_SLICE_FMT(path), headers);
    net_send_str(&stage.net, request);
    return net_take(&stage.net);
}

static const char *ask_signed(const char *headers) {
    return ask("GET", signed_path(42), headers);
}

static const char *ask_as(const char *path, const char *token) {
    char header[128];
    snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", token);
    return ask("GET", dm_slice_str(path), token ? header : "");
}

static int is(const char *answer, int status) {
    char line[32];
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    return text_begins(answer, line);
}

static const char *body_of(const char *answer) {
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : "";
}

/* ---- who may ---- */

Test(file_server, a_signed_url_opens_by_itself) {
    const char *answer = ask_signed("");
    check_true(is(answer, 200));
    check_true(text_has(answer, "\r\nContent-Type: image/png\r\n"));
    check_true(text_has(answer, "\r\nContent-Length: 10\r\n"));
    check_true(text_has(answer, "\r\nContent-Disposition: inline; filename=\"a.png\"\r\n"));
    check_true(text_has(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
    check_true(text_has(answer, "\r\nContent-Security-Policy: sandbox\r\n"));
    check_true(text_has(answer, "\r\nCache-Control: private\r\n"));
    check_true(text_has(answer, "\r\nAccept-Ranges: bytes\r\n"));
    check_true(text_has(answer, "\r\nETag: \"f42-10\"\r\n"));
    cr_assert(eq(str, (char *)body_of(answer), "abcdefghij"));
    cr_assert(eq(str, stage.asked, ""));
}

Test(file_server, a_members_token_opens) {
    check_true(is(ask_as("/files/42", MEMBER), 200));
    cr_assert(eq(str, stage.asked, MEMBER));
    check_true(is(ask_as("/files/42/a.png", MEMBER), 200));
    check_true(is(ask("GET", DM_SLICE("/files/42?token=member%2Dtoken"), ""), 200));
    check_true(is(ask("GET", DM_SLICE("/files/42?x=1&token=" MEMBER), ""), 200));
    check_true(is(ask("GET", DM_SLICE("/files/42?exp=1&sig=bad&token=" MEMBER), ""), 200));
}

Test(file_server, all_else_is_not_found) {
    static const char *const paths[] = { "/files/42", "/files/43", "/files/42/a.png" };
    static const char *const tokens[] = { NULL, "garbage", "expired", "outsider", "" };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        for (size_t k = 0; k < ARRAY_LEN(tokens); k++) {
            const char *answer = ask_as(paths[i], tokens[k]);
            cr_assert(eq(int, is(answer, 404), 1), "%s %s: %s", paths[i], tokens[k], answer);
            cr_assert(eq(str, (char *)body_of(answer), "{\"error\":\"Not Found\"}"));
        }
    check_true(is(ask_as("/files/43", MEMBER), 404));
    check_true(is(ask("GET", signed_path(43), ""), 404));
}

Test(file_server, a_bad_signature_is_forbidden_whether_there_is_a_file_or_not) {
    static const char *const queries[] = {
        "exp=1&sig=AAAAAAAAAAAAAAAAAAAAAA", "exp=99999999999&sig=AAAAAAAAAAAAAAAAAAAAAA",
        "sig=", "exp=1", "exp=&sig=", "exp=1&sig=AAAAAAAAAAAAAAAAAAAAAA&token=outsider",
    };
    char path[128];
    for (int id = 42; id <= 43; id++)
        for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
            snprintf(path, sizeof(path), "/files/%d/x?%s", id, queries[i]);
            cr_assert(eq(int, is(ask("GET", dm_slice_str(path), ""), 403), 1), "%s", path);
        }
}

Test(file_server, paths) {
    check_true(is(ask_as("/", MEMBER), 418));
    check_true(is(ask_as("/files", MEMBER), 418));
    check_true(is(ask_as("/filesystem", MEMBER), 418));
    check_true(is(ask_as("/files/", MEMBER), 404));
    check_true(is(ask_as("/files/x", MEMBER), 404));
    check_true(is(ask_as("/files/42/a/b", MEMBER), 404));
    check_true(is(ask_as("/files/42%2F..%2F43", MEMBER), 404));
    check_true(is(ask_as("/files/../files/42", MEMBER), 404));
    check_true(is(ask_as("/files/99999999999999999999", MEMBER), 404));
    cr_assert(eq(str, stage.asked, ""));
}

Test(file_server, methods) {
    const char *answer = ask("POST", signed_path(42), "Content-Length: 0\r\n");
    check_true(is(answer, 405) && text_has(answer, "\r\nAllow: GET, HEAD\r\n"));
    answer = ask("HEAD", signed_path(42), "");
    check_true(is(answer, 200) && text_has(answer, "\r\nContent-Length: 10\r\n"));
    cr_assert(eq(str, (char *)body_of(answer), ""));
    cr_assert(eq(int, stage.reads_done, 0));
    check_true(is(ask_signed("Range: bytes=0-0\r\n"), 206));
    answer = ask("HEAD", signed_path(42), "Range: bytes=0-0\r\n");
    check_true(is(answer, 200));
}

/* ---- parts ---- */

Test(file_server, ranges) {
    static const struct {
        const char *range;
        int status;
        const char *content_range, *body;
    } rows[] = {
        { "bytes=0-3", 206, "bytes 0-3/10", "abcd" },
        { "bytes=3-3", 206, "bytes 3-3/10", "d" },
        { "bytes=7-", 206, "bytes 7-9/10", "hij" },
        { "bytes=-2", 206, "bytes 8-9/10", "ij" },
        { "bytes=-99", 206, "bytes 0-9/10", "abcdefghij" },
        { "bytes=8-99999999999999999999", 206, "bytes 8-9/10", "ij" },
        { "BYTES=9-", 206, "bytes 9-9/10", "j" },
        { "bytes=10-", 416, "bytes */10", NULL },
        { "bytes=99999999999999999999-", 416, "bytes */10", NULL },
        { "bytes=-0", 416, "bytes */10", NULL },
        { "bytes=4-3", 200, NULL, "abcdefghij" },
        { "bytes=0-1,3-4", 200, NULL, "abcdefghij" },
        { "bytes=", 200, NULL, "abcdefghij" },
        { "bytes=-", 200, NULL, "abcdefghij" },
        { "bytes=a-b", 200, NULL, "abcdefghij" },
        { "bytes=1-2x", 200, NULL, "abcdefghij" },
        { "items=0-3", 200, NULL, "abcdefghij" },
    };
    char header[96];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(header, sizeof(header), "Range: %s\r\n", rows[i].range);
        const char *answer = ask_signed(header);
        cr_assert(eq(int, is(answer, rows[i].status), 1), "%s: %s", rows[i].range, answer);
        check_true(!rows[i].content_range == !text_has(answer, "\r\nContent-Range: "));
        check_true(!rows[i].content_range || text_has(answer, rows[i].content_range));
        if (rows[i].body)
            cr_assert(eq(str, (char *)body_of(answer), (char *)rows[i].body));
    }
}

Test(file_server, an_empty_file) {
    set_file("a.txt", 0);
    const char *answer = ask_signed("");
    check_true(is(answer, 200) && text_has(answer, "\r\nContent-Length: 0\r\n"));
    check_true(is(ask_signed("Range: bytes=0-\r\n"), 416));
    check_true(is(ask_signed("Range: bytes=-1\r\n"), 416));
    check_true(is(ask_signed(""), 200));
}

Test(file_server, conditions) {
    const char *answer = ask_signed("If-None-Match: \"f42-10\"\r\n");
    check_true(is(answer, 304) && text_has(answer, "\r\nETag: \"f42-10\"\r\n"));
    cr_assert(eq(str, (char *)body_of(answer), ""));
    check_true(is(ask_signed("If-None-Match: \"x\", W/\"f42-10\"\r\n"), 304));
    check_true(is(ask_signed("If-None-Match: *\r\n"), 304));
    check_true(is(ask_signed("If-None-Match: \"f42-11\"\r\n"), 200));
    check_true(is(ask_signed("If-None-Match: f42-10\r\n"), 200));
    check_true(is(ask_signed("Range: bytes=0-1\r\nIf-Range: \"f42-10\"\r\n"), 206));
    check_true(is(ask_signed("Range: bytes=0-1\r\nIf-Range: \"f42-9\"\r\n"), 200));
    check_true(is(ask_signed("Range: bytes=0-1\r\nIf-Range: W/\"f42-10\"\r\n"), 200));
    check_true(is(ask_signed("Range: bytes=0-1\r\nIf-Range: Fri, 20 Nov 2026 08:00:00 GMT\r\n"),
                  200));
}

/* ---- bytes ---- */

static void check_body(const char *answer, size_t from, size_t len) {
    const char *body = body_of(answer);
    cr_assert(eq(sz, strlen(body), len));
    check_true(memcmp(body, stage.content + from, len) == 0);
}

Test(file_server, ranges_across_pieces) {
    set_file("a.bin", 10 * PIECE + 7);
    check_body(ask_signed(""), 0, 10 * PIECE + 7);
    check_body(ask_signed("Range: bytes=999-1000\r\n"), 999, 2);
    check_body(ask_signed("Range: bytes=1000-1999\r\n"), 1000, 1000);
    check_body(ask_signed("Range: bytes=1500-8499\r\n"), 1500, 7000);
    check_body(ask_signed("Range: bytes=-8\r\n"), 9999, 8);
}

Test(file_server, no_more_is_read_than_the_client_takes) {
    set_file("a.bin", 4000 * PIECE);
    char request[256];
    snprintf(request, sizeof(request), "GET %.*s HTTP/1.1\r\nHost: x\r\n\r\n",
             DM_SLICE_FMT(signed_path(42)));
    net_put(&stage.net, dm_slice_str(request));
    for (int i = 0; i < 50; i++)
        net_turn(&stage.net);
    int reads = stage.reads_done;
    check_true(reads > 0 && reads < 2000);
    for (int i = 0; i < 50; i++)
        net_turn(&stage.net);
    cr_assert(eq(int, stage.reads_done, reads));
    while (stage.reads_done < 4000)
        net_settle(&stage.net);
    net_settle(&stage.net);
    check_body(net_take(&stage.net), 0, 4000 * PIECE);
}

Test(file_server, a_file_that_breaks_off_cuts_the_connection) {
    set_file("a.bin", 5 * PIECE);
    stage.broken_piece = 3;
    const char *answer = ask_signed("");
    check_true(strlen(body_of(answer)) <= 3 * PIECE);
    check_true(stage.net.peer_eof);
}

Test(file_server, clients_that_leave_are_forgotten) {
    set_file("a.bin", 5 * PIECE);
    stage.held = 1;
    (void)ask_signed("");
    cr_assert(eq(u32, file_server_busy(stage.server), 1));
    net_reconnect(&stage.net);
    cr_assert(eq(u32, file_server_busy(stage.server), 1), "the engine is still asked");
    stage.held = 0;
    soon();
    net_settle(&stage.net);
    cr_assert(eq(u32, file_server_busy(stage.server), 0));
    stage.held = 1;
    (void)ask_signed("");
    answer_find();
    net_turn(&stage.net);
    check_true(!list_is_empty(&stage.reads));
    net_reconnect(&stage.net);
    cr_assert(eq(u32, file_server_busy(stage.server), 1), "the store is still asked");
}

Test(file_server, a_database_that_is_away_is_told) {
    stage.trouble = DM_UNAVAILABLE;
    const char *answer = ask_signed("");
    check_true(is(answer, 503) && text_has(answer, "\r\nRetry-After: 1\r\n"));
    check_true(is(ask_as("/files/42", MEMBER), 503));
}

Test(file_server, limits_and_drain) {
    stage.held = 1;
    struct stage_find { engine_file_fn done; void *owner; } kept[3];
    for (int i = 0; i < 3; i++) {
        (void)ask_signed("");
        kept[i].done = stage.find.done;
        kept[i].owner = stage.find.owner;
        stage.find.done = NULL;
        net_reconnect(&stage.net);
    }
    check_true(is(ask_signed(""), 503));
    for (int i = 0; i < 3; i++)
        kept[i].done(kept[i].owner, DM_NO_FILE, NULL);
    stage.held = 0;
    check_true(is(ask_signed(""), 200));
    file_server_drain(stage.server);
    check_true(is(ask_signed(""), 503));
}
