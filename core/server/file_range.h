/* Which part of a file a request asks for, and whether it has it already. Pure functions. */
#ifndef DRAGOMAN_SERVER_FILE_RANGE_H
#define DRAGOMAN_SERVER_FILE_RANGE_H

#include <stdint.h>

#include "core/net/http.h"

enum file_range_kind {
    FILE_RANGE_WHOLE,         /* 200 */
    FILE_RANGE_PART,          /* 206 */
    FILE_RANGE_UNSATISFIABLE, /* 416 */
};

/* Bytes [begin, end). */
struct file_range {
    enum file_range_kind kind;
    int64_t begin, end;
};

/* Reads Range and If-Range (RFC 9110, sections 13.1.5 and 14.2) of a GET. Several ranges, other
 * units than bytes, and what is malformed are answered with the whole, as section 14.2 allows. */
struct file_range file_range_of(const struct http_request *request, struct dm_slice etag,
                                int64_t size);

/* 1 when If-None-Match names the etag, or "*" (section 13.1.2); else 0. */
int file_range_is_known(const struct http_request *request, struct dm_slice etag);

#endif
