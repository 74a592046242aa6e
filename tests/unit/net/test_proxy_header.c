/* The PROXY protocol: the header alone, and a server behind it. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/proxy_header.h"
#include "core/net/stream_proxy.h"
#include "tests/unit/net/net_check.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2_TCP4 SIGNATURE "\x21\x11\0\x0c\xc6\x33\x64\x07\x0a\0\0\x01\x12\x67\x01\xbb"
#define V2_TCP6 SIGNATURE "\x21\x21\0\x24" \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05" \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x06\x12\x67\x01\xbb"

static struct dm_slice with_rest(struct dm_slice header) {
    static char text[8192];
    memcpy(text, header.ptr, header.len);
    memcpy(text + header.len, "GET", 3);
    return (struct dm_slice){ text, header.len + 3 };
}

/* At once and byte by byte; `source` NULL: good, but without an address. */
static void check_good(struct dm_slice header, const char *source) {
    struct dm_slice text = with_rest(header);
    struct proxy_header whole = { 0 }, slow = { 0 };
    struct net_address address;
    char formatted[NET_ADDRESS_TEXT];
    size_t used;
    cr_assert(eq(int, (int)proxy_header_feed(&whole, (const uint8_t *)text.ptr, text.len, &used),
                 PROXY_HEADER_DONE));
    cr_assert(eq(sz, used, header.len));
    for (size_t i = 0; i < header.len; i++) {
        enum proxy_header_state state =
            proxy_header_feed(&slow, (const uint8_t *)text.ptr + i, 1, &used);
        cr_assert(eq(int, (int)state, i + 1 < header.len ? PROXY_HEADER_MORE
                                                         : PROXY_HEADER_DONE), "at %zu", i);
    }
    cr_assert(eq(int, proxy_header_source(&whole, &address), source != NULL));
    if (!source)
        return;
    net_address_format(&address, formatted);
    cr_assert(eq(str, formatted, (char *)source));
    proxy_header_source(&slow, &address);
    net_address_format(&address, formatted);
    cr_assert(eq(str, formatted, (char *)source));
}

Test(proxy_header, lines) {
    check_good(DM_SLICE("PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n"), "198.51.100.7:4711");
    check_good(DM_SLICE("PROXY TCP6 2001:db8::5 2001:db8::6 4711 443\r\n"),
               "[2001:db8::5]:4711");
    check_good(DM_SLICE("PROXY UNKNOWN\r\n"), NULL);
    check_good(DM_SLICE("PROXY UNKNOWN whatever stands here 1 2\r\n"), NULL);
}

Test(proxy_header, binary) {
    check_good(DM_SLICE(V2_TCP4), "198.51.100.7:4711");
    check_good(DM_SLICE(V2_TCP6), "[2001:db8::5]:4711");
    check_good(DM_SLICE(SIGNATURE "\x20\0\0\0"), NULL);
    check_good(DM_SLICE(SIGNATURE "\x20\x11\0\x03" "abc"), NULL);
    check_good(DM_SLICE(SIGNATURE "\x21\0\0\0"), NULL);
    check_good(DM_SLICE(SIGNATURE "\x21\x31\0\x02" "ab"), NULL);
    check_good(DM_SLICE(SIGNATURE "\x21\x11\0\x10\xc6\x33\x64\x07\x0a\0\0\x01\x12\x67\x01\xbb"
                                  "\x04\0\x01x"), "198.51.100.7:4711");
}

static void check_bad(struct dm_slice header) {
    struct proxy_header parsed = { 0 };
    size_t used;
    cr_assert(eq(int, (int)proxy_header_feed(&parsed, (const uint8_t *)header.ptr, header.len,
                                             &used), PROXY_HEADER_BAD), "%.*s",
              DM_SLICE_FMT(header));
}

Test(proxy_header, refused) {
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n", "PROXY\r\n", "PROXY \r\n", "PROXY TCP4\r\n", "PROXX", "P\n",
        "PROXY TCP4 198.51.100.7 10.0.0.1 4711\r\n",
        "PROXY TCP4 198.51.100.7 10.0.0.1 4711 4 4\r\n",
        "PROXY TCP4 198.51.100.7 10.0.0.1 4711 65536\r\n",
        "PROXY TCP4 198.51.100.7  10.0.0.1 4711 443\r\n",
        "PROXY TCP6 198.51.100.7 10.0.0.1 4711 443\r\n", "PROXY TCP4 ::1 ::1 4711 443\r\n",
        "PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\n", "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4 [198.51.100.7] 10.0.0.1 4711 443\r\n", "PROXY UNKNOWN\n", "\r\nPROXY",
    };
    char large[256];
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        check_bad(dm_slice_str(lines[i]));
    memset(large, 'x', sizeof(large));
    memcpy(large, "PROXY UNKNOWN ", 14);
    check_bad((struct dm_slice){ large, PROXY_HEADER_LINE_MAX });
    check_bad(DM_SLICE(SIGNATURE "\x22\x11\0\x0c"));
    check_bad(DM_SLICE(SIGNATURE "\x11\x11\0\x0c"));
    check_bad(DM_SLICE(SIGNATURE "\x21\x11\0\x0b"));
    check_bad(DM_SLICE(SIGNATURE "\x21\x11\xff\xff"));
    check_bad(DM_SLICE("\r\n\r\n\0\r\nQUIX"));
}

