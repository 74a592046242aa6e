#include "core/replay/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/mem.h"

struct wire {
    uv_tcp_t tcp;
    uv_connect_t connect;
    const struct wire_hooks *hooks; /* NULL: nobody listens any more */
    void *owner;
    size_t cut;
    char buffer[65536];
};

struct write {
    uv_write_t request;
    char bytes[];
};

static void end(struct wire *wire, int status) {
    const struct wire_hooks *hooks = wire->hooks;
    wire->hooks = NULL;
    if (hooks)
        hooks->ended(wire->owner, status);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret) {
    struct wire *wire = handle->data;
    *ret = uv_buf_init(wire->buffer, sizeof(wire->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    struct wire *wire = stream->data;
    if (count > 0 && wire->hooks)
        wire->hooks->data(wire->owner, (struct dm_slice){ buf->base, (size_t)count });
    else if (count < 0)
        end(wire, count == UV_EOF ? 0 : (int)count);
}

static void on_connect(uv_connect_t *connect, int status) {
    struct wire *wire = connect->data;
    if (status == UV_ECANCELED)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&wire->tcp, on_alloc, on_read);
    if (status < 0)
        end(wire, status);
}

struct wire *wire_open(uv_loop_t *loop, const struct sockaddr *address, size_t cut,
                       const struct wire_hooks *hooks, void *owner) {
    struct wire *wire = mem_zalloc(sizeof(*wire));
    wire->hooks = hooks;
    wire->owner = owner;
    wire->cut = cut;
    wire->tcp.data = wire->connect.data = wire;
    int result = uv_tcp_init_ex(loop, &wire->tcp, address->sa_family);
    assert(result == 0);
    uv_tcp_nodelay(&wire->tcp, 1);
    result = uv_tcp_connect(&wire->connect, &wire->tcp, address, on_connect);
    assert(result == 0);
    (void)result;
    return wire;
}

static void on_written(uv_write_t *request, int status) {
    free(container_of(request, struct write, request));
    (void)status;
}

static void write_piece(struct wire *wire, struct dm_slice bytes) {
    struct write *write = mem_alloc(sizeof(*write) + bytes.len);
    memcpy(write->bytes, bytes.ptr, bytes.len);
    uv_buf_t buf = uv_buf_init(write->bytes, (unsigned)bytes.len);
    /* A write that fails is followed by the end of the stream, which is reported there. */
    if (uv_write(&write->request, (uv_stream_t *)&wire->tcp, &buf, 1, on_written) < 0)
        free(write);
}

void wire_write(struct wire *wire, struct dm_slice bytes) {
    size_t pos = 0;
    while (pos < bytes.len && !uv_is_closing((uv_handle_t *)&wire->tcp)) {
        size_t rest = bytes.len - pos;
        size_t len = wire->cut && wire->cut < rest ? wire->cut : rest;
        write_piece(wire, (struct dm_slice){ bytes.ptr + pos, len });
        pos += len;
    }
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void wire_close(struct wire *wire, enum wire_end how) {
    if (!wire)
        return;
    wire->hooks = NULL;
    if (how == WIRE_RESET && uv_tcp_close_reset(&wire->tcp, on_closed) == 0)
        return;
    uv_close((uv_handle_t *)&wire->tcp, on_closed);
}
