/* Bodies of multipart/form-data (RFC 7578, RFC 2046 section 5.1). Pure. */
#ifndef DRAGOMAN_ADAPTER_MULTIPART_H
#define DRAGOMAN_ADAPTER_MULTIPART_H

#include "core/adapter/adapter.h"

/* How far a body was looked through, so that going on costs no more than what follows. Begins
 * zeroed; for one body. */
struct multipart_cursor {
    size_t index;  /* of the part whose delimiter ends at ... */
    size_t offset; /* 0: none yet */
};

/* Finds part number index of a body with that Content-Type. Returns 1 with ret_part, whose slices
 * borrow from body; 0 past the last part; -1 for another type, a missing or over-long boundary, a
 * body that does not end by its closing delimiter, a part without a good Content-Disposition of
 * type form-data, or a head of more than 4 KiB. What stands before the first delimiter and behind
 * the last one is passed over. */
int multipart_part(struct dm_slice content_type, struct dm_slice body, size_t index,
                   struct multipart_cursor *cursor, struct dm_part *ret_part);

#endif