/* ---- behind a listener ---- */

struct door {
    struct loop *loop;
    struct conn_server *server;
    struct address_set trusted;
    struct listener *listener;
    char client[NET_ADDRESS_TEXT];
    int requests;
    int closed;
};

static void on_request(struct conn_server *server, struct http_exchange *exchange) {
    struct door *door = conn_server_userdata(server);
    door->requests++;
    net_address_format_ip(http_request(exchange)->remote, door->client);
    http_respond(exchange, 200, NULL, 0, DM_SLICE("hi"));
}

static void on_closed(struct conn_server *server, struct conn *conn) {
    (void)conn;
    ((struct door *)conn_server_userdata(server))->closed++;
}

static const struct conn_handler handler = { .request = on_request, .closed = on_closed };

static void door_open(struct door *door, const char *trusted) {
    static const struct conn_door proxied = { .header = CONN_DOOR_PROXIED };
    struct conn_config config = CONN_CONFIG_DEFAULT;
    struct listener_config listen = { .address = DM_SLICE("127.0.0.1:0"), .fd = -1 };
    cr_assert(eq(int, loop_new(&door->loop), 0));
    cr_assert(eq(int, address_set_add(&door->trusted, dm_slice_str(trusted)), 0));
    config.trusted = &door->trusted;
    door->server = conn_server_new(door->loop, &config, &handler, door);
    cr_assert(eq(int, conn_server_listen_at(door->server, &listen, &proxied,
                                            &door->listener), 0));
}

static void door_close(struct door *door) {
    conn_server_close(door->server, NULL);
    loop_run(door->loop);
    loop_free(door->loop);
    address_set_fini(&door->trusted);
    blob_pool_drain();
}

static int door_connect(const struct door *door) {
    struct sockaddr_storage sa;
    char text[NET_ADDRESS_TEXT];
    socklen_t len;
    net_address_format(listener_address(door->listener), text);
    cr_assert(eq(int, net_address_resolve(dm_slice_str(text), &sa, &len), 0));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(eq(int, connect(fd, (struct sockaddr *)&sa, len), 0));
    return fd;
}

static void door_send(struct door *door, int fd, struct dm_slice bytes) {
    check_true(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    for (int i = 0; i < 20; i++)
        loop_run_once(door->loop);
}

#define REQUEST "GET / HTTP/1.1\r\nHost: x\r\n"

Test(stream_proxy, header_names_the_client) {
    struct door door = { 0 };
    door_open(&door, "127.0.0.0/8");
    int fd = door_connect(&door);
    struct dm_slice line = DM_SLICE("PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n");
    for (size_t i = 0; i < line.len; i++)
        door_send(&door, fd, (struct dm_slice){ line.ptr + i, 1 });
    cr_assert(eq(int, door.requests, 0));
    door_send(&door, fd, DM_SLICE(REQUEST "\r\n"));
    cr_assert(eq(str, door.client, "198.51.100.7"));
    close(fd);
    fd = door_connect(&door);
    door_send(&door, fd, DM_SLICE(V2_TCP6 REQUEST "\r\n"));
    cr_assert(eq(str, door.client, "2001:db8::5"));
    close(fd);
    door_close(&door);
}

Test(stream_proxy, named_client_is_no_proxy_itself) {
    struct door door = { 0 };
    door_open(&door, "127.0.0.0/8");
    int fd = door_connect(&door);
    door_send(&door, fd, DM_SLICE(V2_TCP4 REQUEST "X-Forwarded-For: 203.0.113.1\r\n\r\n"));
    cr_assert(eq(str, door.client, "198.51.100.7"));
    close(fd);
    door_close(&door);
}

Test(stream_proxy, header_without_address_leaves_the_peers) {
    struct door door = { 0 };
    door_open(&door, "127.0.0.0/8");
    int fd = door_connect(&door);
    door_send(&door, fd, DM_SLICE(SIGNATURE "\x20\0\0\0" REQUEST "\r\n"));
    cr_assert(eq(str, door.client, "127.0.0.1"));
    close(fd);
    door_close(&door);
}

Test(stream_proxy, malformed_header_closes) {
    struct door door = { 0 };
    door_open(&door, "127.0.0.0/8");
    int fd = door_connect(&door);
    door_send(&door, fd, DM_SLICE(REQUEST "\r\n"));
    cr_assert(eq(int, door.requests, 0));
    cr_assert(eq(int, door.closed, 1));
    close(fd);
    fd = door_connect(&door);
    door_send(&door, fd, DM_SLICE("PROXY TC"));
    close(fd);
    for (int i = 0; i < 20; i++)
        loop_run_once(door.loop);
    cr_assert(eq(int, door.closed, 2));
    door_close(&door);
}

Test(stream_proxy, strangers_speak_for_themselves) {
    struct door door = { 0 };
    door_open(&door, "10.0.0.0/8");
    int fd = door_connect(&door);
    door_send(&door, fd, DM_SLICE(REQUEST "X-Forwarded-For: 203.0.113.1\r\n\r\n"));
    cr_assert(eq(int, door.requests, 1));
    cr_assert(eq(str, door.client, "127.0.0.1"));
    close(fd);
    fd = door_connect(&door);
    door_send(&door, fd, DM_SLICE("PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n" REQUEST "\r\n"));
    cr_assert(eq(int, door.requests, 1));
    close(fd);
    door_close(&door);
}
