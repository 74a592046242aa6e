/* Bodies of requests: collected, or in pieces. Private to core/adapter. */
#ifndef DRAGOMAN_ADAPTER_BODY_H
#define DRAGOMAN_ADAPTER_BODY_H

#include "core/adapter/internal.h"

/* The request is authenticated as it should be: `request` runs, once its body is there or, for
 * pieces, at once. */
void body_take(struct session *session);
/* As dm_body_next, of a session that may. */
void body_next(struct session *session);

/* For the exchange's handler. */
void body_complete(struct http_exchange *exchange, struct dm_slice body);
void body_piece(struct http_exchange *exchange, struct dm_slice piece);
void body_too_large(struct http_exchange *exchange);

#endif
