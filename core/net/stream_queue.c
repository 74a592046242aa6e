#include "core/net/stream_queue.h"

#include <assert.h>
#include <string.h>

/* With their headers these blobs fill the size classes of 256, 1024 and 4096 bytes. */
#define PIECES_FIRST 15
#define CHUNK_SMALL 1008
#define CHUNK_LARGE 4080

static struct stream_piece *pieces_of(struct stream_queue *queue) {
    return queue->store ? (struct stream_piece *)(void *)queue->store->data : &queue->only;
}

static struct stream_piece *piece_last(struct stream_queue *queue) {
    return queue->count ? &pieces_of(queue)[queue->head + queue->count - 1] : NULL;
}

/* Behind a blob that was queued whole there is none; behind a chunk there is, until it is full. */
static size_t room_behind(const struct stream_piece *piece) {
    return piece ? piece->blob->len - piece->at - piece->len : 0;
}

void stream_queue_init(struct stream_queue *queue) {
    *queue = (struct stream_queue){ 0 };
}

void stream_queue_clear(struct stream_queue *queue) {
    for (uint32_t i = 0; i < queue->count; i++)
        blob_unref(pieces_of(queue)[queue->head + i].blob);
    blob_unref(queue->store);
    stream_queue_init(queue);
}

static void store_grow(struct stream_queue *queue) {
    uint32_t cap = queue->cap ? queue->cap * 2 + 1 : PIECES_FIRST;
    struct blob *store = blob_alloc(cap * sizeof(struct stream_piece));
    if (queue->count)
        memcpy(store->data, pieces_of(queue) + queue->head,
               queue->count * sizeof(struct stream_piece));
    blob_unref(queue->store);
    queue->store = store;
    queue->cap = cap;
    queue->head = 0;
}

static void make_room(struct stream_queue *queue) {
    if (!queue->count || queue->head + queue->count < queue->cap)
        return;
    if (queue->head > queue->cap / 2) {
        memmove(pieces_of(queue), pieces_of(queue) + queue->head,
                queue->count * sizeof(struct stream_piece));
        queue->head = 0;
    } else {
        store_grow(queue);
    }
}

static struct stream_piece *piece_append(struct stream_queue *queue, struct blob *blob) {
    make_room(queue);
    queue->count++;
    queue->bytes += STREAM_PIECE_CHARGE;
    struct stream_piece *piece = piece_last(queue);
    *piece = (struct stream_piece){ .blob = blob };
    return piece;
}

static size_t chunk_size(const struct stream_queue *queue, size_t len) {
    size_t usual = queue->count ? CHUNK_LARGE : CHUNK_SMALL;
    return len > usual ? (len > CHUNK_LARGE ? len : CHUNK_LARGE) : usual;
}

void stream_queue_copy(struct stream_queue *queue, const struct dm_slice *parts, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].len;
    if (total == 0)
        return;
    struct stream_piece *piece = piece_last(queue);
    if (room_behind(piece) < total)
        piece = piece_append(queue, blob_alloc(chunk_size(queue, total)));
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len == 0)
            continue;
        memcpy(piece->blob->data + piece->at + piece->len, parts[i].ptr, parts[i].len);
        piece->len += (uint32_t)parts[i].len;
    }
    queue->bytes += (uint32_t)total;
}

void stream_queue_ref(struct stream_queue *queue, struct blob *blob) {
    if (blob->len == 0)
        return;
    struct stream_piece *piece = piece_append(queue, blob_ref(blob));
    piece->len = (uint32_t)blob->len;
    queue->bytes += piece->len;
}

int stream_queue_has_room(struct stream_queue *queue, size_t len) {
    return room_behind(piece_last(queue)) >= len;
}

int stream_queue_front(struct stream_queue *queue, struct iovec *ret_iov, int max,
                       size_t *ret_bytes) {
    int count = queue->count < (uint32_t)max ? (int)queue->count : max;
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        struct stream_piece *piece = &pieces_of(queue)[queue->head + (uint32_t)i];
        ret_iov[i].iov_base = piece->blob->data + piece->at;
        ret_iov[i].iov_len = piece->len;
        bytes += piece->len;
    }
    *ret_bytes = bytes;
    return count;
}

void stream_queue_consume(struct stream_queue *queue, size_t len) {
    queue->bytes -= (uint32_t)len;
    while (len > 0) {
        struct stream_piece *piece = &pieces_of(queue)[queue->head];
        if (len < piece->len) {
            piece->at += (uint32_t)len;
            piece->len -= (uint32_t)len;
            return;
        }
        len -= piece->len;
        blob_unref(piece->blob);
        queue->head++;
        queue->count--;
        queue->bytes -= STREAM_PIECE_CHARGE;
    }
    if (queue->count == 0) {
        assert(queue->bytes == 0);
        stream_queue_clear(queue);
    }
}
