/* Which pages may see an answer: cross-origin resource sharing (Fetch, section 3.3). */
#ifndef DRAGOMAN_NET_CORS_H
#define DRAGOMAN_NET_CORS_H

#include "core/net/http.h"

/* The most that cors_fields writes. */
#define CORS_FIELDS_MAX 6

/* 1 when the request asks beforehand whether a page may make one of another method or with further
 * fields; it has no other meaning then. Else 0. */
int cors_is_preflight(const struct http_request *request);

/* 1 when a page of the request's origin may see answers; 0 when it may not, or there is none.
 * origins: separated by blanks or commas; "*" for any; empty or absent for none. */
int cors_allows(struct dm_slice origins, const struct http_request *request);

/* The fields for a response to that request, for a preflight with `methods` ("GET, POST") as those
 * that are allowed. Returns their number; they borrow from the arguments. */
size_t cors_fields(struct dm_slice origins, const struct http_request *request,
                   struct dm_slice methods, struct http_field *ret_fields);

#endif
