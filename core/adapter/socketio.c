#include "core/adapter/socketio.h"

#include <errno.h>

#include "core/base/decimal.h"

#define ID_MAX ((INT64_C(1) << 53) - 1)

static int is_binary(enum socketio_type type) {
    return type == SOCKETIO_BINARY_EVENT || type == SOCKETIO_BINARY_ACK;
}

static void skip(struct dm_slice *text, size_t len) {
    text->ptr += len;
    text->len -= len;
}

/* Cuts a number off the front. Returns 1, 0 when there is none, -EINVAL when it is above max. */
static int read_number(struct dm_slice *text, int64_t max, uint64_t *ret_number) {
    int64_t number;
    size_t digits = decimal_cut(text, &number);

    *ret_number = (uint64_t)number;
    return number <= max ? digits > 0 : -EINVAL;
}

static int read_attachments(struct dm_slice *text, struct socketio_packet *packet) {
    uint64_t number;

    if (read_number(text, SOCKETIO_ATTACHMENTS_MAX, &number) <= 0 || !text->len
        || text->ptr[0] != '-')
        return -EINVAL;
    skip(text, 1);
    packet->attachments = (uint32_t)number;
    return 0;
}

static struct dm_slice read_namespace(struct dm_slice *text) {
    struct dm_slice ns = *text;
    const char *comma;

    if (!text->len || text->ptr[0] != '/')
        return DM_SLICE("/");
    comma = memchr(text->ptr, ',', text->len);
    if (comma)
        ns.len = (size_t)(comma - text->ptr);
    skip(text, comma ? ns.len + 1 : ns.len);
    return ns;
}

int socketio_decode(struct dm_slice text, struct socketio_packet *ret_packet) {
    struct socketio_packet packet = { 0 };
    int has_id;

    if (!text.len || text.ptr[0] < '0' || text.ptr[0] > '6')
        return -EINVAL;
    packet.type = (enum socketio_type)(text.ptr[0] - '0');
    skip(&text, 1);
    if (is_binary(packet.type) && read_attachments(&text, &packet) != 0)
        return -EINVAL;
    packet.ns = read_namespace(&text);
    has_id = read_number(&text, ID_MAX, &packet.id);
    if (has_id < 0)
        return -EINVAL;
    if (has_id)
        packet.flags |= SOCKETIO_HAS_ID;
    packet.data = text.len ? text : DM_SLICE_NONE;
    *ret_packet = packet;
    return 0;
}

void socketio_encode(const struct socketio_packet *packet, struct buf *ret_text) {
    buf_append_char(ret_text, (char)('0' + (int)packet->type));
    if (is_binary(packet->type)) {
        buf_append_u64(ret_text, packet->attachments);
        buf_append_char(ret_text, '-');
    }
    if (packet->ns.len > 1) {
        buf_append_slice(ret_text, packet->ns);
        buf_append_char(ret_text, ',');
    }
    if (packet->flags & SOCKETIO_HAS_ID)
        buf_append_u64(ret_text, packet->id);
    buf_append_slice(ret_text, packet->data);
}
