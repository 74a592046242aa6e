/* The plain layer: a stream right on its socket. */
#include <errno.h>
#include <sys/socket.h>

#include "core/net/stream_internal.h"

static ssize_t socket_read(struct stream_layer *layer, int fd, void *data, size_t len,
                           unsigned *ret_want) {
    (void)layer;
    ssize_t n;
    do
        n = recv(fd, data, len, 0);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (errno == EWOULDBLOCK)
        *ret_want = STREAM_WANT_READ;
    return -errno;
}

static ssize_t socket_send(int fd, const struct iovec *iov, int count) {
    if (count == 1)
        return send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };
    return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static ssize_t socket_write(struct stream_layer *layer, int fd, const struct iovec *iov, int count,
                            unsigned *ret_want) {
    (void)layer;
    ssize_t n;
    do
        n = socket_send(fd, iov, count);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (errno == EWOULDBLOCK || errno == ENOBUFS) {
        *ret_want = STREAM_WANT_WRITE;
        return -EAGAIN;
    }
    return -errno;
}

static int socket_shutdown(struct stream_layer *layer, int fd, unsigned *ret_want) {
    (void)layer;
    (void)ret_want;
    return shutdown(fd, SHUT_WR) == 0 ? 0 : -errno;
}

static int socket_pending(const struct stream_layer *layer) {
    (void)layer;
    return 0;
}

static void socket_free(struct stream_layer *layer) {
    (void)layer;
}

/* Without state, so that one serves all streams. */
static const struct stream_layer_ops socket_ops = {
    .read = socket_read,
    .write = socket_write,
    .shutdown = socket_shutdown,
    .pending = socket_pending,
    .free = socket_free,
};

struct stream_layer stream_socket_layer = { &socket_ops };
