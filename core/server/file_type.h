/* What a file is said to be, by its name alone. Content is never looked at, so nothing that a
 * browser would run can pass for something else. */
#ifndef DRAGOMAN_SERVER_FILE_TYPE_H
#define DRAGOMAN_SERVER_FILE_TYPE_H

#include "core/base/buf.h"

/* For whom a browser may show the file itself instead of saving it. */
enum file_display {
    FILE_DISPLAY_SAVE = 0,
    FILE_DISPLAY_INLINE,
};

/* The media type for the name's extension (any case), from a list of harmless ones;
 * application/octet-stream for all others. Static storage. */
const char *file_type_of(struct dm_slice name, enum file_display *ret_display);

/* Appends the value of Content-Disposition (RFC 6266): a plain fallback, and the name as it is
 * (RFC 8187). */
void file_type_disposition(struct dm_slice name, enum file_display display, struct buf *ret_value);

#endif
