/* Growable bytes with one owner (struct buf), and shared immutable bytes (struct blob).
 *
 * Neither is thread-safe: both belong to the loop's thread. Sizes are bytes. Growing aborts the
 * process on OOM, so whoever appends foreign data checks its limit first. */
#ifndef DRAGOMAN_BASE_BUF_H
#define DRAGOMAN_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"

/* data may be NULL while cap is 0. Bytes [0, len) are content; content is not NUL-terminated.
 * Readers may look at the fields and lower len; all else goes through the functions. */
struct buf {
    char *data;
    size_t len;
    size_t cap;
};

#define BUF_INIT { NULL, 0, 0 }

/* An empty buffer; allocates nothing. A zeroed struct is also an initialised one. */
void buf_init(struct buf *buf);

/* Frees the storage and leaves an initialised empty buffer. */
void buf_fini(struct buf *buf);

/* Empties the buffer but keeps its storage. */
void buf_reset(struct buf *buf);

/* As buf_reset, but gives the storage back when it is larger than max_cap: for buffers that live
 * long and were large once. */
void buf_trim(struct buf *buf, size_t max_cap);

/* Makes room for extra more bytes and returns the place behind the content. The caller writes
 * there at most extra bytes and then adds what it wrote to buf->len. The place is valid until the
 * next call that may grow the buffer. Capacity grows by doubling. */
char *buf_reserve(struct buf *buf, size_t extra);

/* Appends a copy. ptr may be NULL when len is 0. ptr must not point into the buffer itself. */
void buf_append(struct buf *buf, const void *ptr, size_t len);

/* Appends the bytes of a slice; an absent slice appends nothing. */
void buf_append_slice(struct buf *buf, struct dm_slice slice);

/* Appends a NUL-terminated string without its NUL; NULL appends nothing. */
void buf_append_str(struct buf *buf, const char *str);

/* Appends one byte. */
void buf_append_char(struct buf *buf, char c);

/* Appends formatted text, without the NUL. The format must be valid for printf(3). */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append a decimal number; several times faster than buf_printf. */
void buf_append_u64(struct buf *buf, uint64_t value);
void buf_append_i64(struct buf *buf, int64_t value);

/* Removes the first count bytes (count <= len) by moving the rest to the front. */
void buf_consume(struct buf *buf, size_t count);

/* The content, borrowed until the buffer changes; present (ptr != NULL) even when empty. */
static inline struct dm_slice buf_slice(const struct buf *buf) {
    return (struct dm_slice){ buf->data ? buf->data : "", buf->len };
}

/* Refcounted bytes in one allocation: one encoded frame shared by all its sockets.
 *
 * data is writable by the creator until the blob is first shared, and len may be lowered by it
 * until then; afterwards both are constant. The count is not atomic: blobs stay on the loop's
 * thread. Freed small blobs go to bounded free lists (one per size class), so that a steady
 * stream of frames does not touch malloc. */
struct blob {
    size_t len;
    uint32_t refs;
    uint32_t size_class;
    char data[];
};

/* A blob of len uninitialised bytes with one reference, owned by the caller. Never NULL. */
struct blob *blob_alloc(size_t len);

/* A blob holding a copy of len bytes (ptr may be NULL when len is 0), with one reference. */
struct blob *blob_new(const void *ptr, size_t len);

/* One more reference; returns blob. NULL gives NULL. */
struct blob *blob_ref(struct blob *blob);

/* Drops one reference; the last one frees the blob. NULL does nothing. Always returns NULL, so
 * that `x->blob = blob_unref(x->blob)` reads well. */
struct blob *blob_unref(struct blob *blob);

/* The bytes, borrowed from the caller's reference; present even when empty. */
static inline struct dm_slice blob_slice(const struct blob *blob) {
    return (struct dm_slice){ blob->data, blob->len };
}

/* Frees every pooled blob; for the end of the process and for tests. */
void blob_pool_drain(void);

/* Bytes held by the free lists now; at most BLOB_POOL_MAX. */
#define BLOB_POOL_MAX ((size_t)7 << 20)
size_t blob_pool_bytes(void);

#endif
