/* Connections on their way from one server to another, both in this process. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/net/conn_pass.h"
#include "core/net/handoff.h"
#include "core/net/stream_internal.h"
#include "tests/unit/net/net_check.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct net net; /* the first server, and the peer */
static struct conn_server *second;
static struct handoff *first_handoff, *second_handoff;
static char folder[] = "/tmp/handoff-test-XXXXXX";
static int dir;
static int second_requests;

/* "/ID/…" is passed to whom the id names; what is nobody's is answered here. */
static void pass_or_answer(struct handoff *handoff, struct http_exchange *exchange) {
    struct dm_slice path = http_request(exchange)->path;
    struct dm_slice id = { path.ptr + 1, path.len - 1 };
    if (handoff_pass(handoff, id, exchange) != 0)
        http_respond(exchange, 200, NULL, 0, path);
}

static void on_first(struct net *unused, struct http_exchange *exchange) {
    pass_or_answer(first_handoff, exchange);
}

static void body_complete(struct http_exchange *exchange, struct dm_slice body) {
    http_respond(exchange, 200, NULL, 0, body);
}

static void body_end(struct http_exchange *exchange, enum http_end how) {
}

static const struct http_handler body_handler = { .complete = body_complete, .end = body_end };

static void on_second(struct conn_server *server, struct http_exchange *exchange) {
    second_requests++;
    if (http_request(exchange)->method != HTTP_METHOD_POST) {
        pass_or_answer(second_handoff, exchange);
        return;
    }
    http_attach(exchange, &body_handler, NULL);
    http_collect(exchange, 1 << 20);
}

static const struct conn_handler second_handler = { .request = on_second };

static void setup(void) {
    struct conn_config config = CONN_CONFIG_DEFAULT;
    cr_assert(ne(ptr, mkdtemp(folder), NULL));
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    net_open(&net, on_first);
    second = conn_server_new(net.loop, &config, &second_handler, NULL);
    first_handoff = handoff_new(net.loop, DM_SLICE("here"));
    second_handoff = handoff_new(net.loop, DM_SLICE("here"));
    cr_assert(eq(int, handoff_listen(first_handoff, dir, net.server), 0));
    cr_assert(eq(int, handoff_listen(second_handoff, dir, second), 0));
}

static void teardown(void) {
    handoff_close(first_handoff);
    handoff_close(second_handoff);
    conn_server_close(second, NULL);
    net_close(&net);
    close(dir);
    cr_expect(eq(int, rmdir(folder), 0), "something is left in the folder");
}

TestSuite(handoff, .init = setup, .fini = teardown);

/* A request with that path behind the second one's prefix. */
static const char *to_second(const char *method, const char *rest) {
    static char text[512];
    snprintf(text, sizeof(text), "%s /%s%s HTTP/1.1\r\nHost: x\r\n", method,
             handoff_prefix(second_handoff).ptr, rest);
    return text;
}

Test(handoff, request_is_answered_by_the_one_it_names) {
    net_send_str(&net, to_second("GET", "-1"));
    cr_assert(eq(int, second_requests, 0));
    net_send_str(&net, "X-Field: y\r\n\r\n");
    check_true(text_has(net_take(&net), "-1"));
    cr_assert(eq(int, second_requests, 1));
    cr_assert(eq(u32, conn_server_count(net.server), 0));
    cr_assert(eq(u32, conn_server_count(second), 1));
    /* There it stays, until it names the first. */
    net_send_str(&net, GET("/other"));
    check_true(text_has(net_take(&net), "/other"));
    cr_assert(eq(int, second_requests, 2));
    char back[128];
    snprintf(back, sizeof(back), GET("/%s-2"), handoff_prefix(first_handoff).ptr);
    net_send_str(&net, back);
    check_true(text_has(net_take(&net), "-2"));
    cr_assert(eq(u32, conn_server_count(net.server), 1));
    cr_assert(eq(u32, conn_server_count(second), 0));
}

Test(handoff, body_follows_whole_or_in_pieces) {
    net_send_str(&net, to_second("POST", ""));
    net_send_str(&net, "Content-Length: 10\r\n\r\n01234");
    net_send_str(&net, "56789" GET("/next"));
    const char *text = net_take(&net);
    check_true(text_has(text, "0123456789") && text_has(text, "/next"));
    cr_assert(eq(int, second_requests, 2));
}

