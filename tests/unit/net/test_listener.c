/* Listeners and the server over them, with real sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/net/conn.h"
#include "tests/unit/check.h"
#include "tests/unit/net/nap.h"

struct host {
    struct loop *loop;
    struct conn_server *server;
    struct listener *listener;
    struct net_address peer;
    int closed;
};

static void on_request(struct conn_server *server, struct http_exchange *exchange) {
    struct host *host = conn_server_userdata(server);
    host->peer = *http_request(exchange)->remote;
    http_respond(exchange, 200, NULL, 0, DM_SLICE("hi"));
}

static const struct conn_handler handler = { .request = on_request };

static void host_open(struct host *host) {
    static const struct conn_config config = CONN_CONFIG_DEFAULT;
    cr_assert(eq(int, loop_new(&host->loop), 0));
    host->server = conn_server_new(host->loop, &config, &handler, host);
}

static int host_listen(struct host *host, const char *address) {
    struct listener_config config = { .address = dm_slice_str(address), .fd = -1 };
    return conn_server_listen(host->server, &config, &host->listener);
}

static void on_host_closed(void *userdata) {
    ((struct host *)userdata)->closed = 1;
}

static void turn(struct host *host) {
    for (int i = 0; i < 5; i++)
        loop_run_once(host->loop);
}

static void host_close(struct host *host) {
    conn_server_close(host->server, on_host_closed);
    while (!host->closed)
        loop_nap(host->loop);
    loop_run(host->loop);
    loop_free(host->loop);
    blob_pool_drain();
}

static int connect_to(const char *address, uint16_t port) {
    struct sockaddr_storage sa;
    socklen_t len;
    net_address_resolve(dm_slice_str(address), &sa, &len);
    if (sa.ss_family == AF_INET)
        ((struct sockaddr_in *)&sa)->sin_port = htons(port);
    else if (sa.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&sa)->sin6_port = htons(port);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&sa, len) < 0) {
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Asks and gives the first 15 bytes of the answer; "" when there is none yet. */
static const char *ask(struct host *host, int fd) {
    static char answer[512];
    send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, MSG_NOSIGNAL);
    ssize_t n = -1;
    for (int i = 0; i < 20 && n < 0; i++) {
        turn(host);
        n = recv(fd, answer, sizeof(answer) - 1, 0);
    }
    answer[n > 0 ? (n < 15 ? n : 15) : 0] = '\0';
    return answer;
}

static void check_served(struct host *host, const char *address) {
    cr_assert(eq(int, host_listen(host, address), 0), "%s", address);
    uint16_t port = listener_address(host->listener)->port;
    int fd = connect_to(address, port);
    cr_assert(ge(int, fd, 0), "%s", address);
    cr_assert(eq(str, (char *)ask(host, fd), "HTTP/1.1 200 OK"));
    close(fd);
    turn(host);
}

Test(listener, port_zero_gets_a_real_one) {
    struct host host = { 0 };
    host_open(&host);
    check_served(&host, "127.0.0.1:0");
    check_true(listener_address(host.listener)->port > 0);
    cr_assert(eq(int, host.peer.family, NET_IPV4));
    check_true(host.peer.ip[0] == 127 && host.peer.port > 0);
    cr_assert(eq(u32, conn_server_count(host.server), 0));
    cr_assert(eq(u32, listener_count(host.listener), 0));
    host_close(&host);
}

