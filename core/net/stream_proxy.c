#include "core/net/stream_proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/base/mem.h"
#include "core/net/proxy_header.h"
#include "core/net/stream_internal.h"

#define PEEK_SIZE 512

struct proxy_layer {
    struct stream_layer layer;
    struct stream_layer *inner;
    struct net_address *source;
    struct proxy_header header;
};

static struct proxy_layer *of_layer(const struct stream_layer *layer) {
    return container_of((struct stream_layer *)(uintptr_t)layer, struct proxy_layer, layer);
}

/* recv that does not know EINTR. */
static ssize_t receive(int fd, void *data, size_t len, int flags) {
    ssize_t n;
    do
        n = recv(fd, data, len, flags);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Looks first and takes what belongs to the header only: the inner layer reads the descriptor
 * itself. Returns as a layer's read does, 1 when the header is complete. */
static ssize_t take_header(struct proxy_layer *proxy, int fd, unsigned *ret_want) {
    uint8_t data[PEEK_SIZE];
    size_t used;
    while (proxy->header.state == PROXY_HEADER_MORE) {
        ssize_t n = receive(fd, data, sizeof(data), MSG_PEEK);
        if (n == -EAGAIN)
            *ret_want = STREAM_WANT_READ;
        if (n <= 0)
            return n;
        proxy_header_feed(&proxy->header, data, (size_t)n, &used);
        n = receive(fd, data, used, 0);
        if (n < 0)
            return n;
    }
    if (proxy->header.state == PROXY_HEADER_BAD)
        return -EPROTO;
    struct net_address source;
    if (proxy_header_source(&proxy->header, &source) > 0)
        *proxy->source = source;
    return 1;
}

static ssize_t proxy_read(struct stream_layer *layer, int fd, void *data, size_t len,
                          unsigned *ret_want) {
    struct proxy_layer *proxy = of_layer(layer);
    if (proxy->header.state != PROXY_HEADER_DONE) {
        ssize_t r = take_header(proxy, fd, ret_want);
        if (r <= 0)
            return r;
    }
    return proxy->inner->ops->read(proxy->inner, fd, data, len, ret_want);
}

static ssize_t proxy_write(struct stream_layer *layer, int fd, const struct iovec *iov, int count,
                           unsigned *ret_want) {
    struct stream_layer *inner = of_layer(layer)->inner;
    return inner->ops->write(inner, fd, iov, count, ret_want);
}

static int proxy_shutdown(struct stream_layer *layer, int fd, unsigned *ret_want) {
    struct stream_layer *inner = of_layer(layer)->inner;
    return inner->ops->shutdown(inner, fd, ret_want);
}

static int proxy_pending(const struct stream_layer *layer) {
    const struct proxy_layer *proxy = of_layer(layer);
    return proxy->header.state == PROXY_HEADER_DONE && proxy->inner->ops->pending(proxy->inner);
}

static void proxy_free(struct stream_layer *layer) {
    struct proxy_layer *proxy = of_layer(layer);
    proxy->inner->ops->free(proxy->inner);
    free(proxy);
}

static const struct stream_layer_ops proxy_ops = {
    .read = proxy_read,
    .write = proxy_write,
    .shutdown = proxy_shutdown,
    .pending = proxy_pending,
    .free = proxy_free,
};

struct stream_layer *stream_proxy_layer(struct stream_layer *inner, struct net_address *source) {
    struct proxy_layer *proxy = mem_zalloc(sizeof(*proxy));
    proxy->layer.ops = &proxy_ops;
    proxy->inner = inner ? inner : &stream_socket_layer;
    proxy->source = source;
    return &proxy->layer;
}