Test(handoff, pipelined_requests_keep_their_order) {
    struct buf text = BUF_INIT;
    buf_append_str(&text, GET("/one"));
    buf_append_str(&text, to_second("GET", "-two"));
    buf_append_str(&text, "\r\n" GET("/three"));
    net_send(&net, buf_slice(&text));
    const char *answers = net_take(&net);
    const char *one = strstr(answers, "/one"), *two = strstr(answers, "-two");
    const char *three = strstr(answers, "/three");
    check_true(one && two && three && one < two && two < three);
    buf_fini(&text);
}

/* A layer that is not the plain socket's keeps the connection here, as TLS does. */
Test(handoff, relayed_peer_that_half_closes_gets_its_answer) {
    struct net_address nowhere = { .family = NET_UNIX };
    struct stream_layer layer = stream_socket_layer;
    int pair[2];
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0));
    cr_assert(eq(int, conn_open(net.server, pair[0], &nowhere, &layer, NULL), 0));
    close(net.peer);
    net.peer = pair[1];
    net_put(&net, dm_slice_str(to_second("POST", "")));
    net_put(&net, DM_SLICE("Content-Length: 6\r\n\r\nanswer"));
    shutdown(net.peer, SHUT_WR);
    net_settle(&net);
    check_true(text_has(net_take(&net), "answer"));
    net_wait_end(&net);
    cr_expect(eq(u32, conn_server_count(net.server), 0));
    cr_expect(eq(u32, conn_server_count(second), 0));
}

/* A connection from another process counts as one that was accepted. */
Test(handoff, passed_connections_count_towards_the_limit) {
    struct conn_config config = CONN_CONFIG_DEFAULT;
    config.max_connections = 1;
    conn_server_configure(second, &config);
    net_send_str(&net, to_second("GET", "-1"));
    net_send_str(&net, "\r\n");
    check_true(text_has(net_take(&net), "200 OK"));
    int first_peer = dup(net.peer);
    net_reconnect(&net);
    net_send_str(&net, to_second("GET", "-2"));
    net_send_str(&net, "\r\n");
    check_true(text_has(net_take(&net), "503 Service Unavailable"));
    cr_assert(eq(int, second_requests, 1));
    close(first_peer);
    net_reconnect(&net);
    net_send_str(&net, to_second("GET", "-3"));
    net_send_str(&net, "\r\n");
    check_true(text_has(net_take(&net), "200 OK"));
}

Test(handoff, ids_that_name_nobody_here_stay) {
    static const char *const ids[] = {
        "", "x", "here.", "here.AAAAAAAAtail", "there.AAAAAAAA", "here.../../..", "AAAAAAAA",
    };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char text[128];
        snprintf(text, sizeof(text), GET("/%s"), ids[i]);
        net_send_str(&net, text);
        check_true(text_has(net_take(&net), "200 OK"));
    }
    cr_assert(eq(int, second_requests, 0));
}

Test(handoff, one_that_was_killed_is_nobody_and_cleared_away) {
    char name[HANDOFF_NAME_LEN + 1] = "AAAAAAAA", path[128];
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof(un.sun_path), "%.60s/%s", folder, name);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    cr_assert(eq(int, bind(fd, (struct sockaddr *)&un, sizeof(un)), 0));
    close(fd);
    snprintf(path, sizeof(path), GET("/here.%s-1"), name);
    net_send_str(&net, path);
    check_true(text_has(net_take(&net), "200 OK"));
    cr_assert(eq(int, access(un.sun_path, F_OK), -1));
}

static void send_message(const void *data, size_t len, int passed) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct iovec iov = { (void *)(uintptr_t)data, len };
    struct msghdr message = { .msg_name = &un, .msg_namelen = sizeof(un), .msg_iov = &iov,
                              .msg_iovlen = 1 };
    snprintf(un.sun_path, sizeof(un.sun_path), "%.60s/%s", folder,
             strchr(handoff_prefix(second_handoff).ptr, '.') + 1);
    if (passed >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &passed, sizeof(passed));
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    cr_assert(eq(i64, sendmsg(fd, &message, 0), (int64_t)len));
    close(fd);
}

Test(handoff, messages_of_another_version_are_dropped_with_their_descriptor) {
    static char junk[CONN_PASS_MAX + 100];
    for (size_t len = 0; len <= sizeof(junk); len = len ? len * 37 : 1) {
        int pair[2];
        char byte;
        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0));
        send_message(junk, len, pair[1]);
        close(pair[1]);
        net_settle(&net);
        cr_expect(eq(i64, read(pair[0], &byte, 1), 0), "it is open still (%zu)", len);
        close(pair[0]);
    }
    send_message(junk, 40, -1);
    net_settle(&net);
    cr_assert(eq(u32, conn_server_count(second), 0));
}