Test(listener, several_kinds_at_once) {
    struct host host = { 0 };
    char path[64];
    snprintf(path, sizeof(path), "unix:/tmp/net-test-%d.sock", (int)getpid());
    host_open(&host);
    check_served(&host, "127.0.0.1:0");
    check_served(&host, path);
    cr_assert(eq(int, host.peer.family, NET_UNIX));
    if (connect_to("[::1]:0", 1) == -1 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
        check_served(&host, "[::1]:0");
    host_close(&host);
    cr_assert(eq(int, access(path + 5, F_OK), -1));
}

Test(listener, any_address_takes_ipv4) {
    struct host host = { 0 };
    host_open(&host);
    cr_assert(eq(int, host_listen(&host, "*:0"), 0));
    int fd = connect_to("127.0.0.1:0", listener_address(host.listener)->port);
    cr_assert(eq(str, (char *)ask(&host, fd), "HTTP/1.1 200 OK"));
    cr_assert(eq(int, host.peer.family, NET_IPV4));
    close(fd);
    host_close(&host);
}

Test(listener, bad_addresses_are_refused) {
    struct host host = { 0 };
    host_open(&host);
    cr_assert(eq(int, host_listen(&host, "nowhere"), -EINVAL));
    cr_assert(eq(int, host_listen(&host, "192.0.2.1:0"), -EADDRNOTAVAIL));
    cr_assert(eq(int, host_listen(&host, "unix:/nonexistent/dir/x"), -ENOENT));
    cr_assert(eq(int, host_listen(&host, "127.0.0.1:0"), 0));
    char taken[32];
    snprintf(taken, sizeof(taken), "127.0.0.1:%u", listener_address(host.listener)->port);
    cr_assert(eq(int, host_listen(&host, taken), -EADDRINUSE));
    host_close(&host);
}

Test(listener, socket_file_of_the_dead_is_replaced_that_of_the_living_not) {
    struct host host = { 0 };
    char path[64];
    snprintf(path, sizeof(path), "unix:/tmp/net-dead-%d.sock", (int)getpid());
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    strcpy(un.sun_path, path + 5);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert(eq(int, bind(dead, (struct sockaddr *)&un, sizeof(un)), 0));
    close(dead);
    host_open(&host);
    check_served(&host, path);
    cr_assert(eq(int, host_listen(&host, path), -EADDRINUSE));
    host_close(&host);
    int file = open(path + 5, O_CREAT | O_WRONLY, 0600);
    close(file);
    struct host other = { 0 };
    host_open(&other);
    cr_assert(eq(int, host_listen(&other, path), -EADDRINUSE));
    host_close(&other);
    unlink(path + 5);
}

Test(listener, descriptor_is_inherited) {
    struct host host = { 0 };
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct listener_config config = { .fd = fd };
    host_open(&host);
    cr_assert(eq(int, conn_server_listen(host.server, &config, &host.listener), -EINVAL));
    cr_assert(eq(int, bind(fd, (struct sockaddr *)&in, sizeof(in)), 0));
    cr_assert(eq(int, listen(fd, 10), 0));
    cr_assert(eq(int, conn_server_listen(host.server, &config, &host.listener), 0));
    cr_assert(eq(int, listener_fd(host.listener), fd));
    int client = connect_to("127.0.0.1:0", listener_address(host.listener)->port);
    cr_assert(eq(str, (char *)ask(&host, client), "HTTP/1.1 200 OK"));
    close(client);
    host_close(&host);
}

Test(listener, surplus_is_told_and_room_comes_back) {
    struct host host = { 0 };
    struct conn_config limited = CONN_CONFIG_DEFAULT;
    limited.max_connections = 2;
    host_open(&host);
    conn_server_configure(host.server, &limited);
    cr_assert(eq(int, host_listen(&host, "127.0.0.1:0"), 0));
    uint16_t port = listener_address(host.listener)->port;
    int a = connect_to("127.0.0.1:0", port);
    int b = connect_to("127.0.0.1:0", port);
    turn(&host);
    cr_assert(eq(u32, listener_count(host.listener), 2));
    int c = connect_to("127.0.0.1:0", port);
    cr_assert(eq(str, (char *)ask(&host, c), "HTTP/1.1 503 Se"));
    cr_assert(eq(str, (char *)ask(&host, a), "HTTP/1.1 200 OK"));
    close(a);
    turn(&host);
    int d = connect_to("127.0.0.1:0", port);
    cr_assert(eq(str, (char *)ask(&host, d), "HTTP/1.1 200 OK"));
    close(b);
    close(c);
    close(d);
    host_close(&host);
}

Test(listener, connections_outlive_it) {
    struct host host = { 0 };
    host_open(&host);
    cr_assert(eq(int, host_listen(&host, "127.0.0.1:0"), 0));
    uint16_t port = listener_address(host.listener)->port;
    int fd = connect_to("127.0.0.1:0", port);
    turn(&host);
    conn_server_unlisten(host.server, LISTENER_UNLINK);
    turn(&host);
    cr_assert(eq(int, connect_to("127.0.0.1:0", port), -1));
    cr_assert(eq(str, (char *)ask(&host, fd), "HTTP/1.1 200 OK"));
    close(fd);
    host_close(&host);
}

Test(listener, reset_connections_are_survived) {
    struct host host = { 0 };
    host_open(&host);
    cr_assert(eq(int, host_listen(&host, "127.0.0.1:0"), 0));
    uint16_t port = listener_address(host.listener)->port;
    struct linger linger = { 1, 0 };
    for (int i = 0; i < 50; i++) {
        int fd = connect_to("127.0.0.1:0", port);
        if (i % 2)
            turn(&host);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", i % 28, MSG_NOSIGNAL);
        close(fd);
    }
    for (int i = 0; i < 50; i++)
        turn(&host);
    cr_assert(eq(u32, conn_server_count(host.server), 0));
    host_close(&host);
}

static unsigned count_in_log(int log, const char *needle) {
    static char text[16384];
    unsigned count = 0;
    ssize_t len = pread(log, text, sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    for (const char *at = text; (at = strstr(at, needle)); at++)
        count++;
    return count;
}

Test(listener, running_out_of_descriptors_is_told_once) {
    struct host host = { 0 };
    struct rlimit old, none;
    int log = memfd_create("log", MFD_CLOEXEC);
    log_init(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT, log);
    host_open(&host);
    cr_assert(eq(int, host_listen(&host, "127.0.0.1:0"), 0));
    int fd = connect_to("127.0.0.1:0", listener_address(host.listener)->port);
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = (rlim_t)fd + 1;
    setrlimit(RLIMIT_NOFILE, &none);
    while (count_in_log(log, "cannot accept connections") < 3)
        loop_nap(host.loop);
    setrlimit(RLIMIT_NOFILE, &old);
    cr_assert(eq(u32, count_in_log(log, "level=warning"), 1));
    close(fd);
    host_close(&host);
    close(log);
}

Test(listener, running_out_of_descriptors_is_survived) {
    struct host host = { 0 };
    struct rlimit old, none;
    host_open(&host);
    cr_assert(eq(int, host_listen(&host, "127.0.0.1:0"), 0));
    int fd = connect_to("127.0.0.1:0", listener_address(host.listener)->port);
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = (rlim_t)fd + 1;
    cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &none), 0));
    cr_assert(eq(str, (char *)ask(&host, fd), ""));
    setrlimit(RLIMIT_NOFILE, &old);
    while (conn_server_count(host.server) == 0)
        loop_nap(host.loop);
    cr_assert(eq(str, (char *)ask(&host, fd), "HTTP/1.1 200 OK"));
    close(fd);
    host_close(&host);
}
