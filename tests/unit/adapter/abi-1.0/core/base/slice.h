/* A borrowed run of bytes. Part of the adapter contract. */
#ifndef DRAGOMAN_BASE_SLICE_H
#define DRAGOMAN_BASE_SLICE_H

#include <stddef.h>
#include <string.h>

/* Bytes owned by somebody else; not NUL-terminated. ptr == NULL means "absent", which is
 * distinct from empty (ptr != NULL, len == 0). */
struct dm_slice {
    const char *ptr;
    size_t len;
};

#define DM_SLICE(literal) ((struct dm_slice){ "" literal, sizeof(literal) - 1 })
#define DM_SLICE_NONE ((struct dm_slice){ NULL, 0 })
/* For printf: "%.*s". */
#define DM_SLICE_FMT(s) (int)(s).len, ((s).ptr ? (s).ptr : "")

/* The bytes of a NUL-terminated string; NULL gives the absent slice. Borrows. */
static inline struct dm_slice dm_slice_str(const char *s) {
    return (struct dm_slice){ s, s ? strlen(s) : 0 };
}

/* 1 when both are absent, or both present with the same bytes; 0 otherwise.
 * Not constant-time: never for secrets. */
static inline int dm_slice_eq(struct dm_slice a, struct dm_slice b) {
    return a.len == b.len && !a.ptr == !b.ptr && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

#endif
