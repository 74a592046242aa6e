#include "core/net/conn_pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/net/conn_internal.h"
#include "core/net/conn_server.h"

#define MAGIC UINT32_C(0x31504d44) /* "DMP1" */
#define RETRY_MS 5
#define PATIENCE_MS 5000

struct head {
    uint32_t magic;
    uint32_t length; /* of the bytes behind it */
    struct net_address peer;
    uint8_t is_tls;
};

struct conn_pass {
    struct conn *conn;       /* NULL: it is gone */
    struct conn_server *server;
    struct list link;        /* of the server's, while inner is there */
    int target;
    struct loop_timer retry; /* the other one's queue is full */
    uint32_t waited_ms;
    struct stream inner;     /* our end of the pair */
    enum { PASS_WAITS = 0, PASS_RELAYS, PASS_OVER } state;
};

static const struct stream_limits inner_limits = { 16384, 65536, UINT32_MAX, NULL };

/* ---- the message ---- */

int conn_passed_read(const void *data, size_t len, struct conn_passed *ret_passed) {
    struct head head;
    if (len < sizeof(head))
        return -EPROTO;
    memcpy(&head, data, sizeof(head));
    if (head.magic != MAGIC || head.length != len - sizeof(head))
        return -EPROTO;
    *ret_passed = (struct conn_passed){
        .peer = head.peer, .is_tls = head.is_tls,
        .bytes = { (const char *)data + sizeof(head), head.length },
    };
    return 0;
}

/* The request's head as it came; what followed it lies in the backlog. */
static void put_request(const struct http_request *request, struct buf *message) {
    buf_printf(message, "%s %.*s HTTP/1.%d\r\n", http_method_name(request->method),
               DM_SLICE_FMT(request->target), request->minor);
    for (size_t i = 0; i < request->field_count; i++)
        buf_printf(message, "%.*s: %.*s\r\n", DM_SLICE_FMT(request->fields[i].name),
                   DM_SLICE_FMT(request->fields[i].value));
    buf_append_str(message, "\r\n");
}

static void make_message(const struct conn *conn, struct buf *ret_message) {
    struct head head = { .magic = MAGIC, .is_tls = (conn->flags & CONN_TLS) != 0 };
    head.peer = conn->peer;
    buf_append(ret_message, &head, sizeof(head));
    put_request(http_request(conn->http), ret_message);
    if (conn->backlog)
        buf_append(ret_message, conn->backlog->data + conn->backlog_at,
                   conn->backlog->len - conn->backlog_at);
    head.length = (uint32_t)(ret_message->len - sizeof(head));
    memcpy(ret_message->data, &head, sizeof(head));
}

/* Returns 0 or a negative errno; -EAGAIN when the other one's queue is full. */
static int send_with(int target, int fd, const struct buf *bytes) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { bytes->data, bytes->len };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                              .msg_controllen = sizeof(control) };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    if (bytes->len > CONN_PASS_MAX)
        return -EMSGSIZE;
    return sendmsg(target, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* ---- carrying bytes ---- */

static void inner_data(struct stream *inner, uint8_t *data, size_t len) {
    struct conn *conn = container_of(inner, struct conn_pass, inner)->conn;
    if (!conn || stream_write(&conn->stream, data, len) < 0)
        return;
    if (stream_is_full(&conn->stream))
        stream_pause(inner);
}

static void inner_eof(struct stream *inner) {
    struct conn *conn = container_of(inner, struct conn_pass, inner)->conn;
    if (conn)
        conn_close(conn);
}

static void inner_drained(struct stream *inner) {
    struct conn *conn = container_of(inner, struct conn_pass, inner)->conn;
    if (conn)
        stream_resume(&conn->stream);
}

static void end(struct conn_pass *pass) {
    struct conn_server *server = pass->server;
    free(pass);
    conn_server_check_end(server);
}

static void inner_closed(struct stream *inner, enum stream_end why) {
    struct conn_pass *pass = container_of(inner, struct conn_pass, inner);
    pass->state = PASS_OVER;
    list_remove(&pass->link);
    if (pass->conn)
        conn_close(pass->conn);
    else
        end(pass);
}

static const struct stream_handler inner_handler = {
    .data = inner_data,
    .eof = inner_eof,
    .drained = inner_drained,
    .closed = inner_closed,
};

static void begin_relay(struct conn *conn) {
    struct conn_pass *pass = conn->pass;
    struct http_exchange *http = conn->http;
    pass->state = PASS_RELAYS;
    list_push_back(&pass->server->passes, &pass->link);
    conn->http = NULL;
    http_exchange_end(http, HTTP_END_LOST);
    http_exchange_free(http);
    conn->backlog = blob_unref(conn->backlog);
    conn->backlog_at = 0;
    stream_set_deadline(&conn->stream, 0);
    stream_resume(&conn->stream);
    if (conn->flags & CONN_EOF)
        conn_pass_eof(conn);
}

/* ---- sending ---- */

static void give_up(struct conn *conn) {
    struct conn_pass *pass = conn->pass;
    conn->pass = NULL;
    close(pass->target);
    free(pass);
    http_exchange_refuse(conn->http, 503);
}

static int send_plain(struct conn *conn, const struct buf *message) {
    int r = send_with(conn->pass->target, stream_fd(&conn->stream), message);
    if (r == 0)
        conn_abort(conn); /* only our reference to it */
    return r;
}

static int send_pair(struct conn *conn, const struct buf *message) {
    struct conn_pass *pass = conn->pass;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
        return -errno;
    int r = send_with(pass->target, pair[1], message);
    close(pair[1]);
    if (r == 0)
        r = stream_init(&pass->inner, conn->server->loop, pair[0], NULL, &inner_limits,
                        &inner_handler);
    if (r < 0) {
        close(pair[0]);
        return r;
    }
    begin_relay(conn);
    return 0;
}

static void retry(struct loop_timer *timer) {
    struct conn_pass *pass = container_of(timer, struct conn_pass, retry);
    conn_mark(pass->conn);
}

void conn_pass_turn(struct conn *conn) {
    struct conn_pass *pass = conn->pass;
    struct buf message = BUF_INIT;
    if (pass->state != PASS_WAITS || loop_timer_is_armed(&pass->retry))
        return;
    make_message(conn, &message);
    /* What is still to be written belongs before what the other one will write. */
    int r = conn->stream.layer == &stream_socket_layer && !stream_queued(&conn->stream)
                ? send_plain(conn, &message) : send_pair(conn, &message);
    buf_fini(&message);
    if (r == 0)
        return;
    pass->waited_ms += RETRY_MS;
    if ((r == -EAGAIN || r == -ENOBUFS) && pass->waited_ms < PATIENCE_MS)
        loop_timer_arm(conn->server->loop, &pass->retry, RETRY_MS);
    else
        give_up(conn);
}

void conn_pass(struct http_exchange *exchange, int target) {
    struct conn *conn = exchange->conn;
    struct conn_pass *pass = mem_zalloc(sizeof(*pass));
    pass->conn = conn;
    pass->server = conn->server;
    pass->target = target;
    loop_timer_init(&pass->retry, retry);
    conn->pass = pass;
    conn_mark(conn);
}

/* ---- what happens to the connection ---- */

int conn_pass_data(struct conn *conn, const uint8_t *data, size_t len) {
    struct conn_pass *pass = conn->pass;
    if (pass->state == PASS_WAITS)
        return 0;
    if (pass->state == PASS_RELAYS && stream_write(&pass->inner, data, len) == 0
        && stream_is_full(&pass->inner))
        stream_pause(&conn->stream);
    return 1;
}

int conn_pass_eof(struct conn *conn) {
    struct conn_pass *pass = conn->pass;
    if (pass->state == PASS_WAITS)
        return 0;
    if (pass->state == PASS_RELAYS)
        stream_end_writing(&pass->inner); /* the answer may be still to come */
    return 1;
}

void conn_pass_drained(struct conn *conn) {
    if (conn->pass->state == PASS_RELAYS)
        stream_resume(&conn->pass->inner);
}

void conn_pass_end(struct conn *conn) {
    struct conn_pass *pass = conn->pass;
    loop_timer_cancel(conn->server->loop, &pass->retry);
    close(pass->target);
    pass->conn = NULL;
    if (pass->state == PASS_RELAYS)
        stream_close(&pass->inner, conn->server->config.http.body_timeout_ms,
                     conn->server->config.linger_ms);
    else
        free(pass);
}

void conn_pass_abort_all(struct conn_server *server) {
    list_foreach(link, &server->passes)
        stream_abort(&container_of(link, struct conn_pass, link)->inner, STREAM_END_ABORTED);
}
